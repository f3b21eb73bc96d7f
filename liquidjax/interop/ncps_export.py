"""A cell and its parameters as a network of ncps.torch 1.0.1; needs neither torch nor ncps."""

import math
from typing import Any

import jax
import numpy as np

from liquidjax import wirings
from liquidjax._types import Cell, Params
from liquidjax.cells.cfc import CfC
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.integrators import SemiImplicit
from liquidjax.interop.ncps import WIRINGS
from liquidjax.interop.ncps_arrays import params_from


def to_ncps(cell: Cell, params: Params) -> tuple[str, dict[str, Any], dict[str, np.ndarray]]:
    """Turns a cell and parameters into what builds the same network in ncps.torch: the inverse of `from_ncps`.

        wiring = getattr(ncps.wirings, arguments["units"]["class"])(**arguments["units"]["arguments"])
        module = getattr(ncps.torch, name)(**arguments | {"units": wiring})
        module.load_state_dict({name: torch.as_tensor(array) for name, array in arrays.items()})

    The units of a `CfC` are a number, and need no wiring. What ncps stores for synapses that do not exist is 0. A
    `WiredCfC` that obeys its wiring becomes a network with the same outputs, whose weights of missing synapses are 0;
    trained further in ncps, they grow. The state of a wired CfC is (inter, command, motor) there, (motor, command,
    inter) here. In training ncps drops less than a `CfC` with dropout does here, see there.

    Args:
        cell: an `LTC`, `CfC` or `WiredCfC`, in a `MixedMemory` or not, and for the two CfC in a `Readout` or not.
        params: its parameters.

    Returns:
        name: "LTC" or "CfC".
        arguments: of the constructor, by name, as `from_ncps` takes them.
        state_dict: of the module, in the dtype of the parameters, float32 at least.

    Raises:
        ValueError: ncps has no such network, or the parameters are not those of the cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=1))
        >>> name, arguments, arrays = to_ncps(cell, cell.init(jax.random.key(0)))
        >>> name, arguments["units"]["class"], arrays["rnn_cell.w"].shape
        ('LTC', 'AutoNCP', (8, 8))
    """
    name, arguments = _described(cell)
    places = _Places()
    where = params_from(cell, places)
    _check_params(where, params)
    values = [np.asarray(leaf) for leaf in jax.tree.leaves(_obeyed(cell, params))]
    numbers = np.zeros(places.count, np.result_type(np.float32, *values))
    for place, value in zip(jax.tree.leaves(where), values, strict=True):
        numbers[place] = value
    state_dict = {key: numbers[place] for key, place in places.of.items()}
    return name, arguments, state_dict | {key: mask.astype(numbers.dtype) for key, mask in places.masks.items()}


class _Places:
    """Numbers all entries of all arrays through: so what `from_ncps` reads at a place, `to_ncps` writes there."""

    def __init__(self):
        self.count = 0
        self.of: dict[str, np.ndarray] = {}
        self.masks: dict[str, np.ndarray] = {}

    def take(self, name: str, *shape: int) -> np.ndarray:
        """The places of the entries of this array."""
        self.of[name] = self.count + np.arange(math.prod(shape)).reshape(shape)
        self.count += math.prod(shape)
        return self.of[name]

    def mask(self, name: str, expected: np.ndarray, remedy: str) -> None:
        """Keeps the mask, which is no parameter here."""
        self.masks[name] = expected


