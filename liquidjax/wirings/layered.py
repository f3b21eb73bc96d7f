"""The layered wiring of Velora: an NCP whose sources draw their targets with replacement."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from liquidjax._checks import check_integer, check_number, settle
from liquidjax.wirings.graph import Graph, check_positive, check_seed, drawn_once


class LayerMasks(NamedTuple):
    """The matrices of a layered wiring, entry [source, target] -1, 0 or 1; arrays, or nested tuples in a network.

    inter (inputs, inter), command (inter, command), motor (command, motor), recurrent (command, command).
    """

    inter: Any
    command: Any
    motor: Any
    recurrent: Any


class NeuronCounts(NamedTuple):
    """Numbers of inputs and of neurons in each layer."""

    sensory: int
    inter: int
    command: int
    motor: int


class SynapseCounts(NamedTuple):
    """Draws of a synapse: for each input, inter and command neuron, and `motor`, which Velora states and never uses.

    command is both the draws of each command neuron towards motor neurons and those among all command neurons.
    """

    sensory: int
    inter: int
    command: int
    motor: int


@dataclass(frozen=True)
class Layered:
    """Velora's neural circuit policy: inputs -> inter -> command (recurrent) -> motor neurons.

    command = max(int(0.4 neurons), 1), inter = neurons - command. Every source draws its targets in the next layer,
    uniformly with replacement, each with a random polarity; equal draws fall together. A target that nobody drew gets
    one synapse from a random source. So every source has at least one synapse, and every target. An `AutoNCP` draws
    without replacement, and its motor neurons choose their sources.

    The neurons are numbered motor first, then command, then inter, and the adjacency includes the recurrent command
    synapses, which Velora draws and no network of it uses: an LTC or a WiredCfC uses them, `LiquidNCPNetwork` does not.

    For those who come from Velora: there the draw uses the global generators of numpy and torch, here a seed of its
    own. Counts are those of the exact product: Velora's float arithmetic makes 20 neurons * (1 - 0.9) one draw, here
    it is two.

    Args:
        neurons: number of inter and command neurons, motor neurons not included, at least 2.
        outputs: number of motor neurons.
        sparsity: 0.1 (dense) to 0.9.
        seed: seed of the draw.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> wiring = Layered(neurons=10, outputs=1)
        >>> wiring.neuron_counts(inputs=4)
        NeuronCounts(sensory=4, inter=6, command=4, motor=1)
        >>> wiring.synapse_counts
        SynapseCounts(sensory=3, inter=2, command=4, motor=2)
        >>> wiring.masks(inputs=4).inter.shape
        (4, 6)

    Reference:
        `velora.wiring.Wiring` 0.2.0, after Lechner et al. (2020), Methods, rules 1 to 4.
    """

    neurons: int
    outputs: int
    sparsity: float = 0.5
    seed: int = 22222

    def __post_init__(self):
        settle(self, check_integer, "neurons")
        if self.neurons < 2:
            raise ValueError(f"neurons must be at least 2 (one inter and one command neuron), got {self.neurons}")
        settle(self, check_positive, "outputs")
        settle(self, check_seed, "seed")
        settle(self, check_number, "sparsity")
        if not 0.1 <= self.sparsity <= 0.9:
            raise ValueError(f"sparsity must be in [0.1, 0.9], got {self.sparsity}")

    @property
    def units(self) -> int:
        return self.neurons + self.outputs

    def neuron_counts(self, inputs: int) -> NeuronCounts:
        """How many neurons each layer has."""
        command = max(int(0.4 * self.neurons), 1)
        return NeuronCounts(inputs, self.neurons - command, command, self.outputs)

    @property
    def synapse_counts(self) -> SynapseCounts:
        """How many synapses are drawn, before equal draws fall together."""

        def share(neurons: int, scale: int = 1) -> int:
            # Rounded before it is cut: 20 * (1 - 0.9) is 1.9999999999999996 in floats, and 2 is meant.
            return max(int(round(neurons * (1 - self.sparsity) * scale, 9)), 1)

        _, inter, command, _ = self.neuron_counts(1)
        return SynapseCounts(share(inter), share(command), share(command, scale=2), share(command))

    def masks(self, inputs: int) -> LayerMasks:
        """The graph as one matrix for each pair of layers."""
        graph = self.graph(inputs)
        inter, command, motor = map(np.array, graph.layers)
        return LayerMasks(
            inter=graph.sensory_adjacency[:, inter],
            command=graph.adjacency[np.ix_(inter, command)],
            motor=graph.adjacency[np.ix_(command, motor)],
            recurrent=graph.adjacency[np.ix_(command, command)],
        )

    @drawn_once
    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs. With another number of inputs the inner synapses differ too."""
        rng = np.random.default_rng(self.seed)
        neurons, synapses = self.neuron_counts(inputs), self.synapse_counts
        sensory = np.arange(inputs)
        motor, command, inter = np.split(np.arange(self.units), np.cumsum([neurons.motor, neurons.command]))
        adjacency = np.zeros((self.units, self.units), np.int32)
        sensory_adjacency = np.zeros((inputs, self.units), np.int32)

        def connect(matrix: np.ndarray, sources: np.ndarray, targets: np.ndarray, count: int):
            """Each source draws `count` targets; then each target nobody drew draws one source."""
            chosen = rng.choice(targets, size=(len(sources), count))
            matrix[sources[:, None], chosen] = rng.choice([-1, 1], size=chosen.shape)
            left = np.setdiff1d(targets, chosen)
            matrix[rng.choice(sources, size=len(left)), left] = rng.choice([-1, 1], size=len(left))

        connect(sensory_adjacency, sensory, inter, synapses.sensory)
        connect(adjacency, inter, command, synapses.inter)
        connect(adjacency, command, motor, synapses.command)
        source, target = rng.choice(command, size=(2, synapses.command))
        adjacency[source, target] = rng.choice([-1, 1], size=synapses.command)

        layers = tuple(tuple(layer.tolist()) for layer in (inter, command, motor))
        roles = ("motor",) * neurons.motor + ("command",) * neurons.command + ("inter",) * neurons.inter
        return Graph(adjacency, sensory_adjacency, self.outputs, layers, roles)
