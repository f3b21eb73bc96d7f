"""Objectives: the class or the value of a series or of each step, the probability of an event, the next point."""

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice, check_number, described, put
from liquidjax._types import Array
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objective import Batch, Losses, known_targets, of_series

At = Literal["last", "mean", "step"]
"""Where the output is read: at the last valid step of a series, as the mean over its valid steps, or at each step."""
_AT = ("last", "mean", "step")


@dataclass(frozen=True)
class Classification:
    """The class of a series, or of each step: softmax cross entropy, -sum_c w_c q_c log p_c.

    q is the label, with a share `smoothing` of it spread over all classes.

    Args:
        at: "last", "mean" or "step".
        class_weights: how much each class counts; 1 each when None. See `balanced`.
        smoothing: in [0, 1), against overconfidence.

    Raises:
        ValueError: a choice that is none, or numbers out of range.

    Example:
        >>> Classification().answers(jnp.zeros((3, 1, 2)), Batch(None, None, None, None, None))
        Array([[0.5, 0.5]], dtype=float32)
    """

    at: At = "last"
    class_weights: tuple[float, ...] | None = None
    smoothing: float = 0.0

    def __post_init__(self):
        check_choice("at", self.at, _AT)
        if self.class_weights is not None:
            if isinstance(self.class_weights, str) or not np.iterable(self.class_weights):
                raise ValueError(f"class_weights must be a number for each class, got {described(self.class_weights)}")
            weights = tuple(check_number("class_weights", w, 0, np.inf) for w in self.class_weights)
            put(self, class_weights=weights)
        put(self, smoothing=check_number("smoothing", self.smoothing, 0, 1))

    def outputs(self, data: SequenceDataset) -> int:
        """See `Objective`."""
        return len(data.classes or ())

    @property
    def each_step(self) -> bool:
        """See `Objective`."""
        return self.at == "step"

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
        """See `Objective`."""
        found = _targets(self.at, data, preparation, None)
        weights, classes = self.class_weights, data.classes
        if weights is not None and classes is not None and len(weights) != len(classes):
            raise ValueError(f"class_weights must be a number for each of {len(classes)} classes, got {weights}")
        return found

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        """See `Objective`."""
        logits = outputs if self.at == "step" else of_series(self.at, outputs, batch.mask)
        known = (batch.targets >= 0) & _valid(self.at, batch)
        labels = jnp.maximum(batch.targets, 0)
        number = logits.shape[-1]
        q = (1 - self.smoothing) * jax.nn.one_hot(labels, number, dtype=logits.dtype) + self.smoothing / number
        weight = known.astype(logits.dtype) * batch.weight
        if self.class_weights is not None:
            weight = weight * jnp.asarray(self.class_weights, logits.dtype)[labels]
        return Losses(-jnp.sum(q * jax.nn.log_softmax(logits), axis=-1), weight)

    def answers(self, outputs: Array, batch: Batch) -> Array:
        """Probabilities (series, classes), or (time, series, classes)."""
        return jax.nn.softmax(outputs if self.at == "step" else of_series(self.at, outputs, batch.mask))

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        """See `Objective`."""
        return answers

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """The share of the known targets that is named right; NaN names nothing."""
        right = (answers.argmax(-1) == targets) & ~np.isnan(answers).any(-1)
        return {"accuracy": _share(right[targets >= 0])}


@dataclass(frozen=True)
class Event:
    """Whether something happens, in a series or at each step: -w q log p - (1 - q) log(1 - p), p = sigmoid(output).

    The data have two classes, of which the second is the event; the cell has one output.

    Args:
        at: "last", "mean" or "step".
        event_weight: how much an event counts beside a series without one; above 1 where events are rare.

    Example:
        >>> Event().answers(jnp.zeros((3, 1, 1)), Batch(None, None, None, None, None))
        Array([0.5], dtype=float32)
    """

    at: At = "last"
    event_weight: float = 1.0

    def __post_init__(self):
        check_choice("at", self.at, _AT)
        put(self, event_weight=check_number("event_weight", self.event_weight, 0, np.inf, above=True))

    def outputs(self, data: SequenceDataset) -> int:
        """See `Objective`."""
        return 1

    @property
    def each_step(self) -> bool:
        """See `Objective`."""
        return self.at == "step"

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
        """See `Objective`."""
        return _targets(self.at, data, preparation, 2)

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        """See `Objective`."""
        logit = (outputs if self.at == "step" else of_series(self.at, outputs, batch.mask))[..., 0]
        known = (batch.targets >= 0) & _valid(self.at, batch)
        happened = (batch.targets == 1).astype(logit.dtype)
        weight = known.astype(logit.dtype) * batch.weight * (1 + (self.event_weight - 1) * happened)
        loss = -happened * jax.nn.log_sigmoid(logit) - (1 - happened) * jax.nn.log_sigmoid(-logit)
        return Losses(loss, weight)

    def answers(self, outputs: Array, batch: Batch) -> Array:
        """The probability (series,), or (time, series)."""
        return jax.nn.sigmoid((outputs if self.at == "step" else of_series(self.at, outputs, batch.mask))[..., 0])

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        """See `Objective`."""
        return answers

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """The share of the known targets on whose side of one half the probability is; NaN is on none."""
        right = ((answers > 0.5) == (targets == 1)) & ~np.isnan(answers)
        return {"accuracy": _share(right[targets >= 0])}


