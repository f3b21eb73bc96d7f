"""What is trained on handwritten digits, and for how long."""

from dataclasses import dataclass
from typing import Literal

from liquidjax._bounds import check_not_negative, check_positive, check_seed, check_share
from liquidjax._checks import check_choice, check_size
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.integrators import SemiImplicit
from liquidjax.tasks import digits
from liquidjax.wirings import AutoNCP


@dataclass(frozen=True)
class Model:
    """The liquid network: neurons wired by AutoNCP, and a linear readout of its motor neurons."""

    cell: Literal["LTC", "CfC"] = "LTC"
    """The model of a neuron: LTC (an ordinary differential equation) or CfC (its closed form)."""
    units: int = 96
    """Number of neurons."""
    outputs: int = 40
    """How many of them are motor neurons, which the readout sees."""
    sparsity: float = 0.25
    """Share of the possible synapses left out by the wiring, 0.1 to 1."""
    wiring_seed: int = 22222
    """Seed of the draw of the synapses."""
    unfolds: int = 3
    """Solver steps within a time step (LTC only)."""
    dt: float = 1.0
    """Duration of a time step, in the unit of the neurons' time constants."""

    def __post_init__(self):
        check_choice("cell", self.cell, ("LTC", "CfC"))
        check_size("units", self.units, 1, 1024)  # up to units^2 synapses, each drawn one by one
        check_size("outputs", self.outputs, 1, 1024)
        check_share("sparsity", self.sparsity, 0.1, 1)
        check_seed("wiring_seed", self.wiring_seed)
        check_size("unfolds", self.unfolds, 1, 1000)
        check_positive("dt", self.dt)
        self.build(inputs=1)  # what the wiring and the solver refuse is refused here, not after loading the data

    def build(self, inputs: int) -> Readout:
        """The network these numbers stand for."""
        wiring = AutoNCP(self.units, self.outputs, self.sparsity, self.wiring_seed)
        cell = LTC(inputs, wiring, SemiImplicit(self.unfolds)) if self.cell == "LTC" else WiredCfC(inputs, wiring)
        return Readout(cell, digits.CLASSES)


@dataclass(frozen=True)
class LearningRates:
    """Learning rate of each network at the first step; chosen on the validation images."""

    liquid: float = 0.02
    """Of the LTC or CfC."""
    lstm: float = 0.04
    """Of the LSTM."""
    gru: float = 0.01
    """Of the GRU."""

    def __post_init__(self):
        for name, value in vars(self).items():
            check_positive(name, value)


@dataclass(frozen=True)
class DigitsConfig:
    """What is trained on what, and for how long."""

    task: digits.Digits = digits.Digits()
    model: Model = Model()
    learning_rates: LearningRates = LearningRates()
    epochs: int = 100
    """Times each network goes through the training images."""
    batch_size: int = 64
    """Images in one step of the optimizer."""
    weight_decay: float = 0.02
    """Times the learning rate, the share by which every parameter shrinks in a step."""
    clip: float = 1.0
    """Largest norm of a gradient; longer ones are shortened to it."""
    smoothing: float = 0.1
    """Share of each label that is spread over all digits, against overconfidence."""
    seed: int = 0
    """Seed of the initial parameters and of the order of the images."""

    def __post_init__(self):
        check_size("epochs", self.epochs, 1, 1_000_000)
        check_size("batch_size", self.batch_size, 1, digits.IMAGES)
        images = digits.IMAGES - sum(self.task.held_out)
        if self.batch_size > images:
            raise ValueError(
                f"batch_size must be at most the number of training images = {images}, got {self.batch_size}"
            )
        check_not_negative("weight_decay", self.weight_decay)
        check_positive("clip", self.clip)
        check_share("smoothing", self.smoothing, 0, 0.999)
        check_seed("seed", self.seed)
