"""A network that forecasts: it chooses its learning rate by the held-out part, and is trained once for each seed."""

import functools
import time
from collections.abc import Callable, Sequence

import jax
import numpy as np

from liquidjax._types import Cell
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.forecasting.task import Forecaster, Task, held_out_errors, ranking
from liquidjax.sequences.unroll import unroll
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.fit import Fitted, fit
from liquidjax.training.forecast import free_runs
from liquidjax.training.objectives import Forecast
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.progress import Epoch

REPORTS = 20
"""How often a training says how far it is."""

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
    seeds, count = task.series.shape[1], len(learning_rates)
    known = task.series[: task.train]

    def trained_on(series: np.ndarray, rates: np.ndarray, epochs_before: int) -> Fitted:
        """A member for each rate and seed, the seeds of a rate one after another."""

        def report(epoch: Epoch) -> None:
            if epoch.epoch % max(1, epochs // REPORTS) == 0 or epoch.epoch == epochs:
                seconds = time.perf_counter() - start
                callback(epochs_before + epoch.epoch, float(np.median(epoch.loss)), seconds)

        rows = np.tile(np.arange(seeds), len(rates) // seeds)
        return fit(
            cell,
            Forecast(),
            SequenceDataset(np.moveaxis(series, 1, 0)),
            preparation=Preparation((0.0,) * cell.inputs, (1.0,) * cell.inputs, time_unit=1 / dt, first_step=1.0),
            optimizer=Optimizer("adam", clip=None),
            epochs=epochs,
            members={"learning_rate": rates.tolist()},
            rows=rows[:, None],
            params=jax.vmap(lambda seed: cell.init(jax.random.key(seed)))(rows),
            callback=report,
            stop=stop,
        )

    tried = trained_on(known[: task.fit], np.repeat(learning_rates, seeds), 0)
    if stop():
        return None
    predicted = _predict(cell, tried.last.params, np.tile(known, (1, count, 1)), dt)
    errors = held_out_errors(np.asarray(predicted), task)
    for choice in ranking(errors.reshape(count, seeds)):
        rate = learning_rates[choice]
        try:
            trained = trained_on(known, np.full(seeds, rate), epochs).last.params
        except FloatingPointError:  # the next best rate takes its place
            continue
        if stop():
            return None
        seconds = time.perf_counter() - start
        predicted = np.asarray(_predict(cell, trained, task.series, dt))
        if np.isfinite(predicted).all():
            break
    else:
        raise FloatingPointError(f"diverged with all learning rates from {min(learning_rates):g}; try lower ones")
    ahead = lambda p, s: free_runs(cell, p, s, dt, task.starts, task.horizon, dt)  # noqa: E731
    forecasts = jax.vmap(ahead, in_axes=(0, 1), out_axes=2)(trained, task.series)
    return Forecaster(count_parameters(cell), rate, seconds, predicted, np.asarray(forecasts))


@functools.partial(jax.jit, static_argnames="cell")
def _predict(cell, params, series, dt):
    """The predictions (time - 1, members, features) of series[1:] from what was before each point."""
    return jax.vmap(lambda p, s: unroll(cell, p, s[:-1], dt)[1], in_axes=(0, 1), out_axes=1)(params, series)
