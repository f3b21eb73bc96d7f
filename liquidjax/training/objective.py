"""What a cell is to learn: the contract of an objective, and what goes into its loss."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from liquidjax._checks import described
from liquidjax._types import Array
from liquidjax.sequences.steps import expand
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation


class Batch(NamedTuple):
    """Some series, time first, as a cell reads them.

    inputs: (time, series, inputs); dt: (time, series), or (time, 1) where all series share it; mask: bool
        (time, series), False in padding, or None where there is none.
    targets: classes int (series,) or (time, series), -1 where none is known; values (series, outputs) or
        (time, series, outputs), NaN where none is known.
    weight: (series,), 0 for a row that only fills the batch, 1 for a series.
    """

    inputs: Any
    dt: Any
    mask: Any
    targets: Any
    weight: Any


class Losses(NamedTuple):
    """The loss of each target, and how much it counts; both of one shape. What counts 0 may hold anything finite."""

    loss: Array
    weight: Array


@runtime_checkable
class Objective(Protocol):
    """What is made smaller: a frozen dataclass of static choices, equal where its choices are equal."""

    def outputs(self, data: SequenceDataset) -> int:
        """How many outputs a cell must have to learn this from the data."""
        ...

    @property
    def each_step(self) -> bool:
        """Whether there is an answer for each step, and not one for the series."""
        ...

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
        """What the data say is to be learnt, series first, as `losses` compares it, see `Batch`; None where nothing."""
        ...

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        """The loss of each target, for the outputs (time, series, outputs) of a cell; their weighted mean is learnt."""
        ...

    def answers(self, outputs: Array, batch: Batch) -> Array:
        """What the outputs say: probabilities (..., classes), or values; (series, ...) or (time, series, ...)."""
        ...

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        """The answers in the units of the data: values as they were before they were scaled."""
        ...

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        """How good answers are, by the name of the score; series first, answers and targets of padding included.

        A target of a class is -1, one of a value NaN where it is not known, in padding too.
        """
        ...


Loss = Callable[[Array, Batch], Any]
"""An objective as a function: (outputs, batch) -> the loss of each series (series,), or `Losses`."""


class OfFunction(NamedTuple):
    """A function of the user's as an objective; its answers are the outputs themselves."""

    function: Loss

    def outputs(self, data: SequenceDataset) -> int:
        return len(data.classes or data.outputs or data.features)

    @property
    def each_step(self) -> bool:
        return True

    def targets(self, data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
        return known_targets(data, preparation)

    def losses(self, outputs: Array, batch: Batch) -> Losses:
        found = self.function(outputs, batch)
        if isinstance(found, Losses):
            return found
        shape = jnp.shape(batch.weight)
        is_array = isinstance(found, Array | np.ndarray)
        if not is_array or found.shape != shape or not jnp.issubdtype(found.dtype, jnp.floating):
            got = f"an array {found.dtype} {found.shape}" if is_array else described(found)
            raise ValueError(
                f"an objective must return the loss of each series, floating point (series,) = {shape}, or `Losses`, "
                f"got {got}"
            )
        return Losses(jnp.asarray(found), batch.weight)

    def answers(self, outputs: Array, batch: Batch) -> Array:
        return outputs

    def in_units(self, answers: np.ndarray, preparation: Preparation) -> np.ndarray:
        return answers

    def scores(self, answers: np.ndarray, targets: np.ndarray) -> dict[str, float]:
        return {}


def known_targets(data: SequenceDataset, preparation: Preparation) -> np.ndarray | None:
    """The targets of the data: classes as they are, values scaled; -1 or NaN where none is known, None without any."""
    if data.targets is None:
        return None
    known = data.target_mask
    if data.classes is not None:
        return np.where(known, data.targets, -1)
    scaled = preparation.scaled(data.targets)
    return np.where(data.mask[:, :, None], scaled, np.nan) if data.each_step else scaled


def mean_loss(losses: Losses) -> Array:
    """The weighted mean, 0 where nothing counts; what does not count may be NaN.

    Example:
        >>> float(mean_loss(Losses(jnp.array([1.0, 3.0, jnp.nan]), jnp.array([1.0, 1.0, 0.0]))))
        2.0
    """
    return mean_of(*sums(losses))


def sums(losses: Losses) -> tuple[Array, Array]:
    """The weighted sum of the losses, and that of their weights."""
    shapes = jnp.shape(losses.loss), jnp.shape(losses.weight)
    if shapes[0] != shapes[1]:
        raise ValueError(f"`Losses` must have loss and weight of one shape, got {shapes[0]} and {shapes[1]}")
    return jnp.sum(jnp.where(losses.weight > 0, losses.loss, 0) * losses.weight), jnp.sum(losses.weight)


def mean_of(total: Array, weight: Array) -> Array:
    """The mean by its two sums, 0 where nothing counts."""
    return total / jnp.maximum(weight, jnp.finfo(total.dtype).tiny)


def of_series(at: str, outputs: Array, mask: Array | None) -> Array:
    """One output for each series (*series, outputs): that of its last valid step, or the mean over its valid steps.

    Args:
        at: "last" or "mean".
        outputs: (time, *series, outputs).
        mask: bool (time, *series), or None.

    Example:
        >>> outputs, mask = jnp.arange(3.0)[:, None, None], jnp.array([[True], [True], [False]])
        >>> of_series("last", outputs, mask).item(), of_series("mean", outputs, mask).item()
        (1.0, 0.5)
    """
    if mask is None:
        return jnp.mean(outputs, axis=0) if at == "mean" else outputs[-1]
    if at == "mean":
        valid = jnp.where(mask[..., None], outputs, 0)
        return jnp.sum(valid, axis=0) / jnp.maximum(jnp.sum(mask, axis=0), 1)[..., None].astype(outputs.dtype)
    steps = expand(jnp.arange(len(mask)), mask.ndim)
    last = jnp.max(jnp.where(mask, steps, 0), axis=0)
    return jnp.take_along_axis(outputs, last[None, ..., None], axis=0)[0]
