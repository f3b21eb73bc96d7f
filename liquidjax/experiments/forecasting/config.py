"""Which series are forecast by whom, and how that is judged."""

from dataclasses import dataclass

import numpy as np

from liquidjax._bounds import check_positive
from liquidjax._checks import check_size
from liquidjax._types import Cell
from liquidjax.cells.cfc import CfC
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.integrators import Euler, SemiImplicit
from liquidjax.tasks.series import SYSTEMS, Sampling
from liquidjax.wirings import FullyConnected


@dataclass(frozen=True)
class Networks:
    """The networks, each with a linear readout of all its neurons. All start from the same seeds."""

    units: int = 8
    """Neurons of the liquid layer, the LTC, the CfC and the smaller LSTM."""
    large_units: int = 16
    """Units of the larger LSTM."""
    unfolds: int = 3
    """Solver steps of the LTC within a time step; the liquid layer takes one, of Euler's."""
    backbone_units: int = 27
    """Width of the CfC's backbone."""
    dt: float = 0.1
    """Duration of a time step for the liquid layer, the LTC and the CfC, in the unit of their time constants."""

    def __post_init__(self):
        for name, most in (("units", 1024), ("large_units", 1024), ("unfolds", 1000), ("backbone_units", 1024)):
            check_size(name, getattr(self, name), 1, most)
        check_positive("dt", self.dt)
        if self.large_units == self.units:
            raise ValueError(f"large_units must differ from units, got {self.units} for both")
        self.build(dimensions=1)  # what a cell refuses is refused here

    def build(self, dimensions: int) -> dict[str, Readout]:
        """The networks for a series of so many dimensions.

        Example:
            >>> list(Networks().build(dimensions=1))
            ['liquid layer (8)', 'LTC (8)', 'CfC (8)', 'LSTM (8)', 'LSTM (16)']
        """
        units = self.units
        # The readout is the LTC's output mapping.
        ltc = LTC(dimensions, FullyConnected(units), SemiImplicit(self.unfolds), output_mapping=None)
        cells: dict[str, Cell] = {
            f"liquid layer ({units})": HasaniLTC(dimensions, units, Euler()),
            f"LTC ({units})": ltc,
            f"CfC ({units})": CfC(dimensions, units, backbone_units=self.backbone_units),
            f"LSTM ({units})": LSTM(dimensions, units),
            f"LSTM ({self.large_units})": LSTM(dimensions, self.large_units),
        }
        return {name: Readout(cell, dimensions) for name, cell in cells.items()}


@dataclass(frozen=True)
class LearningRates:
    """What every network chooses its learning rate from: a geometric row."""

    lowest: float = 0.0003
    """The first of them."""
    highest: float = 0.1
    """The last of them."""
    count: int = 6
    """How many there are."""

    def __post_init__(self):
        check_size("count", self.count, 1, 100)
        check_positive("lowest", self.lowest)
        check_positive("highest", self.highest)
        if self.lowest > self.highest:
            raise ValueError(f"highest must be at least lowest = {self.lowest}, got {self.highest}")

    @property
    def values(self) -> np.ndarray:
        """The rates, (count,)."""
        return np.geomspace(self.lowest, self.highest, self.count)


@dataclass(frozen=True)
class ForecastingConfig:
    """Which series are forecast by whom, and how that is judged."""

    sines: Sampling = Sampling(train=200, test=100, interval=0.1, noise=0.05)
    """sin t + 0.5 sin 2.3 t + 0.3 sin 3.7 t."""
    lorenz: Sampling = Sampling(train=600, test=400, interval=0.05, noise=0.05)
    """The Lorenz system, all three coordinates."""
    mackey_glass: Sampling = Sampling(train=600, test=400, interval=2.0, noise=0.05)
    """The Mackey-Glass equation with a delay of 17."""
    networks: Networks = Networks()
    learning_rates: LearningRates = LearningRates()
    validation_share: float = 0.25
    """Last share of the training section, by which learning rates and the penalty of ridge regression are chosen."""
    epochs: int = 1000
    """Steps of Adam, each on the whole training section, for the choice and again for the training after it."""
    seeds: int = 5
    """How many times everything is repeated; a seed draws the initial parameters and the noise."""
    longest_window: int = 64
    """Past points ridge regression sees at most; it chooses from this, half of it, a quarter and so on to 1."""
    horizon: float = 0.6
    """Length of a free-running forecast, as a share of the test section."""
    starts: int = 10
    """Points where such forecasts start, evenly spread from the first of the test section to the last possible one."""
    threshold: float = 0.4
    """Error that ends a valid forecast, in standard deviations of the series."""

    def __post_init__(self):
        most = {"epochs": 1_000_000, "seeds": 100, "longest_window": 1024, "starts": 1000}
        for name, largest in most.items():
            check_size(name, getattr(self, name), 1, largest)
        for name in ("validation_share", "horizon", "threshold"):
            check_positive(name, getattr(self, name))
        for name in ("validation_share", "horizon"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        for name in SYSTEMS:
            sampling: Sampling = getattr(self, name)
            fit, horizon = self.sections(sampling)
            if not 2 * self.longest_window <= fit < sampling.train or horizon < 1:
                raise ValueError(
                    f"{name} must have more points: of train = {sampling.train}, {fit} are left to fit, "
                    f"at least {2 * self.longest_window} for the longest window, and "
                    f"{sampling.train - fit} to validate; of test = {sampling.test}, {horizon} are the "
                    "horizon"
                )

    def sections(self, sampling: Sampling) -> tuple[int, int]:
        """(points of the training section before its validation part, points of a free-running forecast)."""
        fit = sampling.train - round(self.validation_share * sampling.train)
        return fit, round(self.horizon * sampling.test)
