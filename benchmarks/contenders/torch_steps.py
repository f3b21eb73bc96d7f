"""What every torch contender does with its network."""

from typing import Any

import torch
from setting import LEARNING_RATE, Setting

from contenders import Contender

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def sequences(setting: Setting, network: torch.nn.Module, notes: str = "") -> Contender:
    """Training or forward pass of a module that returns (outputs, state) for time-major inputs."""
    network = network.to(DEVICE)
    data = torch.from_numpy(setting.data()).to(DEVICE)
    if setting.what == "forward":

        @torch.no_grad()
        def outputs() -> Any:
            return waited(network(data)[0])

        return Contender(outputs, notes=notes)

    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE)

    def update() -> float:
        optimizer.zero_grad()
        outputs, _ = network(data)
        loss = (outputs**2).mean()
        loss.backward()
        optimizer.step()
        return loss.item()

    return Contender(update, notes=notes)


def waited(tensor: torch.Tensor) -> torch.Tensor:
    """The tensor, once it has been computed."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return tensor
