"""Who is trained on which task, and through which faults it is driven: written down before anything is measured."""

from dataclasses import dataclass

import numpy as np

from liquidjax._bounds import check_positive, check_share
from liquidjax._checks import check_size
from liquidjax.experiments.control.designs import DESIGNS
from liquidjax.experiments.control.faults import RATES, Faults
from liquidjax.experiments.shared.grids import check_choices, check_different, check_losses, check_rates
from liquidjax.experiments.shared.kinds import check_fields

TASKS = ("cart-pole", "double pendulum", "swimmer")
LEAST_JITTER = 0.25
"""Less cannot be made of gaps of two whole steps of physics."""
TOGETHER = "together"
"""The family of jitter, noise and losses at once."""


@dataclass(frozen=True)
class Grid:
    """The faults in which a controller is driven, each by itself but for the last; beside them frames without any."""

    rates: tuple[float, ...] = RATES
    """Frames in a second, as a multiple of those in training: some of 0.25, 0.5, 2 and 4."""
    delay: tuple[int, ...] = (1, 2, 4)
    """Frames that every one of them is late."""
    jitter: tuple[float, ...] = (0.3, 0.6, 1.2)
    """Standard deviations of the gaps, as a multiple of their mean, which stays."""
    noise: tuple[float, ...] = (0.1, 0.3, 1.0)
    """Standard deviations of noise on every position, in the unit of the task."""
    lost: tuple[float, ...] = (0.1, 0.2, 0.4, 0.7)
    """Shares of the frames that are lost, singly and once more in bursts."""
    burst: float = 4.0
    """Mean number of frames that are lost together, in bursts."""
    together: tuple[float, ...] = (0.6, 0.2, 0.2)
    """Jitter, noise and the share that is lost, all at once; none of it where this is empty."""

    def __post_init__(self):
        check_fields(self)
        check_rates(self.rates, RATES)
        for delay in self.delay:
            check_size("delay", delay, 1, 20)
        check_losses(self.lost, self.burst)
        for value in self.jitter:
            check_share("jitter", value, LEAST_JITTER, 3)
        for value in self.noise:
            check_positive("noise", value)
        if self.together:
            if len(self.together) != 3 or self.together[1] <= 0 or not 0 < self.together[2] < 1:
                raise ValueError(f"together must be jitter, noise and a share below 1, or nothing, got {self.together}")
            check_share("together", self.together[0], LEAST_JITTER, 3)
        check_different(self, "rates", "delay", "jitter", "noise", "lost")

    def faults(self) -> dict[str, Faults]:
        """All of them by their names, a family and a level.

        Example:
            >>> list(Grid(rates=(2.0,), delay=(), jitter=(), noise=(0.1,), lost=(0.4,)).faults())
            ['clean 1', 'rate 2', 'noise 0.1', 'lost 0.4', 'bursts 0.4', 'together 1']
        """
        found = {"clean 1": Faults()}
        found |= {f"rate {rate:g}": Faults(rate=rate) for rate in self.rates}
        found |= {f"delay {delay}": Faults(delay=delay) for delay in self.delay}
        found |= {f"jitter {jitter:g}": Faults(jitter=jitter) for jitter in self.jitter}
        found |= {f"noise {noise:g}": Faults(noise=noise) for noise in self.noise}
        found |= {f"lost {share:g}": Faults(lost=share) for share in self.lost}
        found |= {f"bursts {share:g}": Faults(lost=share, burst=self.burst) for share in self.lost}
        if self.together:
            jitter, noise, lost = self.together
            found[f"{TOGETHER} 1"] = Faults(jitter=jitter, noise=noise, lost=lost)
        return found


FEW = Grid(rates=(0.5, 2.0), delay=(1,), jitter=(0.6,), noise=(0.3,), lost=(0.2,))
"""For the tasks of MuJoCo, whose physics take most of the time."""


