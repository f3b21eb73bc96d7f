"""What a wiring draws, and what every wiring is made of."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar, cast, runtime_checkable

import numpy as np

from liquidjax._checks import check_array, check_integer, check_kind, check_size, described, put, settle

Draw = TypeVar("Draw", bound=Callable[..., "Graph"])


class Synapses(NamedTuple):
    """The synapses of one adjacency matrix as three arrays of shape (synapses,), sorted by target, then source."""

    source: np.ndarray
    target: np.ndarray
    polarity: np.ndarray


@dataclass(frozen=True, eq=False)
class Graph:
    """What a wiring draws for a number of inputs; numpy arrays, read only.

    The matrices are copied. Whoever writes a wiring of their own makes one of these.

    Attributes:
        adjacency: (units, units), entry [source, target] is +1 (excitatory), -1 (inhibitory) or 0 (no synapse).
        sensory_adjacency: (inputs, units), entry [input, target], the same values.
        outputs: the number of motor neurons; they are the neurons 0 to outputs - 1.
        layers: the neuron numbers of each layer, in the order in which signals pass them.
        roles: for each neuron "motor", "command" or "inter".

    Raises:
        ValueError: a matrix of the wrong shape or with other entries, outputs out of range, layers that do not hold
            every neuron once, or not a role for each neuron.
    """

    adjacency: np.ndarray
    sensory_adjacency: np.ndarray
    outputs: int
    layers: tuple[tuple[int, ...], ...]
    roles: tuple[str, ...]

    def __post_init__(self):
        settle(self, ternary, "adjacency", "sensory_adjacency")
        check_square(self.adjacency)
        check_sensory(self.sensory_adjacency, self.units)
        self.adjacency.setflags(write=False)
        self.sensory_adjacency.setflags(write=False)
        settle(self, check_integer, "outputs")
        check_units_and_outputs(self)
        try:
            everyone = sorted(neuron for layer in self.layers for neuron in layer)
        except TypeError:
            everyone = None
        if everyone != list(range(self.units)):
            raise ValueError(
                f"layers must be tuples with every neuron from 0 to {self.units - 1} in one of them, got "
                f"{described(self.layers)}"
            )
        if not isinstance(self.roles, tuple | list) or len(self.roles) != self.units:
            raise ValueError(f"roles must be a role for each of {self.units} neurons, got {described(self.roles)}")

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
    """A recipe for a graph: a frozen dataclass of plain values, so that equal recipes are equal and can be hashed.

    These three are all that cells, readings and plots ask of a wiring, ours or yours. `liquidjax.testing.check_wiring`
    says whether one keeps to them.
    """

    @property
    def units(self) -> int:
        """Number of neurons, known without the inputs."""
        ...

    @property
    def outputs(self) -> int:
        """Number of motor neurons; they are the neurons 0 to outputs - 1."""
        ...

    def graph(self, inputs: int) -> Graph:
        """Who connects to whom for `inputs` inputs: the same graph whenever it is asked.

        Cells ask at every trace, so what is slow to draw is drawn under `drawn_once`. `single_layer` makes a `Graph`
        of two matrices where there are no layers.
        """
        ...


def check_wiring(wiring: Any) -> None:
    """Raises the ValueError for what is no wiring; the number of neurons in its place is the usual mistake."""
    example = f"lj.FullyConnected({wiring})" if isinstance(wiring, int) else "lj.AutoNCP(units=32, outputs=4)"
    check_kind("wiring", wiring, Wiring, f"a Wiring such as {example}")


def drawn_once(graph: Draw) -> Draw:
    """For the method `graph` of a wiring: equal wirings share one drawing for each number of inputs, which is checked.

    Example:
        >>> import dataclasses
        >>> @dataclasses.dataclass(frozen=True)
        ... class Chain:
        ...     units: int
        ...     outputs: int
        ...
        ...     @drawn_once
        ...     def graph(self, inputs):
        ...         chain, sensory = np.eye(self.units, k=1), np.ones((inputs, self.units))
        ...         return single_layer(chain, sensory, self.outputs)
        >>> Chain(4, 1).graph(2).synapse_count
        3
        >>> Chain(4, 1).graph(2) is Chain(4, 1).graph(2)
        True
    """
    cached = functools.lru_cache(maxsize=256)(graph)

    @functools.wraps(graph)
    def drawn(self: Any, inputs: int) -> Graph:
        return cached(self, check_positive("inputs", inputs))  # 2.0 would be found in the cache as 2

    return cast("Draw", drawn)


def single_layer(adjacency: np.ndarray, sensory_adjacency: np.ndarray, outputs: int) -> Graph:
    """A graph without layers: the first neurons are motor neurons, the others inter neurons."""
    units = adjacency.shape[0]
    roles = ("motor",) * outputs + ("inter",) * (units - outputs)
    return Graph(adjacency, sensory_adjacency, outputs, (tuple(range(units)),), roles)


def ternary(name: str, matrix: Any) -> np.ndarray:
    """The matrix as an array of its own, or the ValueError for one that holds anything but -1, 0 and 1."""
    array = check_array(name, matrix, kinds="biuf", on_host=True)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a matrix with at least one row and column, got shape {array.shape}")
    wrong = np.argwhere(~np.isin(array, (-1, 0, 1)))
    if wrong.size:
        row, column = wrong[0].tolist()
        raise ValueError(f"{name} must hold -1, 0 and 1 only, got {array[row, column]} at [{row}, {column}]")
    return array.astype(np.int32)


def check_square(adjacency: np.ndarray) -> None:
    """Raises the ValueError for an adjacency that is not (units, units)."""
    if adjacency.shape[0] != adjacency.shape[1]:
        raise ValueError(f"adjacency must be square (units, units), got shape {adjacency.shape}")


def check_sensory(sensory_adjacency: np.ndarray, units: int) -> None:
    """Raises the ValueError for a sensory adjacency that is not (inputs, units)."""
    if sensory_adjacency.shape[1] != units:
        raise ValueError(f"sensory_adjacency must be (inputs, units = {units}), got shape {sensory_adjacency.shape}")


def check_positive(name: str, value: Any) -> int:
    """The value as an int, or the ValueError for what is not an integer of at least 1."""
    value = check_integer(name, value)
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def check_seed(name: str, value: Any) -> int:
    """The value as an int, or the ValueError for what is no seed; numpy's None, which draws anew each time, is none."""
    return check_size(name, value, least=0)


def check_units_and_outputs(wiring: Any) -> None:
    """Puts `units` in the place of outputs=None, and raises the ValueError for numbers that do not fit."""
    check_positive("units", wiring.units)
    outputs = wiring.units if wiring.outputs is None else check_integer("outputs", wiring.outputs)
    if not 1 <= outputs <= wiring.units:
        raise ValueError(f"outputs must be in [1, units = {wiring.units}], got {outputs}")
    put(wiring, outputs=outputs)


def _synapses(matrix: np.ndarray) -> Synapses:
    target, source = np.nonzero(matrix.T)
    return Synapses(source.astype(np.int32), target.astype(np.int32), matrix[source, target])
