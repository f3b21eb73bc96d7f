"""A wiring given by its matrices."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from liquidjax._checks import UNRESOLVED, put
from liquidjax.wirings.graph import (
    Graph,
    check_sensory,
    check_square,
    check_units_and_outputs,
    drawn_once,
    single_layer,
)
from liquidjax.wirings.graph import ternary as ternary


@dataclass(frozen=True)
class Custom:
    """A wiring given by its matrices.

    Args:
        adjacency: (units, units), entry [source, target] in {-1, 0, 1}; any nested sequence or array.
        sensory_adjacency: (inputs, units), the same; when None every input reaches every neuron, excitatory.
        outputs: number of motor neurons, 1 to units, which are the first neurons; all of them when None.

    Raises:
        ValueError: a matrix has the wrong shape or another entry; or `graph` is asked for a number of inputs other
            than that of sensory_adjacency.

    Example:
        >>> ring = Custom([[0, 1, 0], [0, 0, 1], [-1, 0, 0]], outputs=1)
        >>> ring.graph(inputs=2).synapses.target
        array([0, 1, 2], dtype=int32)
    """

    adjacency: Any  # stored as a tuple of tuples, so that the recipe can be hashed
    sensory_adjacency: Any = None
    outputs: int = UNRESOLVED  # None means `units`

    def __post_init__(self):
        adjacency = ternary("adjacency", self.adjacency)
        check_square(adjacency)
        put(self, adjacency=as_tuples(adjacency))
        if self.sensory_adjacency is not None:
            sensory = ternary("sensory_adjacency", self.sensory_adjacency)
            check_sensory(sensory, self.units)
            put(self, sensory_adjacency=as_tuples(sensory))
        check_units_and_outputs(self)

    @property
    def units(self) -> int:
        return len(self.adjacency)

    @drawn_once
    def graph(self, inputs: int) -> Graph:
        """The graph for `inputs` inputs."""
        if self.sensory_adjacency is not None and inputs != len(self.sensory_adjacency):
            raise ValueError(f"inputs must be {len(self.sensory_adjacency)}, as in sensory_adjacency, got {inputs}")
        sensory = self.sensory_adjacency or ((1,) * self.units,) * inputs
        return single_layer(np.array(self.adjacency, np.int32), np.array(sensory, np.int32), self.outputs)


def as_tuples(matrix: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """The matrix in a form that can be hashed."""
    return tuple(tuple(row) for row in matrix.tolist())
