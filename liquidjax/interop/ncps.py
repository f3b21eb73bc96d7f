"""Weights of ncps.torch 1.0.1 as a cell and parameters of ours; needs neither torch nor ncps."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax import wirings
from liquidjax._checks import check_choice, check_number, check_size
from liquidjax._types import Cell, Params
from liquidjax.cells.cfc import ACTIVATIONS, MODES, CfC
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.integrators import SemiImplicit
from liquidjax.interop.foreign import REQUIRED, StateDict, complete
from liquidjax.interop.ncps_arrays import params_from

VERSION = "ncps 1.0.1"
WIRINGS: dict[str, tuple[Any, dict[str, str]]] = {
    "FullyConnected": (
        wirings.FullyConnected,
        {"units": "units", "output_dim": "outputs", "erev_init_seed": "seed", "self_connections": "self_connections"},
    ),
    "Random": (
        wirings.Random,
        {"units": "units", "output_dim": "outputs", "sparsity_level": "sparsity", "random_seed": "seed"},
    ),
    "NCP": (
        wirings.NCP,
        {"inter_neurons": "inter", "command_neurons": "command", "motor_neurons": "motor"}
        | {name: name for name in ("sensory_fanout", "inter_fanout", "recurrent_command_synapses", "motor_fanin")}
        | {"seed": "seed"},
    ),
    "AutoNCP": (
        wirings.AutoNCP,
        {"units": "units", "output_size": "outputs", "sparsity_level": "sparsity", "seed": "seed"},
    ),
}
"""For each wiring of ncps ours, and the names of its arguments there and here; the defaults are the same."""
_OF_BOTH = {
    "input_size": REQUIRED,
    "units": REQUIRED,
    "mixed_memory": False,
    # How a call returns its result, not what the network is:
    "return_sequences": True,
    "batch_first": True,
}
ARGUMENTS = {
    "LTC": _OF_BOTH
    | {
        "input_mapping": "affine",
        "output_mapping": "affine",
        "ode_unfolds": 6,
        "epsilon": 1e-8,
        "implicit_param_constraints": True,
    },
    "CfC": _OF_BOTH
    | {
        "proj_size": None,
        "mode": "default",
        "activation": "lecun_tanh",
        "backbone_units": None,
        "backbone_layers": None,
        "backbone_dropout": None,
    },
}


def from_ncps(
    name: str,
    arguments: Mapping[str, Any],
    state_dict: Mapping[str, np.ndarray],
    wiring: Literal["units", "masks"] = "units",
) -> tuple[Cell, Params]:
    """Turns a trained network of ncps.torch into a cell and parameters that compute the same numbers.

    State and parameters come in the wiring's neuron order (motor, command, inter) for every cell; ncps keeps the state
    of a wired CfC in the order of layers (inter, command, motor).

    Args:
        name: "LTC" or "CfC".
        arguments: of the constructor, by name: input_size, units (a number, or {"class": ..., "arguments": {...}} for a
            wiring), mode, mixed_memory, and so on; what is missing has the default of ncps 1.0.1.
        state_dict: of the module, with numpy arrays: `{k: v.numpy() for k, v in module.state_dict().items()}`.
        wiring: "units" draws the wiring again from its class, arguments and seed, and refuses one that is not the mask
            in the state_dict. "masks", for an LTC, takes the synapses from there, as a `Custom` wiring whose polarities
            are the signs of the trained reversal potentials; of `units` it needs the numbers of neurons and outputs.

    Returns:
        cell: an `LTC`, `CfC` or `WiredCfC(obey_wiring=False)`, inside a `MixedMemory` or a `Readout` where the
            network has one.
        params: its parameters in the dtype of the state_dict (float64 only where JAX has it enabled).

    Raises:
        ValueError: a name or argument unknown, missing or out of range; a state_dict that lacks an array, has one too
            many, or one of the wrong shape; a wiring other than that of the masks.

    Example:
        >>> import jax, liquidjax as lj
        >>> arrays = {"rnn_cell.ff1.weight": np.ones((3, 5)), "rnn_cell.ff1.bias": np.ones(3),
        ...           "rnn_cell.w_tau": np.zeros((1, 3)), "rnn_cell.A": np.ones((1, 3))}
        >>> cell, params = from_ncps("CfC", dict(input_size=2, units=3, mode="pure", backbone_layers=0), arrays)
        >>> cell
        CfC(inputs=2, units=3, mode='pure', backbone_units=128, backbone_layers=0, activation='lecun_tanh', dropout=0.0)
    """
    check_choice("name", name, tuple(ARGUMENTS))
    check_choice("wiring", wiring, ("units", "masks"))
    given = complete(f"{name} of {VERSION}", arguments, ARGUMENTS[name])
    arrays = StateDict(f"a {name}", state_dict)
    check_size("input_size", given["input_size"])
    check_choice("mixed_memory", given["mixed_memory"], (False, True))
    cell = _ltc(given, arrays if wiring == "masks" else None) if name == "LTC" else _cfc(given, wiring)
    if given["mixed_memory"]:
        cell = MixedMemory(cell)
    if given.get("proj_size") is not None:
        check_size("proj_size", given["proj_size"])
        cell = Readout(cell, given["proj_size"])
    params = params_from(cell, arrays)
    arrays.check_all_taken()
    return cell, jax.tree.map(jnp.asarray, params)


def _ltc(given: dict[str, Any], arrays: StateDict | None) -> Cell:
    check_size("ode_unfolds", given["ode_unfolds"])
    check_number("epsilon", given["epsilon"], 0)
    check_choice("implicit_param_constraints", given["implicit_param_constraints"], (False, True))
    wiring = _wiring(given["units"])
    return LTC(
        inputs=given["input_size"],
        wiring=wiring if arrays is None else _wiring_of_masks(wiring, given["input_size"], arrays),
        integrator=SemiImplicit(given["ode_unfolds"]),
        input_mapping=_mapping(given["input_mapping"]),
        output_mapping=_mapping(given["output_mapping"]),
        constraints="implicit" if given["implicit_param_constraints"] else "explicit",
        epsilon=given["epsilon"],
    )


def _cfc(given: dict[str, Any], wiring: str) -> Cell:
    inputs, units, mode = given["input_size"], given["units"], given["mode"]
    check_choice("mode", mode, MODES)
    backbone = {key: given[f"backbone_{key}"] for key in ("units", "layers", "dropout")}
    if wiring == "masks":
        raise ValueError(
            "wiring='masks' needs an LTC: the masks of a CfC do not say which neurons of a layer are "
            "connected; give in units the class, arguments and seed of the trained network"
        )
    if not isinstance(units, Mapping):
        _check_units(units)
        check_choice("activation", given["activation"], tuple(ACTIVATIONS))
        for key, default, least in (("units", 128, 1), ("layers", 1, 0)):
            backbone[key] = default if backbone[key] is None else backbone[key]
            check_size(f"backbone_{key}", backbone[key], least)
        dropout = 0.0 if backbone["dropout"] is None else backbone["dropout"]
        check_number("backbone_dropout", dropout, 0, 1)
        return CfC(inputs, units, mode, backbone["units"], backbone["layers"], given["activation"], dropout)

    for key, value in backbone.items():
        if value is not None:
            raise ValueError(f"backbone_{key} must be left out with a wiring, as in ncps, got {value!r}")
    recipe = _wiring(units)
    if isinstance(recipe, wirings.FullyConnected | wirings.Random):
        recipe = dataclasses.replace(recipe, outputs=recipe.units)  # ncps ignores output_dim here
    return WiredCfC(inputs, recipe, mode, obey_wiring=False)


def _check_units(units: Any) -> None:
    if isinstance(units, bool) or not isinstance(units, int) or units < 1:
        raise ValueError(
            'units must be a number of neurons, at least 1, or {"class": ..., "arguments": {...}} for a '
            f"wiring, got {units!r}"
        )


def _wiring(units: Any) -> wirings.Wiring:
    if not isinstance(units, Mapping):
        _check_units(units)
        return wirings.FullyConnected(units)
    given = complete("units", units, {"class": REQUIRED, "arguments": REQUIRED})
    name = str(given["class"]).rsplit(".", 1)[-1]
    check_choice("units['class']", name, tuple(WIRINGS))
    kind, names = WIRINGS[name]
    default = {f.name: REQUIRED if f.default is dataclasses.MISSING else f.default for f in dataclasses.fields(kind)}
    known = {theirs: default[ours] for theirs, ours in names.items()}
    given = complete(f"{name} of {VERSION}", given["arguments"], known)
    for key, value in given.items():
        if key == "sparsity_level":
            check_number(key, value)  # the wiring knows its range
        elif key == "self_connections":
            check_choice(key, value, (False, True))
        elif not (key == "output_dim" and value is None):
            check_size(key, value, least=0)
    return kind(**{names[key]: value for key, value in given.items()})


def _wiring_of_masks(wiring: wirings.Wiring, inputs: int, arrays: StateDict) -> wirings.Custom:
    """The synapses in the masks; excitatory where the reversal potential is at least 0, else inhibitory."""

    def adjacency(prefix: str, sources: int) -> np.ndarray:
        prefix = f"rnn_cell.{prefix}"
        mask, reversal = (arrays.take(prefix + name, sources, wiring.units) for name in ("sparsity_mask", "erev"))
        if not np.isin(mask, (0, 1)).all():
            raise ValueError(f"state_dict['{prefix}sparsity_mask'] must hold 0 and 1 only, got {np.unique(mask)}")
        return np.where(mask == 0, 0, np.where(reversal < 0, -1, 1))

    return wirings.Custom(adjacency("", wiring.units), adjacency("sensory_", inputs), wiring.outputs)


def _mapping(kind: str | None) -> Any:
    return kind if kind in ("affine", "linear") else None  # ncps takes any other word for none
