"""What a time step is made of: the part of `unroll` that every gradient, every method and every analysis shares."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_params
from liquidjax._checks import check_key
from liquidjax._types import Array, Cell, Params, State


class StepInputs(NamedTuple):
    """What goes into some time steps, or into one of them, without the first axis then.

    inputs: (time, *batch, inputs).
    dt: (time,) or (time, *batch).
    mask: bool (time,) or (time, *batch), None where every step is valid. Padding has inputs and dt 0.
    key: a key for each step, (time,), or None.
    reset: bool (time, *batch), True where the state starts anew before the step, None where it never does.
    """

    inputs: Array
    dt: Array
    mask: Array | None = None
    key: Array | None = None
    reset: Array | None = None


def step_inputs(
    cell: Cell,
    params: Params,
    inputs: Array,
    dt: Array,
    state: State | None,
    mask: Array | None = None,
    key: Array | None = None,
    reset: Array | None = None,
) -> tuple[State, StepInputs]:
    """(initial state, inputs of the steps) out of the arguments of `unroll`, which have been checked."""
    check_params(cell, params)  # here, where it is compiled: a later call pays nothing for it
    time, *batch = inputs.shape[:-1]
    dtype = dtype_of(params, inputs)
    dt = dt.astype(dtype)
    if dt.ndim > 1:  # with 1 in the place of some batch axes, or of all of them
        dt = dt.reshape(time) if dt.shape[1:] == (1,) * len(batch) else jnp.broadcast_to(dt, (time, *batch))
    state = cell.initial_state(tuple(batch), dtype) if state is None else cast(state, dtype)
    if mask is not None:
        # The first of two wheres: padding never enters the arithmetic, so a NaN in it cannot reach a gradient.
        inputs = jnp.where(mask[..., None], inputs, 0)
        dt = jnp.where(mask, expand(dt, mask.ndim) if dt.ndim else dt, 0)
        reset = None if reset is None else reset & mask
    keys = None if key is None else jax.random.split(check_key(key), time)
    steps = StepInputs(inputs, jnp.broadcast_to(dt, (time, *dt.shape[1:])), mask, keys, reset)
    return varying_as((params, steps), state), steps


def dtype_of(params: Params, inputs: Array) -> Any:
    """What parameters and inputs are computed in."""
    try:
        return jnp.result_type(inputs, *jax.tree.leaves(params))
    except jax.dtypes.TypePromotionError:
        kinds = sorted({str(jnp.result_type(leaf)) for leaf in (inputs, *jax.tree.leaves(params))})
        raise ValueError(
            f"params and inputs must be of one type while jax_numpy_dtype_promotion is strict, got {', '.join(kinds)}; "
            "cast one of them"
        ) from None


def cast(state: State, dtype: Any) -> State:
    """The state in that dtype."""
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), state)


def varying_as(like: Any, tree: Any) -> Any:
    """The tree as something that differs between the devices of `jax.shard_map` wherever `like` does.

    What a loop carries must say so from its beginning. Outside of `shard_map` nothing happens.
    """

    def axes_of(leaf: Any) -> frozenset[str]:
        return frozenset(jax.typeof(leaf).manual_axis_type.varying)

    axes = frozenset[str]().union(*map(axes_of, jax.tree.leaves(like)))
    if not axes:
        return tree

    def cast_leaf(leaf: Array) -> Array:
        missing = tuple(axes - axes_of(leaf))
        return jax.lax.pcast(leaf, missing, to="varying") if missing else leaf

    return jax.tree.map(cast_leaf, tree)


def masked_step(cell: Cell, params: Params, state: State, now: StepInputs) -> tuple[State, Array]:
    """One time step of a cell: (state, output); in padding the state is held and the output is zero."""
    if now.reset is not None:
        state = restarted(cell, state, now.reset)
    # Sensing all time steps beforehand was no faster on a CPU, at batch 1 or 64, and took two to six times the memory
    # (ARCHITECTURE.md).
    new, output = cell.step(params, state, cell.sense(params, now.inputs, now.key), now.dt)
    if now.mask is not None:
        new = jax.tree.map(lambda n, old: where(now.mask, n, old), new, state)
        output = jax.tree.map(lambda y: where(now.mask, y, 0), output)
    return new, output


def restarted(cell: Cell, state: State, reset: Array) -> State:
    """The state, and the cell's initial state for the samples (*batch) where `reset` is True."""
    start = cell.initial_state(reset.shape, jnp.result_type(*jax.tree.leaves(state)))
    return jax.tree.map(lambda new, old: where(reset, new, old), start, state)


def where(mask: Array | None, x: Array, other: Array | float) -> Array:
    """x where the mask (*batch) is True or None, else the other; x is (*batch, ...)."""
    return x if mask is None else jnp.where(expand(mask, x.ndim), x, other)


def expand(x: Any, ndim: int) -> Any:
    """The array with axes of 1 behind its own, `ndim` in all, so that it broadcasts against what has more features."""
    return x.reshape(x.shape + (1,) * (ndim - x.ndim))


def in_order(tree: Any, reverse: bool) -> Any:
    """What has time as its first axis, in the order in which the steps are taken; twice it is itself."""
    return jax.tree.map(lambda leaf: leaf[::-1], tree) if reverse else tree


def padded(steps: StepInputs, time: int) -> StepInputs:
    """The steps with padding behind them, `time` in all."""
    given = len(steps.dt)
    if time == given:
        return steps
    mask = jnp.ones(given, bool) if steps.mask is None else steps.mask

    def pad(leaf: Array) -> Array:
        return jnp.concatenate([leaf, jnp.zeros((time - given, *leaf.shape[1:]), leaf.dtype)])

    key = None if steps.key is None else jnp.concatenate([steps.key, steps.key[: time - given]])
    reset = None if steps.reset is None else pad(steps.reset)
    return StepInputs(pad(steps.inputs), pad(steps.dt), pad(mask), key, reset)
