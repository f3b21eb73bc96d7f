"""What is run: the network, its sizes, its data and its weights, the same for every contender."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

What = Literal["train", "forward", "stream"]
QUESTIONS = {
    "train": "training step (gradient of the mean squared output, and Adam)",
    "forward": "forward pass",
    "stream": "one streaming step with the state carried",
}
LEARNING_RATE = 1e-2
BACKBONE = 128


@dataclass(frozen=True)
class Setting:
    """A network and what is done with it. Everything is float32, dt is 1, and the state starts at zero.

    `wiring` is None for a CfC with a backbone of one layer of 128 units, the default of ncps, and for `GatedLinear`.
    """

    model: Literal["LTC", "CfC", "GatedLinear"]
    units: int
    wiring: Literal["AutoNCP", "FullyConnected", "Random"] | None
    inputs: int
    batch: int
    time: int
    what: What
    outputs: int = 4
    unfolds: int = 6
    sparsity: float = 0.5

    def __str__(self) -> str:
        networks = {
            "AutoNCP": f"AutoNCP({self.units}, {self.outputs})",
            "FullyConnected": f"fully connected {self.units}",
            "Random": f"random wiring of {self.units}, sparsity {self.sparsity:g}",
            None: f"{self.units} units" + (f", backbone {BACKBONE}" if self.model == "CfC" else ""),
        }
        steps = f"{self.time} step" + "s" * (self.time != 1)
        unfolds = f", {self.unfolds} unfold" + "s" * (self.unfolds != 1) if self.model == "LTC" else ""
        return f"{self.model} {networks[self.wiring]}, {self.inputs} inputs, batch {self.batch}, {steps}{unfolds}"

    def replace(self, **changes: Any) -> "Setting":
        """The same with some of it changed."""
        return dataclasses.replace(self, **changes)

    def data(self) -> np.ndarray:
        """Standard normal inputs (time, batch, inputs), always the same."""
        return np.random.default_rng(0).standard_normal((self.time, self.batch, self.inputs), np.float32)

    def wiring_arguments(self) -> dict[str, Any]:
        """The arguments of the wiring in ncps."""
        arguments: dict[str, Any] = {"units": self.units}
        if self.wiring == "AutoNCP":
            arguments["output_size"] = self.outputs
        if self.wiring == "Random":
            arguments |= {"output_dim": self.outputs, "sparsity_level": self.sparsity}
        return arguments

    def ncps_arguments(self) -> dict[str, Any]:
        """The arguments of the network in ncps, as `liquidjax.interop.from_ncps` takes them."""
        units: Any = self.units
        if self.wiring is not None:
            units = {"class": self.wiring, "arguments": self.wiring_arguments()}
        unfolds = {"ode_unfolds": self.unfolds} if self.model == "LTC" else {}
        return {"input_size": self.inputs, "units": units, **unfolds}
