"""Who forecasts a series: networks that choose their learning rate by validation, ridge regression, persistence."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._types import Cell
from liquidjax.experiments.digits.baselines import parameter_count
from liquidjax.experiments.forecasting import ridge
from liquidjax.training import next_step

OnChunk = Callable[[int, float, float], None]
"""Called with the epochs done, the median error of the copies in training, and the seconds since the start."""
PENALTIES = tuple(10.0**power for power in range(-6, 4))
"""What ridge regression chooses from."""


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


def network(
    cell: Cell,
    task: Task,
    learning_rates: Sequence[float],
    epochs: int,
    dt: float,
    on_chunk: OnChunk,
    stop: Callable[[], bool] = lambda: False,
) -> Forecaster | None:
    """Trains a cell once for each learning rate and seed without the held-out part, and with the best rate on all.

    The best rate is that with the lowest median over the seeds of the error on the held-out part. If outputs do not
    stay finite with it, the next one takes its place. Parameters start from the number of their seed.

    Args:
        cell: a cell with as many outputs as inputs.
        task: what to learn.
        learning_rates: to choose from.
        epochs: steps of the optimizer for each of both trainings.
        dt: time from one point to the next, in the unit of the time constants.
        on_chunk: called now and then; it counts the epochs of both trainings.
        stop: asked now and then; when it says True, the training ends there.

    Returns:
        The forecaster; its seconds are those of both trainings, compilation included. None where `stop` ended them.

    Raises:
        FloatingPointError: every learning rate diverges.
    """
    start = time.perf_counter()
    seeds = task.series.shape[1]
    params = next_step.init(cell, seeds)

    def train(params: Any, series: np.ndarray, rates: np.ndarray, epochs_before: int) -> Any:
        def report(epoch: int, errors: np.ndarray, _: float) -> None:
            on_chunk(epochs_before + epoch, float(np.median(errors)), time.perf_counter() - start)

        return next_step.train(cell, params, series, rates, epochs=epochs, dt=dt, on_chunk=report, stop=stop)

    count = len(learning_rates)
    copies = jax.tree.map(lambda leaf: np.concatenate([leaf] * count), params)  # (rates, seeds) on one axis
    known = np.tile(task.series[: task.train], (1, count, 1))
    tried = train(copies, known[: task.fit], np.repeat(learning_rates, seeds), 0)
    if stop():
        return None
    errors = _held_out_errors(np.asarray(next_step.predict(cell, tried, known, dt)), task)
    for choice in _ranking(errors.reshape(count, seeds)):
        rate = learning_rates[choice]
        trained = train(params, task.series[: task.train], np.full(seeds, rate), epochs)
        if stop():
            return None
        seconds = time.perf_counter() - start
        predicted = np.asarray(next_step.predict(cell, trained, task.series, dt))
        if np.isfinite(predicted).all():
            break
    else:
        raise FloatingPointError(f"diverged with all learning rates from {min(learning_rates):g}; try lower ones")
    forecasts = next_step.free_run(cell, trained, task.series, task.starts, task.horizon, dt)
    return Forecaster(parameter_count(cell), rate, seconds, predicted, np.asarray(forecasts))


def ridge_regression(task: Task, longest_window: int) -> Forecaster:
    """Ridge regression of the next point on the last ones.

    How many (`longest_window`, or half, a quarter, ... of it) and the penalty are chosen as the learning rates are.
    It is fitted where the window is full, so `longest_window` is below `fit`.

    Example:
        >>> line = np.arange(20.0).reshape(20, 1, 1)
        >>> task = Task(line, train=12, fit=8, starts=np.array([12]), horizon=8)
        >>> ridge_regression(task, longest_window=2).forecasts[:3, 0, 0, 0].round(3).tolist()
        [12.0, 13.0, 14.0]
    """
    start = time.perf_counter()
    each = [task.series[:, seed] for seed in range(task.series.shape[1])]

    def fitted(window: int, points: int) -> list[tuple[ridge.Ridge, ...]]:
        """For each penalty the models of all seeds."""
        known = [series[:points] for series in each]
        fits = [ridge.fit(ridge.windows(series[:-1], window), series[window:], PENALTIES) for series in known]
        return list(zip(*fits, strict=True))

    def predicted(models: Sequence[ridge.Ridge], window: int) -> np.ndarray:
        of_seeds = [ridge.predict(model, series, window) for model, series in zip(models, each, strict=True)]
        return np.pad(np.stack(of_seeds, axis=1), ((window - 1, 0), (0, 0), (0, 0)), constant_values=np.nan)

    windows = [longest_window >> halvings for halvings in range(longest_window.bit_length())]
    errors = [
        _held_out_errors(predicted(models, window), task) for window in windows for models in fitted(window, task.fit)
    ]
    best = _ranking(np.array(errors))[0]
    window = windows[best // len(PENALTIES)]
    models = fitted(window, task.train)[best % len(PENALTIES)]
    seconds = time.perf_counter() - start
    forecasts = [
        [
            ridge.free_run(model, series[:first], task.horizon, window)
            for model, series in zip(models, each, strict=True)
        ]
        for first in task.starts
    ]
    parameters = models[0].weight.size + models[0].bias.size
    return Forecaster(parameters, None, seconds, predicted(models, window), np.moveaxis(np.array(forecasts), 2, 0))


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


def _held_out_errors(predicted: np.ndarray, task: Task) -> np.ndarray:
    """The mean squared errors (copies,) of predictions (time, copies, dimensions) in the held-out part.

    The copies are the seeds in their order, once or several times.
    """
    wanted = task.series[task.fit : task.train]
    wanted = np.tile(wanted, (1, predicted.shape[1] // wanted.shape[1], 1))
    return ((predicted[task.fit - 1 : task.train - 1] - wanted) ** 2).mean(axis=(0, 2))


def _ranking(errors: np.ndarray) -> list[int]:
    """The candidates that have a finite median of their errors (candidates, seeds), the lowest one first."""
    medians = np.median(np.where(np.isfinite(errors), errors, np.inf), axis=1)
    return [int(candidate) for candidate in np.argsort(medians, kind="stable") if np.isfinite(medians[candidate])]