def _described(cell: Cell) -> tuple[str, dict[str, Any]]:
    """The name and the arguments of the network in ncps, or the ValueError for what it does not have."""
    inner, outer = cell, {}
    if isinstance(inner, Readout):
        inner, outer = inner.cell, {"proj_size": inner.outputs}
    if isinstance(inner, MixedMemory):
        if inner.writes != "state":
            raise ValueError(f"writes must be 'state', the MixedMemory of ncps.torch, got {inner.writes!r}")
        if inner.forget_bias != 1:
            raise ValueError(
                "forget_bias must be 1, as in ncps; move what is more or less into params.lstm.inputs.bias[1], got "
                f"{inner.forget_bias}"
            )
        inner, outer = inner.cell, outer | {"mixed_memory": True}
    if isinstance(inner, LTC):
        if "proj_size" in outer:
            raise ValueError(
                "cell must be no Readout of an LTC, which has no proj_size in ncps; convert the cell in it, and make "
                "the readout a torch.nn.Linear"
            )
        if type(inner.integrator) is not SemiImplicit:
            raise ValueError(f"integrator must be SemiImplicit, the only one of ncps, got {inner.integrator!r}")
        own: dict[str, Any] = {
            "units": _wiring(inner.wiring),
            "input_mapping": inner.input_mapping,
            "output_mapping": inner.output_mapping,
            "ode_unfolds": inner.integrator.unfolds,
            "epsilon": inner.epsilon,
            "implicit_param_constraints": inner.constraints == "implicit",
        }
    elif isinstance(inner, CfC):
        own = {"units": inner.units, "mode": inner.mode, "activation": inner.activation}
        own |= {"backbone_units": inner.backbone_units, "backbone_layers": inner.backbone_layers}
        own |= {"backbone_dropout": inner.dropout}
    elif isinstance(inner, WiredCfC):
        if isinstance(inner.wiring, wirings.FullyConnected | wirings.Random) and inner.outputs != inner.units:
            raise ValueError(
                f"wiring must have outputs = units = {inner.units}, because a CfC of ncps puts out all neurons of a "
                f"{type(inner.wiring).__name__} wiring, got outputs = {inner.outputs}"
            )
        own = {"units": _wiring(inner.wiring), "mode": inner.mode}
    else:
        around = "" if inner is cell else f" in a {type(cell).__name__}"
        raise ValueError(
            "cell must be an LTC, a CfC or a WiredCfC, in a MixedMemory and that in a Readout or without, the networks "
            f"of ncps.torch, got a {type(inner).__name__}{around}"
        )
    return "LTC" if isinstance(inner, LTC) else "CfC", {"input_size": inner.inputs, **own, **outer}


def _wiring(wiring: wirings.Wiring) -> dict[str, Any]:
    for name, (kind, names) in WIRINGS.items():
        if type(wiring) is kind:
            return {"class": name, "arguments": {theirs: getattr(wiring, ours) for theirs, ours in names.items()}}
    raise ValueError(
        f"wiring must be one of {', '.join(WIRINGS)}, which ncps can draw again, got a {type(wiring).__name__}"
    )


def _check_params(where: Params, params: Params) -> None:
    """Raises the ValueError for parameters of another structure or shape than those of the cell."""
    if jax.tree.structure(where) != jax.tree.structure(params):
        raise ValueError(
            f"params must be those of the cell, {jax.tree.structure(where)}, got {jax.tree.structure(params)}"
        )
    for (path, place), leaf in zip(jax.tree.leaves_with_path(where), jax.tree.leaves(params), strict=True):
        if place.shape != np.shape(leaf):
            raise ValueError(f"params{jax.tree_util.keystr(path)} must have shape {place.shape}, got {np.shape(leaf)}")


def _obeyed(cell: Cell, params: Params) -> Params:
    """The same parameters, with 0 wherever a WiredCfC that obeys its wiring does not look."""
    if isinstance(cell, Readout | MixedMemory):
        return params._replace(cell=_obeyed(cell.cell, params.cell))
    if not isinstance(cell, WiredCfC) or not cell.obey_wiring:
        return params
    layers = []
    for mask, layer in zip(cell.masks(), params.layers, strict=True):
        weight = np.where(mask, np.asarray(layer.heads.weight), 0)
        layers.append(layer._replace(heads=layer.heads._replace(weight=weight)))
    return params._replace(layers=tuple(layers))
