"""Steps whose numbers are not finite: each is taken back and counted, and after too many in a row the training ends."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array, Params

FINE = -1
_MOST_LISTED = 8


def first_bad(loss: Array, slope: Params, params: Params) -> Array:
    """The number of the first thing that is not finite in a step, `FINE` where all is; to be compiled.

    The leaves of the gradient are counted first, from 0, then the leaves of the new parameters, then the loss.

    Example:
        >>> int(first_bad(jnp.nan, {"bias": 0.0, "weight": jnp.inf}, {"bias": 1.0, "weight": 1.0}))
        1
    """
    leaves = [*jax.tree.leaves(slope), *jax.tree.leaves(params), loss]
    finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in leaves])
    return jnp.where(finite.all(), FINE, jnp.argmin(finite)).astype(jnp.int32)


def name_of(number: int, params: Params) -> str:
    """What `first_bad` found, in words.

    Example:
        >>> params = {"bias": 0.0, "weight": 1.0}
        >>> name_of(1, params), name_of(2, params), name_of(4, params)
        ('the gradient of weight', 'the new value of bias', 'the loss')
    """
    leaves = jax.tree.leaves_with_path(params)
    if number == 2 * len(leaves):
        return "the loss"
    path, _ = leaves[number % len(leaves)]
    name = jax.tree_util.keystr(path, simple=True, separator=".") or "the parameters"
    return f"the gradient of {name}" if number < len(leaves) else f"the new value of {name}"


class Guard:
    """Counts the bad steps of a training, of every member apart.

    Args:
        most: bad steps in a row that are taken back; one more ends the training.
        count: members, None for a training without.
    """

    def __init__(self, most: int, count: int | None):
        shape = () if count is None else (count,)
        self.most = most
        # in_row: bad steps up to now without a good one between them; the others: of the first of those, its epoch and
        # batch from 1, what `first_bad` said, and the loss.
        self.counts = {name: np.zeros(shape, int) for name in ("in_row", "epoch", "batch", "bad")}
        self.counts["loss"] = np.zeros(shape)

    def look(self, epoch: int, batch: int, loss: np.ndarray, bad: np.ndarray) -> None:
        """Takes notice of a step; epoch and batch from 1."""
        is_bad = np.asarray(bad) != FINE
        begins = is_bad & (self.counts["in_row"] == 0)
        for name, value in {"epoch": epoch, "batch": batch, "bad": bad, "loss": loss}.items():
            self.counts[name] = np.where(begins, value, self.counts[name])
        self.counts["in_row"] = np.where(is_bad, self.counts["in_row"] + 1, 0)

    @property
    def too_many(self) -> bool:
        """Whether every member had more bad steps in a row than are taken back."""
        return bool(np.all(self.counts["in_row"] > self.most))

    @property
    def first(self) -> dict[str, Any]:
        """Of the first bad step in a row, of the first member: epoch, batch, bad, loss; and in_row."""
        return {name: np.ravel(value)[0].item() for name, value in self.counts.items()}

    def sentence(self, series: Sequence[int], params: Params, learning_rate: float) -> str:
        """What happened, where, and what to do about it.

        Args:
            series: in the batch of the first bad step.
            params: those of one network, for the names.
            learning_rate: that was too high.
        """
        first = self.first
        more = first["in_row"] - 1
        after = f", nor was it in the {more} steps after it" if more > 1 else ", nor was it in the step after it" * more
        return (
            f"{name_of(first['bad'], params)} is not finite (loss {first['loss']:.3g}) at epoch {first['epoch']}, step "
            f"{first['batch']} (series {_listed(series)} of the training data){after}; "
            f"try a smaller learning rate than {learning_rate:g}, a smaller clip, or more unfolds"
        )


def _listed(rows: Sequence[int]) -> str:
    more = f" and {len(rows) - _MOST_LISTED} more" if len(rows) > _MOST_LISTED else ""
    return ", ".join(str(row) for row in rows[:_MOST_LISTED]) + more
