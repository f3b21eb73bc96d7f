"""Solving a differential equation that depends on time, read out at any times."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_integrator
from liquidjax._checks import check_array, check_flag, check_kind
from liquidjax._types import Array, Integrator, Params
from liquidjax.integrators import Diffrax, FixedStep
from liquidjax.sequences.steps import expand
from liquidjax.sequences.times import durations
from liquidjax.sequences.validation import check_state_values

Field = Callable[[Params, Array, Array], Array]
"""(params, t, x) -> dx/dt, for a scalar t and one sample x (units,)."""


class Solution(NamedTuple):
    """What `solve` found.

    states: (times, *batch, units), the first of them the start; inf from where an unfinished solve stopped.
    finished: bool (*batch), False where the solver ran out of steps.
    steps: int (*batch), solver steps taken, rejected ones included.
    """

    states: Array
    finished: Array
    steps: Array


def solve(
    field: Field,
    params: Params,
    start: Any,
    times: Any,
    *,
    integrator: Integrator | None = None,
    mask: Any = None,
    throw: bool = True,
) -> Solution:
    """Solves dx/dt = field(params, t, x) from x(times[0]) = start, and reads the state at each of `times`.

    `Diffrax` solves each sample of the batch with its own steps, from the first time to the last in one go, and its
    adjoint decides on the memory of the gradient. The integrators of fixed step take `unfolds` steps between one time
    and the next.

    Args:
        field: (params, t, x) -> dx/dt for a scalar t and one sample x (units,). What is to be differentiated goes
            through `params`; a function defined once is compiled once.
        params: any pytree of arrays.
        start: (*batch, units), floating point.
        times: (times,) or (times, *batch), strictly increasing: when to read, the first of them the start.
        integrator: how to solve; when None `Diffrax()`, Tsit5 with tolerances 1e-6. Where the field bends or jumps at
            known times, give it the controller `diffrax.ClipStepSizeController` with them: a step across may go wrong.
        mask: bool (times, *batch), False where a time is padding, which may hold anything; the state there is that at
            the last time before it that is read, and the first one read is the start.
        throw: whether a solve that runs out of steps is an error; if not, look at `finished`.

    Returns:
        The states at `times`, and whether and in how many steps each sample was finished.

    Raises:
        ValueError: shapes that do not fit; a start that is not finite; times that do not increase strictly, or are
            further from zero than the dtype of the start can tell them apart.
        RuntimeError: when run with throw, a solve that did not finish in `max_steps`.

    Example:
        >>> decay = lambda rate, t, x: -rate * x
        >>> solution = solve(decay, 2.0, jnp.array([1.0]), [0.0, 0.5, 3.0])
        >>> [round(float(x), 4) for x in solution.states[:, 0]]
        [1.0, 0.3679, 0.0025]

    Reference:
        Kidger, "On neural differential equations" (2021), chapter 5; replaces `solve` of Edifice 0.2.0's ODE solver,
        which has one step size for a whole batch, divides by an error of 0, and returns unfinished states silently.
    """
    check_kind("field", field, Callable, "a function (params, t, x) -> dx/dt")
    integrator = Diffrax() if integrator is None else integrator
    check_integrator(integrator)
    start, throw = check_array("start", start), check_flag("throw", throw)
    if not isinstance(times, Tracer):
        times = check_array("times", times, "", on_host=True)
    if start.ndim < 1 or not jnp.issubdtype(start.dtype, jnp.floating):
        raise ValueError(f"start must be floating point (*batch, units), got {start.dtype} {start.shape}")
    mask = None if mask is None else check_array("mask", mask, kinds="biufV")
    if mask is not None and (mask.shape != (*np.shape(times)[:1], *start.shape[:-1]) or mask.dtype != jnp.bool_):
        raise ValueError(
            f"mask must be bool (times, *batch) = {(*np.shape(times)[:1], *start.shape[:-1])}, got "
            f"{mask.dtype} {mask.shape}"
        )
    check_state_values(start, start.dtype)
    durations(times, start.shape[:-1], mask)
    if not isinstance(times, Tracer):
        # Looked at once more as what the field sees: it may read the time itself, so that no origin can be taken off.
        times = np.asarray(times).astype(start.dtype)
        durations(times, start.shape[:-1], mask)
    return _solve(field, integrator, throw, params, start, jnp.asarray(times), mask)


@functools.partial(jax.jit, static_argnames=("field", "integrator", "throw"))
def _solve(field, integrator, throw, params, start, times, mask):
    batch = start.shape[:-1]
    times = jnp.broadcast_to(expand(times, len(batch) + 1), (len(times), *batch))
    times = times.astype(start.dtype)
    if mask is not None:
        # A time that is not read is the last one before it that is, or the first one: no time passes there.
        times = jnp.where(mask, times, 0)
        first = jnp.min(jnp.where(mask, times, jnp.inf), axis=0)
        times = jax.lax.cummax(jnp.where(mask, times, jnp.where(jnp.isfinite(first), first, 0)), axis=0)
    if isinstance(integrator, Diffrax):
        run = functools.partial(adaptive, field, integrator, throw)
    else:
        run = functools.partial(_fixed, field, integrator)
    axes = Solution(*cast(Any, (1, 0, 0)))
    for _ in batch:
        run = jax.vmap(run, in_axes=(None, 0, 1), out_axes=axes)
    return run(params, start, times)


def adaptive(
    field: Field, integrator: Diffrax, throw: bool, params: Params, start: Array, times: Array | None
) -> Solution:
    """`solve` for one sample (units,) with a solver of diffrax; times (times,) increase, which is not checked.

    With None in the place of times it goes from 0 to 1, and the states are that at the end.
    """
    import diffrax

    def right_hand_side(t: Any, x: Array, params: Params) -> Array:
        return field(params, t, x)

    begin, end = jnp.arange(2, dtype=start.dtype) if times is None else (times[0], times[-1])
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(right_hand_side),
        integrator.solver,
        t0=begin,
        t1=end,
        dt0=None if integrator.first_step is None else integrator.first_step * (end - begin),
        y0=start,
        args=params,
        saveat=diffrax.SaveAt(t1=True) if times is None else diffrax.SaveAt(ts=times),
        stepsize_controller=integrator.controller,
        adjoint=integrator.adjoint,
        max_steps=integrator.max_steps,
        throw=throw,
    )
    assert solution.ys is not None
    finished = jnp.asarray(solution.result == diffrax.RESULTS.successful)
    return Solution(solution.ys, finished, jnp.asarray(solution.stats["num_steps"]))


def _fixed(field: Field, integrator: Integrator, params: Params, start: Array, times: Array) -> Solution:
    # Time is one more state variable, with dt/dt = 1: so the integrators, which know of no time, see the right one at
    # each of their stages.
    def coefficients(timed):
        slope = field(params, timed[-1], timed[:-1])
        drive = jnp.append(slope, jnp.ones((), slope.dtype))
        return drive, jnp.zeros_like(drive)

    def interval(state, span):
        since, until = span
        state = integrator.advance(coefficients, jnp.append(state, since), until - since)[:-1]
        return state, state

    _, states = jax.lax.scan(interval, start, (times[:-1], times[1:]))
    unfolds = integrator.unfolds if isinstance(integrator, FixedStep) else 1
    steps = jnp.asarray(unfolds * (len(times) - 1))
    return Solution(jnp.concatenate([start[None], states]), jnp.asarray(True), steps)
