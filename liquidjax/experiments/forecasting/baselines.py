"""Forecasts without a network: ridge regression on the last points, and persistence.

They are the least a network should be compared with.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from liquidjax.experiments.forecasting.task import Forecaster, Task, held_out_errors, ranking

try:
    from sklearn.linear_model import Ridge
except ImportError as error:
    raise ImportError('ridge regression needs scikit-learn: pip install "liquidjax[demo]"') from error

PENALTIES = tuple(10.0**power for power in range(-6, 4))
"""What ridge regression chooses from."""


def ridge_regression(task: Task, longest_window: int) -> Forecaster:
    """Ridge regression of the next point on the last ones.

    How many (`longest_window`, or half, a quarter, ... of it) and the penalty are chosen as the learning rates are.
    It is fitted where the window is full, so `longest_window` is below `fit`.

    Example:
        >>> line = np.arange(20.0).reshape(20, 1, 1)
        >>> task = Task(line, train=12, fit=8, starts=np.array([12]), horizon=8)
        >>> ridge_regression(task, longest_window=2).forecasts[:3, 0, 0, 0].round(3).tolist()
        [12.0, 13.0, 14.0]

    Reference:
        Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning" (2009), section 3.4.1.
    """
    start = time.perf_counter()
    each = [task.series[:, seed] for seed in range(task.series.shape[1])]
    candidates = [longest_window >> halvings for halvings in range(longest_window.bit_length())]
    best = ranking(np.concatenate([_errors(task, each, window) for window in candidates]))[0]
    window, penalty = candidates[best // len(PENALTIES)], PENALTIES[best % len(PENALTIES)]
    models = [fit(series[: task.train], window, [penalty]) for series in each]
    seconds = time.perf_counter() - start
    predicted = np.stack([predict(model, series, window) for model, series in zip(models, each, strict=True)], axis=1)
    forecasts = [
        free_run(model, windows(series, window)[task.starts - window], task.horizon)
        for model, series in zip(models, each, strict=True)
    ]
    parameters = models[0].coef_.size + models[0].intercept_.size
    return Forecaster(parameters, None, seconds, predicted, np.stack(forecasts, axis=2))


def persistence(task: Task) -> Forecaster:
    """Every point is predicted to be the last one seen.

    Example:
        >>> line = np.arange(6.0).reshape(6, 1, 1)
        >>> forecaster = persistence(Task(line, train=4, fit=3, starts=np.array([4]), horizon=2))
        >>> forecaster.predicted[:, 0, 0].tolist(), forecaster.forecasts[:, 0, 0, 0].tolist()
        ([0.0, 1.0, 2.0, 3.0, 4.0], [3.0, 3.0])
    """
    last = task.series[task.starts - 1]
    return Forecaster(0, None, 0.0, task.series[:-1], np.broadcast_to(last, (task.horizon, *last.shape)))


def windows(series: np.ndarray, window: int) -> np.ndarray:
    """Every `window` points of a series (time, dimensions), one after the other: (time - window + 1, features).

    Example:
        >>> windows(np.array([[1.0], [2.0], [3.0]]), window=2).tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    rows = np.lib.stride_tricks.sliding_window_view(series, window, axis=0)  # (rows, dimensions, window)
    return rows.swapaxes(1, 2).reshape(len(rows), window * series.shape[1])


def fit(series: np.ndarray, window: int, penalties: Sequence[float]) -> Ridge:
    """Fits the points of a series (time, dimensions) to the windows before them, with each of the penalties.

    The model predicts dimensions after dimensions, a set for each penalty: one decomposition serves all of them.

    Example:
        >>> line = np.arange(9.0)[:, None]
        >>> model = fit(line, window=2, penalties=[1e-9, 1e9])
        >>> model.predict([[10.0, 11.0]]).round(2).tolist()  # the slope, and the mean of what was fitted
        [[12.0, 5.0]]
    """
    of_targets: Any = np.repeat(penalties, series.shape[1])
    model = Ridge(alpha=of_targets, solver="svd")
    return model.fit(windows(series[:-1], window), np.tile(series[window:], len(penalties)))


def predict(model: Ridge, series: np.ndarray, window: int) -> np.ndarray:
    """The predictions (time - 1, dimensions) of series[1:]; NaN where fewer than `window` points were before."""
    predicted = model.predict(windows(series[:-1], window)).reshape(len(series) - window, -1)
    return np.pad(predicted, ((window - 1, 0), (0, 0)), constant_values=np.nan)


def free_run(model: Ridge, recent: np.ndarray, steps: int) -> np.ndarray:
    """The forecasts (steps, starts, dimensions) of what follows windows (starts, features), each prediction fed back.

    Example:
        >>> line = np.arange(9.0)[:, None]
        >>> free_run(fit(line, window=2, penalties=[1e-9]), np.array([[1.0, 2.0]]), steps=3).round(6).ravel().tolist()
        [3.0, 4.0, 5.0]
    """
    forecast = []
    for _ in range(steps):
        forecast.append(model.predict(recent).reshape(len(recent), -1))
        recent = np.concatenate([recent[:, forecast[-1].shape[1] :], forecast[-1]], axis=1)
    return np.array(forecast)


def _errors(task: Task, each: Sequence[np.ndarray], window: int) -> np.ndarray:
    """The errors (penalties, seeds) on the held-out part of models that have not seen it."""
    of_seeds = [predict(fit(series[: task.fit], window, PENALTIES), series, window) for series in each]
    by_penalty = np.stack(of_seeds, axis=1).reshape(len(task.series) - 1, len(each), len(PENALTIES), -1).swapaxes(1, 2)
    copies = by_penalty.reshape(len(by_penalty), len(PENALTIES) * len(each), -1)
    return held_out_errors(copies, task).reshape(len(PENALTIES), len(each))