@dataclass(frozen=True)
class Regression:
    """The values of a series, or of each step: squared error, the mean over the outputs that are known.

    Values are learnt as `Preparation` scales them.

    Args:
        at: "last", "mean" or "step".
    """

    at: At = "last"

    def __post_init__(self):
        check_choice("at", self.at, _AT)

    def outputs(self, data: SequenceDataset) -> int:
        """See `Objective`."""
        return len(data.outputs or ())

    @property
    def each_step(self) -> bool:
        """See `Objective`."""
        return self.at == "step"

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
        """See `Objective`."""
        return _targets(self.at, data, preparation, 0)

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        """See `Objective`."""
        found = outputs if self.at == "step" else of_series(self.at, outputs, batch.mask)
        return _squared_error(found, batch.targets, _valid(self.at, batch, features=True), batch.weight)

    def answers(self, outputs: Array, batch: Batch) -> Array:
        """Values, scaled, (series, outputs) or (time, series, outputs)."""
        return outputs if self.at == "step" else of_series(self.at, outputs, batch.mask)

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        """See `Objective`."""
        return preparation.unscaled(answers)

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """The mean squared error of the known values, in squared spreads, and R2, the share of their variance."""
        return _errors(answers, targets)


@dataclass(frozen=True)
class Forecast:
    """The features of the next step from all steps up to this one: squared error of output_t and feature_{t+1}.

    The targets of the data are its own features, scaled and with NaN where they were not observed, which `fit` sees to;
    features that are missing at t + 1 count nothing. For forecasts of many steps see `forecast.free_run`.
    """

    def outputs(self, data: SequenceDataset) -> int:
        """See `Objective`."""
        return data.inputs.shape[2]

    @property
    def each_step(self) -> bool:
        """See `Objective`."""
        return True

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray:
        """See `Objective`."""
        scaled = (data.inputs.astype(float) - preparation.mean) / preparation.spread
        return np.where(data.observed, scaled, np.nan)

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        """See `Objective`."""
        return _squared_error(
            outputs[:-1], batch.targets[1:], True if batch.mask is None else batch.mask[1:, :, None], batch.weight
        )

    def answers(self, outputs: Array, batch: Batch) -> Array:
        """The next step's features, scaled, (time, series, features)."""
        return outputs

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        """See `Objective`."""
        return answers.astype(float) * preparation.spread + preparation.mean

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """The mean squared error of the next features that are known, in squared spreads, and R2."""
        return _errors(answers[:, :-1], targets[:, 1:])


def balanced(data: SequenceDataset) -> tuple[float, ...]:
    """Class weights by which each class counts as much as any other: series / (classes * series of the class).

    Example:
        >>> balanced(SequenceDataset.of([np.ones((1, 1))] * 4, targets=[0, 0, 0, 1], classes=("rest", "step")))
        (0.6666666666666666, 2.0)
    """
    if data.classes is None:
        raise ValueError("class weights must be for data with classes, and these have values")
    counts = np.bincount(data.targets[data.target_mask], minlength=len(data.classes))
    if not counts.all():
        raise ValueError(f"every class must occur, got none of {data.classes[int(np.argmin(counts))]!r}")
    return tuple((counts.sum() / (len(counts) * counts)).tolist())


def _squared_error(outputs: Array, targets: Array, valid: Array | bool, weight: Array) -> Losses:
    """Losses (..., series, outputs), where a target is known."""
    if outputs.shape != targets.shape:
        raise ValueError(
            f"the cell must have as many outputs as there are values, {targets.shape}, got {outputs.shape}"
        )
    known = ~jnp.isnan(targets) & valid
    error = outputs - jnp.where(known, targets, 0).astype(outputs.dtype)
    return Losses(jnp.where(known, error, 0) ** 2, known.astype(outputs.dtype) * weight[:, None])


def _targets(at: str, data: SequenceDataset, preparation: Preparation, classes: int | None) -> np.ndarray | None:
    """The targets where they are of the right kind; classes: how many there must be, 0 for values, None for any."""
    found = known_targets(data, preparation)
    if found is None:
        return None
    number = len(data.classes) if data.classes is not None else 0
    if (classes is None and not number) or (classes is not None and classes != number):
        wanted = {None: "classes", 0: "values"}.get(classes, f"{classes} classes")
        raise ValueError(
            f"the targets must be {wanted} for this objective, got {f'{number} classes' if number else 'values'}"
        )
    if data.each_step != (at == "step"):
        has, other = ("each step", "'step'") if data.each_step else ("each series", "'last' or 'mean'")
        raise ValueError(f"the data have a target for {has}, so `at` must be {other}, got {at!r}")
    return found


def _valid(at: str, batch: Batch, features: bool = False) -> Array | bool:
    """Where there is a step, for targets of each step; True for those of series."""
    if at != "step" or batch.mask is None:
        return True
    return batch.mask[..., None] if features else batch.mask


def _share(right: np.ndarray) -> float:
    return float(np.mean(right)) if right.size else float("nan")


def _errors(answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
    known = ~np.isnan(targets)
    if not known.any():
        return {"mse": float("nan"), "r2": float("nan")}
    targets = targets.astype(float)
    # In float64, since a member that diverged may answer with numbers whose squares float32 does not hold.
    error = np.mean((answers[known].astype(float) - targets[known]) ** 2)
    axes = tuple(range(targets.ndim - 1))
    mean = np.nansum(targets, axis=axes) / np.maximum(known.sum(axes), 1)  # of an output that is never known, 0
    variance = np.mean((targets - mean)[known] ** 2)
    return {"mse": float(error), "r2": float(1 - error / variance) if variance else float("nan")}
