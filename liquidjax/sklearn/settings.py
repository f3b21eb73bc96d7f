"""The parameters that all estimators have."""

from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

from sklearn.base import BaseEstimator

from liquidjax._types import Cell
from liquidjax.training.optimizer import Name, Schedule


@dataclass(eq=False, repr=False)
class Settings(BaseEstimator):
    """What all estimators let their users choose, see `LiquidClassifier`; kept as it is given, as clones need it.

    A dataclass, because its constructor does what scikit-learn asks of one, and a signature can be inherited.
    """

    cell: str | Cell = "LTC"
    units: int = 64
    _: KW_ONLY
    epochs: int | None = None
    batch_size: int = 16
    learning_rate: float | None = None
    optimizer: Name = "adam"
    schedule: Schedule = "cosine"
    weight_decay: float = 0.0
    validation_fraction: float = 0.0
    patience: int | None = None
    step: float | None = None
    time_channel: int | None = None
    random_state: Any = None
    verbose: bool = False


@dataclass(eq=False, repr=False)
class Asked(Settings):
    """Those of an estimator that is asked something of a whole series, see `LiquidClassifier`."""

    at: Literal["mean", "last"] = "mean"
    indicators: bool = False
    since: bool = False
