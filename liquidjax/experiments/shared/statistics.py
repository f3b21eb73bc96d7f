"""What can be said of a few runs on a few tasks, with its uncertainty: few runs are never enough for a mean alone.

Scores are a list of tasks, each with the scores (runs,) of one network on it, normalised by anchors that belong to the
task, such as 0 for a guess and 1 for an oracle, so that tasks can be put together. Bootstraps are stratified: runs are
drawn anew within each task.

Reference:
    Agarwal et al., "Deep reinforcement learning at the edge of the statistical precipice", NeurIPS 2021.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

Scores = Sequence[np.ndarray]
"""The scores (runs,) of a network on each task."""
RESAMPLES = 2000
"""Of a bootstrap; its interval then varies by a few hundredths of its own width."""


class Estimate(NamedTuple):
    """A number, and the interval in which it lies with a confidence of 95 %."""

    value: float
    low: float
    high: float


def interquartile_mean(scores: Scores, seed: int = 0) -> Estimate:
    """The mean of the middle half of all runs on all tasks: as hard to mislead as a median, with less variance.

    Example:
        >>> interquartile_mean([np.array([0.0, 0.5, 0.7, 9.0])]).value
        0.6
    """
    return _bootstrapped(lambda *tasks: stats.trim_mean(np.concatenate(tasks, -1), 0.25, -1), _checked(scores), seed)


def mean(scores: Scores, seed: int = 0) -> Estimate:
    """The mean over tasks of the mean over runs.

    Example:
        >>> mean([np.array([0.0, 1.0]), np.array([1.0, 1.0, 1.0])]).value
        0.75
    """
    return _bootstrapped(lambda *tasks: np.mean([task.mean(-1) for task in tasks], axis=0), _checked(scores), seed)


def probability_of_improvement(scores: Scores, others: Scores, seed: int = 0) -> Estimate:
    """How probable it is that a run of this network is better than one of the other on the same task, ties by halves.

        P = mean over tasks of the share of pairs with x > y, plus half of those with x = y

    Args:
        scores: of this network.
        others: of the other, on the same tasks.
        seed: of the bootstrap.

    Example:
        >>> probability_of_improvement([np.array([0.6, 0.8])], [np.array([0.5, 0.6])]).value
        0.875
    """
    first, second = _checked(scores), _checked(others)
    if len(first) != len(second):
        raise ValueError(f"both networks must have scores of the same tasks, got {len(first)} and {len(second)}")

    def probability(*tasks: np.ndarray) -> np.ndarray:
        pairs = zip(tasks[: len(first)], tasks[len(first) :], strict=True)
        return np.mean([(np.sign(x[..., :, None] - y[..., None, :]) + 1).mean((-2, -1)) / 2 for x, y in pairs], axis=0)

    return _bootstrapped(probability, [*first, *second], seed)


def profile(scores: Scores, thresholds: np.ndarray) -> np.ndarray:
    """The performance profile: for each threshold the share of runs above it, the mean over tasks, (thresholds,).

    Example:
        >>> profile([np.array([0.2, 0.9]), np.array([0.4, 0.6])], np.array([0.3, 0.5])).tolist()
        [0.75, 0.5]
    """
    return np.mean([(task[:, None] > np.asarray(thresholds)).mean(0) for task in _checked(scores)], axis=0)


def shown(value: Estimate) -> str:
    """The estimate and its interval.

    Example:
        >>> shown(Estimate(0.912, 0.9, 1.0))
        '.91 (.90 to 1.00)'
    """
    return f"{short(value.value)} ({short(value.low)} to {short(value.high)})"


def short(number: float) -> str:
    """A number with two digits, without the zero before the point.

    Example:
        >>> short(0.9), short(-0.05), short(0.996)
        ('.90', '-.05', '1.00')
    """
    return f"{number:.2f}".replace("0.", ".", 1) if abs(number) < 0.995 else f"{number:.2f}"


def _bootstrapped(statistic: Callable[..., np.ndarray], samples: list[np.ndarray], seed: int) -> Estimate:
    """Percentiles of the statistic of samples drawn anew, each within itself; it takes samples (..., runs)."""
    rng = np.random.default_rng(seed)
    value = float(statistic(*samples))
    if all(len(sample) == 1 for sample in samples):  # nothing is known of its uncertainty
        return Estimate(value, -np.inf, np.inf)
    drawn = statistic(*(rng.choice(sample, (RESAMPLES, len(sample))) for sample in samples))
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Estimate(value, float(low), float(high))


def _checked(scores: Scores) -> list[np.ndarray]:
    tasks = [np.asarray(task, float) for task in scores]
    if not tasks or any(task.ndim != 1 or not task.size or not np.isfinite(task).all() for task in tasks):
        raise ValueError("scores must be a list of tasks, each with the finite scores (runs,) of at least one run")
    return tasks
