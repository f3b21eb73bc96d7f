"""Members that a run trains side by side: how good each is, all of them together, and which one is the model."""

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax.experiments.supervised import shifted
from liquidjax.tasks.splits import Parts
from liquidjax.training.fit import Fitted
from liquidjax.training.model import Model
from liquidjax.training.objective import Objective
from liquidjax.training.predict import Predictions, predict
from liquidjax.training.progress import Epoch


class Member(NamedTuple):
    """One of them. settings: what it differs in; validation_loss, validation, test: of the parameters that are kept."""

    settings: dict[str, float]
    validation_loss: float
    validation: dict[str, float]
    test: dict[str, float]


class Scores(NamedTuple):
    """Scores by name on the validation and the test data."""

    validation: dict[str, float]
    test: dict[str, float]


class Ensemble(NamedTuple):
    """The members, and their mean and spread (standard deviation), both of those whose validation loss is finite.

    best: the place in `members` of the one with the lowest validation loss, which is the model.
    """

    best: int
    members: list[Member]
    mean: Scores
    spread: Scores

    @property
    def finite(self) -> int:
        """How many have not diverged."""
        return sum(math.isfinite(member.validation_loss) for member in self.members)


def each(fitted: Fitted, number: int) -> list[Fitted]:
    """The members as trainings of their own."""

    def of(values: Any, m: int) -> Any:
        return jax.tree.map(lambda leaf: leaf[m], values)

    def epoch(record: Epoch, m: int) -> Epoch:
        validation_loss = None if record.validation_loss is None else float(record.validation_loss[m])
        scores = {name: float(values[m]) for name, values in record.validation.items()}
        own = {"loss": float(record.loss[m]), "validation_loss": validation_loss, "validation": scores}
        return record._replace(**own, skipped=int(record.skipped[m]))

    return [
        dataclasses.replace(
            fitted,
            params=fitted.member(m),
            last=of(fitted.last, m),
            best_epoch=int(np.broadcast_to(fitted.best_epoch, number)[m]),
            history=[epoch(record, m) for record in fitted.history],
        )
        for m in range(number)
    ]


def compared(
    settings: Mapping[str, Sequence[float]],
    models: Sequence[Model],
    parts: Parts,
    objective: Objective,
    asked: Mapping[str, shifted.Asked] = MappingProxyType({}),
) -> Ensemble:
    """Measures the models of all members.

    Args:
        settings: what they differ in, the values of all members by name.
        models: of the members.
        parts: the data.
        objective: what they were trained for.
        asked: the test series at other samplings.

    Raises:
        FloatingPointError: no member has a finite validation loss.
    """
    members = []
    for m, model in enumerate(models):
        validation, test = (predict(model, part, objective) for part in (parts.validation, parts.test))
        own = {name: values[m] for name, values in settings.items()}
        on_test = scores_of(test) | shifted.scores(model, asked, objective)
        members.append(Member(own, _loss(validation), scores_of(validation), on_test))
    losses = np.array([member.validation_loss for member in members])
    finite = [member for member in members if math.isfinite(member.validation_loss)]
    if not finite:
        raise FloatingPointError(
            f"no member has a finite validation loss, got {losses.tolist()}; try smaller learning rates, or keep: best"
        )
    best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
    return Ensemble(best, members, _over(finite, _mean), _over(finite, _spread))


def scores_of(found: Predictions) -> dict[str, float]:
    """The scores of what a model answers; the loss where its objective, one of the user's, has none."""
    return found.scores or {"loss": _loss(found)}


def named(settings: Mapping[str, float]) -> str:
    """What a member differs in, in words.

    Example:
        >>> named({"seed": 1, "learning_rate": 0.02})
        'seed 1, learning rate 0.02'
    """
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in settings.items())


def mean(values: Any) -> float:
    """The mean of the finite numbers among those of members, or the number of a single network.

    Example:
        >>> mean([1.0, 2.0, float("nan")]), mean(0.5)
        (1.5, 0.5)
    """
    numbers = np.atleast_1d(np.asarray(values, float))
    finite = numbers[np.isfinite(numbers)]
    return float(np.mean(finite)) if finite.size else math.nan


def _loss(found: Predictions) -> float:
    return float(np.asarray(found.loss))


def _over(members: Sequence[Member], of: Callable[[Sequence[float]], float]) -> Scores:
    def scores(part: str) -> dict[str, float]:
        return {name: of([getattr(member, part)[name] for member in members]) for name in getattr(members[0], part)}

    return Scores(scores("validation"), scores("test"))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return math.nan
    return 0.0 if min(values) == max(values) else float(np.std(values, ddof=1))  # numpy rounds the mean of equal ones
