"""Weights of ncps.torch 1.0.1 as a cell and parameters of ours; needs neither torch nor ncps."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax import wirings
from liquidjax._checks import check_choice
from liquidjax._types import Cell, Params
from liquidjax.cells.cfc import CfC, CfCParams, HeadParams, Mode
from liquidjax.cells.linear import Linear
from liquidjax.cells.lstm import LSTMParams
from liquidjax.cells.ltc import LTC, LTCParams, MappingParams, SynapseParams
from liquidjax.cells.mixed_memory import MixedMemory, MixedMemoryParams
from liquidjax.cells.readout import Readout, ReadoutParams
from liquidjax.cells.wired_cfc import WiredCfC, WiredCfCParams
from liquidjax.integrators import SemiImplicit

_WIRING_ARGUMENTS = {
    "output_dim": "outputs",
    "output_size": "outputs",
    "erev_init_seed": "seed",
    "random_seed": "seed",
    "sparsity_level": "sparsity",
    "inter_neurons": "inter",
    "command_neurons": "command",
    "motor_neurons": "motor",
}
_WIRINGS = {
    "FullyConnected": wirings.FullyConnected,
    "Random": wirings.Random,
    "NCP": wirings.NCP,
    "AutoNCP": wirings.AutoNCP,
}
# Arguments of ncps that say how a call returns its result, not what the network is.
_CALL_ARGUMENTS = ("return_sequences", "batch_first")
_LTC_ARGUMENTS = {
    "input_mapping": "affine",
    "output_mapping": "affine",
    "ode_unfolds": 6,
    "epsilon": 1e-8,
    "implicit_param_constraints": True,
}
_CFC_ARGUMENTS = {
    "proj_size": None,
    "mode": "default",
    "activation": "lecun_tanh",
    "backbone_units": None,
    "backbone_layers": None,
    "backbone_dropout": None,
}

Take = Callable[[str], Any]  # the numpy array of this name; parameters become jax arrays at the very end


def from_ncps(name: str, arguments: Mapping[str, Any], state_dict: Mapping[str, np.ndarray]) -> tuple[Cell, Params]:
    """Turns a trained network of ncps.torch into a cell and parameters that compute the same numbers.

    State and parameters come in the wiring's neuron order (motor, command, inter) for every cell; ncps keeps the state
    of a wired CfC in the order of layers (inter, command, motor).

    Args:
        name: "LTC" or "CfC".
        arguments: of the constructor, by name: input_size, units (a number, or {"class": ..., "arguments": {...}} for a
            wiring), mode, mixed_memory, and so on; what is missing has the default of ncps 1.0.1.
        state_dict: of the module, with numpy arrays: `{k: v.numpy() for k, v in module.state_dict().items()}`.

    Returns:
        cell: an `LTC`, `CfC` or `WiredCfC(obey_wiring=False)`, inside a `MixedMemory` or a `Readout` where the
            network has one.
        params: its parameters in the dtype of the state_dict.

    Raises:
        ValueError: an unknown name or argument, or a state_dict that lacks an array, has one too many, or one of the
            wrong shape.

    Example:
        >>> import jax, liquidjax as lj
        >>> arrays = {"rnn_cell.ff1.weight": np.ones((3, 5)), "rnn_cell.ff1.bias": np.ones(3),
        ...           "rnn_cell.w_tau": np.zeros((1, 3)), "rnn_cell.A": np.ones((1, 3))}
        >>> cell, params = from_ncps("CfC", dict(input_size=2, units=3, mode="pure", backbone_layers=0), arrays)
        >>> cell
        CfC(inputs=2, units=3, mode='pure', backbone_units=128, backbone_layers=0, activation='lecun_tanh', dropout=0.0)
    """
    check_choice("name", name, ("LTC", "CfC"))
    own = _LTC_ARGUMENTS if name == "LTC" else _CFC_ARGUMENTS
    known = {"input_size", "units", "mixed_memory", *own, *_CALL_ARGUMENTS}
    if unknown := sorted(set(arguments) - known):
        raise ValueError(f"{name} of ncps 1.0.1 has no argument {unknown[0]!r}; it has {', '.join(sorted(known))}")
    options = {key: arguments.get(key, default) for key, default in own.items()}

    used: set[str] = set()

    def take(key: str) -> Any:
        if key not in state_dict:
            raise ValueError(
                f"state_dict must have {key!r} for these arguments; it has {', '.join(sorted(state_dict))}"
            )
        used.add(key)
        return np.asarray(state_dict[key])

    build = _ltc if name == "LTC" else _cfc
    cell, params, order = build(arguments["input_size"], arguments["units"], options, take)
    if arguments.get("mixed_memory", False):
        cell, params = MixedMemory(cell), MixedMemoryParams(_lstm(take, order), params)
    if options.get("proj_size") is not None:
        cell, params = Readout(cell, options["proj_size"]), ReadoutParams(params, _linear(take, "fc"))

    masks = {key for key in state_dict if key.endswith("sparsity_mask")}  # the wiring's own, drawn again from its seed
    if surplus := sorted(set(state_dict) - used - masks):
        raise ValueError(f"state_dict has {surplus[0]!r}, which a {name} with these arguments does not have")
    _check_shapes(cell, params)
    return cell, jax.tree.map(jnp.asarray, params)


def _ltc(inputs: int, units: Any, options: dict[str, Any], take: Take) -> tuple[Cell, Params, np.ndarray]:
    wiring = _wiring(units)
    cell = LTC(
        inputs=inputs,
        wiring=wiring,
        integrator=SemiImplicit(options["ode_unfolds"]),
        input_mapping=_mapping(options["input_mapping"]),
        output_mapping=_mapping(options["output_mapping"]),
        constraints="implicit" if options["implicit_param_constraints"] else "explicit",
        epsilon=options["epsilon"],
    )

    def synapses(prefix: str, graph: wirings.Synapses) -> SynapseParams:
        names = ("w", "sigma", "mu", "erev")
        return SynapseParams(*(take(f"rnn_cell.{prefix}{name}")[graph.source, graph.target] for name in names))

    def mapping(kind: str | None, prefix: str) -> MappingParams:
        weight = take(f"rnn_cell.{prefix}_w") if kind else None
        return MappingParams(weight, take(f"rnn_cell.{prefix}_b") if kind == "affine" else None)

    params = LTCParams(
        leak_conductance=take("rnn_cell.gleak"),
        leak_potential=take("rnn_cell.vleak"),
        capacitance=take("rnn_cell.cm"),
        synapses=synapses("", cell.graph.synapses),
        sensory_synapses=synapses("sensory_", cell.graph.sensory_synapses),
        input_mapping=mapping(cell.input_mapping, "input"),
        output_mapping=mapping(cell.output_mapping, "output"),
    )
    return cell, params, np.arange(cell.units)


def _cfc(inputs: int, units: Any, options: dict[str, Any], take: Take) -> tuple[Cell, Params, np.ndarray]:
    mode: Mode = options["mode"]
    if isinstance(units, int):
        layers = 1 if options["backbone_layers"] is None else options["backbone_layers"]
        cell = CfC(
            inputs=inputs,
            units=units,
            mode=mode,
            backbone_units=options["backbone_units"] or 128,
            backbone_layers=layers,
            activation=options["activation"],
            dropout=options["backbone_dropout"] or 0.0,
        )
        # The numbers torch gives to linear, activation, and from the second layer on dropout where there is any.
        stride = 3 if cell.dropout > 0 else 2
        backbone = tuple(_linear(take, f"rnn_cell.backbone.{max(0, stride * i - stride + 2)}") for i in range(layers))
        return cell, CfCParams(backbone, _head(take, "rnn_cell", mode)), np.arange(units)

    wiring = _wiring(units)
    if isinstance(wiring, wirings.FullyConnected | wirings.Random):
        wiring = dataclasses.replace(wiring, outputs=wiring.units)  # ncps ignores output_dim here
    cell = WiredCfC(inputs, wiring, mode, obey_wiring=False)
    layers = cell.graph.layers
    params = WiredCfCParams(tuple(_head(take, f"rnn_cell.layer_{i}", mode) for i in range(len(layers))))
    # Where each of our neurons stands in the state of ncps.
    order = np.argsort(np.concatenate([np.array(layer) for layer in layers]))
    return cell, params, order


def _head(take: Take, prefix: str, mode: Mode) -> HeadParams:
    names = ("ff1",) if mode == "pure" else ("ff1", "ff2", "time_a", "time_b")
    heads = [_linear(take, f"{prefix}.{name}") for name in names]
    weights, biases = zip(*heads, strict=True)
    stacked = Linear(np.stack(weights, axis=1), np.stack(biases))  # type: ignore[arg-type]
    if mode == "pure":
        return HeadParams(stacked, take(f"{prefix}.w_tau")[0], take(f"{prefix}.A")[0])
    return HeadParams(stacked, None, None)


def _linear(take: Take, prefix: str) -> Linear:
    return Linear(take(f"{prefix}.weight").T, take(f"{prefix}.bias"))


def _lstm(take: Take, order: np.ndarray) -> LSTMParams:
    units = len(order)

    def gates(array: Any) -> Any:
        """(4 units, ...) in the order input, input gate, forget gate, output gate -> (..., [i, f, g, o], units)."""
        blocks = array.reshape(4, units, -1)[[1, 2, 0, 3]][:, order]
        return np.moveaxis(blocks, -1, 0)

    bias = gates(take("lstm.input_map.bias"))[0]
    return LSTMParams(
        inputs=Linear(gates(take("lstm.input_map.weight")), bias),
        recurrent=gates(take("lstm.recurrent_map.weight"))[order],
    )


def _wiring(units: Any) -> wirings.Wiring:
    if isinstance(units, int):
        return wirings.FullyConnected(units)
    name = units["class"].rsplit(".", 1)[-1]
    check_choice("units['class']", name, tuple(_WIRINGS))
    return _WIRINGS[name](**{str(_WIRING_ARGUMENTS.get(k, k)): v for k, v in units["arguments"].items()})


def _mapping(kind: str | None) -> Any:
    return kind if kind in ("affine", "linear") else None  # ncps takes any other word for none


def _check_shapes(cell: Cell, params: Params) -> None:
    expected = jax.eval_shape(cell.init, jax.random.key(0))
    for (path, leaf), array in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(params), strict=True):
        if leaf.shape != array.shape:
            raise ValueError(f"params{jax.tree_util.keystr(path)} must have shape {leaf.shape}, got {array.shape}")
