"""How well series are forecast: errors of the next point, and how long free-running forecasts are right."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from liquidjax.experiments.forecasting.task import Forecaster, Task


class Row(NamedTuple):
    """One line of a comparison; errors and valid times have one entry for each seed.

    The errors are mean squared errors of the next point, in variances of the training section. The valid times are
    medians over the starts, in the unit of the system.
    """

    network: str
    parameters: int
    learning_rate: float | None
    train_errors: list[float]
    test_errors: list[float]
    valid_times: list[float]
    seconds: float


class Study(NamedTuple):
    """What came out for one series.

    noise_errors: the test error, for each seed, of who knows the series without its noise; longest: what a valid time
    can be at most, in `unit`.
    """

    title: str
    unit: str
    longest: float
    noise_errors: list[float]
    rows: list[Row]


def evaluate(
    forecasters: Mapping[str, Forecaster],
    task: Task,
    truth: np.ndarray,
    threshold: float,
    title: str,
    unit: str,
    units_per_step: float,
) -> Study:
    """The errors and valid times of forecasters.

    Args:
        forecasters: by name.
        task: what they were given.
        truth: the series of the task without noise, (time, seeds, dimensions).
        threshold: the error that ends a valid forecast.
        title: of the series.
        unit: of the valid times.
        units_per_step: how many of it pass from one point to the next.

    Returns:
        A row for each forecaster.
    """
    meanwhile = truth[np.arange(task.horizon)[:, None] + task.starts]

    def error(predicted: np.ndarray, wanted: np.ndarray) -> list[float]:
        return np.nanmean((predicted - wanted) ** 2, axis=(0, 2)).tolist()

    rows = []
    for name, forecaster in forecasters.items():
        valid = np.median(valid_steps(forecaster.forecasts, meanwhile, threshold), axis=0)
        rows.append(
            Row(
                name,
                forecaster.parameters,
                forecaster.learning_rate,
                error(forecaster.predicted[: task.train - 1], task.series[1 : task.train]),
                error(forecaster.predicted[task.train - 1 :], task.series[task.train :]),
                (valid * units_per_step).tolist(),
                forecaster.seconds,
            )
        )
    noise_errors = error(truth[task.train :], task.series[task.train :])
    return Study(title, unit, task.horizon * units_per_step, noise_errors, rows)


def valid_steps(forecasts: np.ndarray, truth: np.ndarray, threshold: float) -> np.ndarray:
    """How many points (*batch) go by before the root mean square error over the dimensions is above the threshold.

    Args:
        forecasts: (steps, *batch, dimensions).
        truth: the same shape.
        threshold: the error, in the unit of both.

    Example:
        >>> valid_steps(np.array([[[0.1], [0.1]], [[0.9], [0.1]]]), np.zeros((2, 2, 1)), threshold=0.4)
        array([1, 2])
    """
    good = np.sqrt(((forecasts - truth) ** 2).mean(axis=-1)) <= threshold  # False for NaN too
    return np.where(good.all(axis=0), len(good), good.argmin(axis=0))
