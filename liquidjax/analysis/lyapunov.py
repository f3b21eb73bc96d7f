"""How fast two nearby states of a network part: the largest Lyapunov exponent."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_cell, check_params
from liquidjax._checks import check_key
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.ode import check_forward_mode
from liquidjax.sequences.arguments import arguments, naming_params
from liquidjax.sequences.steps import masked_step, step_inputs


def lyapunov_exponent(
    cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, *, state: State | None = None, key: Array | None = None
) -> Array:
    """The largest Lyapunov exponent of a cell along a sequence: log |d x_T| - log |d x_0|, by the duration.

    A random tangent vector is carried along by the derivative of every step and made short again after each. Below 0
    the network forgets where it started; then `Newton` needs few iterations, however long the sequence. Above 0 small
    differences grow, and no evaluation of all steps at once can be expected to converge.

    Args:
        cell: any `Cell`. With `Diffrax` as integrator, its adjoint must be `diffrax.ForwardMode()` or
            `diffrax.DirectAdjoint()`.
        params: its parameters.
        inputs: (time, *batch, inputs); the longer, the better the estimate.
        dt: as for `unroll`, above 0 somewhere for every sample.
        state: the initial state; the cell's own when None.
        key: of the tangent vector; `jax.random.key(0)` when None.

    Returns:
        (*batch,), per unit of dt. -inf where the difference vanishes: it does where a step forgets the state, or makes
        the difference smaller than the dtype can say. NaN where no time passes, if `jax.jit` hides that dt is 0.

    Raises:
        ValueError: shapes or values that `unroll` refuses too, or dt that is 0 at every step of a sample.

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
    check_forward_mode(cell, "lyapunov_exponent", ("DirectAdjoint", "ForwardMode"))
    tangent_key = jax.random.key(0) if key is None else check_key(key)
    with naming_params(cell, params):
        given = arguments(cell, params, inputs, dt, state=state)
        check_params(cell, params)
    inputs, dt = given.inputs, given.dt
    if not len(inputs):
        raise ValueError("inputs must hold at least one time step, because the exponent is a growth by duration, got 0")
    if not isinstance(dt, Tracer):
        still = ~np.any(np.asarray(dt) > 0, axis=0) if dt.ndim else dt == 0
        if np.any(still):
            sample = np.argwhere(still)[0].tolist()
            raise ValueError(
                f"dt must be above 0 at some step, because the exponent is a growth by duration, got 0 at "
                f"every step{' of sample ' + ', '.join(map(str, sample)) if sample else ''}"
            )
    return _exponent(cell, params, given, tangent_key)


@functools.partial(jax.jit, static_argnums=0)
def _exponent(cell, params, given, key):
    state, steps = step_inputs(cell, params, *given)
    dtype = steps.dt.dtype
    leaves, structure = jax.tree.flatten(state)
    keys = jax.random.split(key, len(leaves))
    tangent = [jax.random.normal(k, leaf.shape, dtype) for k, leaf in zip(keys, leaves, strict=True)]

    def shortened(tree: Any) -> tuple[Any, Array]:
        """(tree of norm 1, its norm before); as it is where that is 0."""

        def divided(tree: Any, by: Array) -> Any:
            return jax.tree.map(lambda leaf: leaf / jnp.where(by > 0, by, 1)[..., None], tree)

        # By the largest entry first: the square of one below 1e-19 is 0 in float32.
        largest = functools.reduce(jnp.maximum, [jnp.max(jnp.abs(leaf), axis=-1) for leaf in jax.tree.leaves(tree)])
        tree = divided(tree, largest)
        norm = jnp.sqrt(sum(jnp.sum(leaf**2, axis=-1) for leaf in jax.tree.leaves(tree)))
        return divided(tree, norm), norm * largest

    def step(carry, now):
        x, v = carry
        x, v = jax.jvp(lambda x: masked_step(cell, params, x, now)[0], (x,), (v,))
        v, length = shortened(v)
        return (x, v), jnp.log(length)

    _, growth = jax.lax.scan(step, (state, shortened(jax.tree.unflatten(structure, tangent))[0]), steps)
    duration = jnp.sum(steps.dt, axis=0)
    return jnp.where(duration > 0, jnp.sum(growth, axis=0) / duration, jnp.nan)
