"""Every test series of a task under every condition, packed so that a network answers all of them in two programs."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from liquidjax._types import Cell, Params
from liquidjax.experiments.shift.tasks import ShiftTask, joined
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.sampling import jittered, lost, noisy, resampled
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import Examples, examples
from liquidjax.training.objectives import Classification

SEED = 3
"""Of what is lost, of gaps and of noise: the same for everybody."""
Variant = Literal["told", "not told", "held"]
"""The times as they are; as if they were those of the training; or the series held on the grid of the training."""


class Condition(NamedTuple):
    """A family (clean, rate, lost, bursts, jitter, noise) and how much of it."""

    family: str
    level: float

    def __str__(self) -> str:
        return f"{self.family} {self.level:g}"


class Packed(NamedTuple):
    """What is asked together: examples, and whose rows of them are whose."""

    asked: list[tuple[str, Condition, slice]]
    examples: Examples


def conditions(
    task: ShiftTask,
    lost_shares: Sequence[float],
    burst: float,
    jitter: Sequence[float],
    noise: Sequence[float],
) -> dict[Condition, SequenceDataset]:
    """The test series under every condition; rates are those of the task.

    Example:
        >>> from liquidjax.experiments.shift.tasks import load
        >>> task = load("sines", 20, 20, rates=(0.5,))
        >>> [str(each) for each in conditions(task, (0.3,), 4.0, (), (0.1,))]
        ['clean 1', 'rate 0.5', 'lost 0.3', 'bursts 0.3', 'noise 0.1']
    """
    clean = task.test[1.0]
    spread = np.asarray(Preparation.learnt(task.training).spread)
    found = {Condition("clean", 1.0): clean}
    found |= {Condition("rate", rate): data for rate, data in task.test.items() if rate != 1}
    found |= {Condition("lost", share): lost(clean, share, seed=SEED) for share in lost_shares}
    found |= {Condition("bursts", share): lost(clean, share, burst, seed=SEED) for share in lost_shares}
    found |= {Condition("jitter", variation): jittered(clean, variation, seed=SEED) for variation in jitter}
    found |= {Condition("noise", times): noisy(clean, times * spread, seed=SEED) for times in noise}
    return found


def variants(
    found: Mapping[Condition, SequenceDataset], gap: float, wanted: Sequence[Variant]
) -> dict[tuple[str, Condition], SequenceDataset]:
    """The conditions in each variant; where a variant is as it was told, it is left out."""
    made: dict[tuple[str, Condition], SequenceDataset] = {}
    for variant in wanted:
        for condition, data in found.items():
            if variant == "told":
                made[variant, condition] = data
            elif condition.family not in ("clean", "noise"):
                made[variant, condition] = not_told(data, gap) if variant == "not told" else resampled(data, gap)
    return made


def not_told(data: SequenceDataset, gap: float) -> SequenceDataset:
    """The same steps, as if they were those of the training.

    Example:
        >>> not_told(SequenceDataset(np.ones((1, 3, 1)), np.array([0.0, 5.0, 6.0])), 1.0).times.tolist()
        [[0.0, 1.0, 2.0]]
    """
    return dataclasses.replace(data, times=gap * np.arange(data.mask.shape[1]))


def smoothed(data: SequenceDataset, constant: float) -> SequenceDataset:
    """Each feature behind a low-pass filter, y <- y + (1 - exp(-dt / constant)) (x - y), from its first value on.

    Args:
        data: series without gaps in their features.
        constant: the time constant, in the unit of the times.

    Example:
        >>> smoothed(SequenceDataset(np.array([[[0.0], [1.0]]])), 1.0).inputs.round(3).ravel().tolist()
        [0.0, 0.632]
    """
    inputs = data.inputs.copy()
    for step in range(1, inputs.shape[1]):
        passed = np.maximum(data.times[:, step] - data.times[:, step - 1], 0)[:, None]  # below 0 where padding begins
        inputs[:, step] = inputs[:, step - 1] - np.expm1(-passed / constant) * (inputs[:, step] - inputs[:, step - 1])
    return dataclasses.replace(data, inputs=inputs)


def pack(asked: Mapping[tuple[str, Condition], SequenceDataset], preparation: Preparation) -> list[Packed]:
    """Those that are about as long as the clean ones, and the longer ones; each padded to one shape."""
    longest = max(data.lengths.max() for (_, condition), data in asked.items() if condition.family == "clean")
    packed = []
    for long in (False, True):
        chosen = {key: data for key, data in asked.items() if (data.lengths.max() > longest) == long}
        if not chosen:
            continue
        ends = np.cumsum([len(data) for data in chosen.values()]).tolist()
        rows = [slice(start, end) for start, end in itertools.pairwise([0, *ends])]
        together = examples(joined(list(chosen.values())), preparation, Classification())
        packed.append(Packed([(*key, row) for key, row in zip(chosen, rows, strict=True)], together))
    return packed


def accuracies(cell: Cell, params: Params, packed: Sequence[Packed]) -> dict[str, dict[str, np.ndarray]]:
    """The share of series whose class is right, {variant: {condition: (members,)}}."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for asked, together in packed:
        # Batches of more than half of the series have one shape.
        size = len(together.mask) // 2 + 1
        answers = evaluate(cell, Classification(), params, together, members=True, batch_size=size).answers
        right = answers.argmax(-1) == together.targets
        for variant, condition, rows in asked:
            found.setdefault(variant, {})[str(condition)] = right[:, rows].mean(1)
    return found
