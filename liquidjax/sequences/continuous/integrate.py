"""A cell in continuous time: its equation solved over a whole sequence, driven by its inputs between the samples."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_cell, check_params
from liquidjax._checks import check_array, check_choice, check_flag, described
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.wrappers.base import given_inside, ode_inside, readout
from liquidjax.integrators import Diffrax
from liquidjax.sequences.continuous.solve import adaptive
from liquidjax.sequences.gradients.adjoint import Backsolve, refusal
from liquidjax.sequences.gradients.bptt import BPTT
from liquidjax.sequences.gradients.recursive import Recursive
from liquidjax.sequences.steps import cast, dtype_of, expand, where
from liquidjax.sequences.times import check_times_shape, durations
from liquidjax.sequences.validation import check_shapes, check_values

Interpolation = Literal["linear", "held"]


class Trajectory(NamedTuple):
    """What `integrate` found.

    states: (time, *batch, units), the first of them the initial state; inf from where an unfinished solve stopped.
    outputs: (time, *batch, outputs), what the cell answers in these states; zero where the mask is False.
    finished: bool (*batch), False where the solver ran out of steps.
    steps: int (*batch), solver steps taken, rejected ones included.
    """

    states: Array
    outputs: Array
    finished: Array
    steps: Array


class _Intervals(NamedTuple):
    """What drives the cell from one reading to the next valid one.

    dt: (time, *batch), 0 where there is nothing to do. start, end: (time, *batch, inputs), the inputs at both its ends.
    """

    dt: Array
    start: Array
    end: Array


@dataclass(frozen=True)
class _Driven:
    """The right-hand side of a cell in one interval, whose time runs from 0 to 1; equal for equal cells."""

    cell: Cell

    def __call__(self, arguments: tuple[Params, _Intervals], share: Array, state: Array) -> Array:
        params, interval = arguments
        inputs = interval.start + share * (interval.end - interval.start)
        _, own, _, sensed = given_inside(self.cell, params, state, self.cell.sense(params, inputs))
        drive, rate = ode_inside(self.cell).coefficients(own, state, sensed)
        return interval.dt * (drive - rate * state)


def integrate(
    cell: Cell,
    params: Params,
    times: Any,
    inputs: Any,
    *,
    state: State | None = None,
    mask: Any = None,
    interpolation: Interpolation = "linear",
    integrator: Diffrax | None = None,
    gradient: BPTT | Recursive | Backsolve = Recursive(),
    throw: bool = True,
) -> Trajectory:
    """Solves the equation of a cell from the first time to the last: dx/dt = drive(x, u(t)) - rate(x, u(t)) x.

    Where `unroll` holds each input for a whole dt and takes the steps of the cell's own integrator, this lets the
    inputs vary between samples and lets an adaptive solver choose its steps, for each sample apart. From one time to
    the next is a solve of its own, because inputs bend or jump there: no step of the solver crosses one of the times,
    and how far these are from zero does not matter.

    Args:
        cell: a cell that follows a differential equation, such as `LTC`, `HasaniLTC`, `CTRNN` or `NeuralODE`, or a
            `Readout` of one. Its own integrator is not used.
        params: its parameters.
        times: (time,) or (time, *batch), strictly increasing, in the unit of the time constants. Give them in float64
            (as numpy has them) where they are far from zero; the differences are taken before anything is rounded.
        inputs: (time, *batch, inputs), the inputs at these times.
        state: the state at the first time; the cell's initial state when None.
        mask: bool (time, *batch). Where it is False there is no reading: the state is held, the output is zero, no
            gradient flows whatever the padding contains, and the next interval begins at the last valid time.
        interpolation: between two times inputs are "linear", or "held" at the value of the later one, which is what
            `unroll` does.
        integrator: the solver, its tolerances and its limit of steps from one time to the next; `Diffrax()` when None.
        gradient: the states at the given times are kept, and each interval is solved once more on the way back.
            Within it `Recursive()` goes back through the steps taken with checkpoints, `BPTT()` keeps every step,
            `Backsolve(anyway=True)` solves the adjoint equation backwards, which fails where the times are far apart
            against tau and the cell contracts.
        throw: whether a solve that runs out of steps is an error; if not, look at `finished`.

    Returns:
        States and outputs at the given times, and whether and in how many steps each sample was finished.

    Raises:
        ValueError: shapes that do not fit; times that do not increase strictly or are further from zero than their
            dtype can tell them apart; inputs or a state that are not finite; a cell without a differential equation; an
            integrator that is not a `Diffrax`, or a gradient that is none of the three.
        RuntimeError: when run with throw, a solve that did not finish in `max_steps`.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> lj.integrate(cell, params, jnp.array([0.0, 0.1, 0.5]), jnp.ones((3, 4, 2))).outputs.shape
        (3, 4, 1)

    Reference:
        Kidger et al., "Neural controlled differential equations", NeurIPS 2020, for interpolated inputs; Kidger (2021),
        chapter 5, for the gradients.
    """
    check_cell(cell)
    ode_inside(cell)
    throw = check_flag("throw", throw)
    check_choice("interpolation", interpolation, ("linear", "held"))
    integrator = Diffrax() if integrator is None else integrator
    if not isinstance(integrator, Diffrax):
        raise ValueError(
            f"integrator must be a Diffrax, which chooses its own steps, got {described(integrator)}; "
            "give the others to the cell and use unroll"
        )
    given, inputs = inputs, check_array("inputs", inputs)
    mask = None if mask is None else check_array("mask", mask, kinds="biufV")
    check_shapes(cell, inputs, jnp.zeros(()), mask, state)
    check_params(cell, params)
    batch, dtype = inputs.shape[1:-1], dtype_of(params, inputs)
    if not isinstance(times, Tracer):
        times = check_array("times", times, "", on_host=True)
    check_times_shape(np.shape(times), batch)
    if len(times) != len(inputs):
        raise ValueError(f"times and inputs must be equally many, got {len(times)} and {len(inputs)}")
    dt = durations(times, batch, mask)
    check_values(given, dt, mask, state=state, dtype=dtype)
    inputs, dt = inputs.astype(dtype), jnp.asarray(dt, dtype)
    state = cell.initial_state(batch, dtype) if state is None else cast(state, dtype)
    if isinstance(gradient, Backsolve) and not gradient.anyway:
        raise ValueError(refusal(cell, params, state, inputs, dt, restarts=True))
    first_step = 1.0 if integrator.first_step is None else integrator.first_step  # the whole interval is tried first
    integrator = dataclasses.replace(integrator, adjoint=_adjoint(gradient), first_step=first_step)
    return _integrate(cell, interpolation, integrator, throw, params, dt, inputs, state, mask)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _integrate(cell, interpolation, integrator, throw, params, dt, inputs, state, mask):
    inputs = where(mask, inputs, 0)
    intervals = _Intervals(dt, inputs if interpolation == "held" else _latest_before(inputs, mask), inputs)

    def solve_interval(params, state, interval):
        states, finished, steps = adaptive(_Driven(cell), integrator, throw, (params, interval), state, None)
        return states[-1], finished, steps

    for _ in dt.shape[1:]:
        solve_interval = jax.vmap(solve_interval, in_axes=(None, 0, 0))

    def step(carry, interval):
        state, finished, steps = carry
        # What has run out of steps stands still from here on.
        interval = interval._replace(dt=jnp.where(finished, interval.dt, 0))
        new, fine, taken = solve_interval(params, state, interval)
        fine &= finished
        state = where(fine, new, 0)
        return (state, fine, steps + jnp.where(interval.dt > 0, taken, 0)), where(fine, state, jnp.inf)

    batch = dt.shape[1:]
    carry = state, jnp.ones(batch, bool), jnp.zeros(batch, int)
    # What the solver's adjoint keeps, it keeps of one interval at a time; of all of them only the states are kept.
    step = jax.checkpoint(step, prevent_cse=False)
    (_, finished, steps), states = jax.lax.scan(step, carry, jax.tree.map(lambda leaf: leaf[1:], intervals))
    states = jnp.concatenate([state[None], states])
    outputs = jax.vmap(lambda x, u: readout(cell, params, x, cell.sense(params, u)))(states, inputs)
    return Trajectory(states, where(mask, outputs, 0), finished, steps)


def _latest_before(inputs: Array, mask: Array | None) -> Array:
    """For each reading the last valid one before it, (time, *batch, inputs); of the first ones themselves."""
    if mask is None:
        return jnp.concatenate([inputs[:1], inputs[:-1]])
    time = expand(jnp.arange(len(inputs)), mask.ndim)
    latest = jax.lax.cummax(jnp.where(mask, time, -1), axis=0)
    before = jnp.concatenate([jnp.full_like(latest[:1], -1), latest[:-1]])
    return jnp.take_along_axis(inputs, jnp.where(before < 0, time, before)[..., None], axis=0)


def _adjoint(gradient: Any) -> Any:
    import diffrax

    if isinstance(gradient, BPTT):
        return diffrax.DirectAdjoint()
    if isinstance(gradient, Recursive):
        return diffrax.RecursiveCheckpointAdjoint(checkpoints=gradient.checkpoints)
    if isinstance(gradient, Backsolve):
        return diffrax.BacksolveAdjoint()
    raise ValueError(
        f"gradient must be BPTT(), Recursive() or Backsolve(anyway=True) for a continuous solve, got {gradient}"
    )
