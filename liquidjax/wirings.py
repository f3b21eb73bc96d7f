"""Wirings: who connects to whom.

A wiring is a recipe of plain numbers: immutable, hashable, picklable. Given the number of inputs it draws a
`Graph`; the same recipe and the same number of inputs always give the same graph, so any number of cells may
share one wiring. The random numbers are drawn in the order in which ncps 1.0.1 draws them, so adjacency and
sensory adjacency are bit-identical to that package's for the same arguments and seed.

References:
    Lechner et al., "Neural circuit policies enabling auditable autonomy", Nature Machine Intelligence 2 (2020),
    Methods, "Designing neural circuit policies".
"""

import functools
from collections.abc import Sequence
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
    outputs: int = None  # type: ignore[assignment]  # None means `units`; resolved on construction
    seed: int = 1111
    self_connections: bool = True

    def __post_init__(self):
        _check_units_and_outputs(self)

    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs."""
        return _graph(self, _positive("inputs", inputs))

    def _draw(self, inputs: int) -> Graph:
        rng = np.random.default_rng(self.seed)
        wanted = np.ones((self.units, self.units), bool)
        if not self.self_connections:
            np.fill_diagonal(wanted, False)
        adjacency = np.zeros((self.units, self.units), np.int32)
        adjacency[wanted] = rng.choice([-1, 1, 1], size=int(wanted.sum()))
        sensory = rng.choice([-1, 1, 1], size=(inputs, self.units)).astype(np.int32)
        return _single_layer(adjacency, sensory, self.outputs)


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
    outputs: int = None  # type: ignore[assignment]  # None means `units`; resolved on construction
    sparsity: float = 0.0
    seed: int = 1111

    def __post_init__(self):
        _check_units_and_outputs(self)
        if not 0.0 <= self.sparsity < 1.0:
            raise ValueError(f"sparsity must be in [0, 1), got {self.sparsity}")

    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs."""
        return _graph(self, _positive("inputs", inputs))

    def _draw(self, inputs: int) -> Graph:
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
        return _single_layer(adjacency, draw(inputs, polarities=2), self.outputs)


