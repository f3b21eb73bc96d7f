"""A network that forecasts: it chooses its learning rate by the held-out part, and is trained once for each seed."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from liquidjax._types import Cell
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.forecasting.task import Forecaster, Task, held_out_errors, ranking
from liquidjax.training import next_step

Callback = Callable[[int, float, float], None]
"""Called with the epochs done, the median error of the copies in training, and the seconds since the start."""


def train(
    cell: Cell,
    task: Task,
    learning_rates: Sequence[float],
    epochs: int,
    dt: float,
    callback: Callback,
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
        callback: called now and then; it counts the epochs of both trainings.
        stop: asked now and then; when it says True, the training ends there.

    Returns:
        The forecaster; its seconds are those of both trainings, compilation included. None where `stop` ended them.

    Raises:
        FloatingPointError: every learning rate diverges.
    """
    start = time.perf_counter()
    seeds = task.series.shape[1]
    params = next_step.init(cell, seeds)

    def trained_on(params: Any, series: np.ndarray, rates: np.ndarray, epochs_before: int) -> Any:
        def report(epoch: int, errors: np.ndarray, _: float) -> None:
            callback(epochs_before + epoch, float(np.median(errors)), time.perf_counter() - start)

        return next_step.train(cell, params, series, rates, epochs=epochs, dt=dt, callback=report, stop=stop)

    count = len(learning_rates)
    copies = jax.tree.map(lambda leaf: np.concatenate([leaf] * count), params)  # (rates, seeds) on one axis
    known = np.tile(task.series[: task.train], (1, count, 1))
    tried = trained_on(copies, known[: task.fit], np.repeat(learning_rates, seeds), 0)
    if stop():
        return None
    errors = held_out_errors(np.asarray(next_step.predict(cell, tried, known, dt)), task)
    for choice in ranking(errors.reshape(count, seeds)):
        rate = learning_rates[choice]
        trained = trained_on(params, task.series[: task.train], np.full(seeds, rate), epochs)
        if stop():
            return None
        seconds = time.perf_counter() - start
        predicted = np.asarray(next_step.predict(cell, trained, task.series, dt))
        if np.isfinite(predicted).all():
            break
    else:
        raise FloatingPointError(f"diverged with all learning rates from {min(learning_rates):g}; try lower ones")
    forecasts = next_step.free_run(cell, trained, task.series, task.starts, task.horizon, dt)
    return Forecaster(count_parameters(cell), rate, seconds, predicted, np.asarray(forecasts))
