"""What is trained on which data, for what, and for how long: the settings of `liquidjax train`."""

from dataclasses import dataclass
from typing import Literal

from liquidjax._bounds import check_not_negative, check_positive, check_seed, check_share
from liquidjax._checks import check_number, check_size
from liquidjax._types import Cell
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.network import Model
from liquidjax.experiments.supervised.shifted import Shift
from liquidjax.sequences.times import Unit
from liquidjax.tasks.preparation import Fill
from liquidjax.training.coarse import Coarse
from liquidjax.training.optimizer import Name, Optimizer, Schedule
from liquidjax.training.precision import check_precision

MOST_STEPS = 1_000_000
"""Epochs, batches and series of which a setting may speak."""


@dataclass(frozen=True)
class Data:
    """Where the series come from, how a table of them is read, and who is held out."""

    source: str = ""
    """A .csv, .parquet, .npz or .ts file, a folder of CSV files, or package.module:function."""
    test: str | None = None
    """Source of the test series where they are apart; else a share of the series is held out for the test."""
    series: str | None = None
    """Column that says whose a row is; the whole table is one series without."""
    time: str | None = None
    """Column of the times; steps 0, 1, 2, ... without."""
    target: tuple[str, ...] = ()
    """Column of what is to be learnt, or columns; without, the next step of the features themselves is forecast."""
    labels: str | None = None
    """Of a folder, a CSV file in it or elsewhere with the columns series and target, in the place of `target`."""
    features: tuple[str, ...] = ()
    """Columns that the network reads; all others without."""
    target_at: Literal["series", "step"] = "series"
    """Whether there is a target for the whole series or for each step."""
    classes: bool | None = None
    """Whether the target names a class; if left out, it does where it is text."""
    group: str | None = None
    """Column that says to what a series belongs, such as a person: groups are kept together."""
    time_unit: Unit | None = None
    """Where times are dates, what they are counted in: ns, us, ms, s, m (minutes), h, D or W."""
    duplicates: Literal["error", "mean", "last"] = "error"
    """What becomes of rows of a series at the same time."""
    unsorted: Literal["error", "sort"] = "error"
    """What becomes of rows of a series whose times go back."""
    missing: tuple[str, ...] = ()
    """Texts that mean a missing value, besides blank ones."""
    split: Literal["series", "time"] = "series"
    """Whether whole series are held out, or the last part of each."""
    validation_share: float = 0.15
    """Share of the data to choose by; it is not trained on."""
    test_share: float = 0.2
    """Share of the data held out for the test at the end."""
    split_seed: int = 0
    """Seed of the split."""
    stratified: bool = True
    """Whether each part has the same mix of classes."""

    def __post_init__(self):
        check_fields(self)
        for name in ("validation_share", "test_share"):
            check_share(name, getattr(self, name), 0.001, 0.9)
        if not self.validation_share + self.test_share < 1:
            raise ValueError(
                "validation_share + test_share must be below 1, so that something is left to train on; got "
                f"{self.validation_share} + {self.test_share}"
            )
        check_seed("split_seed", self.split_seed)

    @property
    def columns(self) -> dict[str, object]:
        """The options of the readers of tables that say something; other formats have none."""
        target = self.target[0] if len(self.target) == 1 else self.target or None
        given = {
            "series": self.series,
            "time": self.time,
            "target": target,
            "features": self.features or None,
            "target_at": self.target_at,
            "classes": self.classes,
            "group": self.group,
            "time_unit": self.time_unit,
            "duplicates": self.duplicates,
            "unsorted": self.unsorted,
            "missing": self.missing,
        }
        usual = {"target_at": "series", "duplicates": "error", "unsorted": "error", "missing": ()}
        return {name: value for name, value in given.items() if value != usual.get(name)}

    def places(self, features: tuple[str, ...]) -> tuple[str, str]:
        """The columns of the series and of the times in a table that is written: as the settings say, or else new ones.

        Example:
            >>> Data(series="who").places(("x", "y")), Data().places(("x", "time"))
            (('who', 'time'), ('series', 'time_'))
        """
        names = []
        for usual, given in (("series", self.series), ("time", self.time)):
            name = given or usual
            while given is None and name in (*features, self.series, self.time):
                name += "_"
            names.append(name)
        return names[0], names[1]