@dataclass(frozen=True)
class Budget:
    """How every design is trained and tuned: with the same settings, and by clean validation data alone."""

    series: int = 160
    """Demonstrations to learn from; a quarter as many validate."""
    frames: int = 100
    """Of each demonstration."""
    steps: int = 500
    """Of Adam in each training, its rate falling along a cosine; the parameters are those of the best epoch on the
    validation data."""
    batch_size: int = 20
    """Demonstrations in a step."""
    learning_rates: tuple[float, ...] = (0.005, 0.01, 0.02, 0.05, 0.1)
    """What each design chooses from on each task, by the validation loss."""
    tuning_seeds: int = 1
    """Trainings for each learning rate before the choice. Times the learning rates they are trained side by side."""
    low_pass: tuple[float, ...] = (0.5, 2.0)
    """Time constants, in frames, that designs behind a low-pass filter choose from as well."""
    kalman: tuple[float, ...] = (0.1, 0.3)
    """Noises, in the unit of the task, for which the Kalman filter may be made, likewise."""
    jitter: float = 0.6
    """Of the frames that are trained on, where it is with faults."""
    lost: float = 0.2
    """Share of them that is lost there."""

    def __post_init__(self):
        check_fields(self)
        limits = {"series": 10_000, "frames": 10_000, "steps": 1_000_000, "batch_size": 10_000, "tuning_seeds": 100}
        for name, most in limits.items():
            check_size(name, getattr(self, name), 4 if name == "series" else 2 if name == "frames" else 1, most)
        check_choices(self, "learning_rates", "low_pass", "kalman")
        if max(self.learning_rates) > 1:
            raise ValueError(f"learning_rates must be at most 1, got {max(self.learning_rates)}")
        if self.jitter:
            check_share("jitter", self.jitter, LEAST_JITTER, 3)
        check_share("lost", self.lost, 0, 0.9)

    @property
    def together(self) -> int:
        """Members that are trained side by side in one compiled program."""
        return len(self.learning_rates) * self.tuning_seeds

    @property
    def faults(self) -> Faults:
        """Of the frames in a training with faults."""
        return Faults(jitter=self.jitter, lost=self.lost)


@dataclass(frozen=True)
class ControlConfig:
    """Who is trained on what, and driven through which faults."""

    tasks: tuple[str, ...] = TASKS
    """Some of cart-pole, double pendulum and swimmer."""
    designs: tuple[str, ...] = tuple(name for name, each in DESIGNS.items() if not (each.front and each.faulty))
    """Networks by name, see `liquidjax/experiments/control/designs.py`; computed in this order. Behind a filter and
    trained on faults at once are others, which are there to be asked for."""
    filtered: tuple[str, ...] = ("cart-pole",)
    """Tasks on which the designs behind a filter are computed too."""
    grid: Grid = Grid()
    """Of the cart-pole, whose physics cost little."""
    mujoco_grid: Grid = FEW
    """Of the others."""
    budget: Budget = Budget()
    seeds: int = 10
    """Trainings of each design on each task, after its learning rate is chosen."""
    headline_seeds: int = 20
    """The same for the designs of the headline, without a filter and trained on clean frames."""
    starts: int = 100
    """From which each network is driven in each condition."""
    seconds: float = 10.0
    """Of an episode of the cart-pole."""
    mujoco_seconds: float = 4.0
    """Of an episode of the others."""
    parameters: int = 0
    """About so many has each network, its readout included; 0 for as many as the LTC-NCP has on the task."""
    neurons: int = 19
    """Of the wired network, AutoNCP with a motor neuron for each action. Each group of seeds has another wiring."""
    unfolds: int = 6
    """Solver steps of LTC, HasaniLTC and CT-RNN within a step of time."""

    def __post_init__(self):
        check_fields(self)
        for name, known in (("tasks", TASKS), ("designs", DESIGNS), ("filtered", TASKS)):
            given = getattr(self, name)
            unknown = [each for each in given if each not in known]
            if (not given and name != "filtered") or unknown or len(set(given)) < len(given):
                got = repr(unknown[0][:60]) if unknown else "none" if not given else "one twice"
                raise ValueError(f"{name} must be some of {len(known)}: {', '.join(known)[:150]}; got {got}")
        most = {"seeds": 1000, "headline_seeds": 1000, "neurons": 200, "unfolds": 100, "starts": 10_000}
        for name, largest in most.items():
            check_size(name, getattr(self, name), 1, largest)
        check_size("parameters", self.parameters, 0, 100_000)
        if self.neurons < 8:
            raise ValueError(f"neurons must be at least 8, got {self.neurons}")
        for name in ("seconds", "mujoco_seconds"):
            check_share(name, getattr(self, name), 0.5, 1000)
        for name in ("seeds", "headline_seeds"):
            if getattr(self, name) % self.budget.together:
                raise ValueError(
                    f"{name} must be a multiple of {self.budget.together}, the learning rates times the tuning_seeds, "
                    f"so that one compiled program trains them all, got {getattr(self, name)}"
                )
        if not self.wanted():
            raise ValueError("designs must have one without a filter, or filtered one of the tasks; nothing is left")

    def wanted(self) -> list[tuple[str, str]]:
        """(task, design) of all that is computed, in its order: those with filters on the `filtered` tasks only."""
        return [
            (task, design)
            for design in self.designs
            for task in self.tasks
            if not DESIGNS[design].front or task in self.filtered
        ]

    def groups(self, design: str) -> list[np.ndarray]:
        """The seeds of a design, those together that are trained side by side; none of them tunes.

        Example:
            >>> [seeds.tolist() for seeds in ControlConfig().groups("GRU")]
            [[100, 101, 102, 103, 104], [105, 106, 107, 108, 109]]
        """
        known = DESIGNS[design]
        many = known.network.headline and not known.front and not known.faulty
        return list((100 + np.arange(self.headline_seeds if many else self.seeds)).reshape(-1, self.budget.together))
