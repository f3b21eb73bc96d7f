"""What may happen to series on their way: another rate, lost steps, jitter, noise; each leaves the classes as they are.

A model that is trained on one sampling meets another. These functions make that other one of a data set, from a seed,
series by series, so that a series is damaged in the same way whichever others there are.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from liquidjax._bounds import check_not_negative, check_positive, check_seed, check_share
from liquidjax._checks import check_choice, check_number, check_size
from liquidjax.tasks.dataset import SequenceDataset, check_room, pad

Between = Literal["linear", "hold"]
"""What a feature is between two steps: on the line through them, or what it was at the one before."""
MOST_STEPS = 1_000_000
"""Of a resampled series."""


def thinned(data: SequenceDataset, every: int) -> SequenceDataset:
    """Every so many steps one, from the first: a lower rate, with all that aliases there.

    Example:
        >>> data = SequenceDataset.of([np.arange(5.0)[:, None]])
        >>> thinned(data, 2).times.tolist()
        [[0.0, 2.0, 4.0]]
    """
    every = check_size("every", every)
    return _kept(data, lambda row, length: np.arange(0, length, every))


def refined(data: SequenceDataset, parts: int) -> SequenceDataset:
    """Each gap in so many equal parts: a higher rate, which shows nothing new, for what comes between is on the line.

    Unlike `resampled` it keeps every step where it is, so that irregular series can be read more often too.

    Example:
        >>> data = SequenceDataset.of([[[0.0], [4.0], [2.0]]], times=[[0.0, 1.0, 5.0]])
        >>> found = refined(data, 2)
        >>> found.times.tolist(), found.inputs.ravel().tolist()
        ([[0.0, 0.5, 1.0, 3.0, 5.0]], [0.0, 2.0, 4.0, 3.0, 2.0])
    """
    parts = check_size("parts", parts)
    check_room((len(data), parts * data.inputs.shape[1], data.inputs.shape[2]))

    def times(row: int, given: np.ndarray) -> np.ndarray:
        return np.interp(np.arange(parts * (len(given) - 1) + 1) / parts, np.arange(len(given)), given)

    return _read_at(data, times, "linear", lambda number: number // parts)


def lost(data: SequenceDataset, share: float, burst: float | None = None, seed: int = 0) -> SequenceDataset:
    """Without a share of the steps, which are lost singly or in bursts; of each series one is left at least.

    In bursts, whether a step is lost is a Markov chain of two states (Gilbert): a burst ends after each step with
    probability 1 / burst, and begins so often that the share comes out.

    Args:
        data: the series.
        share: of the steps that are lost on the average, in [0, 1).
        burst: the mean number of steps that are lost together, at least 1; None loses each by itself, so that
            1 / (1 - share) together are the mean.
        seed: of what is lost.

    Raises:
        ValueError: a share or a burst out of range, or one such that the other cannot be reached.

    Example:
        >>> data = SequenceDataset.of([np.arange(6.0)[:, None]])
        >>> lost(data, 0.5).times.tolist()
        [[0.0, 4.0, 5.0]]

    Reference:
        Gilbert, "Capacity of a burst-noise channel", Bell System Technical Journal 39, 1960.
    """
    check_seed("seed", seed)
    losses(0, share, burst, np.random.default_rng(0))  # refuses what cannot be

    def kept(row: int, length: int) -> np.ndarray:
        gone = losses(length, share, burst, np.random.default_rng((seed, row)))
        return np.arange(1) if gone.all() else np.flatnonzero(~gone)

    return _kept(data, kept)


def losses(length: int, share: float, burst: float | None, rng: np.random.Generator) -> np.ndarray:
    """Which of so many steps are lost, bool (length,); see `lost`.

    Example:
        >>> losses(8, 0.5, 2.0, np.random.default_rng(0)).astype(int).tolist()
        [0, 1, 0, 1, 1, 1, 1, 1]
    """
    check_share("share", share, 0, 1)
    if share == 1:
        raise ValueError("share must be below 1: of lost series there is nothing left to read")
    begins = 0.0
    if burst is not None:
        begins = share / ((1 - share) * check_number("burst", burst, 1, np.inf))
        if begins > 1:
            least = share / (1 - share)
            raise ValueError(f"burst must be at least {least:.3g} where the share {share} is lost, got {burst}")
    chances = rng.random(length)
    gone = chances < share
    if burst is not None:
        for step in range(1, length):
            gone[step] = chances[step] >= 1 / burst if gone[step - 1] else chances[step] < begins
    return gone


def jittered(data: SequenceDataset, variation: float, seed: int = 0) -> SequenceDataset:
    """Read at other times: as many steps over the same duration, with gaps that vary.

    The gaps are gamma distributed about those of the data; what is read there is on the line between two steps.

    Args:
        data: the series.
        variation: standard deviation of a gap as a share of its mean; 0 leaves the data as they are.
        seed: of the gaps.

    Example:
        >>> data = SequenceDataset.of([np.arange(4.0)[:, None]])
        >>> jittered(data, 0.5).times.round(2).tolist()
        [[0.0, 1.0, 2.3, 3.0]]
    """
    check_not_negative("variation", variation)
    check_seed("seed", seed)
    if not variation:
        return data

    def times(row: int, given: np.ndarray) -> np.ndarray:
        shape = 1 / variation**2
        gaps = np.diff(given) * np.random.default_rng((seed, row)).gamma(shape, 1 / shape, len(given) - 1)
        gaps = np.maximum(gaps, 1e-3 * np.diff(given))  # no two steps at once
        total = gaps.sum()
        found = given[0] + np.concatenate([[0.0], np.cumsum(gaps)]) * ((given[-1] - given[0]) / total if total else 0)
        found[-1] = given[-1]
        return found

    return _read_at(data, times, "linear")


def resampled(data: SequenceDataset, gap: float, between: Between = "hold") -> SequenceDataset:
    """On a regular grid that begins with each series: what a model sees that must have the gaps of its training.

    Args:
        data: the series.
        gap: from one step to the next, in the unit of the times.
        between: see `Between`; "hold" knows nothing of the future.

    Example:
        >>> data = SequenceDataset.of([[[0.0], [4.0]]], times=[[0.0, 2.0]])
        >>> resampled(data, 1.0).inputs.ravel().tolist(), resampled(data, 1.0, "linear").inputs.ravel().tolist()
        ([0.0, 0.0, 4.0], [0.0, 2.0, 4.0])
    """
    check_positive("gap", gap)
    check_choice("between", between, ("linear", "hold"))
    lengths = np.max(np.where(data.mask, data.times - data.times[:, :1], 0), axis=1) / gap
    if lengths.max(initial=0) > MOST_STEPS:
        raise ValueError(f"gap must leave at most {MOST_STEPS:,} steps of a series, got {gap} for {lengths.max():.3g}")

    def times(row: int, given: np.ndarray) -> np.ndarray:
        # Half a unit in the last place must not lose the last step.
        return given[0] + gap * np.arange(int((given[-1] - given[0]) / gap * (1 + 1e-9)) + 1)

    return _read_at(data, times, between)


def noisy(data: SequenceDataset, spread: Any, seed: int = 0) -> SequenceDataset:
    """With Gaussian noise on what was observed.

    Args:
        data: the series.
        spread: its standard deviation, for all features or for each (features,), in their units.
        seed: of the noise.

    Example:
        >>> data = SequenceDataset.of([np.zeros((2, 1))])
        >>> noisy(data, 0.1).inputs.round(3).tolist()
        [[[0.013], [-0.013]]]
    """
    check_seed("seed", seed)
    deviation = np.asarray(spread, float)
    if deviation.shape not in ((), data.inputs.shape[2:]) or not (np.isfinite(deviation) & (deviation >= 0)).all():
        raise ValueError(f"spread must be at least 0, one or one for each of {data.inputs.shape[2]}, got {spread}")
    draws = np.zeros(data.inputs.shape)
    for row, length in enumerate(data.lengths):
        draws[row, :length] = np.random.default_rng((seed, row)).normal(size=(length, data.inputs.shape[2]))
    return dataclasses.replace(data, inputs=(data.inputs + draws * deviation).astype(data.inputs.dtype))


def _kept(data: SequenceDataset, of: Callable[[int, int], np.ndarray]) -> SequenceDataset:
    """The steps that `of` names for the number and the length of a series."""
    steps = [of(row, int(length)) for row, length in enumerate(data.lengths)]
    return _replaced(
        data,
        [inputs[chosen] for inputs, chosen in zip(data.inputs, steps, strict=True)],
        [times[chosen] for times, chosen in zip(data.times, steps, strict=True)],
        [targets[chosen] for targets, chosen in zip(data.targets, steps, strict=True)] if data.each_step else None,
    )


def _read_at(
    data: SequenceDataset,
    of: Callable[[int, np.ndarray], np.ndarray],
    between: Between,
    step_before: Callable[[np.ndarray], np.ndarray] | None = None,
) -> SequenceDataset:
    """The features at the times that `of` names for the number and the times of a series.

    step_before: which step is the last before each of these, by their numbers; the times say it where it is None.
    """
    inputs, stamps, targets = [], [], []
    for row, length in enumerate(data.lengths):
        given = data.times[row, :length]
        times = of(row, given)
        if step_before is None:
            rounding = 1e-9 * (given[-1] - given[0])
            before = np.clip(np.searchsorted(given, times + rounding, "right") - 1, 0, length - 1)
        else:
            before = step_before(np.arange(len(times)))
        inputs.append(_values(given, data.inputs[row, :length], times, before, between))
        stamps.append(times)
        if data.each_step:
            known = data.targets[row, :length]
            values = data.classes is None
            targets.append(_values(given, known, times, before, between) if values else known[before])
    return _replaced(data, inputs, stamps, targets if data.each_step else None)


def _values(
    given: np.ndarray, values: np.ndarray, times: np.ndarray, before: np.ndarray, between: Between
) -> np.ndarray:
    """Values (time, features) at other times; where one of two neighbours is not known, that before."""
    if between == "hold" or len(given) == 1:
        return values[before]
    after = np.minimum(before + 1, len(given) - 1)
    gap = np.where(after > before, given[after] - given[before], 1.0)
    share = np.clip((times - given[before]) / gap, 0, 1)[:, None]
    line = values[before] * (1 - share) + np.where(share > 0, values[after], 0) * share
    return np.where(np.isnan(line), values[before], line).astype(values.dtype)


def _replaced(data: SequenceDataset, inputs: list, times: list, targets: list | None) -> SequenceDataset:
    """The data set with other steps."""
    lengths = np.array([len(each) for each in times])
    changed = {"inputs": pad(inputs, np.nan), "times": pad(times, 0.0)}
    changed["mask"] = np.arange(lengths.max(initial=1)) < lengths[:, None]
    if targets is not None:
        changed["targets"] = pad(targets, np.nan if data.classes is None else -1)
    return dataclasses.replace(data, **changed)
