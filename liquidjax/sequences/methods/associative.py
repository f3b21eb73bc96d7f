"""All time steps at once, where a step is a gain and an offset."""

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._types import Array, Cell, DeepCell, ODECell, Params, Sensed, State
from liquidjax.cells.wrappers.base import Wrapper
from liquidjax.integrators import FixedStep
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.linear_recurrence import composed
from liquidjax.sequences.steps import StepInputs, restarted, where


@dataclass(frozen=True)
class Associative:
    """All time steps at once, in about 2 log2(time) operations: for cells whose coefficients do not read the state.

    Then a step is x_t = g_t x_{t-1} + b_t with a gain and an offset that are known beforehand, and steps compose:
    (g2, b2) after (g1, b1) is (g2 g1, g2 b1 + b2). That holds for `GatedLinear` with any integrator of fixed step, and
    layer by layer for a `Stack` of it. It needs memory for every state, but an accelerator is busy with all of them.

    Raises:
        ValueError: when run, a cell whose coefficients read the state, an adaptive integrator, or another gradient than
            the default, because there is no scan to differentiate.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.Stack(2, lj.Block(lj.GatedLinear(8, 8)), layers=2)
        >>> params = cell.init(jax.random.key(0))
        >>> lj.unroll(cell, params, jnp.ones((5, 3, 2)), method=lj.Associative())[1].shape
        (5, 3, 8)

    Reference:
        Blelloch, "Prefix sums and their applications" (1990); for recurrent networks: Martin and Cundy, "Parallelizing
        linear recurrent neural nets over sequence length", ICLR 2018.
    """

    def run(
        self, cell: Cell, params: Params, state: State, steps: StepInputs, gradient: Gradient
    ) -> tuple[State, Array]:
        """See `methods.method.Method`."""
        if gradient != Remat():
            raise ValueError(
                f"gradient must be left at Remat() with Associative, which keeps every state, got {gradient}"
            )
        if reads_state(cell):
            raise ValueError(
                f"Associative needs a cell whose coefficients do not read the state, such as GatedLinear, with a "
                f"FixedStep integrator, got {cell}; Scan runs every cell"
            )
        sensed = jax.vmap(lambda u, key: cell.sense(params, u, key))(steps.inputs, steps.key)
        states, outputs = _all_steps(cell, params, state, sensed, steps)
        return jax.tree.map(lambda leaf: leaf[-1], states), outputs


def reads_state(cell: Any) -> bool:
    """Whether a step is more than a gain and an offset that are known before the state is.

    Example:
        >>> import liquidjax as lj
        >>> reads_state(lj.GatedLinear(2, 3)), reads_state(lj.GRU(2, 3))
        (False, True)
    """
    while isinstance(cell, Wrapper | DeepCell):
        if isinstance(cell, Wrapper) and not cell.transparent:
            return True
        cell = cell.cell
    return not isinstance(cell, ODECell) or cell.coefficients_read_state or not isinstance(cell.integrator, FixedStep)


def _all_steps(cell: Cell, params: Params, state: State, sensed: Sensed, steps: StepInputs) -> tuple[State, Array]:
    """(the state after each step, outputs), out of the state before the first one and what is sensed at all of them."""
    if isinstance(cell, Wrapper):
        inner = jax.vmap(lambda now: cell.inner_sensed(params, state, now))(sensed)
        states, outputs = _all_steps(cell.cell, cell.inner_params(params), state, inner, steps)
        outputs = jax.vmap(functools.partial(cell.readout, params))(states, sensed, outputs)
    elif isinstance(cell, DeepCell):

        def run(params: Params, state: State, inputs: Array, key: Array | None) -> tuple[State, Array]:
            sensed = jax.vmap(lambda u, key: cell.cell.sense(params, u, key))(inputs, key)
            return _all_steps(cell.cell, params, state, sensed, steps)

        states, outputs = cell.through_layers(params, state, sensed, run)
    else:
        assert isinstance(cell, ODECell)
        states = _states(cell, params, state, sensed, steps)
        outputs = cell.readout(params, states)
    return states, jax.vmap(lambda y, now: jax.tree.map(lambda leaf: where(now.mask, leaf, 0), y))(outputs, steps)


def _states(cell: ODECell, params: Params, state: Array, sensed: Sensed, steps: StepInputs) -> Array:
    """The state after each step (time, *batch, units)."""

    def affine(sensed: Sensed, now: StepInputs) -> tuple[Array, Array]:
        """(offset, gain) of one step: its value and its derivative at state 0."""

        def step(x: Array) -> Array:
            x = x if now.reset is None else restarted(cell, x, now.reset)
            return where(now.mask, cell.step(params, x, sensed, now.dt)[0], x)

        return jax.jvp(step, (jnp.zeros_like(state),), (jnp.ones_like(state),))

    offsets, gains = jax.vmap(affine)(sensed, steps)
    gain, offset = composed(gains, offsets)
    return offset + gain * state
