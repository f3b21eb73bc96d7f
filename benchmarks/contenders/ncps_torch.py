"""ncps on torch: as it is, and with its cell under torch.compile."""

from typing import Any

import ncps.torch
import ncps.wirings
import torch
from setting import Setting
from weights import Arrays

from contenders import Contender, torch_steps


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The network of the setting."""
    return _contender(setting, network(setting, arrays))


def build_compiled(setting: Setting, arrays: Arrays) -> Contender:
    """The same, its cell compiled: the loop over time is Python's, and unrolled it would be too long to compile."""
    module = network(setting, arrays)
    module.rnn_cell.forward = torch.compile(module.rnn_cell.forward)
    return _contender(setting, module)._replace(notes="torch.compile of the cell")


def network(setting: Setting, arrays: Arrays) -> Any:
    """The module with the weights loaded."""
    if setting.model not in ("LTC", "CfC"):
        raise NotImplementedError(f"ncps has no {setting.model}")
    units = setting.units
    if setting.wiring is not None:
        units = getattr(ncps.wirings, setting.wiring)(**setting.wiring_arguments())
    options = {"ode_unfolds": setting.unfolds} if setting.model == "LTC" else {}
    module = getattr(ncps.torch, setting.model)(setting.inputs, units, batch_first=False, **options)
    module.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return module


def _contender(setting: Setting, module: Any) -> Contender:
    if setting.what != "stream":
        return torch_steps.sequences(setting, module)
    cell = module.rnn_cell.to(torch_steps.DEVICE)
    data = torch.from_numpy(setting.data()[0]).to(torch_steps.DEVICE)
    carried = [torch.zeros(setting.batch, setting.units, device=torch_steps.DEVICE)]

    @torch.no_grad()
    def run() -> torch.Tensor:
        output, carried[0] = cell.forward(data, carried[0], 1.0)
        return torch_steps.waited(output)

    return Contender(run)
