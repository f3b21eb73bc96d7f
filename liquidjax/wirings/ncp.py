"""Neural circuit policies: four layers, sparse, recurrent among the command neurons."""

from dataclasses import dataclass

import numpy as np

from liquidjax._checks import check_integer, check_number, check_size, settle
from liquidjax.wirings.graph import Graph, check_positive, drawn_once


def _check_seed(name: str, value: int) -> int:
    value = check_size(name, value, least=0)
    if value >= 2**32:
        raise ValueError(f"{name} must be below 2^32, the limit of numpy's older generator, got {value}")
    return value


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
        settle(self, check_positive, "inter", "command", "motor")
        settle(self, check_integer, "sensory_fanout", "inter_fanout", "motor_fanin", "recurrent_command_synapses")
        settle(self, _check_seed, "seed")
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

    @drawn_once
    def graph(self, inputs: int) -> Graph:
        """Draws the graph for `inputs` inputs. With another number of inputs the inner synapses differ too."""
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
        settle(self, check_integer, "units", "outputs")
        settle(self, check_number, "sparsity")
        settle(self, _check_seed, "seed")
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
