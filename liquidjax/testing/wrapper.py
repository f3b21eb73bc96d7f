"""Whether a cell around a cell fulfils what reaches through it relies on."""

from typing import Any

import jax
import numpy as np

from liquidjax._belong import check_params, check_state
from liquidjax._types import Array, Params, State
from liquidjax.cells.wrappers.base import RewritesState, Wrapper, step_inside
from liquidjax.testing.cell import check_cell, check_cell_form
from liquidjax.testing.claims import claim, claim_same


def check_wrapper(wrapper: Any, *, gradient_tolerance: float = 1e-6) -> None:
    """Checks a cell around a cell: all of `check_cell`, and that what it says about its inner cell is so.

    That parameters and state of the inner cell are within its own; that a transparent wrapper steps as `step_inside`
    does, with inner inputs that do not read the state; that one which is not says how far it rewrites the state.

    Args:
        wrapper: one of your own, around any cell.
        gradient_tolerance: as for `check_cell`.

    Raises:
        AssertionError: one sentence about the first thing that is wrong.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.testing import check_wrapper
        >>> check_wrapper(lj.Readout(lj.CTRNN(inputs=2, units=3), outputs=1))
    """
    name = type(wrapper).__name__
    for member in ("cell", "transparent", "inner_params", "inner_state", "inner_sensed", "readout"):
        claim(hasattr(wrapper, member), f"{name} must have `{member}`; see liquidjax.Wrapper")
    check_cell_form(wrapper)
    params = jax.eval_shape(wrapper.init, jax.random.key(0))
    state = jax.eval_shape(lambda: wrapper.initial_state((2,), float))
    for what, check in (
        ("inner_params", lambda: check_params(wrapper.cell, wrapper.inner_params(params))),
        ("inner_state", lambda: check_state(wrapper.cell, wrapper.inner_state(state), (2,))),
    ):
        try:
            check()
        except ValueError as error:
            raise AssertionError(
                f"{name}.{what} must give what belongs to {type(wrapper.cell).__name__}: {error}"
            ) from error
    check_cell(wrapper, gradient_tolerance=gradient_tolerance)
    with jax.enable_x64(True):
        _check_inner(wrapper, name)


def _check_inner(wrapper: Wrapper, name: str) -> None:
    rng = np.random.default_rng(0)
    params = jax.jit(wrapper.init)(jax.random.key(0))
    structure = jax.eval_shape(lambda: wrapper.initial_state((2,), float))
    states = [jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), structure) for _ in range(2)]
    inputs, dt = rng.normal(size=(2, wrapper.inputs)), np.array([0.1, 0.3])
    sensed = jax.jit(wrapper.sense)(params, inputs)
    if not wrapper.transparent:
        claim(
            isinstance(wrapper, RewritesState),
            f"{name} is not transparent, so it must say in `rewritten_within` how far it rewrites the inner state",
        )
        return
    hear = jax.jit(wrapper.inner_sensed)
    heard = [jax.tree.leaves(hear(params, state, sensed)) for state in states]
    claim(
        all(np.array_equal(a, b) for a, b in zip(*heard, strict=True)),
        f"{name} says it is transparent, but what its inner cell senses depends on the state",
    )
    claim(
        jax.tree.structure(wrapper.inner_state(states[0])) == jax.tree.structure(states[0]),
        f"{name} says it is transparent, but its state is not that of its inner cell",
    )

    @jax.jit
    def both(params: Params, state: State, sensed: Any, dt: Array) -> tuple[Any, Any]:
        return wrapper.step(params, state, sensed, dt), step_inside(wrapper, params, state, sensed, dt)

    own, inside = both(params, states[0], sensed, dt)
    claim_same(
        own,
        inside,
        f"{name} says it is transparent, so its step must be that of its inner cell, then its readout",
    )
