"""What is forecast, what a forecaster returns, and how it chooses its settings: by the held-out part."""

from typing import NamedTuple

import numpy as np


class Task(NamedTuple):
    """A series (time, seeds, dimensions), one realisation for each seed, and what is to be done with it.

    Points before `train` are trained on; of them, those from `fit` on are held out for choices. Free-running forecasts
    of `horizon` points begin at the points `starts`.
    """

    series: np.ndarray
    train: int
    fit: int
    starts: np.ndarray
    horizon: int


class Forecaster(NamedTuple):
    """What became of a task. learning_rate is None where there is none.

    predicted: every point but the first, each from those before it, (time - 1, seeds, dimensions), NaN where these are
    too few; forecasts: free-running, (horizon, starts, seeds, dimensions).
    """

    parameters: int
    learning_rate: float | None
    seconds: float
    predicted: np.ndarray
    forecasts: np.ndarray


def held_out_errors(predicted: np.ndarray, task: Task) -> np.ndarray:
    """The mean squared errors (copies,) of predictions (time, copies, dimensions) in the held-out part.

    The copies are the seeds in their order, once or several times.
    """
    wanted = task.series[task.fit : task.train]
    wanted = np.tile(wanted, (1, predicted.shape[1] // wanted.shape[1], 1))
    return ((predicted[task.fit - 1 : task.train - 1] - wanted) ** 2).mean(axis=(0, 2))


def ranking(errors: np.ndarray) -> list[int]:
    """The candidates that have a finite median of their errors (candidates, seeds), the lowest one first."""
    medians = np.median(np.where(np.isfinite(errors), errors, np.inf), axis=1)
    return [int(candidate) for candidate in np.argsort(medians, kind="stable") if np.isfinite(medians[candidate])]
