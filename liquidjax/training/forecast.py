"""Forecasts of many steps: a cell that is trained to say the next step reads what it says itself."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._checks import check_array, check_size
from liquidjax._types import Array, Cell, Params
from liquidjax.sequences.arguments import Arguments, arguments, naming_params
from liquidjax.sequences.steps import StepInputs, dtype_of, expand, masked_step
from liquidjax.sequences.unroll import unroll
from liquidjax.sequences.validation import refuse_where
from liquidjax.training.objective import of_series


def free_run(cell: Cell, params: Params, inputs: Any, dt: Any, steps: int, step_dt: Any, *, mask: Any = None) -> Array:
    """What a cell forecasts after a sequence: f_1 = the output at its last step, f_{k+1} = the output at reading f_k.

    A cell that is trained for the next step (`objectives.Forecast`) says at the last step of the sequence what comes
    one step after it. That is the first forecast, and what the cell reads next.

    Args:
        cell: a cell with as many outputs as inputs.
        params: its parameters; for several of them see `jax.vmap`.
        inputs: (time, *batch, features), what is known.
        dt: as for `unroll`.
        steps: how many steps are forecast.
        step_dt: from the step before to each of these, by which it is read: a scalar, (steps,) for all samples, or
            (steps, *batch), any batch axis of which may be 1. The last one is not read.
        mask: bool (time, *batch), False in padding; a sample goes on after its last valid step, and has one.

    Returns:
        (steps, *batch, features).

    Raises:
        ValueError: a cell with more or fewer outputs than inputs, or arguments that do not fit.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.Readout(lj.GRU(inputs=2, units=4), outputs=2)
        >>> params = cell.init(jax.random.key(0))
        >>> free_run(cell, params, jnp.ones((9, 3, 2)), 1.0, steps=5, step_dt=1.0).shape
        (5, 3, 2)
    """
    steps = check_size("steps", steps)
    given = arguments(cell, params, inputs, dt, mask=mask)
    _check_feeds_itself(cell)
    time, *batch, _ = given.inputs.shape
    if not time:
        raise ValueError("inputs must have at least one time step, from which the forecast goes on, got none")
    if given.mask is not None and not isinstance(given.mask, Tracer):
        empty = ~np.asarray(given.mask).any(0)
        if empty.any():
            raise ValueError(
                f"each sample must have a valid step, got none for sample {np.argwhere(empty)[0].tolist()}"
            )
    durations = _durations(step_dt, steps, tuple(batch))
    with naming_params(cell, params):
        return _free_run(cell, params, given, durations)


def free_runs(cell: Cell, params: Params, inputs: Any, dt: Any, starts: Any, steps: int, step_dt: Any) -> Array:
    """Forecasts from several places within a sequence, each by what is before it, as `free_run` of that much.

    Args:
        cell: a cell with as many outputs as inputs.
        params: its parameters.
        inputs: (time, *batch, features).
        dt: as for `unroll`.
        starts: int (starts,), each in [1, time]: the step of the first forecast.
        steps: how many steps are forecast.
        step_dt: as for `free_run`, a scalar or (steps,).

    Returns:
        (steps, starts, *batch, features).

    Raises:
        ValueError: as `free_run`, and for starts that are not in the sequence.

    Example:
        Copies of a cell, each with parameters and a series of its own, side by side:

        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=1)
        >>> params = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), 3))
        >>> run = lambda p, series: free_runs(cell, p, series, 1.0, [4, 6], 5, 1.0)
        >>> jax.vmap(run, in_axes=(0, 1), out_axes=2)(params, jnp.ones((9, 3, 1))).shape
        (5, 2, 3, 1)
    """
    inputs, dt = check_array("inputs", inputs), check_array("dt", dt)
    starts = check_array("starts", starts, kinds="iu", on_host=True)
    time = len(inputs) if inputs.ndim > 1 else 0
    if starts.ndim != 1 or not len(starts) or starts.min() < 1 or starts.max() > time:
        raise ValueError(f"starts must be int (starts,), each in [1, time = {time}], got {starts.tolist()}")
    if np.ndim(step_dt) > 1:
        raise ValueError(f"step_dt must be a scalar or (steps,), the same for all samples, got {np.shape(step_dt)}")
    shape = (time, len(starts), *inputs.shape[1:-1])
    known = expand(np.arange(time)[:, None] < starts, len(shape))
    everywhere = jnp.broadcast_to(inputs[:, None], (*shape, inputs.shape[-1]))
    durations = dt if dt.ndim == 0 else expand(dt[:, None], len(shape))
    step_dt = step_dt if np.ndim(step_dt) == 0 else expand(jnp.asarray(step_dt), len(shape))
    return free_run(cell, params, everywhere, durations, steps, step_dt, mask=np.broadcast_to(known, shape))


@functools.partial(jax.jit, static_argnames="cell")
def _free_run(cell: Cell, params: Params, given: Arguments, durations: Array) -> Array:
    state, outputs = unroll(cell, params, given.inputs, given.dt, mask=given.mask, validate=False)
    first = of_series("last", outputs, given.mask)

    def step(carry: Any, dt: Array) -> tuple[Any, Array]:
        state, point = masked_step(cell, params, carry[0], StepInputs(carry[1], dt))
        return (state, point), point

    _, others = jax.lax.scan(step, (state, first), durations[:-1].astype(dtype_of(params, given.inputs)))
    return jnp.concatenate([first[None], others])


def _check_feeds_itself(cell: Cell) -> None:
    if cell.inputs != cell.outputs:
        raise ValueError(
            f"the cell must have as many outputs as inputs to read what it says, got {cell.outputs} outputs and "
            f"{cell.inputs} inputs"
        )


def _durations(given: Any, steps: int, batch: tuple[int, ...]) -> Array:
    """step_dt as (steps, *batch)."""
    dt, shape = check_array("step_dt", given), (steps, *batch)
    of_steps = dt.ndim == len(shape) and all(n in (1, m) for n, m in zip(dt.shape[1:], batch, strict=True))
    if dt.ndim and not (len(dt) == steps and (dt.ndim == 1 or of_steps)):
        raise ValueError(
            f"step_dt must be a scalar, (steps,) = {(steps,)} or (steps, *batch) = {shape}, any batch axis of which "
            f"may be 1, got shape {dt.shape}"
        )
    if dt.ndim == 1 and batch == (steps,) and steps > 1:
        raise ValueError(
            f"step_dt must say whether it is for each of {steps} steps or {steps} samples, got shape {dt.shape}; write "
            f"step_dt[:, None] for the steps"
        )
    dt = jnp.broadcast_to(expand(dt, len(shape)), shape)
    if not isinstance(dt, Tracer):
        values = np.asarray(dt)
        refuse_where("step_dt must be finite and at least 0", values, ~((values >= 0) & np.isfinite(values)))
    return dt
