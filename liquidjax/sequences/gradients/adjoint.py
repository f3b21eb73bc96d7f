"""The continuous adjoint: gradients from an equation solved backwards in time, instead of through the steps taken."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.custom_derivatives import SymbolicZero

from liquidjax._checks import check_flag, check_size, settle
from liquidjax._types import Array, Cell, Params, Sensed, State
from liquidjax.cells.wrappers.base import given_inside, ode_inside, params_inside, readout
from liquidjax.integrators import FixedStep
from liquidjax.sequences.gradients.bptt import BPTT
from liquidjax.sequences.steps import StepInputs, expand, masked_step, padded, where


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
        settle(self, check_size, "length")
        if self.unfolds is not None:
            settle(self, check_size, "unfolds")

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `gradients.Gradient`."""
        time = len(steps.dt)
        if not time:
            return BPTT().scan(cell, params, state, steps)
        length = min(self.length, time)
        if steps.reset is not None:
            raise ValueError(
                "reset must be None with SegmentedAdjoint and Backsolve: what a state was before it started anew "
                "cannot be found backwards; use Remat, BPTT, Chunked or Recursive"
            )
        integrator = ode_inside(cell).integrator
        unfolds = self.unfolds or (integrator.unfolds if isinstance(integrator, FixedStep) else 6)
        steps = padded(steps, math.ceil(time / length) * length)
        segments = jax.tree.map(lambda leaf: leaf.reshape(-1, length, *leaf.shape[1:]), steps)
        state, outputs, _ = _segmented(cell, unfolds, params, state, segments)
        return state, outputs.reshape(-1, *outputs.shape[2:])[:time]


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

    def __post_init__(self):
        settle(self, check_flag, "anyway")
        if self.unfolds is not None:
            settle(self, check_size, "unfolds")

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `gradients.Gradient`."""
        if not self.anyway:
            raise ValueError(refusal(cell, params, state, steps.inputs, steps.dt))
        return SegmentedAdjoint(max(1, len(steps.dt)), self.unfolds).scan(cell, params, state, steps)


def refusal(cell: Cell, params: Params, state: State, inputs: Array, dt: Array, restarts: bool = False) -> str:
    """Why not to solve backwards, with e^(the largest t / tau of neurons and samples), tau at the initial state.

    With `restarts`, the state is known again after each dt, and t is the longest of them, not their sum.
    """
    growth, inner = "exp(duration / tau)", ode_inside(cell)
    if not any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves((params, state, inputs, dt))):

        def rate(inputs: Array) -> Array:
            _, own, x, sensed = given_inside(cell, params, state, cell.sense(params, inputs))
            return inner.coefficients(own, x, sensed)[1]

        rates = jax.vmap(rate)(inputs)
        exponents = rates * expand(dt, rates.ndim)
        exponent = np.max(exponents if restarts else np.sum(exponents, axis=0))
        growth = f"e^{float(exponent):.1f}"
    return (
        f"Backsolve would multiply the rounding errors of the state by about {growth} on the way back (exp of duration "
        "/ tau), because what contracts forwards, as liquid cells do, expands backwards; use Recursive, or with unroll "
        "Chunked or SegmentedAdjoint, or Backsolve(anyway=True) to see it fail"
    )


def _through_segments(
    cell: Cell, unfolds: int, params: Params, state: Array, segments: StepInputs
) -> tuple[Array, Array, Array]:
    """(state after the last step, outputs of all steps, states at the ends of the segments)."""

    def segment(x, i):
        x, outputs = _over_segment(lambda x, now: masked_step(cell, params, x, now), x, segments, i)
        return x, (x, outputs)

    state, (ends, outputs) = jax.lax.scan(segment, state, jnp.arange(len(segments.dt)))
    return state, outputs, ends


_segmented: Any = jax.custom_vjp(_through_segments, nondiff_argnums=(0, 1))
"""`_through_segments` with the derivative of this file; its type says nothing of what it returns."""


def _over_segment(step: Callable, carry: Any, segments: Any, i: Array, reverse: bool = False) -> tuple[Any, Any]:
    """Scans over the steps of segment i, out of leaves (segments, steps, ...)."""
    number, length = jax.tree.leaves(segments)[0].shape[:2]
    if number == 1:  # nothing to slice, and reading by index makes XLA copy the data of a batch of one
        return jax.lax.scan(step, carry, jax.tree.map(lambda leaf: leaf[0], segments), reverse=reverse)

    # Each step is read where it lies. Handing whole segments to the scan would copy each of them.
    def read_step(carry: Any, j: Array) -> Any:
        return step(carry, jax.tree.map(lambda leaf: leaf[i, j], segments))

    return jax.lax.scan(read_step, carry, jnp.arange(length), reverse=reverse)


def _forward(cell: Cell, unfolds: int, params: Params, state: Array, segments: StepInputs):
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
    of_state, of_outputs = (None if isinstance(leaf, SymbolicZero) else leaf for leaf in cotangents[:2])

    def step_back(now, of_step):
        back, of_inputs, of_dt = _step_back(cell, unfolds, params, now, *of_step)
        return back, (of_inputs if "inputs" in wanted else None, of_dt if "dt" in wanted else None)

    def segment(carry, i):
        start = _Backward(ends[i], *carry)
        back, of_steps = _over_segment(step_back, start, (segments, of_outputs), i, reverse=True)
        return (back.adjoint, back.params), of_steps

    start = jnp.zeros_like(ends[0]) if of_state is None else of_state, jax.tree.map(jnp.zeros_like, params)
    (adjoint, of_params), (of_inputs, of_dt) = jax.lax.scan(segment, start, jnp.arange(len(ends)), reverse=True)
    return of_params, adjoint, StepInputs(of_inputs, of_dt, None, None)


def _step_back(
    cell: Cell, unfolds: int, params: Params, now: _Backward, step: StepInputs, of_output: Array | None
) -> tuple[_Backward, Array, Array]:
    """From the end of a time step to its start: (what moves, gradient of the inputs, gradient of dt)."""
    adjoint, of_inputs, by_output = now.adjoint, 0, None
    if of_output is not None:

        def output(params: Params, state: Array, inputs: Array) -> Array:
            sensed = cell.sense(params, inputs, step.key)
            return where(step.mask, readout(cell, params, state, sensed), 0)

        _, pull = jax.vjp(output, params, now.state, step.inputs)
        by_output, of_state, of_inputs = pull(of_output)
        adjoint = adjoint + of_state

    def sense(params: Params, inputs: Array) -> Sensed:
        return given_inside(cell, params, now.state, cell.sense(params, inputs, step.key))[3]

    sensed, pull_sensed = jax.vjp(sense, params, step.inputs)
    state, adjoint, (by_flow, of_sensed, of_dt) = _flow_back(cell, unfolds, params, now.state, adjoint, sensed, step.dt)
    by_sense, of_sensed_inputs = pull_sensed(of_sensed)
    parts = [part for part in (now.params, by_flow, by_sense, by_output) if part is not None]
    total = jax.tree.map(lambda *leaves: sum(leaves), *parts)
    return _Backward(state, adjoint, total), of_inputs + of_sensed_inputs, of_dt


def _flow_back(cell: Cell, unfolds: int, params: Params, state: Array, adjoint: Array, sensed: Sensed, dt: Array):
    """(state, adjoint, (gradient of params, sensed, dt)) at the start of a time step, out of those at its end."""
    inner = ode_inside(cell)

    def vector_field(params: Params, state: Array, sensed: Sensed, dt: Array) -> Array:
        drive, rate = inner.coefficients(params_inside(cell, params), state, sensed)
        return dt[..., None] * (drive - rate * state)

    def augmented(moving):
        """The slopes of (state, adjoint) backwards in time, and of the gradients."""
        state, adjoint = moving
        forwards, pull = jax.vjp(vector_field, params, state, sensed, dt)
        of_params, of_state, of_sensed, of_dt = pull(adjoint)
        return (-forwards, of_state), (of_params, of_sensed, of_dt)

    gradient = jax.tree.map(jnp.zeros_like, (params, sensed, dt))
    (state, adjoint), gradient = _runge_kutta(augmented, (state, adjoint), gradient, unfolds)
    return state, adjoint, gradient


def _runge_kutta(slopes: Callable[[Any], tuple[Any, Any]], moving: Any, added: Any, unfolds: int) -> tuple[Any, Any]:
    """Runge-Kutta steps of fourth order over a time of 1: of what moves, and of what is added up along its way.

    Loops, not Python: unrolled, the stages would all be kept in memory at the same time.
    """
    dtype = jnp.result_type(*jax.tree.leaves(moving))
    shares = jnp.array([0, 1 / 2, 1 / 2, 1], dtype) / unfolds
    weights = jnp.array([1 / 6, 1 / 3, 1 / 3, 1 / 6], dtype) / unfolds

    def stage(carry, share_and_weight):
        """The slopes from where the last ones lead, and the weighted sums of all of them."""
        start, previous, total = carry
        share, weight = share_and_weight
        of_moving, of_added = slopes(jax.tree.map(lambda x, dx: x + share * dx, start, previous))
        total = jax.tree.map(lambda t, dx: t + weight * dx, total, (of_moving, of_added))
        return (start, of_moving, total), None

    def unfold(carry, _):
        nothing = jax.tree.map(jnp.zeros_like, carry)
        (_, _, total), _ = jax.lax.scan(stage, (carry[0], nothing[0], nothing), (shares, weights))
        return jax.tree.map(jnp.add, carry, total), None

    return jax.lax.scan(unfold, (moving, added), None, length=unfolds)[0]


_segmented.defvjp(_forward, _backward, symbolic_zeros=True)
