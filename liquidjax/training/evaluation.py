"""What a trained cell answers to data, and how good that is."""

import functools
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import PartitionSpec as P

from liquidjax._checks import described
from liquidjax._types import Cell, Params
from liquidjax.sequences.steps import expand
from liquidjax.sequences.unroll import unroll
from liquidjax.training import shared
from liquidjax.training.batches import Batches
from liquidjax.training.examples import Examples
from liquidjax.training.objective import Objective, mean_of, sums
from liquidjax.training.shares import Shares

BATCH = 256
"""Series that are looked at together."""


class Evaluated(NamedTuple):
    """answers: see `Objective`, series first, NaN in padding; loss: the weighted mean over targets, if any."""

    answers: np.ndarray
    loss: Any


def evaluate(
    cell: Cell,
    objective: Objective,
    params: Params,
    data: Examples,
    *,
    members: bool = False,
    batch_size: int = BATCH,
    lengths: Any = None,
    shares: Shares | None = None,
) -> Evaluated:
    """The answers to all series, and their loss where the data have targets.

    Args:
        cell: any `Cell`.
        objective: what its outputs mean.
        params: its parameters; with `members` every array has a leading axis (members,), and so has what is returned.
        data: prepared series.
        members: whether there are members.
        batch_size: series that are looked at together.
        lengths: int (series,), by which series come into batches, their own when None. With those of other data, which
            are no shorter, the programs that were compiled for these serve here too.
        shares: of several devices, each of which looks at its share; None for one.

    Raises:
        ValueError: lengths that leave no room for a series, or for which it is not padded.

    Example:
        >>> import jax, liquidjax as lj
        >>> from liquidjax.tasks.dataset import SequenceDataset
        >>> from liquidjax.tasks.preparation import Preparation
        >>> from liquidjax.training.examples import examples
        >>> from liquidjax.training.objectives import Regression
        >>> cell = lj.Readout(lj.GRU(2, 3), 1)
        >>> data = SequenceDataset.of([np.ones((4, 2)), np.ones((2, 2))], targets=[0.5, 1.0])
        >>> ready = examples(data, Preparation.learnt(data), Regression())
        >>> evaluate(cell, Regression(), cell.init(jax.random.key(0)), ready).answers.shape
        (2, 1)
    """
    lead, run = (1, _evaluate_members) if members else (0, _evaluate)
    if shares is not None:
        run = functools.partial(_evaluate_shared, shares.mesh, shared.specs(data, False), members)
    size = min(batch_size, len(data.mask))
    size = size if shares is None else shares.filled(size)
    answers: np.ndarray | None = None
    total, counted = 0.0, 0.0
    placed = _checked(lengths, data)
    for rows, time, _ in Batches(placed, size, shuffle=False).epoch(0):
        batch = data.batch(rows, time) if shares is None else shares.batch(data, rows, time, "the validation")
        found, mean, weight = jax.device_get(run(cell, objective, params, batch))
        real = rows >= 0
        found = np.moveaxis(found, lead, 0)  # series or time first
        if objective.each_step:
            found = np.moveaxis(found, lead + 1, 0)  # series first, then time
        if answers is None:
            longest = data.mask.shape[1:] if objective.each_step else ()
            answers = np.full((len(data.mask), *longest, *found.shape[1 + len(longest) :]), np.nan, found.dtype)
        if objective.each_step:
            valid = expand(data.mask[rows[real], :time], found.ndim)
            answers[rows[real], :time] = np.where(valid, found[real], np.nan)
        else:
            answers[rows[real]] = found[real]
        total, counted = total + np.asarray(mean, float) * weight, counted + np.asarray(weight, float)
    assert answers is not None  # there is a series
    # Series first, and before them the members.
    answers = np.moveaxis(answers, 1 + objective.each_step, 0) if members else answers
    if data.targets is None:
        return Evaluated(answers, None)
    with np.errstate(invalid="ignore"):  # 0 / 0 where none of the targets is known
        return Evaluated(answers, np.divide(total, counted))


def _checked(lengths: Any, data: Examples) -> np.ndarray:
    if lengths is None:
        return data.lengths
    given, series, time = np.asarray(lengths), *data.mask.shape
    if given.shape != (series,) or np.any(given < data.lengths) or np.any(given > time):
        raise ValueError(
            f"lengths must be ({series},), each from that of its series to the {time} steps to which they are padded, "
            f"got {described(lengths)}"
        )
    return given


def _evaluate_one(cell, objective, params, batch, sharing=False):
    """(answers, mean loss, weight of it), of the series of all devices where they share them."""
    _, outputs = unroll(cell, params, batch.inputs, batch.dt, mask=batch.mask, validate=False)
    answers = objective.answers(outputs, batch)
    answers = shared.gathered(answers, int(objective.each_step)) if sharing else answers
    if batch.targets is None:
        return answers, 0.0, 0.0
    total, weight = sums(objective.losses(outputs, batch))
    if sharing:
        total, weight = jax.lax.psum((total, weight), shared.AXIS)
    return answers, mean_of(total, weight), weight


_evaluate = jax.jit(_evaluate_one, static_argnums=(0, 1))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _evaluate_members(cell, objective, params, batch):
    return jax.vmap(lambda p: _evaluate_one(cell, objective, p, batch))(params)


@functools.partial(jax.jit, static_argnums=range(5))
def _evaluate_shared(mesh, specs, members, cell, objective, params, batch):
    def on_a_device(params, batch):
        one = functools.partial(_evaluate_one, cell, objective, batch=batch, sharing=True)
        return jax.vmap(lambda p: one(p))(params) if members else one(params)

    return shared.over(mesh, on_a_device, (P(), specs))(params, batch)
