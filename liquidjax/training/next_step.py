"""Training to predict the next point of a series, and forecasts that feed on themselves; many copies of a cell at once.

The copies have parameters, data and learning rates of their own and run side by side through `jax.vmap`: networks this
small leave a processor idle otherwise.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from liquidjax._types import Array, Cell, Params
from liquidjax.analysis.trajectory import states
from liquidjax.cells.projection import project
from liquidjax.sequences.unroll import unroll
from liquidjax.sequences.validation import check_values
from liquidjax.training.descent import descend

CHUNKS, LONGEST_CHUNK = 20, 50
"""Times the errors are looked at during training, at least; and most epochs in between."""
Callback = Callable[[int, np.ndarray, float], None]
"""Called with the epochs done, the errors (copies,) before the last of them, and the seconds since the start."""


def init(cell: Cell, seeds: int) -> Params:
    """The parameters of the seeds 0, 1, ..., stacked: every array with a leading axis (seeds,).

    Example:
        >>> import liquidjax as lj
        >>> init(lj.GRU(inputs=1, units=2), seeds=5).recurrent.bias.shape
        (5, 3, 2)
    """
    return jax.vmap(lambda seed: cell.init(jax.random.key(seed)))(jnp.arange(seeds))


def train(
    cell: Cell,
    params: Params,
    series: Any,
    learning_rates: Any,
    *,
    epochs: int,
    dt: float,
    callback: Callback = lambda epoch, errors, seconds: None,
    stop: Callable[[], bool] = lambda: False,
) -> Params:
    """Trains copies of a cell, each to predict the next point of its series: Adam on the mean squared error.

    One epoch is one step of the optimizer on the whole series, from the initial state of the cell. Parameters with
    explicit constraints are put back into their ranges after each.

    Args:
        cell: a cell with as many outputs as inputs.
        params: the parameters to start from, every array with a leading axis (copies,); they are left as they are.
        series: (time, copies, features).
        learning_rates: (copies,).
        epochs: steps of the optimizer.
        dt: time from one point to the next, in the unit of the time constants.
        callback: called about 20 times, and at least every 50 epochs.
        stop: asked after each such call; when it says True, the training ends there.

    Returns:
        The parameters after the last epoch. A copy that diverged has NaN in them; the others do not notice.

    Raises:
        ValueError: series or learning rates that do not fit, or a series or dt that `check_values` refuses.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=1)
        >>> series = np.ones((9, 3, 1), np.float32)
        >>> params = train(cell, init(cell, seeds=3), series, np.full(3, 0.01), epochs=2, dt=1.0)
        >>> params.recurrent.bias.shape
        (3, 3, 1)
    """
    series, learning_rates = jnp.asarray(series), jnp.asarray(learning_rates, float)
    copies = jax.tree.leaves(params)[0].shape[0]
    if series.ndim != 3 or len(series) < 2 or series.shape[1:] != (copies, cell.inputs) or cell.inputs != cell.outputs:
        raise ValueError(
            f"series must be (time >= 2, copies = {copies}, inputs of the cell = {cell.inputs} = its "
            f"outputs = {cell.outputs}), got shape {series.shape}"
        )
    if learning_rates.shape != (copies,):
        raise ValueError(f"learning_rates must be (copies,) = {(copies,)}, got shape {learning_rates.shape}")
    check_values(series, dt)
    start = time.perf_counter()
    params = jax.tree.map(jnp.copy, params)  # the epochs give their buffers away
    opt_state = jax.vmap(optax.adam(0.0).init)(params)
    done = 0
    while done < epochs:
        count = min(max(1, epochs // CHUNKS), LONGEST_CHUNK, epochs - done)
        params, opt_state, errors = _epochs(cell, params, opt_state, series, learning_rates, dt, count)
        done += count
        callback(done, np.asarray(errors), time.perf_counter() - start)
        if stop():
            break
    return params


@functools.partial(jax.jit, static_argnames="cell", donate_argnames=("params", "opt_state"))
def _epochs(cell, params, opt_state, series, learning_rates, dt, count):
    """`count` epochs: (params, opt_state, errors (copies,) before the last epoch)."""

    def epoch(params, opt_state, series, learning_rate):
        error, gradient = jax.value_and_grad(lambda params: _error(cell, params, series, dt))(params)
        params, opt_state = descend(optax.adam(learning_rate), gradient, opt_state, params)
        return project(params, cell), opt_state, error

    copies = jax.vmap(epoch, in_axes=(0, 0, 1, 0))
    carry = params, opt_state, jnp.zeros(learning_rates.shape)
    return jax.lax.fori_loop(0, count, lambda _, carry: copies(carry[0], carry[1], series, learning_rates), carry)


def _error(cell: Cell, params: Params, series: Array, dt: Array) -> Array:
    return jnp.mean((unroll(cell, params, series[:-1], dt)[1] - series[1:]) ** 2)


@functools.partial(jax.jit, static_argnames="cell")
def predict(cell: Cell, params: Params, series: Any, dt: Any) -> Array:
    """The predictions of series[1:] from what was before each point, by copies of a cell.

    Args:
        cell: a cell with as many outputs as inputs.
        params: every array with a leading axis (copies,).
        series: (time, copies, features).
        dt: as for `unroll`.

    Returns:
        (time - 1, copies, features).

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=1)
        >>> predict(cell, init(cell, seeds=3), jnp.ones((9, 3, 1)), 1.0).shape
        (8, 3, 1)
    """
    return jax.vmap(lambda p, s: unroll(cell, p, s[:-1], dt)[1], in_axes=(0, 1), out_axes=1)(params, series)


@functools.partial(jax.jit, static_argnames=("cell", "steps"))
def free_run(cell: Cell, params: Params, series: Any, starts: Any, steps: int, dt: Any) -> Array:
    """Forecasts by copies of a cell, which from each start on are fed their own predictions.

    Args:
        cell: a cell with as many outputs as inputs.
        params: every array with a leading axis (copies,).
        series: (time, copies, features).
        starts: (starts,), at least 2: the first point of each forecast. What is before it is read from the series.
        steps: points of a forecast.
        dt: as for `unroll`, a scalar.

    Returns:
        (steps, starts, copies, features).

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=1)
        >>> free_run(cell, init(cell, seeds=3), jnp.ones((9, 3, 1)), jnp.array([4, 6]), 5, 1.0).shape
        (5, 2, 3, 1)
    """

    def one_copy(params, series):
        # After the point before the last one before the start: the last one is the first input of the forecast.
        state = jax.tree.map(lambda leaf: leaf[starts - 2], states(cell, params, series[:-1], dt))

        def step(carry, _):
            state, point = carry
            state, point = cell.step(params, state, cell.sense(params, point), jnp.asarray(dt, point.dtype))
            return (state, point), point

        return jax.lax.scan(step, (state, series[starts - 1]), length=steps)[1]

    return jax.vmap(one_copy, in_axes=(0, 1), out_axes=2)(params, series)
