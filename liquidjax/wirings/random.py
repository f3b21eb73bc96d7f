"""A share of all possible synapses."""

from dataclasses import dataclass

import numpy as np

from liquidjax._checks import UNRESOLVED, check_number, settle
from liquidjax.wirings.graph import Graph, check_positive, check_seed, check_units_and_outputs, drawn_once, single_layer


@dataclass(frozen=True)
class Random:
    """A fixed share of all possible synapses, drawn at random; two in three are excitatory.

    Args:
        units: number of neurons, at least 1.
        outputs: number of motor neurons, 1 to units; all of them when None.
        sparsity: the share of synapses left out, 0 <= sparsity < 1.
        seed: seed of the draw.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> Random(units=16, outputs=2, sparsity=0.5).graph(inputs=8).synapse_count
        128
    """

    units: int
    outputs: int = UNRESOLVED  # None means `units`
    sparsity: float = 0.0
    seed: int = 1111

    def __post_init__(self):
        settle(self, check_positive, "units")
        check_units_and_outputs(self)
        settle(self, check_number, "sparsity")
        settle(self, check_seed, "seed")
        if not 0.0 <= self.sparsity < 1.0:
            raise ValueError(f"sparsity must be in [0, 1), got {self.sparsity}")

    @drawn_once
    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs."""
        rng = np.random.default_rng(self.seed)

        def draw(sources: int, polarities: int) -> np.ndarray:
            shape = (sources, self.units)
            count = int(np.round(sources * self.units * (1 - self.sparsity)))
            chosen = rng.choice(np.argwhere(np.ones(shape)), size=count, replace=False)
            matrix = np.zeros(shape, np.int32)
            matrix[chosen[:, 0], chosen[:, 1]] = rng.choice([-1, 1, 1], size=(count, polarities))[:, -1]
            return matrix

        adjacency = draw(self.units, polarities=1)
        # ncps draws the polarity of a sensory synapse twice and keeps the second; so do we, to stay in step.
        return single_layer(adjacency, draw(inputs, polarities=2), self.outputs)
