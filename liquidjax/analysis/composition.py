"""Whether the steps of a cell are steps along time: two halves make a whole one, and in no time nothing happens."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell
from liquidjax._checks import check_number
from liquidjax._types import Array, Cell, Params
from liquidjax.sequences.unroll import unroll


class Composition(NamedTuple):
    """What two half steps, and a step of 0, miss, as shares of what a step does."""

    halves: Array
    still: Array


def composition(cell: Cell, params: Params, inputs: Any, before: Any, dt: float = 1.0) -> Composition:
    """How far a cell is from moving its state along a curve of time.

        halves = |two steps of dt / 2 - a step of dt| / |a step of dt - no step|
        still  = |a step of 0 - no step| / |a step of dt - no step|

    Both are 0 for an equation that is solved exactly while its input stands still, and `halves` is small for one that
    is solved well: such a cell goes through other gaps than those of its training as if it knew them. Where they are
    near 1, a cell that was trained at one dt has learnt nothing that would tell it what another does.

    Args:
        cell: any `Cell`.
        params: its parameters.
        inputs: of the step, (batch, inputs), held meanwhile.
        before: what leads to the states where it begins, (time, batch, inputs), with steps of dt.
        dt: the duration of the step, above 0.

    Returns:
        halves and still, numbers: the norms are over all states of all samples. NaN where the step changes nothing.

    Raises:
        ValueError: shapes or values that `unroll` refuses too.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LeakyIntegrator(2, 3)
        >>> found = composition(cell, cell.init(jax.random.key(0)), jnp.ones((4, 2)), jnp.ones((5, 4, 2)))
        >>> round(float(found.halves), 5), round(float(found.still), 5)
        (0.0, 0.0)

    Reference:
        The semigroup property of the flow of an autonomous equation: Hirsch, Smale, Devaney, "Differential Equations,
        Dynamical Systems, and an Introduction to Chaos", 2013, section 7.1.
    """
    check_cell(cell)
    dt = check_number("dt", dt, 0, above=True)
    state, _ = unroll(cell, params, before, dt)
    inputs = jnp.asarray(inputs)
    if inputs.shape != jnp.shape(before)[1:]:
        raise ValueError(
            f"inputs must be (batch, inputs), as in a step of before, {jnp.shape(before)[1:]}, got shape {inputs.shape}"
        )
    sensed = cell.sense(params, inputs)

    def step(state: Any, dt: float) -> Any:
        return cell.step(params, state, sensed, jnp.full(inputs.shape[:-1], dt, inputs.dtype))[0]

    def apart(one: Any, other: Any) -> Array:
        pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
        return jnp.sqrt(sum(jnp.sum((a - b) ** 2) for a, b in pairs))

    whole = step(state, dt)
    moved = apart(whole, state)
    return Composition(
        apart(step(step(state, dt / 2), dt / 2), whole) / moved,
        apart(step(state, 0.0), state) / moved,
    )
