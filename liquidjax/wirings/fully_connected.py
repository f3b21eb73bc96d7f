"""Everyone to everyone."""

from dataclasses import dataclass

import numpy as np

from liquidjax._checks import UNRESOLVED, check_flag, settle
from liquidjax.wirings.graph import Graph, check_positive, check_seed, check_units_and_outputs, drawn_once, single_layer


@dataclass(frozen=True)
class FullyConnected:
    """Every neuron to every neuron, every input to every neuron; two synapses in three are excitatory.

    Args:
        units: number of neurons, at least 1.
        outputs: number of motor neurons, 1 to units; all of them when None.
        seed: seed of the polarities.
        self_connections: whether a neuron has a synapse onto itself.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> FullyConnected(units=4, outputs=2).graph(inputs=3).synapse_count
        16
    """

    units: int
    outputs: int = UNRESOLVED  # None means `units`
    seed: int = 1111
    self_connections: bool = True

    def __post_init__(self):
        settle(self, check_positive, "units")
        check_units_and_outputs(self)
        settle(self, check_seed, "seed")
        settle(self, check_flag, "self_connections")

    @drawn_once
    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs."""
        rng = np.random.default_rng(self.seed)
        wanted = np.ones((self.units, self.units), bool)
        if not self.self_connections:
            np.fill_diagonal(wanted, False)
        adjacency = np.zeros((self.units, self.units), np.int32)
        adjacency[wanted] = rng.choice([-1, 1, 1], size=int(wanted.sum()))
        sensory = rng.choice([-1, 1, 1], size=(inputs, self.units)).astype(np.int32)
        return single_layer(adjacency, sensory, self.outputs)
