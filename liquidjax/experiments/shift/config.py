"""What is trained, and on which other samplings it is tested: the grid is written down before anything is measured."""

from dataclasses import dataclass

import numpy as np

from liquidjax._bounds import check_positive
from liquidjax._checks import check_size
from liquidjax.experiments.shared.grids import check_choices, check_different, check_losses, check_rates
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.experiments.shift.designs import DESIGNS
from liquidjax.experiments.shift.tasks import RATES, TASKS


@dataclass(frozen=True)
class Grid:
    """The samplings that are tested, each beside that of the training."""

    rates: tuple[float, ...] = RATES
    """Steps in a unit of time, as a multiple of those in training: some of 0.25, 0.5, 2 and 4."""
    lost: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7)
    """Shares of the steps that are lost, singly and once more in bursts."""
    burst: float = 4.0
    """Mean number of steps that are lost together, in bursts."""
    jitter: tuple[float, ...] = (0.3, 0.6, 1.2)
    """Standard deviations of the gaps, as a multiple of their mean, which stays."""
    noise: tuple[float, ...] = (0.1, 0.3, 1.0)
    """Standard deviations of noise on every feature, as a multiple of its own."""

    def __post_init__(self):
        check_fields(self)
        check_rates(self.rates, RATES)
        check_losses(self.lost, self.burst)
        for name in ("jitter", "noise"):
            for value in getattr(self, name):
                check_positive(name, value)
        check_different(self, "rates", "lost", "jitter", "noise")


@dataclass(frozen=True)
class Budget:
    """How every design is trained and tuned: with the same settings, on data as they were sampled for training."""

    steps: int = 400
    """Of Adam in each training, its rate falling along a cosine; the parameters are those of the best epoch on the
    validation data."""
    batch_size: int = 50
    """Series in a step; over half of them where there are few and of different lengths."""
    learning_rates: tuple[float, ...] = (0.003, 0.01, 0.03)
    """What each design chooses from on each task, by the validation loss."""
    tuning_seeds: int = 2
    """Trainings for each learning rate before the choice. Times the learning rates they are trained side by side."""
    filters: tuple[float, ...] = (0.5, 1.0, 2.0)
    """Time constants, in steps of training, that the design behind a low-pass filter chooses from; its learning rate is
    the one in the middle. As many as learning rates, so that everybody is tuned by as many trials."""

    def __post_init__(self):
        check_fields(self)
        for name, most in (("steps", 1_000_000), ("batch_size", 100_000), ("tuning_seeds", 100)):
            check_size(name, getattr(self, name), 1, most)
        check_choices(self, "learning_rates", "filters")
        if max(self.learning_rates) > 1:
            raise ValueError(f"learning_rates must be at most 1, got {max(self.learning_rates)}")

    @property
    def together(self) -> int:
        """Members that are trained side by side in one compiled program."""
        return len(self.learning_rates) * self.tuning_seeds


@dataclass(frozen=True)
class ShiftConfig:
    """Who is trained on what, and tested where."""

    tasks: tuple[str, ...] = tuple(TASKS)
    """Some of sines, JapaneseVowels, BasicMotions and digits."""
    designs: tuple[str, ...] = tuple(DESIGNS)
    """Networks by name, see `liquidjax/experiments/shift/designs.py`; computed in this order, each on all tasks."""
    grid: Grid = Grid()
    budget: Budget = Budget()
    seeds: int = 12
    """Trainings of each design on each task, after its learning rate is chosen."""
    headline_seeds: int = 24
    """The same for the designs of the headline."""
    neurons: int = 19
    """Of the wired networks, AutoNCP with a motor neuron for each class. Each group of seeds has another wiring. All
    others have about as many parameters as the LTC among them."""
    unfolds: int = 6
    """Solver steps of LTC, HasaniLTC and CT-RNN within a step of time."""
    series: int = 400
    """Training series at most."""
    test_series: int = 200
    """Test series at most, evenly spread over those that there are."""

    def __post_init__(self):
        check_fields(self)
        for name, known in (("tasks", TASKS), ("designs", DESIGNS)):
            given = getattr(self, name)
            unknown = [each for each in given if each not in known]
            if not given or unknown or len(set(given)) < len(given):
                got = repr(unknown[0][:60]) if unknown else "none" if not given else "one twice"
                raise ValueError(f"{name} must be some of {len(known)}: {', '.join(known)[:150]}; got {got}")
        most = {"seeds": 1000, "headline_seeds": 1000, "neurons": 200, "unfolds": 100}
        for name, largest in most.items():
            check_size(name, getattr(self, name), 1, largest)
        for name in ("series", "test_series"):
            check_size(name, getattr(self, name), 20, 10_000)
        if self.neurons < 16:
            raise ValueError(f"neurons must be at least 16, ten of which are for the digits, got {self.neurons}")
        rates, filters = len(self.budget.learning_rates), len(self.budget.filters)
        if rates != filters and any(DESIGNS[each].filtered for each in self.designs):
            raise ValueError(
                f"filters must be as many as learning_rates, {rates}, so that everybody is tuned by as many trials, "
                f"got {filters}"
            )
        for name in ("seeds", "headline_seeds"):
            if getattr(self, name) % self.budget.together:
                raise ValueError(
                    f"{name} must be a multiple of {self.budget.together}, the learning rates times the tuning_seeds, "
                    f"so that one compiled program trains them all, got {getattr(self, name)}"
                )

    def groups(self, design: str) -> list[np.ndarray]:
        """The seeds of a design, those together that are trained side by side; none of them tunes.

        Example:
            >>> [seeds.tolist() for seeds in ShiftConfig().groups("LSTM")]
            [[100, 101, 102, 103, 104, 105], [106, 107, 108, 109, 110, 111]]
        """
        seeds = self.headline_seeds if DESIGNS[design].headline else self.seeds
        return list((100 + np.arange(seeds)).reshape(-1, self.budget.together))
