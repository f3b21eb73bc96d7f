"""What a time step is made of: the part of `unroll` that every way to differentiate it shares."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_key
from liquidjax._types import Array, Cell, Params, State


class Steps(NamedTuple):
    """Some time steps, or one of them without the first axis.

    inputs: (time, *batch, inputs).
    dt: (time,) or (time, *batch).
    mask: bool (time,) or (time, *batch), None where every step is valid. Padding has inputs and dt 0.
    key: a key for each step, (time,), or None.
    """

    inputs: Array
    dt: Array
    mask: Array | None
    key: Array | None


def prepared(
    cell: Cell,
    params: Params,
    inputs: Array,
    dt: Array,
    state: State | None,
    mask: Array | None = None,
    key: Array | None = None,
) -> tuple[State, Steps]:
    """(initial state, steps) out of the arguments of `unroll`, which have been checked."""
    time, *batch = inputs.shape[:-1]
    dtype = dtype_of(params, inputs)
    dt = dt.astype(dtype)
    if dt.ndim > 1:  # with 1 in the place of some batch axes, or of all of them
        dt = dt.reshape(time) if dt.shape[1:] == (1,) * len(batch) else jnp.broadcast_to(dt, (time, *batch))
    state = cell.initial_state(tuple(batch), dtype) if state is None else cast(state, dtype)
    if mask is not None:
        # The first of two wheres: padding never enters the arithmetic, so a NaN in it cannot reach a gradient.
        inputs = jnp.where(mask[..., None], inputs, 0)
        dt = jnp.where(mask, dt.reshape(dt.shape + (1,) * (mask.ndim - dt.ndim) if dt.ndim else ()), 0)
    keys = None if key is None else jax.random.split(check_key(key), time)
    return state, Steps(inputs, jnp.broadcast_to(dt, (time, *dt.shape[1:])), mask, keys)


def dtype_of(params: Params, inputs: Array) -> Any:
    """What parameters and inputs are computed in."""
    return jnp.result_type(inputs, *jax.tree.leaves(params))


def cast(state: State, dtype: Any) -> State:
    """The state in that dtype."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), state)


def masked_step(cell: Cell, params: Params, state: State, now: Steps) -> tuple[State, Array]:
    """One time step of a cell: (state, output); in padding the state is held and the output is zero."""
    # Sensing all time steps beforehand was no faster on a CPU, at batch 1 or 64, and took two to six times the memory
    # (ARCHITECTURE.md).
    new, output = cell.step(params, state, cell.sense(params, now.inputs, now.key), now.dt)
    if now.mask is not None:
        new = jax.tree.map(lambda n, old: where(now.mask, n, old), new, state)
        output = jax.tree.map(lambda y: where(now.mask, y, 0), output)
    return new, output


def where(mask: Array | None, x: Array, other: Array | float) -> Array:
    """x where the mask (*batch) is True or None, else the other; x is (*batch, ...)."""
    return x if mask is None else jnp.where(mask.reshape(mask.shape + (1,) * (x.ndim - mask.ndim)), x, other)


def padded(steps: Steps, time: int) -> Steps:
    """The steps with padding behind them, `time` in all."""
    given = len(steps.dt)
    if time == given:
        return steps
    mask = jnp.ones(given, bool) if steps.mask is None else steps.mask

    def pad(leaf: Array) -> Array:
        return jnp.concatenate([leaf, jnp.zeros((time - given, *leaf.shape[1:]), leaf.dtype)])

    key = None if steps.key is None else jnp.concatenate([steps.key, steps.key[: time - given]])
    return Steps(pad(steps.inputs), pad(steps.dt), pad(mask), key)
