"""The continuous adjoint: gradients from an equation solved backwards in time, instead of through the steps taken."""

import functools
import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero

from liquidjax._checks import check_size
from liquidjax._types import Array, Cell, Coefficients, ODECell, Params, State
from liquidjax.cells.ode import with_integrators
from liquidjax.cells.readout import Readout
from liquidjax.cells.step_loss import StepLoss
from liquidjax.sequences.steps import Steps, masked_step, padded, where


@dataclass(frozen=True)
class SegmentedAdjoint:
    """The continuous adjoint within segments; only the state at the end of each segment is kept.

    Backwards from the end of a segment, state x, adjoint a = dL/dx and gradient g follow

        dx/ds = -f,   da/ds = (df/dx)^T a,   dg/ds = (df/dp)^T a,   with f = drive - rate x and s = -t,

    solved by the classical Runge-Kutta method. That is the gradient of the equation, not of the steps the forward pass
    took: they differ by the error of the forward solver (first order for `SemiImplicit`), whatever the precision. And
    what was contracted forwards expands backwards: an error in x grows with exp(duration of a segment / tau). So
    segments should be short against the smallest time constant. Memory grows with time / length x units x batch.

    Args:
        length: time steps of a segment.
        unfolds: Runge-Kutta steps within each time step backwards; those of the cell's integrator when None, or 6 if
            it is adaptive.

    Raises:
        ValueError: a number is not an integer of at least 1; or the cell follows no differential equation (when run).

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.CTRNN(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda p: lj.unroll(cell, p, jnp.ones((50, 1)), 0.1, gradient=lj.SegmentedAdjoint(10))[1].sum()
        >>> jax.grad(loss)(params).linear.bias.shape
        (2,)

    Reference:
        Chen et al., "Neural ordinary differential equations", NeurIPS 2018, algorithm 1; keeping the state between
        segments: Gholami et al., "ANODE", IJCAI 2019.
    """

    length: int
    unfolds: int | None = None

    def __post_init__(self):
        check_size("length", self.length)
        if self.unfolds is not None:
            check_size("unfolds", self.unfolds)

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `gradients.Gradient`."""
        time = len(steps.dt)
        length = max(1, min(self.length, time))
        unfolds = self.unfolds or getattr(_ode_cell(cell).integrator, "unfolds", 6)

        def flipped(tree: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf[::-1], tree) if reverse else tree

        steps = padded(flipped(steps), math.ceil(time / length) * length)
        segments = jax.tree.map(lambda leaf: leaf.reshape(-1, length, *leaf.shape[1:]), steps)
        state, outputs, _ = _segmented(cell, unfolds, params, state, segments)
        return state, flipped(outputs.reshape(-1, *outputs.shape[2:])[:time])


@dataclass(frozen=True)
class Backsolve:
    """The continuous adjoint over the whole sequence: keeps nothing but the last state, and fails on most liquid cells.

    `SegmentedAdjoint` with one segment. A liquid neuron forgets: forwards, differences shrink with exp(-t / tau), so
    backwards the rounding of the state grows with exp(t / tau), and after some ten time constants nothing of it is
    left. It is here to show that, and for cells that do not contract.

    Args:
        anyway: whether to run it. Without, `unroll` refuses and says how large the growth is.
        unfolds: see `SegmentedAdjoint`.

    Raises:
        ValueError: when run without `anyway`.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.CTRNN(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> lj.unroll(cell, params, jnp.ones((50, 1)), gradient=lj.Backsolve())  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        ValueError: Backsolve would multiply the rounding errors of the state by about e^50.0 on the way back...

    Reference:
        Chen et al. (2018), algorithm 1; why it fails: Gholami et al. (2019), and Zhuang et al., "Adaptive checkpoint
        adjoint", ICML 2020.
    """

    anyway: bool = False
    unfolds: int | None = None

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `gradients.Gradient`."""
        if not self.anyway:
            growth = _growth(_ode_cell(cell), _of_ode_cell(cell, params), state, steps)
            raise ValueError(
                f"Backsolve would multiply the rounding errors of the state by about {growth} on the way back "
                "(exp of duration / tau), because a liquid cell contracts forwards; use SegmentedAdjoint, Recursive or "
                "Chunked, or Backsolve(anyway=True) to see it fail"
            )
        return SegmentedAdjoint(max(1, len(steps.dt)), self.unfolds).scan(cell, params, state, steps, reverse)


class _Still:
    """An integrator for which no time passes: of a cell with it only the readout of the state is left."""

    per_sample = False

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        return state


def _ode_cell(cell: Cell) -> ODECell:
    """The cell inside that moves the state."""
    inner = cell
    while isinstance(inner, Readout | StepLoss):
        inner = inner.cell
    if not isinstance(inner, ODECell):
        raise ValueError(f"the continuous adjoint needs a cell that follows a differential equation, such as LTC or "
                         f"CTRNN, or a Readout of one; got {type(inner).__name__}: use Remat, Chunked or "
                         f"Recursive")  # fmt: skip
    return inner


def _of_ode_cell(cell: Cell, params: Params) -> Params:
    """Its parameters, out of those of the whole."""
    while isinstance(cell, Readout | StepLoss):
        params = params.cell if isinstance(cell, Readout) else params
        cell = cell.cell
    return params


def _growth(cell: ODECell, params: Params, state: Array, steps: Steps) -> str:
    """e^(the largest of t / tau over neurons and samples), with tau at the initial state; in words inside jit."""
    if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, state, steps))):
        return "exp(duration / tau)"
    inputs = steps.inputs[..., : cell.inputs]
    rates = jax.vmap(lambda u: cell.coefficients(params, state, cell.sense(params, u))[1])(inputs)
    dt = steps.dt.reshape(steps.dt.shape + (1,) * (rates.ndim - steps.dt.ndim))
    return f"e^{float(np.max(np.sum(rates * dt, axis=0))):.1f}"


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _segmented(cell: Cell, unfolds: int, params: Params, state: Array, segments: Steps) -> tuple[Array, Array, Array]:
    """(state after the last step, outputs of all steps, states at the ends of the segments)."""

    def segment(x, steps):
        x, outputs = jax.lax.scan(lambda x, now: masked_step(cell, params, x, now), x, steps)
        return x, (x, outputs)

    state, (ends, outputs) = jax.lax.scan(segment, state, segments)
    return state, outputs, ends


