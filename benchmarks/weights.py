"""The weights every contender gets: a state_dict of ncps.torch, drawn as ncps draws it, without torch."""

import numpy as np
from setting import BACKBONE, Setting

from liquidjax import wirings

Arrays = dict[str, np.ndarray]
RANGES = {
    "w": (0.001, 1.0),
    "sigma": (3.0, 8.0),
    "mu": (0.3, 0.8),
    "gleak": (0.001, 1.0),
    "vleak": (-0.2, 0.2),
    "cm": (0.4, 0.6),
}


def draw(setting: Setting) -> Arrays:
    """Arrays by the names of `ncps.torch`, always the same; none for a network that ncps does not have."""
    rng = np.random.default_rng(1)
    if setting.model == "GatedLinear":
        return {}
    if setting.wiring is None:
        backbone = _linear(rng, "backbone.0", setting.inputs + setting.units, BACKBONE)
        arrays = backbone | _heads(rng, "", BACKBONE, setting.units)
    elif setting.model == "CfC":
        arrays = _wired_cfc(rng, setting)
    else:
        arrays = _ltc(rng, setting)
    return {f"rnn_cell.{name}": np.asarray(array, np.float32) for name, array in arrays.items()}


def graph(setting: Setting) -> wirings.Graph:
    """Who connects to whom."""
    if setting.wiring == "AutoNCP":
        return wirings.AutoNCP(setting.units, setting.outputs).graph(setting.inputs)
    if setting.wiring == "Random":
        return wirings.Random(setting.units, setting.outputs, setting.sparsity).graph(setting.inputs)
    return wirings.FullyConnected(setting.units).graph(setting.inputs)


def _ltc(rng: np.random.Generator, setting: Setting) -> Arrays:
    network = graph(setting)
    arrays: Arrays = {name: rng.uniform(*RANGES[name], setting.units) for name in ("gleak", "vleak", "cm")}
    for prefix, adjacency in (("", network.adjacency), ("sensory_", network.sensory_adjacency)):
        arrays |= {prefix + name: rng.uniform(*RANGES[name], adjacency.shape) for name in ("w", "sigma", "mu")}
        arrays |= {prefix + "erev": adjacency, prefix + "sparsity_mask": np.abs(adjacency)}
    for name, size in (("input", setting.inputs), ("output", network.outputs)):
        arrays |= {f"{name}_w": np.ones(size), f"{name}_b": np.zeros(size)}
    return arrays


def _wired_cfc(rng: np.random.Generator, setting: Setting) -> Arrays:
    network, arrays, before = graph(setting), {}, None
    for number, layer in enumerate(map(list, network.layers)):
        heard = network.sensory_adjacency if before is None else network.adjacency[before]
        mask = np.concatenate([np.abs(heard[:, layer]), np.ones((len(layer), len(layer)))])
        arrays |= _heads(rng, f"layer_{number}.", len(mask), len(layer))
        arrays[f"layer_{number}.sparsity_mask"] = mask.T
        before = layer
    return arrays


def _heads(rng: np.random.Generator, prefix: str, inputs: int, outputs: int) -> Arrays:
    arrays: Arrays = {}
    for name in ("ff1", "ff2", "time_a", "time_b"):
        arrays |= _linear(rng, prefix + name, inputs, outputs)
    return arrays


def _linear(rng: np.random.Generator, name: str, inputs: int, outputs: int) -> Arrays:
    limit, bias_limit = np.sqrt(6 / (inputs + outputs)), 1 / np.sqrt(inputs)
    weight, bias = rng.uniform(-limit, limit, (outputs, inputs)), rng.uniform(-bias_limit, bias_limit, outputs)
    return {f"{name}.weight": weight, f"{name}.bias": bias}
