"""A cell in continuous time: its equation solved over a whole sequence, driven by its inputs between the samples."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import diffrax
import jax
import jax.numpy as jnp

from liquidjax._checks import check_choice
from liquidjax._types import Array, Cell, Params, State
from liquidjax.integrators import Diffrax
from liquidjax.sequences.adjoint import Backsolve, refusal
from liquidjax.sequences.flow import ode_cell, output, slope
from liquidjax.sequences.gradients import BPTT, Recursive
from liquidjax.sequences.solve import Solution, check_times, solve
from liquidjax.sequences.validation import check_shapes

Interpolation = Literal["linear", "held"]


class Trajectory(NamedTuple):
    """What `integrate` found.

    states: (time, *batch, units), the first of them the initial state; inf from where an unfinished solve stopped.
    outputs: (time, *batch, outputs), what the cell answers in these states.
    finished: bool (*batch), False where the solver ran out of steps.
    steps: int (*batch), solver steps taken, rejected ones included.
    """

    states: Array
    outputs: Array
    finished: Array
    steps: Array


@dataclass(frozen=True)
class _Driven:
    """The right-hand side of a cell whose inputs are known at some times; equal for equal cells, so compiled once."""

    cell: Cell
    interpolation: Interpolation

    def __call__(self, arguments: tuple[Params, Array, Array], t: Array, state: State) -> Array:
        params, times, inputs = arguments
        if self.interpolation == "linear":
            now = diffrax.LinearInterpolation(times, inputs).evaluate(t)
        else:
            now = inputs[jnp.searchsorted(times, t)]
        return slope(self.cell, params, state, now)


def integrate(
    cell: Cell,
    params: Params,
    times: Any,
    inputs: Any,
    *,
    state: State | None = None,
    interpolation: Interpolation = "linear",
    integrator: Diffrax = Diffrax(),
    gradient: BPTT | Recursive | Backsolve = Recursive(),
    throw: bool = True,
) -> Trajectory:
    """Solves the equation of a cell from the first time to the last: dx/dt = drive(x, u(t)) - rate(x, u(t)) x.

    Where `unroll` holds each input for a whole dt and takes the steps of the cell's own integrator, this lets the
    inputs vary between samples and lets an adaptive solver choose its steps across them, for each sample apart.

    Args:
        cell: a cell that follows a differential equation, such as `LTC`, `HasaniLTC`, `CTRNN` or `NeuralODE`, or a
            `Readout` of one. Its own integrator is not used.
        params: its parameters.
        times: (time,) or (time, *batch), strictly increasing, in the unit of the time constants.
        inputs: (time, *batch, inputs), the inputs at these times.
        state: the state at the first time; the cell's initial state when None.
        interpolation: between two times inputs are "linear", or "held" at the value of the later one, which is what
            `unroll` does.
        integrator: the solver, its tolerances and its limit of steps.
        gradient: `Recursive()` goes back through the steps taken with checkpoints, `BPTT()` keeps every step,
            `Backsolve(anyway=True)` solves the adjoint equation backwards, from each of the given times to the one
            before, which fails where these are far apart against tau and the cell contracts.
        throw: whether a solve that runs out of steps is an error; if not, look at `finished`.

    Returns:
        States and outputs at the given times, and whether and in how many steps each sample was finished.

    Raises:
        ValueError: shapes that do not fit, times that do not increase strictly, a cell without a differential equation,
            or a gradient that is none of the three.
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
    ode_cell(cell)
    times, inputs = jnp.asarray(times), jnp.asarray(inputs)
    check_choice("interpolation", interpolation, ("linear", "held"))
    check_shapes(cell, inputs, jnp.zeros(()), None, state)
    batch = inputs.shape[1:-1]
    check_times(times, batch)
    if len(times) != len(inputs):
        raise ValueError(f"times and inputs must be equally many, got {len(times)} and {len(inputs)}")
    dtype = jnp.result_type(inputs, *jax.tree.leaves(params))
    times, inputs = times.astype(dtype), inputs.astype(dtype)
    state = cell.initial_state(batch, dtype) if state is None else jnp.asarray(state, dtype)
    if gradient == Backsolve():
        raise ValueError(refusal(cell, params, state, inputs[1:], jnp.diff(times, axis=0), restarts=True))
    integrator = dataclasses.replace(integrator, adjoint=_adjoint(gradient))
    return _integrate(cell, interpolation, integrator, throw, params, times, inputs, state)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _integrate(cell, interpolation, integrator, throw, params, times, inputs, state):
    driven = _Driven(cell, interpolation)

    def of_sample(times, inputs, state):
        return solve(driven, (params, times, inputs), state, times, integrator=integrator, throw=throw)

    batch = inputs.shape[1:-1]
    spread = jnp.broadcast_to(times.reshape(times.shape + (1,) * (1 + len(batch) - times.ndim)), inputs.shape[:-1])
    for _ in batch:
        of_sample = jax.vmap(of_sample, in_axes=(1, 1, 0), out_axes=Solution(1, 0, 0))  # type: ignore[arg-type]
    states, finished, steps = of_sample(spread, inputs, state)
    outputs = jax.vmap(lambda x, u: output(cell, params, x, u, jnp.zeros((), inputs.dtype)))(states, inputs)
    return Trajectory(states, outputs, finished, steps)


def _adjoint(gradient: Any) -> diffrax.AbstractAdjoint:
    if isinstance(gradient, BPTT):
        return diffrax.DirectAdjoint()
    if isinstance(gradient, Recursive):
        return diffrax.RecursiveCheckpointAdjoint(checkpoints=gradient.checkpoints)
    if isinstance(gradient, Backsolve):
        return diffrax.BacksolveAdjoint()
    raise ValueError(f"gradient must be BPTT(), Recursive() or Backsolve(anyway=True) for a continuous solve, got "
                     f"{gradient}")  # fmt: skip
