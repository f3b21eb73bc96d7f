"""Which gradients are measured, and how."""

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np

from liquidjax._bounds import check_positive, check_seed
from liquidjax._checks import check_choice, check_size
from liquidjax._types import ODECell
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.ltc import LTC
from liquidjax.integrators import Exponential, SemiImplicit
from liquidjax.wirings import AutoNCP, FullyConnected

Neurons = Literal["fully connected LTC", "AutoNCP LTC", "CT-RNN"]
CELLS: tuple[Neurons, ...] = ("AutoNCP LTC", "CT-RNN")
"""The cells on which the adjoint is driven to where it fails."""
LONGEST = 100_000_000
"""Time steps."""


@dataclass(frozen=True)
class Network:
    """The cell whose gradient is measured."""

    neurons: Neurons = "fully connected LTC"
    """The model and its wiring. The LTC is solved by SemiImplicit, the CT-RNN by Exponential."""
    units: int = 64
    """Number of neurons."""
    outputs: int = 4
    """How many of them are motor neurons (AutoNCP only; elsewhere all are)."""
    inputs: int = 8
    """Input features."""
    batch: int = 32
    """Sequences at a time."""
    unfolds: int = 6
    """Solver steps within a time step."""

    def __post_init__(self):
        check_choice("neurons", self.neurons, ("fully connected LTC", "AutoNCP LTC", "CT-RNN"))
        most = {"units": 1024, "outputs": 1024, "inputs": 10_000, "batch": 10_000, "unfolds": 1000}
        for name, largest in most.items():
            check_size(name, getattr(self, name), 1, largest)
        self.cell()  # what the cell refuses is refused here

    def cell(self) -> ODECell:
        """The cell these settings stand for."""
        if self.neurons == "CT-RNN":
            return CTRNN(self.inputs, self.units, Exponential(self.unfolds))
        wiring = AutoNCP(self.units, self.outputs) if self.neurons == "AutoNCP LTC" else FullyConnected(self.units)
        return LTC(self.inputs, wiring, SemiImplicit(self.unfolds))

    @property
    def title(self) -> str:
        """The cell in words.

        Example:
            >>> Network().title
            'fully connected LTC: 64 neurons, 8 inputs, batch 32, 6 unfolds, float32'
        """
        return (
            f"{self.neurons}: {self.units} neurons, {self.inputs} inputs, batch {self.batch}, "
            f"{self.unfolds} unfolds, float32"
        )


@dataclass(frozen=True)
class Sweep:
    """A cell, and the lengths of the sequences on which its gradient is measured: a geometric row."""

    network: Network = Network()
    shortest: int = 64
    """Time steps of the shortest sequence."""
    longest: int = 16384
    """Time steps of the longest sequence."""
    lengths: int = 3
    """How many lengths there are, at least 2."""
    timed_up_to: int = 64
    """Longest sequence that is run and timed; longer ones are only compiled. BPTT keeps every unfold in memory."""
    unfolds_at: int = 0
    """One of the lengths, at which half and twice the unfolds are measured too; 0 leaves it out."""

    def __post_init__(self):
        for name, least, most in (
            ("shortest", 1, LONGEST),
            ("longest", 1, LONGEST),
            ("lengths", 2, 20),
            ("timed_up_to", 0, LONGEST),
            ("unfolds_at", 0, LONGEST),
        ):
            check_size(name, getattr(self, name), least, most)
        if self.longest <= self.shortest:
            raise ValueError(f"longest must be above shortest = {self.shortest}, got {self.longest}")
        _ = self.other_networks  # what a network refuses is refused here
        if self.unfolds_at and self.unfolds_at not in self.times:
            raise ValueError(f"unfolds_at must be 0 or one of the lengths {self.times}, got {self.unfolds_at}")

    @property
    def times(self) -> list[int]:
        """The lengths.

        Example:
            >>> Sweep().times
            [64, 1024, 16384]
        """
        return np.round(np.geomspace(self.shortest, self.longest, self.lengths)).astype(int).tolist()

    @property
    def other_networks(self) -> list[Network]:
        """The network with half and with twice the unfolds, where they are asked for."""
        unfolds = self.network.unfolds
        others = sorted({max(1, unfolds // 2), 2 * unfolds} - {unfolds}) if self.unfolds_at else []
        return [dataclasses.replace(self.network, unfolds=count) for count in others]


@dataclass(frozen=True)
class Curve:
    """One cell on which it is shown."""

    network: Network
    steps: int
    dt_over_tau: float
    seed: int


@dataclass(frozen=True)
class Failure:
    """Small cells on which the adjoint is driven to where it fails."""

    units: int = 16
    """Neurons of the LTC (AutoNCP) and of the CT-RNN."""
    outputs: int = 4
    """Motor neurons of the LTC."""
    inputs: int = 4
    """Input features."""
    batch: int = 4
    """Sequences at a time."""
    unfolds: int = 6
    """Solver steps within a time step, forwards and backwards."""
    steps: int = 2048
    """Time steps at most."""
    dt_over_tau: float = 0.02
    """Mean duration of a time step, in smallest time constants; the segments are also shown at an eighth of it."""

    def __post_init__(self):
        check_size("steps", self.steps, least=2, most=100_000)  # all of their BPTT is kept, in float64
        check_positive("dt_over_tau", self.dt_over_tau)
        for neurons in CELLS:
            self.curve(neurons, seed=0)

    def curve(self, neurons: Neurons, seed: int) -> Curve:
        """What is computed for one of the cells."""
        network = Network(neurons, self.units, self.outputs, self.inputs, self.batch, self.unfolds)
        return Curve(network, self.steps, self.dt_over_tau, seed)


@dataclass(frozen=True)
class GradientMemoryConfig:
    """Which gradients are measured, and how."""

    dense: Sweep = Sweep()
    """The first cell."""
    sparse: Sweep = Sweep(Network("AutoNCP LTC", units=32, batch=1), 512, 32768, timed_up_to=4096, unfolds_at=4096)
    """The second cell, on longer sequences."""
    segments: int = 8
    """Segments that SegmentedAdjoint divides every sequence into."""
    dt_over_tau: float = 0.004
    """Mean duration of a time step, in smallest time constants of the cell, where gradients are compared."""
    timed_runs: int = 20
    """Timed runs of each gradient, after one that is not counted; at least 1."""
    failure: Failure = Failure()
    long_steps: int = 1_000_000
    """Time steps of one gradient of the second cell by Chunked, loss within the step; 0 leaves it out."""
    long_check: int = 10_000
    """Time steps at which that gradient is compared with the one by Remat."""
    seed: int = 0
    """Seed of the initial parameters and of the data."""

    def __post_init__(self):
        for name, least, most in (
            ("segments", 1, LONGEST),
            ("timed_runs", 1, 10_000),
            ("long_steps", 0, LONGEST),
            ("long_check", 1, 1_000_000),
        ):
            check_size(name, getattr(self, name), least, most)
        check_positive("dt_over_tau", self.dt_over_tau)
        check_seed("seed", self.seed)

    @property
    def sweeps(self) -> dict[str, Sweep]:
        """Both sweeps by their names."""
        return {"dense": self.dense, "sparse": self.sparse}