def _forward(cell: Cell, unfolds: int, params: Params, state: Array, segments: Steps):
    # With symbolic zeros, what comes in tells whether its gradient is wanted: that of the inputs is as large as they
    # are, so it is not computed in vain.
    wanted = {name: None for name in ("inputs", "dt") if getattr(segments, name).perturbed}
    params, state, segments = jax.tree.map(lambda leaf: leaf.value, (params, state, segments))
    end, outputs, ends = _segmented(cell, unfolds, params, state, segments)
    return (end, outputs, ends), (params, ends, segments, wanted)


class _Backward(NamedTuple):
    """What moves backwards: the state, its adjoint, and the gradient of the parameters so far."""

    state: Array
    adjoint: Array
    params: Params


def _backward(cell: Cell, unfolds: int, kept, cotangents):
    params, ends, segments, wanted = kept
    of_state, of_outputs, _ = (None if isinstance(leaf, SymbolicZero) else leaf for leaf in cotangents)

    def step_back(now, step):
        back, of_inputs, of_dt = _step_back(cell, unfolds, params, now, *step)
        return back, (of_inputs if "inputs" in wanted else None, of_dt if "dt" in wanted else None)

    def segment(carry, of_segment):
        adjoint, of_params = carry
        end, steps, of_outputs = of_segment
        start = _Backward(end, adjoint, of_params)
        back, of_steps = jax.lax.scan(step_back, start, (steps, of_outputs), reverse=True)
        return (back.adjoint, back.params), of_steps

    start = jnp.zeros_like(ends[0]) if of_state is None else of_state, jax.tree.map(jnp.zeros_like, params)
    (adjoint, of_params), (of_inputs, of_dt) = jax.lax.scan(segment, start, (ends, segments, of_outputs), reverse=True)
    return of_params, adjoint, Steps(of_inputs, of_dt, None, None)  # type: ignore[arg-type]  # None: no gradient


def _step_back(
    cell: Cell, unfolds: int, params: Params, now: _Backward, step: Steps, of_output: Array | None
) -> tuple[_Backward, Array, Array]:
    """From the end of a time step to its start: (what moves, gradient of the inputs, gradient of dt)."""
    inner = _ode_cell(cell)

    def output(params, state, inputs):
        still = with_integrators(cell, lambda _: _Still())
        return where(step.mask, still.step(params, state, still.sense(params, inputs), step.dt)[1], 0)

    if of_output is None:
        by_output, adjoint, of_inputs = None, now.adjoint, 0
    else:
        _, pull = jax.vjp(output, params, now.state, step.inputs)
        by_output, of_state, of_inputs = pull(of_output)
        adjoint = now.adjoint + of_state

    def sense(params, inputs):
        return inner.sense(_of_ode_cell(cell, params), inputs[..., : inner.inputs], step.key)

    sensed, pull_sensed = jax.vjp(sense, params, step.inputs)

    def slope(params, state, sensed, dt):
        drive, rate = inner.coefficients(_of_ode_cell(cell, params), state, sensed)
        return dt[..., None] * (drive - rate * state)

    def stage(carry, share_and_weight):
        """One of the four stages of a Runge-Kutta step from (state, adjoint): its slopes, and their weighted sums."""
        start, previous, total = carry
        share, weight = share_and_weight
        state, adjoint = jax.tree.map(lambda x, dx: x + share * dx, start, previous)
        forwards, pull = jax.vjp(slope, params, state, sensed, step.dt)
        of_params, of_state, of_sensed, of_dt = pull(adjoint)
        slopes = -forwards, of_state
        total = jax.tree.map(lambda t, dx: t + weight * dx, total, (slopes, (of_params, of_sensed, of_dt)))
        return (start, slopes, total), None

    def unfold(carry, _):
        start, gradient = carry
        nothing = jax.tree.map(jnp.zeros_like, carry)
        # Loops, not Python: unrolled, the stages would all be kept in memory at the same time.
        (_, _, (moved, added)), _ = jax.lax.scan(stage, (start, nothing[0], nothing), (shares, weights))
        return (jax.tree.map(jnp.add, start, moved), jax.tree.map(jnp.add, gradient, added)), None

    shares = jnp.array([0, 1 / 2, 1 / 2, 1], now.state.dtype) / unfolds
    weights = jnp.array([1 / 6, 1 / 3, 1 / 3, 1 / 6], now.state.dtype) / unfolds
    nothing = jax.tree.map(jnp.zeros_like, (params, sensed, step.dt))
    ((state, adjoint), (by_flow, of_sensed, of_dt)), _ = jax.lax.scan(
        unfold, ((now.state, adjoint), nothing), None, length=unfolds
    )
    by_sense, of_sensed_inputs = pull_sensed(of_sensed)
    parts = [part for part in (now.params, by_flow, by_sense, by_output) if part is not None]
    total = jax.tree.map(lambda *leaves: sum(leaves), *parts)
    return _Backward(state, adjoint, total), of_inputs + of_sensed_inputs, of_dt


_segmented.defvjp(_forward, _backward, symbolic_zeros=True)