@dataclass(frozen=True)
class Inputs:
    """What is done to the data before the network reads them."""

    scale: bool = True
    """Whether features, and values to learn, are brought to mean 0 and spread 1."""
    step: float = 1.0
    """What a typical step from one time to the next is to the network, in units of its time constants."""
    fill: Fill = "carry"
    """What stands for a missing feature: its last value, or its mean."""
    indicators: bool = False
    """Whether the network is told which features were observed."""
    since: bool = False
    """Whether it is told how long ago each was observed."""

    def __post_init__(self):
        check_fields(self)
        check_positive("step", self.step)


@dataclass(frozen=True)
class Members:
    """An ensemble: every network is trained with each of these values side by side, as many in each list."""

    seed: tuple[int, ...] = ()
    """Seed of the initial parameters of each member; all see the same batches, by the seed of the training."""
    learning_rate: tuple[float, ...] = ()
    """Learning rate of each member."""
    weight_decay: tuple[float, ...] = ()
    """Weight decay of each member (adamw and lion)."""
    clip: tuple[float, ...] = ()
    """Largest norm of a gradient of each member."""

    def __post_init__(self):
        check_fields(self)
        lengths = {name: len(values) for name, values in self.varied.items()}
        if len(set(lengths.values())) > 1 or 1 in lengths.values():
            raise ValueError(f"members must have as many values for each setting, at least 2, got {lengths}")
        for name, check in (
            ("seed", check_seed),
            ("learning_rate", check_positive),
            ("weight_decay", check_not_negative),
            ("clip", check_positive),
        ):
            for value in getattr(self, name):
                check(name, value)

    @property
    def varied(self) -> dict[str, tuple[float, ...]]:
        """The values by name, those that are left out not among them."""
        given = {"seed": self.seed, "learning_rate": self.learning_rate}
        given |= {"weight_decay": self.weight_decay, "clip": self.clip}
        return {name: values for name, values in given.items() if values}

    @property
    def number(self) -> int:
        """How many there are; 0 where every network is trained once."""
        return max(map(len, self.varied.values()), default=0)


