"""What is to be learnt from the data of a configuration."""

from dataclasses import dataclass
from typing import Literal

from liquidjax._bounds import check_share
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import At, Classification, Event, Forecast, Regression, balanced


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
