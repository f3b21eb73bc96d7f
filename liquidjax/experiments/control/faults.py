"""What may happen to frames on their way: when they come, lost, late or noisy. Physics goes on as ever."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liquidjax.tasks.sampling import losses

RATES = (0.25, 0.5, 2.0, 4.0)
"""Frames in a second that can be asked for beside 1, as a multiple of those in training."""


class Faults(NamedTuple):
    """rate: frames in a second, as a multiple of those in training; delay: frames that one is late; jitter: standard
    deviation of the gaps as a share of their mean; noise: of each position, in units of the plant; lost: share of the
    frames; burst: how many are lost together on the average, None singly.
    """

    rate: float = 1.0
    delay: int = 0
    jitter: float = 0.0
    noise: float = 0.0
    lost: float = 0.0
    burst: float | None = None

    @property
    def in_time(self) -> bool:
        """Whether what passes between two frames is another time than in training."""
        return self.rate != 1 or self.jitter > 0 or self.lost > 0


class Schedule(NamedTuple):
    """What happens to episodes (rows,), each cut into entries of a as many steps of physics at most.

    steps: int (entries, rows), of physics in an entry, 0 behind the end; frame: bool (entries, rows), whether a frame
    is taken where the entry begins; noise: (entries, rows, positions), on that frame; delay: int (rows,), frames;
    told: bool (rows,), whether the controller is told how much time has passed.
    """

    steps: np.ndarray
    frame: np.ndarray
    noise: np.ndarray
    delay: np.ndarray
    told: np.ndarray


def frame_times(faults: Faults, frame: int, total: int, rng: np.random.Generator) -> np.ndarray:
    """The steps of physics, int (frames,), below `total`, at which frames are taken that arrive; the first is 0.

    Jittered gaps are a step and a gamma distributed rest, rounded up or down at random so that their mean stays.

    Raises:
        ValueError: the gaps are too short to vary as they should, for they are whole steps.

    Example:
        >>> frame_times(Faults(), 4, 12, np.random.default_rng(0)).tolist()
        [0, 4, 8]
    """
    mean = frame / faults.rate
    if faults.jitter:
        rest = mean - 1
        # Rounding at random has a variance between 0 and 1/4, 1/6 on the average.
        variance = (faults.jitter * mean) ** 2 - 1 / 6
        if rest <= 0 or variance <= 0:
            raise ValueError(
                f"jitter must be such that gaps of whole steps of physics can vary so much, got {faults.jitter} of "
                f"{mean:g} steps"
            )
        shape = rest**2 / variance
        number = int(3 * total / mean) + 50
        gaps = 1 + np.floor(rng.gamma(shape, rest / shape, number) + rng.random(number)).astype(int)
        while gaps.sum() < total:
            gaps = np.concatenate([gaps, gaps])
        times = np.concatenate([[0], np.cumsum(gaps)])
    else:
        times = np.arange(0, total, round(mean))
    times = times[times < total]
    if faults.lost:
        gone = losses(len(times), faults.lost, faults.burst, rng)
        gone[0] = False  # the controller is started by its first frame
        times = times[~gone]
    return times


def schedule(asked: Sequence[Faults], rows: int, frame: int, total: int, unit: Sequence[float], seed: int) -> Schedule:
    """So many episodes under each of the faults, one after another; told what passes.

    An episode with the same number is damaged in the same way whichever faults are asked for beside its own.

    Args:
        asked: the faults.
        rows: episodes under each.
        frame: steps of physics from one frame to the next, as in training.
        total: steps of physics of an episode.
        unit: standard deviation of each position under noise 1.
        seed: of all that is random.

    Example:
        >>> made = schedule([Faults(rate=0.5), Faults(rate=2)], rows=1, frame=4, total=16, unit=[1.0], seed=0)
        >>> made.steps.T.tolist()
        [[4, 4, 4, 4, 0, 0, 0, 0], [2, 2, 2, 2, 2, 2, 2, 2]]
        >>> made.frame.T.astype(int).tolist()
        [[1, 0, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1, 1]]
    """
    beginnings, frames, drawn = [], [], []
    for faults in asked:
        for row in range(rows):
            rng = np.random.default_rng((seed, row))
            times = frame_times(faults, frame, total, rng)
            begins = _cut(times, frame, total)
            beginnings.append(begins)
            frames.append(np.isin(begins, times))
            drawn.append(faults.noise * rng.normal(size=(len(begins), len(unit))) * unit)
    longest, all_of = max(map(len, beginnings)), len(beginnings)
    made = Schedule(
        np.zeros((longest, all_of), np.int32),
        np.zeros((longest, all_of), bool),
        np.zeros((longest, all_of, len(unit)), np.float32),
        np.repeat([faults.delay for faults in asked], rows).astype(np.int32),
        np.ones(all_of, bool),
    )
    for row, (begins, taken, noise) in enumerate(zip(beginnings, frames, drawn, strict=True)):
        made.steps[: len(begins), row] = np.diff(begins, append=total)
        made.frame[: len(begins), row] = taken
        made.noise[: len(begins), row] = noise
    return made


def joined(parts: Sequence[Schedule]) -> Schedule:
    """Schedules side by side."""
    longest = max(len(part.steps) for part in parts)

    def padded(values: np.ndarray) -> np.ndarray:
        return np.pad(values, [(0, longest - len(values))] + [(0, 0)] * (values.ndim - 1))

    entries = [np.concatenate([padded(getattr(part, name)) for part in parts], axis=1) for name in Schedule._fields[:3]]
    return Schedule(*entries, *(np.concatenate([getattr(part, name) for part in parts]) for name in ("delay", "told")))


def taken(whole: Schedule, rows: slice | np.ndarray) -> Schedule:
    """Some of the episodes, without the entries that none of them has."""
    longest = int((whole.steps[:, rows] > 0).sum(0).max())
    steps, frame, noise = (values[:longest, rows] for values in whole[:3])
    return Schedule(steps, frame, noise, whole.delay[rows], whole.told[rows])


def _cut(times: np.ndarray, frame: int, total: int) -> np.ndarray:
    """The times and, where two are more than a frame apart, some between them."""
    gaps = np.diff(times, append=total)
    return np.concatenate([np.arange(time, time + gap, frame) for time, gap in zip(times, gaps, strict=True)])
