"""What a wiring draws, and what every wiring is made of."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np


class Synapses(NamedTuple):
    """The synapses of one adjacency matrix as three arrays of shape (synapses,), sorted by target, then source."""

    source: np.ndarray
    target: np.ndarray
    polarity: np.ndarray


@dataclass(frozen=True, eq=False)
class Graph:
    """What a wiring draws for a number of inputs; numpy arrays, read only.

    Attributes:
        adjacency: (units, units), entry [source, target] is +1 (excitatory), -1 (inhibitory) or 0 (no synapse).
        sensory_adjacency: (inputs, units), entry [input, target], the same values.
        outputs: the number of motor neurons; they are the neurons 0 to outputs - 1.
        layers: the neuron numbers of each layer, in the order in which signals pass them.
        roles: for each neuron "motor", "command" or "inter".
    """

    adjacency: np.ndarray
    sensory_adjacency: np.ndarray
    outputs: int
    layers: tuple[tuple[int, ...], ...]
    roles: tuple[str, ...]

    def __post_init__(self):
        self.adjacency.setflags(write=False)
        self.sensory_adjacency.setflags(write=False)

    @property
    def units(self) -> int:
        return self.adjacency.shape[0]

    @property
    def inputs(self) -> int:
        return self.sensory_adjacency.shape[0]

    @functools.cached_property
    def synapses(self) -> Synapses:
        """The synapses between neurons."""
        return _synapses(self.adjacency)

    @functools.cached_property
    def sensory_synapses(self) -> Synapses:
        """The synapses from inputs to neurons."""
        return _synapses(self.sensory_adjacency)

    @property
    def synapse_count(self) -> int:
        return int(np.count_nonzero(self.adjacency))

    @property
    def sensory_synapse_count(self) -> int:
        return int(np.count_nonzero(self.sensory_adjacency))


@runtime_checkable
class Wiring(Protocol):
    """A recipe for a graph: a frozen dataclass of numbers."""

    @property
    def units(self) -> int: ...

    @property
    def outputs(self) -> int: ...

    def graph(self, inputs: int) -> Graph: ...


@functools.lru_cache(maxsize=256)
def drawn(wiring: Any, inputs: int) -> Graph:
    """The graph of a wiring, drawn once for each number of inputs."""
    check_positive("inputs", inputs)
    return wiring._draw(inputs)


def single_layer(adjacency: np.ndarray, sensory_adjacency: np.ndarray, outputs: int) -> Graph:
    """A graph without layers: the first neurons are motor neurons, the others inter neurons."""
    units = adjacency.shape[0]
    roles = ("motor",) * outputs + ("inter",) * (units - outputs)
    return Graph(adjacency, sensory_adjacency, outputs, (tuple(range(units)),), roles)


def check_positive(name: str, value: int) -> None:
    """Raises the ValueError for a number below 1."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def check_units_and_outputs(wiring: Any) -> None:
    """Puts `units` in the place of outputs=None, and raises the ValueError for numbers that do not fit."""
    check_positive("units", wiring.units)
    outputs = wiring.units if wiring.outputs is None else wiring.outputs
    if not 1 <= outputs <= wiring.units:
        raise ValueError(f"outputs must be in [1, units = {wiring.units}], got {outputs}")
    object.__setattr__(wiring, "outputs", outputs)


def _synapses(matrix: np.ndarray) -> Synapses:
    target, source = np.nonzero(matrix.T)
    return Synapses(source.astype(np.int32), target.astype(np.int32), matrix[source, target])