@dataclass(frozen=True)
class Training:
    """How it is learnt, and for how long."""

    optimizer: Name = "adam"
    """Optimizer of optax: adam, adamw, sgd, rmsprop, lion, adabelief or nadam."""
    learning_rate: float = 0.01
    """Learning rate, the highest of the schedule."""
    compare_learning_rates: tuple[float, ...] = ()
    """Those of the cells to compare with, in their order; the same as of the first without."""
    schedule: Schedule = "constant"
    """How the rate changes: constant, cosine, linear, exponential, or cooldown, which comes down in its last fifth."""
    warmup: int = 0
    """Batches in which the rate rises from 0 first."""
    weight_decay: float = 0.0
    """Times the learning rate, the share by which every parameter shrinks in a step (adamw and lion)."""
    clip: float | None = 1.0
    """Largest norm of a gradient; longer ones are shortened to it."""
    accumulate: int = 1
    """Batches whose mean gradient makes one step."""
    epochs: int = 100
    """Times each network goes through the training data."""
    batch_size: int = 32
    """Series in a batch."""
    patience: int | None = None
    """Epochs without a better validation loss after which the training stops."""
    keep: Literal["best", "last"] = "best"
    """Which parameters are kept: the best by validation loss, or those after the last epoch."""
    seed: int = 0
    """Seed of the initial parameters, of the order of the series, and of dropout."""
    precision: str = "float32"
    """float32; float64, for all that is computed and saved; or bfloat16, for products of matrices only."""
    calibrate: bool = False
    """Whether the gates of an LTC start where the training data are; cells that have no such start are as they were."""
    coarse_unfolds: int | None = None
    """Unfolds of the solvers in most of the training, where they have more; null for all of theirs from the start."""
    coarse_share: float = 0.85
    """The share of the epochs with `coarse_unfolds`; those after them have all."""
    members: Members = Members()
    """Lists of values, one for each member of an ensemble; the best by validation loss is the model."""
    most_skipped: int = 5
    """Steps in a row that are taken back and counted because their numbers are not finite; one more ends the run."""
    checkpoint_seconds: float | None = 60.0
    """Seconds between two checkpoints, from which `--resume` goes on; null for none."""
    tune_cpu: bool = True
    """Whether XLA is told to compile small networks for a CPU; see `liquidjax.tune_cpu`."""

    def __post_init__(self):
        check_fields(self)
        for name, least in (
            ("epochs", 1),
            ("batch_size", 1),
            ("warmup", 0),
            ("accumulate", 1),
            ("patience", 1),
            ("most_skipped", 0),
        ):
            if name != "patience" or self.patience is not None:
                check_size(name, getattr(self, name), least, MOST_STEPS)
        if self.clip is not None:
            check_positive("clip", self.clip)
        if self.checkpoint_seconds is not None:
            check_not_negative("checkpoint_seconds", self.checkpoint_seconds)
        check_positive("learning_rate", self.learning_rate)
        check_not_negative("weight_decay", self.weight_decay)
        for rate in self.compare_learning_rates:
            check_positive("compare_learning_rates", rate)
        check_seed("seed", self.seed)
        check_precision("precision", self.precision)
        if self.coarse_unfolds is not None:
            check_size("coarse_unfolds", self.coarse_unfolds, 1, MOST_STEPS)
        check_number("coarse_share", self.coarse_share, 0, 1)
        self.rule(self.learning_rate)
        if self.members.weight_decay and self.optimizer not in ("adamw", "lion"):
            raise ValueError(f"members.weight_decay must be left out with {self.optimizer}, adamw and lion have one")

    def coarse(self, cell: Cell) -> Coarse | None:
        """How the training of a cell begins with fewer unfolds; None where it has no more, or is not to."""
        if self.coarse_unfolds is None:
            return None
        coarse = Coarse(self.coarse_unfolds, self.coarse_share)
        return None if coarse.cell(cell) == cell else coarse

    def rule(self, learning_rate: float) -> Optimizer:
        """The optimizer with a learning rate."""
        return Optimizer(
            self.optimizer,
            learning_rate,
            self.schedule,
            self.warmup,
            self.weight_decay,
            self.clip,
            self.accumulate,
        )


@dataclass(frozen=True)
class SupervisedConfig:
    """What is trained on which data, for what, and for how long."""

    data: Data = Data()
    inputs: Inputs = Inputs()
    model: Model = Model()
    objective: Learning = Learning()
    training: Training = Training()
    shift: Shift = Shift()

    def __post_init__(self):
        rates, cells = len(self.training.compare_learning_rates), len(self.model.compare)
        if rates not in (0, cells):
            raise ValueError(f"training.compare_learning_rates must be one for each of {cells} cells, got {rates}")
        if rates and self.training.members.learning_rate:
            raise ValueError(
                "training.compare_learning_rates must be left out with training.members.learning_rate, which are those "
                "of every cell"
            )
        if self.shift.asks and self.objective.function is not None:
            raise ValueError(
                "shift must be left out with objective.function: what an objective of yours asks where a step is lost, "
                "nobody here can know"
            )

    def rates(self) -> list[float]:
        """The learning rate of each network, that of the first cell first."""
        others = self.training.compare_learning_rates or (self.training.learning_rate,) * len(self.model.compare)
        return [self.training.learning_rate, *others]
