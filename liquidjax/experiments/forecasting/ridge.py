"""Forecasts without a network: linear regression on the last points, the least a network should be compared with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Ridge(NamedTuple):
    """y = x W + b: weight (features, outputs), bias (outputs,)."""

    weight: np.ndarray
    bias: np.ndarray


def windows(series: np.ndarray, window: int) -> np.ndarray:
    """Every `window` points of a series (time, dimensions), one after the other: (time - window + 1, features).

    Example:
        >>> windows(np.array([[1.0], [2.0], [3.0]]), window=2).tolist()
        [[1.0, 2.0], [2.0, 3.0]]
    """
    rows = np.lib.stride_tricks.sliding_window_view(series, window, axis=0)  # (rows, dimensions, window)
    return rows.swapaxes(1, 2).reshape(len(rows), window * series.shape[1])


def fit(features: np.ndarray, targets: np.ndarray, penalties: Sequence[float]) -> list[Ridge]:
    """Minimises |x W + b - y|^2 + penalty |W|^2 over (rows, features) and (rows, outputs) for each penalty.

    With the centred x = U S V^T it is W = V S (S^2 + penalty)^-1 U^T y: one decomposition serves all penalties.

    Example:
        >>> fit(np.array([[-1.0], [1.0]]), np.array([[1.0], [5.0]]), penalties=[2.0])
        [Ridge(weight=array([[1.]]), bias=array([3.]))]

    Reference:
        Hastie, Tibshirani and Friedman, "The Elements of Statistical Learning" (2009), section 3.4.1.
    """
    mean, target_mean = features.mean(axis=0), targets.mean(axis=0)
    left, scale, right = np.linalg.svd(features - mean, full_matrices=False)
    along = left.T @ (targets - target_mean)
    weights = [right.T @ ((scale / (scale**2 + penalty))[:, None] * along) for penalty in penalties]
    return [Ridge(weight, target_mean - mean @ weight) for weight in weights]


def predict(model: Ridge, series: np.ndarray, window: int) -> np.ndarray:
    """The predictions (time - window, dimensions) of series[window:] from the `window` points before each.

    Example:
        >>> model = Ridge(weight=np.array([[-1.0], [2.0]]), bias=np.zeros(1))  # a straight line goes on
        >>> predict(model, np.array([[1.0], [2.0], [3.0], [4.0]]), window=2).tolist()
        [[3.0], [4.0]]
    """
    return windows(series[:-1], window) @ model.weight + model.bias


def free_run(model: Ridge, series: np.ndarray, steps: int, window: int) -> np.ndarray:
    """The forecast (steps, dimensions) of what follows the series, each prediction fed back.

    Example:
        >>> model = Ridge(weight=np.array([[-1.0], [2.0]]), bias=np.zeros(1))
        >>> free_run(model, np.array([[1.0], [2.0]]), steps=3, window=2).tolist()
        [[3.0], [4.0], [5.0]]
    """
    recent = windows(series, window)[-1]
    forecast = []
    for _ in range(steps):
        forecast.append(recent @ model.weight + model.bias)
        recent = np.concatenate([recent[series.shape[1] :], forecast[-1]])
    return np.array(forecast)
