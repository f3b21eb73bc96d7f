"""How fast two nearby states of a network part: the largest Lyapunov exponent."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._checks import check_array, check_key
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.belong import check_cell, check_params
from liquidjax.sequences.steps import masked_step, prepared
from liquidjax.sequences.validation import check_shapes, check_values


def lyapunov_exponent(
    cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, *, state: State | None = None, key: Array | None = None
) -> Array:
    """The largest Lyapunov exponent of a cell along a sequence: log |d x_T| - log |d x_0|, by the duration.

    A random tangent vector is carried along by the derivative of every step and made short again after each. Below 0
    the network forgets where it started; then `Newton` needs few iterations, however long the sequence. Above 0 small
    differences grow, and no evaluation of all steps at once can be expected to converge.

    Args:
        cell: any `Cell`.
        params: its parameters.
        inputs: (time, *batch, inputs); the longer, the better the estimate.
        dt: scalar, (time,) or (time, *batch), above 0 somewhere.
        state: the initial state; the cell's own when None.
        key: of the tangent vector; `jax.random.key(0)` when None.

    Returns:
        (*batch,), per unit of dt.

    Raises:
        ValueError: shapes or values that `unroll` refuses too.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.CTRNN(inputs=1, units=3, time_constant=0.5, learn_time_constant=False)
        >>> params = jax.tree.map(jnp.zeros_like, cell.init(jax.random.key(0)))  # dx/dt = -x / 0.5
        >>> round(float(lyapunov_exponent(cell, params, jnp.ones((100, 1)), dt=0.1)), 3)
        -2.0

    Reference:
        Benettin et al., "Lyapunov characteristic exponents for smooth dynamical systems", Meccanica 15 (1980); what it
        says about Newton's method: Gonzalez et al., "Predictability enables parallelization of nonlinear state space
        models" (2025).
    """
    check_cell(cell)
    inputs, dt = check_array("inputs", inputs), check_array("dt", dt)
    check_params(cell, params)
    check_shapes(cell, inputs, dt, None, state)
    check_values(inputs, dt)
    return _exponent(cell, params, inputs, dt, state, jax.random.key(0) if key is None else check_key(key))


@functools.partial(jax.jit, static_argnums=0)
def _exponent(cell, params, inputs, dt, state, key):
    state, steps = prepared(cell, params, inputs, dt, state)
    dtype = steps.dt.dtype
    leaves, structure = jax.tree.flatten(state)
    keys = jax.random.split(key, len(leaves))
    tangent = [jax.random.normal(k, leaf.shape, dtype) for k, leaf in zip(keys, leaves, strict=True)]

    def norm(tree: Any) -> Array:
        return jnp.sqrt(sum(jnp.sum(leaf**2, axis=-1) for leaf in jax.tree.leaves(tree)))

    def short(tree: Any, length: Array) -> Any:
        return jax.tree.map(lambda leaf: leaf / length[..., None], tree)

    def step(carry, now):
        x, v = carry
        x, v = jax.jvp(lambda x: masked_step(cell, params, x, now)[0], (x,), (v,))
        length = norm(v) + jnp.finfo(dtype).tiny
        return (x, short(v, length)), jnp.log(length)

    v = jax.tree.unflatten(structure, tangent)
    _, growth = jax.lax.scan(step, (state, short(v, norm(v))), steps)
    return jnp.sum(growth, axis=0) / jnp.sum(steps.dt, axis=0)
