"""What is trained on which data, for what, and for how long: the settings of `liquidjax train`."""

from dataclasses import dataclass
from typing import Literal

from liquidjax._bounds import check_not_negative, check_positive, check_seed, check_share
from liquidjax._checks import check_kind, check_size
from liquidjax._types import Cell
from liquidjax.analysis.parameters import count_parameters, matched_in_size
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.sequences.times import Unit
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Fill
from liquidjax.training.notation import parse
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import At, Classification, Event, Forecast, Regression, balanced
from liquidjax.training.optimizer import Name, Optimizer, Schedule

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
class Model:
    """The network, written as a call, and what it is compared with."""

    cell: str = "LTC(wiring=AutoNCP(32, 8))"
    """Any cell with its wiring and integrator, such as CfC(units=32) or LTC(wiring=NCP(...), integrator=Euler(6))."""
    readout: bool = True
    """Whether a linear map of its outputs makes the answers; without one, its outputs are the answers."""
    compare: tuple[str, ...] = ()
    """Other cells, as calls; or LSTM, GRU, CfC, CTRNN by name for one of about as many parameters."""

    def __post_init__(self):
        check_fields(self)
        for name, text in (("cell", self.cell), *(("compare", text) for text in self.compare)):
            if name == "compare" and text in MATCHED:
                if not self.readout:
                    raise ValueError(
                        f"compare must be calls such as {text}(units=3) without a readout, for the units of a cell are "
                        f"its outputs then, got {text}"
                    )
                continue
            try:
                cell = parse(text, inputs=1)  # what is no cell is refused here, not after reading the data
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            check_kind(name, cell, Cell, "a call of a cell such as CfC(units=32)")

    def networks(self, inputs: int, outputs: int) -> dict[str, Cell]:
        """The cells by the name of their kind, that of `cell` first."""

        def whole(text: str) -> Cell:
            cell = parse(text, inputs=inputs)
            if cell.inputs != inputs:
                raise ValueError(
                    f"the cell must have {inputs} inputs, as many as are read, got {cell.inputs}; leave them out"
                )
            if self.readout:
                return Readout(cell, outputs)
            if cell.outputs != outputs:
                raise ValueError(f"the cell must have {outputs} outputs without a readout, got {cell.outputs}")
            return cell

        first = whole(self.cell)
        size = count_parameters(first)
        cells = [(text.partition("(")[0], whole(text)) for text in (self.cell,)]
        for text in self.compare:
            matched = text in MATCHED
            build = lambda units, text=text: whole(f"{text}(units={units})")  # noqa: E731
            cells.append((text.partition("(")[0], matched_in_size(size, build) if matched else whole(text)))
        names = [name for name, _ in cells]
        return {
            name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}": cell
            for i, (name, cell) in enumerate(cells)
        }


MATCHED = ("LSTM", "GRU", "CfC", "CTRNN", "HasaniLTC")
"""What can be compared by name: cells with `units`, of which the size follows."""


@dataclass(frozen=True)
class Learning:
    """What is to be learnt."""

    kind: Literal["auto", "classification", "event", "regression", "forecast"] = "auto"
    """The class, whether an event happens, a value, or the next step; "auto" sees to what the targets are."""
    at: Literal["auto", "last", "mean", "step"] = "auto"
    """Where the answer is read: at the last step of a series, as the mean over its steps, or at each step."""
    smoothing: float = 0.0
    """Share of each class that is spread over all of them, against overconfidence."""
    balanced: bool = False
    """Whether rare classes count as much as frequent ones."""

    def __post_init__(self):
        check_fields(self)
        check_share("smoothing", self.smoothing, 0, 0.999)

    def objective(self, data: SequenceDataset) -> Objective:
        """The objective for these training data.

        Raises:
            ValueError: the data have no such targets.
        """
        kind = self.kind
        if kind == "auto":
            values = "regression" if data.classes is None else "classification"
            kind = "forecast" if data.targets is None else values
        at: At = ("step" if data.each_step else "last") if self.at == "auto" else self.at
        if kind != "forecast" and data.targets is None:
            raise ValueError(f"objective.kind must be forecast where data.target names nothing to learn, got {kind}")
        if kind in ("classification", "event") and data.classes is None:
            raise ValueError(
                f"objective.kind must be regression, for the targets are values, got {kind}; with data.classes: true "
                "numbers are the names of classes"
            )
        if kind == "regression" and data.classes is not None:
            raise ValueError("objective.kind must be classification or event, for the targets are classes")
        if self.smoothing and kind != "classification":
            raise ValueError(f"objective.smoothing must be 0 for {kind}, it is for classes, got {self.smoothing}")
        if self.balanced and kind in ("regression", "forecast"):
            raise ValueError(f"objective.balanced must be false for {kind}, it is for classes")
        if kind == "forecast" and self.at not in ("auto", "step"):
            raise ValueError(f"objective.at must be step for forecast, which answers at each step, got {self.at}")
        if kind == "classification":
            return Classification(at, balanced(data) if self.balanced else None, self.smoothing)
        if kind == "event":
            weights = balanced(data) if self.balanced else (1.0, 1.0)
            return Event(at, weights[1] / weights[0])
        return Regression(at) if kind == "regression" else Forecast()


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
    """How the rate changes: constant, cosine, linear or exponential."""
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
        self.rule(self.learning_rate)

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

    def __post_init__(self):
        rates, cells = len(self.training.compare_learning_rates), len(self.model.compare)
        if rates not in (0, cells):
            raise ValueError(f"training.compare_learning_rates must be one for each of {cells} cells, got {rates}")

    def rates(self) -> list[float]:
        """The learning rate of each network, that of the first cell first."""
        others = self.training.compare_learning_rates or (self.training.learning_rate,) * len(self.model.compare)
        return [self.training.learning_rate, *others]
