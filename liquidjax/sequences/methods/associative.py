"""All time steps at once, where a step is a gain and an offset."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.wrappers.block import Block
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.stack import Stack
from liquidjax.cells.wrappers.step_loss import StepLoss
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.steps import Steps, masked_step, where


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
        self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool, gradient: Gradient
    ) -> tuple[State, Array]:
        """See `methods.method.Method`."""
        if gradient != Remat():
            raise ValueError(
                f"gradient must be left at Remat() with Associative, which keeps every state, got {gradient}"
            )

        def flipped(tree: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf[::-1], tree) if reverse else tree

        state, outputs = _all_steps(cell, params, state, flipped(steps))
        return state, flipped(outputs)


def reads_state(cell: Any) -> bool:
    """Whether a step is more than a gain and an offset that are known before the state is.

    Example:
        >>> import liquidjax as lj
        >>> reads_state(lj.GatedLinear(2, 3)), reads_state(lj.GRU(2, 3))
        (False, True)
    """
    while isinstance(cell, Stack | Block | Readout | StepLoss):
        cell = cell.cell
    return getattr(cell, "coefficients_read_state", True) or cell.integrator.per_sample


def _all_steps(cell: Cell, params: Params, state: State, steps: Steps) -> tuple[State, Array]:
    if isinstance(cell, Stack):
        return _all_layers(cell, params, state, steps)
    before = _states_before(cell, params, state, steps)
    # Each step once more, from the state before it: so the outputs are those of the cell, whatever it makes of them.
    states, outputs = jax.vmap(lambda x, now: masked_step(cell, params, x, now))(before, steps)
    return jax.tree.map(lambda leaf: leaf[-1], states), outputs


def _all_layers(cell: Stack, params: Any, state: Any, steps: Steps) -> tuple[State, Array]:
    sensed = jax.vmap(lambda now: cell.sense(params, now.inputs, now.key))(steps)
    x, states = sensed.projected, []
    for i, (layer, old) in enumerate(zip(params.layers, state, strict=True)):
        new, x = _all_steps(cell.cell, layer, old, steps._replace(inputs=x, key=cell.layer_key(sensed.key, i)))
        states.append(new)
    return tuple(states), jax.vmap(lambda y, now: where(now.mask, y, 0))(params.norm(x), steps)


def _states_before(cell: Any, params: Any, state: Array, steps: Steps) -> Array:
    """The state before each step (time, *batch, units)."""
    while isinstance(cell, Block | Readout | StepLoss):
        inputs = steps.inputs[..., : cell.cell.inputs]
        steps = steps._replace(inputs=params.norm(inputs) if isinstance(cell, Block) else inputs)
        cell, params = cell.cell, params if isinstance(cell, StepLoss) else params.cell
    if reads_state(cell):
        raise ValueError(
            f"Associative needs a cell whose coefficients do not read the state, such as GatedLinear, "
            f"with an integrator of fixed step, got {cell}; Scan runs every cell"
        )

    def affine(now: Steps) -> tuple[Array, Array]:
        """(offset, gain) of one step: its value and its derivative at state 0."""

        def step(x: Array) -> Array:
            return masked_step(cell, params, x, now)[0]

        return jax.jvp(step, (jnp.zeros_like(state),), (jnp.ones_like(state),))

    def after(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        return second[1] * first[0] + second[0], second[1] * first[1]

    offset, gain = jax.lax.associative_scan(after, jax.vmap(affine)(steps))
    return jnp.concatenate([state[None], offset[:-1] + gain[:-1] * state])
