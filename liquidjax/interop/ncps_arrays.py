"""Which array of ncps.torch 1.0.1 holds which parameter of ours: one table for both directions."""

import dataclasses
from typing import Any, Protocol

import numpy as np

from liquidjax import wirings
from liquidjax._types import Cell, Params
from liquidjax.cells.cfc import CfC, CfCParams, HeadParams, Mode
from liquidjax.cells.lstm import LSTMParams
from liquidjax.cells.ltc import LTC, LTCParams, MappingParams, SynapseParams
from liquidjax.cells.wired_cfc import WiredCfC, WiredCfCParams
from liquidjax.cells.wrappers.mixed_memory import MixedMemory, MixedMemoryParams
from liquidjax.cells.wrappers.readout import Readout, ReadoutParams
from liquidjax.interop.foreign import stack_heads
from liquidjax.layers.linear import Linear


class Arrays(Protocol):
    """Where the arrays of a module come from: its state_dict, or a count of what will be in it."""

    def take(self, name: str, *shape: int) -> Any:
        """The array of this name, which has this shape."""
        ...

    def mask(self, name: str, expected: np.ndarray, remedy: str) -> None:
        """Says that the array of this name must be the mask `expected`, and what helps if it is not."""
        ...


def params_from(cell: Cell, arrays: Arrays) -> Params:
    """The parameters of a cell that ncps has, cut out of its arrays by indices and transposition only."""
    if isinstance(cell, Readout):
        inner = params_from(cell.cell, arrays)
        return ReadoutParams(inner, _linear(arrays, "fc", cell.cell.outputs, cell.outputs))
    if isinstance(cell, MixedMemory):
        return MixedMemoryParams(_lstm(cell, arrays), params_from(cell.cell, arrays))
    if isinstance(cell, LTC):
        return _ltc(cell, arrays)
    if isinstance(cell, WiredCfC):
        return _wired_cfc(cell, arrays)
    assert isinstance(cell, CfC)
    return _cfc(cell, arrays)


def _ltc(cell: LTC, arrays: Arrays) -> LTCParams:
    units = cell.units

    def synapses(prefix: str, adjacency: np.ndarray, graph: wirings.Synapses) -> SynapseParams:
        prefix = f"rnn_cell.{prefix}"
        arrays.mask(
            f"{prefix}sparsity_mask",
            np.abs(adjacency),
            "give in units the class, arguments and seed of the trained network, or pass wiring='masks'",
        )
        dense = [arrays.take(f"{prefix}{name}", *adjacency.shape) for name in ("w", "sigma", "mu", "erev")]
        return SynapseParams(*(array[graph.source, graph.target] for array in dense))

    def mapping(kind: str | None, prefix: str, size: int) -> MappingParams:
        weight = arrays.take(f"rnn_cell.{prefix}_w", size) if kind else None
        return MappingParams(weight, arrays.take(f"rnn_cell.{prefix}_b", size) if kind == "affine" else None)

    return LTCParams(
        leak_conductance=arrays.take("rnn_cell.gleak", units),
        leak_potential=arrays.take("rnn_cell.vleak", units),
        capacitance=arrays.take("rnn_cell.cm", units),
        synapses=synapses("", cell.graph.adjacency, cell.graph.synapses),
        sensory_synapses=synapses("sensory_", cell.graph.sensory_adjacency, cell.graph.sensory_synapses),
        input_mapping=mapping(cell.input_mapping, "input", cell.inputs),
        output_mapping=mapping(cell.output_mapping, "output", cell.outputs),
    )


def _cfc(cell: CfC, arrays: Arrays) -> CfCParams:
    # The numbers torch gives to linear, activation, and from the second layer on dropout where there is any.
    stride = 3 if cell.dropout > 0 else 2
    sizes = [cell.inputs + cell.units] + [cell.backbone_units] * cell.backbone_layers
    backbone = tuple(
        _linear(arrays, f"rnn_cell.backbone.{max(0, stride * i - stride + 2)}", sizes[i], sizes[i + 1])
        for i in range(cell.backbone_layers)
    )
    return CfCParams(backbone, _head(arrays, "rnn_cell", cell.mode, sizes[-1], cell.units))


def _wired_cfc(cell: WiredCfC, arrays: Arrays) -> WiredCfCParams:
    layers = []
    for i, mask in enumerate(dataclasses.replace(cell, obey_wiring=False).masks()):
        prefix = f"rnn_cell.layer_{i}"
        remedy = "give in units the class, arguments and seed of the trained network"
        arrays.mask(f"{prefix}.sparsity_mask", mask[:, 0].T, remedy)
        layers.append(_head(arrays, prefix, cell.mode, mask.shape[0], mask.shape[2]))
    return WiredCfCParams(tuple(layers))


def _head(arrays: Arrays, prefix: str, mode: Mode, features: int, units: int) -> HeadParams:
    names = ("ff1",) if mode == "pure" else ("ff1", "ff2", "time_a", "time_b")
    heads = [_linear(arrays, f"{prefix}.{name}", features, units) for name in names]
    stacked = stack_heads(heads)
    if mode == "pure":
        return HeadParams(stacked, arrays.take(f"{prefix}.w_tau", 1, units)[0], arrays.take(f"{prefix}.A", 1, units)[0])
    return HeadParams(stacked, None, None)


def _linear(arrays: Arrays, prefix: str, inputs: int, outputs: int) -> Linear:
    return Linear(arrays.take(f"{prefix}.weight", outputs, inputs).T, arrays.take(f"{prefix}.bias", outputs))


def _lstm(cell: MixedMemory, arrays: Arrays) -> LSTMParams:
    units, order = cell.units, np.arange(cell.units)
    if isinstance(cell.cell, WiredCfC):  # where each of our neurons stands in the state of ncps
        order = np.argsort(np.concatenate([np.array(layer) for layer in cell.cell.graph.layers]))

    def gates(array: Any) -> Any:
        """(4 units, ...) in the order input, input gate, forget gate, output gate -> (..., [i, f, g, o], units)."""
        blocks = array.reshape(4, units, -1)[[1, 2, 0, 3]][:, order]
        return np.moveaxis(blocks, -1, 0)

    bias = gates(arrays.take("lstm.input_map.bias", 4 * units))[0]
    return LSTMParams(
        inputs=Linear(gates(arrays.take("lstm.input_map.weight", 4 * units, cell.inputs)), bias),
        recurrent=gates(arrays.take("lstm.recurrent_map.weight", 4 * units, units))[order],
    )