@dataclass(frozen=True)
class NCP:
    """A neural circuit policy: inputs -> inter -> command (recurrent) -> motor neurons.

    The neurons are numbered motor first, then command, then inter. Half of the synapses are excitatory. A neuron
    that the draw leaves without a connection gets as many as its layer has on average.

    Args:
        inter: number of inter neurons.
        command: number of command neurons.
        motor: number of motor neurons, the outputs.
        sensory_fanout: synapses from each input to inter neurons, 1 to inter.
        inter_fanout: synapses from each inter neuron to command neurons, 1 to command.
        recurrent_command_synapses: draws of a synapse among the command neurons, in total; equal draws fall together.
        motor_fanin: synapses from command neurons onto each motor neuron, 1 to command.
        seed: seed of the draw.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> graph = NCP(12, 6, 1, 6, 4, 6, 6).graph(inputs=32)
        >>> graph.units, graph.sensory_synapse_count, graph.synapse_count
        (19, 192, 58)

    Reference:
        Lechner et al. (2020), Methods, rules 1 to 4.
    """

    inter: int
    command: int
    motor: int
    sensory_fanout: int
    inter_fanout: int
    recurrent_command_synapses: int
    motor_fanin: int
    seed: int = 22222

    def __post_init__(self):
        for name in ("inter", "command", "motor"):
            _positive(name, getattr(self, name))
        for name, layer in (("sensory_fanout", "inter"), ("inter_fanout", "command"), ("motor_fanin", "command")):
            value, most = getattr(self, name), getattr(self, layer)
            if not 1 <= value <= most:
                raise ValueError(f"{name} must be in [1, {layer} = {most}], got {value}")
        if self.recurrent_command_synapses < 0:
            raise ValueError(f"recurrent_command_synapses must be at least 0, got {self.recurrent_command_synapses}")

    @property
    def units(self) -> int:
        return self.motor + self.command + self.inter

    @property
    def outputs(self) -> int:
        return self.motor

    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs. With another number of inputs the inner synapses differ too."""
        return _graph(self, _positive("inputs", inputs))

    def _draw(self, inputs: int) -> Graph:
        rng = np.random.RandomState(self.seed)
        sensory = np.arange(inputs)
        motor, command, inter = np.split(np.arange(self.units), np.cumsum([self.motor, self.command]))
        adjacency = np.zeros((self.units, self.units), np.int32)
        sensory_adjacency = np.zeros((inputs, self.units), np.int32)

        def connect(matrix: np.ndarray, neurons: np.ndarray, partners: np.ndarray, count: int, fan_out: bool):
            """Each of `neurons` chooses `count` of `partners`; then the partners nobody chose choose back."""

            def choose(neuron: int, candidates: np.ndarray, number: int, outgoing: bool):
                chosen = rng.choice(candidates, size=number, replace=False)
                for partner in chosen:
                    edge = (neuron, partner) if outgoing else (partner, neuron)
                    matrix[edge] = rng.choice([-1, 1])
                return set(chosen)

            reached = set().union(*[choose(neuron, partners, count, fan_out) for neuron in neurons])
            mean = int(np.clip(int(len(neurons) * count / len(partners)), 1, len(neurons)))
            for partner in partners:
                if partner not in reached:
                    choose(partner, neurons, mean, not fan_out)

        connect(sensory_adjacency, sensory, inter, self.sensory_fanout, fan_out=True)
        connect(adjacency, inter, command, self.inter_fanout, fan_out=True)
        for _ in range(self.recurrent_command_synapses):
            source, target = rng.choice(command), rng.choice(command)
            adjacency[source, target] = rng.choice([-1, 1])
        connect(adjacency, motor, command, self.motor_fanin, fan_out=False)

        layers = tuple(tuple(layer.tolist()) for layer in (inter, command, motor))
        roles = ("motor",) * self.motor + ("command",) * self.command + ("inter",) * self.inter
        return Graph(adjacency, sensory_adjacency, self.motor, layers, roles)


@dataclass(frozen=True)
class AutoNCP:
    """An NCP from a number of neurons, a number of outputs and a sparsity.

    With density = 1 - sparsity and rest = units - outputs:
    command = max(int(0.4 rest), 1), inter = rest - command, sensory_fanout = max(int(inter density), 1),
    inter_fanout = motor_fanin = max(int(command density), 1),
    recurrent_command_synapses = max(int(2 command density), 1).

    Args:
        units: number of neurons, motor neurons included.
        outputs: number of motor neurons, 1 to units - 3.
        sparsity: 0.1 (dense) to 1.0 (one synapse where the rule needs one).
        seed: seed of the draw.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> AutoNCP(units=32, outputs=4).graph(inputs=8).synapse_count
        116

    Reference:
        The rule is that of `ncps.wirings.AutoNCP`, version 1.0.1.
    """

    units: int
    outputs: int
    sparsity: float = 0.5
    seed: int = 22222

    def __post_init__(self):
        if self.units < 4:
            raise ValueError(f"units must be at least 4 (one motor and three other neurons), got {self.units}")
        if not 1 <= self.outputs <= self.units - 3:
            raise ValueError(f"outputs must be in [1, units - 3 = {self.units - 3}], got {self.outputs}")
        if not 0.1 <= self.sparsity <= 1.0:
            raise ValueError(f"sparsity must be in [0.1, 1.0], got {self.sparsity}")

    @property
    def ncp(self) -> NCP:
        """The NCP this recipe stands for."""
        density = 1.0 - self.sparsity
        rest = self.units - self.outputs
        command = max(int(0.4 * rest), 1)
        inter = rest - command
        return NCP(
            inter=inter,
            command=command,
            motor=self.outputs,
            sensory_fanout=max(int(inter * density), 1),
            inter_fanout=max(int(command * density), 1),
            recurrent_command_synapses=max(int(command * density * 2), 1),
            motor_fanin=max(int(command * density), 1),
            seed=self.seed,
        )

    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs."""
        return self.ncp.graph(inputs)


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
    outputs: int = None  # type: ignore[assignment]  # None means `units`; resolved on construction

    def __post_init__(self):
        adjacency = _ternary("adjacency", self.adjacency)
        if adjacency.shape[0] != adjacency.shape[1]:
            raise ValueError(f"adjacency must be square (units, units), got shape {adjacency.shape}")
        object.__setattr__(self, "adjacency", _as_tuples(adjacency))
        if self.sensory_adjacency is not None:
            sensory = _ternary("sensory_adjacency", self.sensory_adjacency)
            if sensory.shape[1] != self.units:
                raise ValueError(f"sensory_adjacency must be (inputs, units = {self.units}), got shape {sensory.shape}")
            object.__setattr__(self, "sensory_adjacency", _as_tuples(sensory))
        _check_units_and_outputs(self)

    @property
    def units(self) -> int:
        return len(self.adjacency)

    def graph(self, inputs: int) -> Graph:
        """The graph for `inputs` inputs."""
        if self.sensory_adjacency is not None and inputs != len(self.sensory_adjacency):
            raise ValueError(f"inputs must be {len(self.sensory_adjacency)}, as in sensory_adjacency, got {inputs}")
        return _graph(self, _positive("inputs", inputs))

    def _draw(self, inputs: int) -> Graph:
        sensory = self.sensory_adjacency or ((1,) * self.units,) * inputs
        return _single_layer(np.array(self.adjacency, np.int32), np.array(sensory, np.int32), self.outputs)


@functools.lru_cache(maxsize=256)
def _graph(wiring: Any, inputs: int) -> Graph:
    return wiring._draw(inputs)


def _single_layer(adjacency: np.ndarray, sensory_adjacency: np.ndarray, outputs: int) -> Graph:
    units = adjacency.shape[0]
    roles = ("motor",) * outputs + ("inter",) * (units - outputs)
    return Graph(adjacency, sensory_adjacency, outputs, (tuple(range(units)),), roles)


def _synapses(matrix: np.ndarray) -> Synapses:
    target, source = np.nonzero(matrix.T)
    return Synapses(source.astype(np.int32), target.astype(np.int32), matrix[source, target])


def _as_tuples(matrix: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())


def _ternary(name: str, matrix: Sequence | np.ndarray) -> np.ndarray:
    array = np.asarray(matrix)
    if array.ndim != 2 or 0 in array.shape:
        raise ValueError(f"{name} must be a matrix with at least one row and column, got shape {array.shape}")
    wrong = np.argwhere(~np.isin(array, (-1, 0, 1)))
    if wrong.size:
        row, column = wrong[0].tolist()
        raise ValueError(f"{name} must hold -1, 0 and 1 only, got {array[row, column]} at [{row}, {column}]")
    return array.astype(np.int32)


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
    return value


def _check_units_and_outputs(wiring: Any) -> None:
    _positive("units", wiring.units)
    outputs = wiring.units if wiring.outputs is None else wiring.outputs
    if not 1 <= outputs <= wiring.units:
        raise ValueError(f"outputs must be in [1, units = {wiring.units}], got {outputs}")
    object.__setattr__(wiring, "outputs", outputs)
