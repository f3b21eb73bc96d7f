"""Weights of ncps in a .safetensors file, as a model: the file holds the arrays, a call says whose they are."""

import os
from collections.abc import Iterable
from importlib.metadata import version
from typing import Any, Literal

from liquidjax._bounds import shown
from liquidjax.interop.ncps import ARGUMENTS, WIRINGS, from_ncps
from liquidjax.training import notation, tensors
from liquidjax.training.model import Model

NETWORK = "network"
"""The metadata of the file that says whose weights they are."""
_EXAMPLE = "LTC(4, AutoNCP(16, 2))"


def read_ncps(
    path: str | os.PathLike, network: str | None = None, wiring: Literal["units", "masks"] = "units"
) -> Model:
    """The model of a trained network of ncps.torch, out of a file that was written there.

    So it is written, with the call that made the network beside its weights:

        weights = {name: array.contiguous() for name, array in module.state_dict().items()}
        safetensors.torch.save_file(weights, "weights.safetensors", {"network": "LTC(4, AutoNCP(16, 2))"})

    Args:
        path: the .safetensors file with the `state_dict` of the module.
        network: the call, as in ncps; read, not executed. That of the metadata when None.
        wiring: see `from_ncps`.

    Returns:
        A model of a cell with its parameters, and without a preparation: it reads what the network read.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no .safetensors file, no call, or weights that are not those of the call.

    Example:
        >>> import tempfile, pathlib, numpy as np
        >>> from safetensors.numpy import save_file
        >>> arrays = {"rnn_cell.ff1.weight": np.ones((3, 5)), "rnn_cell.ff1.bias": np.ones(3),
        ...           "rnn_cell.w_tau": np.zeros((1, 3)), "rnn_cell.A": np.ones((1, 3))}
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "weights.safetensors"
        >>> save_file({name: array.astype(np.float32) for name, array in arrays.items()}, file)
        >>> read_ncps(file, "CfC(2, 3, mode='pure', backbone_layers=0)").cell.units
        3
    """
    with tensors.opened(path, ours=False) as file:
        call = file.metadata.get(NETWORK) if network is None else network
        if call is None:
            said = f"its metadata say {', '.join(map(shown, file.metadata))}" if file.metadata else "it has no metadata"
            raise ValueError(
                f"{path} does not say whose weights they are, for {said}; name the network, such as {_EXAMPLE}, or "
                f"write it into the metadata of the file under {NETWORK!r}"
            )
        name, arguments = network_of(call)
        arrays = {each: file.array(each) for each in file.structures}
    try:
        cell, params = from_ncps(name, arguments, arrays, wiring)
    except ValueError as error:
        raise ValueError(f"{path} does not hold the weights of {shown(call)}: {error}") from error
    return Model(cell, params, notes={"from": "ncps", "network": call, "read by": f"liquidjax {version('liquidjax')}"})


def network_of(call: str) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of a call of ncps, as `from_ncps` takes them.

    Example:
        >>> network_of("ncps.torch.LTC(4, AutoNCP(16, output_size=2), ode_unfolds=3)")[1]
        {'input_size': 4, 'units': {'class': 'AutoNCP', 'arguments': {'units': 16, 'output_size': 2}}, 'ode_unfolds': 3}
        >>> network_of("GRU(4, 5)")
        Traceback (most recent call last):
        ...
        ValueError: the network must be LTC(...) or CfC(...) of ncps, such as LTC(4, AutoNCP(16, 2)), got 'GRU(4, 5)'
    """
    said = notation.read(call, _parameters, _EXAMPLE)
    name = _last(said.pop("class"))
    if name not in ARGUMENTS:
        raise ValueError(f"the network must be LTC(...) or CfC(...) of ncps, such as {_EXAMPLE}, got {shown(call)}")
    if isinstance(units := said.get("units"), dict):
        said["units"] = {"class": _last(units.pop("class")), "arguments": units}
    return name, said


def _parameters(name: str) -> Iterable[str]:
    """The arguments that are given by place: those of a wiring, and of a network the first two."""
    name = _last(name)
    return WIRINGS[name][1] if name in WIRINGS else ("input_size", "units")


def _last(name: str) -> str:
    """The name of a class without its module."""
    return name.rsplit(".", 1)[-1]
