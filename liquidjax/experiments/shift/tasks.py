"""The four tasks: each with its parts fixed beforehand, and its test series at every rate."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from liquidjax.tasks.archive import archived
from liquidjax.tasks.dataset import SequenceDataset, pad
from liquidjax.tasks.digits import rows
from liquidjax.tasks.periods import periods
from liquidjax.tasks.sampling import resampled, thinned

RATES = (0.25, 0.5, 2.0, 4.0)
"""That can be tested, as a multiple of the rate in training, 1."""
MIXED_RATES = (0.5, 1.0, 2.0)
"""Of which each series has one, where training is at random rates; the ends of `RATES` are seen in no training."""
AtRate = Callable[[float], SequenceDataset]
"""The series of a part at a rate."""


class ShiftTask(NamedTuple):
    """training, validation: at rate 1; mixed: the training series at random rates; test: by its rate, 1 among them.

    interpolated: the rates for which there is no data of that rate, so that steps are put on the line between two.
    """

    name: str
    training: SequenceDataset
    mixed: SequenceDataset
    validation: SequenceDataset
    test: dict[float, SequenceDataset]
    gap: float
    interpolated: tuple[float, ...]

    @property
    def classes(self) -> int:
        return len(self.training.classes or ())


def load(name: str, series: int, test_series: int, rates: Sequence[float] = RATES) -> ShiftTask:
    """A task, with so many training and test series at most; the parts are the same in every run.

    Example:
        >>> task = load("sines", series=40, test_series=20)
        >>> task.test[1.0].inputs.shape, task.test[4.0].inputs.shape
        ((20, 33, 1), (20, 129, 1))
    """
    training, validation, test, interpolated = TASKS[name](series, test_series)
    chosen = np.random.default_rng(0).integers(len(MIXED_RATES), size=len(training(1.0)))
    mixed = [training(rate).take(np.flatnonzero(chosen == i)) for i, rate in enumerate(MIXED_RATES)]
    clean = training(1.0)
    return ShiftTask(
        name,
        clean,
        joined([part for part in mixed if len(part)]),
        validation(1.0),
        {rate: test(rate) for rate in sorted({1.0, *rates})},
        float(clean.times[0, 1] - clean.times[0, 0]),
        tuple(rate for rate in interpolated if rate in rates),
    )


def joined(parts: Sequence[SequenceDataset]) -> SequenceDataset:
    """Data sets of one kind as one, padded to the longest.

    Example:
        >>> joined([SequenceDataset(np.ones((1, 2, 1))), SequenceDataset(np.ones((2, 3, 1)))]).lengths.tolist()
        [2, 3, 3]
    """

    def all_of(arrays: Callable[[SequenceDataset], np.ndarray], value: float) -> np.ndarray:
        return pad([row for part in parts for row in arrays(part)], value)

    targets = None
    if parts[0].targets is not None:
        targets = np.concatenate([part.targets for part in parts])
    return dataclasses.replace(
        parts[0],
        inputs=all_of(lambda part: part.inputs, np.nan),
        times=all_of(lambda part: part.times, 0.0),
        mask=all_of(lambda part: part.mask, False),
        targets=targets,
        names=(),
    )


Parts = tuple[AtRate, AtRate, AtRate, tuple[float, ...]]


def _sines(series: int, test_series: int) -> Parts:
    """Real data at every rate: a sine of a seed is the same function of time.

    Test series of seed 2 were looked at while steps and batch size were chosen, so others are tested now.
    """

    def part(number: int, seed: int) -> AtRate:
        return lambda rate: periods(number, gap=1 / rate, seed=seed)

    return part(series, 0), part(min(series, 200), 1), part(test_series, 3), ()


def _japanese_vowels(series: int, test_series: int) -> Parts:
    """Every third series of the archive's training part validates; faster rates are interpolated."""
    known, validation = _thirds(archived("JapaneseVowels", "train"))
    test = _some(archived("JapaneseVowels", "test"), test_series)
    return _from(_some(known, series)), _from(validation), _from(test), (2.0, 4.0)


def _basic_motions(series: int, test_series: int) -> Parts:
    """Trained on every fourth step, in its four phases, so that faster rates are data too."""
    known, validation = _thirds(archived("BasicMotions", "train"))
    phases = joined([_window(known, start) for start in range(4)])
    test = _some(archived("BasicMotions", "test"), test_series)
    return _from(_some(phases, series), 4), _from(_window(validation, 0), 4), _from(_window(test, 0), 4), ()


def _digits(series: int, test_series: int) -> Parts:
    """A slower rate leaves rows out, and with them what they show; faster rates are interpolated."""
    data = rows()
    order = np.random.default_rng(0).permutation(len(data))
    sizes = np.cumsum([min(series, 1000), 200, min(test_series, 500)])
    training, validation, test = (data.take(part) for part in np.split(order[: sizes[-1]], sizes[:-1]))
    return _from(training), _from(validation), _from(test), (2.0, 4.0)


TASKS: dict[str, Callable[[int, int], Parts]] = {
    "sines": _sines,
    "JapaneseVowels": _japanese_vowels,
    "BasicMotions": _basic_motions,
    "digits": _digits,
}
"""Training, validation and test series at any rate, and the rates that are interpolated; by the name of the task."""


def _from(data: SequenceDataset, every: int = 1) -> AtRate:
    """Data whose rate 1 is every so many steps."""
    gap = float(data.times[0, 1] - data.times[0, 0])

    def at(rate: float) -> SequenceDataset:
        steps = every / rate
        return thinned(data, round(steps)) if steps >= 1 else resampled(data, gap * steps, "linear")

    return at


def _window(data: SequenceDataset, start: int) -> SequenceDataset:
    """97 steps from one on: 25 of every fourth, 7 of every sixteenth, and the last is the same."""
    steps = slice(start, start + 97)
    return dataclasses.replace(data, inputs=data.inputs[:, steps], times=data.times[:, steps], mask=data.mask[:, steps])


def _thirds(data: SequenceDataset) -> tuple[SequenceDataset, SequenceDataset]:
    held_out = np.arange(len(data)) % 3 == 2
    return data.take(~held_out), data.take(held_out)


def _some(data: SequenceDataset, most: int) -> SequenceDataset:
    """So many series at most, evenly spread."""
    return data.take(np.unique(np.linspace(0, len(data) - 1, min(most, len(data))).round().astype(int)))
