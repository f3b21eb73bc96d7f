"""The networks of the table, built, run on images, and counted."""

from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from liquidjax._types import Array, Cell, Params
from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC, LTCParams
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.network_sizes.paper import PAPER, TEXT
from liquidjax.integrators import Euler
from liquidjax.models.vision import CNN, ConvolutionalHead
from liquidjax.sequences.unroll import unroll
from liquidjax.wirings import NCP


class Row(NamedTuple):
    """One entry of the table: what is counted of which network, and what it comes to."""

    network: str
    counted: str
    paper: int
    ours: int


class Ratio(NamedTuple):
    """How many times the size of the NCP: from the paper's table, from our counts, and what its main text states."""

    network: str
    counted: str
    paper_table: float
    ours: float
    paper_text: int


class Result(NamedTuple):
    """The table, and the sizes relative to the NCP."""

    rows: list[Row]
    ratios: list[Ratio]


def networks(inputs: int, wiring_seed: int) -> dict[str, tuple[Cell, float]]:
    """The recurrent networks of the table, each with the duration of a time step.

    The CT-RNN of the published code takes 6 Euler steps of 0.1 with tau = 1, which is `Euler(6)` at dt = 0.6. The LSTM
    does not look at dt.

    Example:
        >>> [(name, cell.outputs, dt) for name, (cell, dt) in networks(32, 0).items()]
        [('LSTM', 1, 1.0), ('CT-RNN', 1, 0.6), ('NCP', 1, 1.0)]
    """
    wiring = NCP(
        inter=12,
        command=6,
        motor=1,
        sensory_fanout=6,
        inter_fanout=4,
        recurrent_command_synapses=6,
        motor_fanin=6,
        seed=wiring_seed,
    )
    return {
        "LSTM": (Readout(LSTM(inputs, 64), 1), 1.0),
        "CT-RNN": (Readout(CTRNN(inputs, 64, Euler(6), learn_time_constant=False), 1), 0.6),
        "NCP": (LTC(inputs, wiring, input_mapping=None, output_mapping=None), 1.0),
    }


def synapse_count(params: Params) -> int:
    """The number of connections: the synapses of an LTC, else every parameter that is no bias.

    Example:
        >>> cell, _ = networks(32, 20190120)["LSTM"]
        >>> synapse_count(cell.init(jax.random.key(0)))
        24640
    """
    if isinstance(params, LTCParams):
        return params.synapses.weight.size + params.sensory_synapses.weight.size
    return sum(leaf.size for path, leaf in jax.tree.leaves_with_path(params) if path[-1].name != "bias")


def count(config: NetworkSizesConfig) -> Result:
    """The counts of networks that have been initialised and run; see `run.run`."""
    image_key, head_key, cnn_key, *keys = jax.random.split(jax.random.key(config.seed), 6)
    images = jax.random.uniform(image_key, (config.frames, config.height, config.width, 3))
    head, cnn = ConvolutionalHead(config.height, config.width), CNN(config.height, config.width)
    head_params, cnn_params = head.init(head_key), cnn.init(cnn_key)
    ours = {
        ("CNN", "parameters"): count_parameters(cnn),
        ("convolutional head", "parameters"): count_parameters(head),
    }
    _check("CNN", jax.jit(cnn.apply)(cnn_params, images), config.frames)
    features = jax.jit(head.apply)(head_params, images)
    for (name, (cell, dt)), key in zip(networks(head.features, config.wiring_seed).items(), keys, strict=True):
        params = cell.init(key)
        state, outputs = unroll(cell, params, features, dt)
        _check(name, outputs, config.frames)
        ours[name, "neurons"] = jax.tree.leaves(state)[0].shape[-1]
        ours[name, "synapses"] = synapse_count(params)
        ours[name, "parameters"] = count_parameters(cell)
    rows = [Row(*entry, paper, ours[entry]) for entry, paper in PAPER.items()]
    ratios = [Ratio(*entry, _ratio(PAPER, *entry), _ratio(ours, *entry), text) for entry, text in TEXT.items()]
    return Result(rows, ratios)


def _ratio(counts: Mapping[tuple[str, str], int], network: str, counted: str) -> float:
    head = counts["convolutional head", "parameters"] if network == "CNN" else 0
    return counts[network, counted] / (counts["NCP", counted] + head)


def _check(network: str, outputs: Array, frames: int) -> None:
    if outputs.shape != (frames, 1) or not np.all(np.isfinite(outputs)):
        raise FloatingPointError(
            f"{network} must give a finite number for each of {frames} images, got {outputs.tolist()}"
        )
