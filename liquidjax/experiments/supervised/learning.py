"""What is to be learnt from the data of a configuration."""

import inspect
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._bounds import check_share, shown
from liquidjax._checks import check_size, described
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.readers.function import NAME, imported
from liquidjax.training.examples import examples
from liquidjax.training.objective import Objective, OfFunction, mean_loss
from liquidjax.training.objectives import At, Classification, Event, Forecast, Regression, balanced

MOST_OUTPUTS = 65536


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
    function: str | None = None
    """In the place of all these an objective of yours, package.module:name: (outputs, batch) -> loss of each series."""
    outputs: int | None = None
    """Outputs of the network for yours; without, as many as there are classes, or values, or features."""

    by_itself: ClassVar[str] = "function"
    """What a text stands for that is in the place of the whole section."""

    def __post_init__(self):
        check_fields(self)
        check_share("smoothing", self.smoothing, 0, 0.999)
        if self.outputs is not None:
            check_size("outputs", self.outputs, 1, MOST_OUTPUTS)
            if self.function is None:
                raise ValueError("outputs must be left out without function: they follow from the data for our kinds")
        if self.function is None:
            return
        if not NAME.fullmatch(self.function):
            raise ValueError(
                f"function must be named as package.module:objective, got {shown(self.function)}; a kind of ours is "
                "written objective: {kind: classification}"
            )
        if (self.kind, self.at, self.smoothing, self.balanced) != ("auto", "auto", 0.0, False):
            raise ValueError("kind, at, smoothing and balanced must be left out with function, which says all that")

    def objective(self, data: SequenceDataset) -> Objective:
        """The objective for these training data.

        Raises:
            ValueError: the data have no such targets, or there is no such objective of the user's.
        """
        own = self.own()
        if own is not None:
            return own
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

    def own(self) -> Objective | None:
        """The objective of the user's; None where it is one of ours.

        Raises:
            ValueError: there is none of this name, or what stands there is no objective.
        """
        if self.function is None:
            return None
        with imported(self.function, "objective") as found:
            return _objective(self.function, found)

    def number(self, objective: Objective, data: SequenceDataset) -> int:
        """How many outputs a network has for an objective.

        Raises:
            ValueError: the objective says another number than the settings.
        """
        if self.outputs is not None and isinstance(objective, OfFunction):
            return self.outputs
        number = objective.outputs(data)
        if self.outputs not in (None, number):
            raise ValueError(
                f"objective.outputs must be the {number} that {self.function} says, or left out, got {self.outputs}"
            )
        return number

    def check_losses(self, objective: Objective, data: SequenceDataset, preparation: Preparation, outputs: int) -> None:
        """Raises the ValueError for an objective of the user's whose losses cannot be learnt; nothing is computed.

        Args:
            objective: the objective.
            data: the training data.
            preparation: of them.
            outputs: of the network.
        """
        if self.function is None:
            return
        ready = examples(data.take([0]), preparation, objective)
        if ready.targets is None:
            raise ValueError("the data must have something to learn for objective.function: data.target names it")
        time = ready.mask.shape[1]
        # Another number than those of the other axes: a loss of each step or output is not taken for one of series.
        series = next(number for number in range(2, 5) if number not in (time, outputs))
        batch = jax.tree.map(jnp.asarray, ready.batch(np.zeros(series, int), time))
        made = jax.ShapeDtypeStruct((time, series, outputs), batch.inputs.dtype)
        try:
            loss = jax.eval_shape(lambda outputs: mean_loss(objective.losses(outputs, batch)), made)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.function}: {error}") from error
        if not jnp.issubdtype(loss.dtype, jnp.floating):
            raise ValueError(f"{self.function}: the losses must be floating point numbers, got {loss.dtype}")


def _objective(name: str, found: Any) -> Objective:
    """What stands under a name as an objective: one of the contract, its class, or a function."""
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise ValueError(f"{name} must be an objective that can be made without arguments, but {error}") from error
    if isinstance(found, Objective):
        try:
            hash(found)
        except TypeError as error:
            raise ValueError(f"{name} must be a frozen dataclass, so that it can be compiled, but {error}") from error
        return found
    if not callable(found):
        raise ValueError(f"{name} must be a function (outputs, batch) or an Objective, got {described(found)}")
    try:
        inspect.signature(found).bind(None, None)
    except TypeError as error:
        raise ValueError(f"{name} must be a function (outputs, batch), but {error}") from error
    return OfFunction(found)
