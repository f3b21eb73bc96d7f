"""A run over a sequence with the axes of Flax, the time before the features or first as here, and a single step."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._checks import check_array, check_flag
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.unroll import step, unroll
from liquidjax.sequences.validation import warn_where_ambiguous


def run(
    cell: Cell,
    params: Params,
    inputs: Any,
    dt: Any,
    *,
    mask: Any,
    seq_lengths: Any,
    reset: Any,
    time_major: Any,
    reverse: Any,
    keep_order: Any,
    **how: Any,
) -> tuple[State, Array]:
    """(state, outputs) of a cell over a sequence, by the arguments of Flax's `RNN` and those of `unroll`.

    Args:
        cell: any `Cell`.
        params: its parameters.
        inputs: (*batch, time, inputs), or (time, *batch, inputs) with `time_major`.
        dt: a scalar, (time,), or (*batch, time), any batch axis of which may be 1; (time, *batch) with `time_major`.
        mask: bool (*batch, time), (time, *batch) with `time_major`; None where every step is valid.
        seq_lengths: integers (*batch), in the place of a mask: so many steps of each sample are valid, the first ones.
        reset: bool of the shape of a mask, or None.
        time_major: whether time is the first axis.
        reverse: from the last step to the first.
        keep_order: whether outputs then keep the order of the inputs. They are in the order of the steps otherwise,
            with padding behind them where `seq_lengths` says what is padding.
        how: `state`, `gradient`, `method`, `key` and `validate` of `unroll`.

    Raises:
        ValueError: shapes that do not fit, or what `unroll` refuses.
    """
    time_major, reverse = check_flag("time_major", time_major), check_flag("reverse", reverse)
    keep_order = check_flag("keep_order", keep_order)
    inputs = check_array("inputs", inputs)
    if inputs.ndim < 2 or inputs.shape[-1] != cell.inputs:
        expected = _axes(time_major, f"inputs = {cell.inputs}")
        raise ValueError(f"inputs must be {expected}, got shape {inputs.shape}")
    steps = inputs.shape[:-1]
    axis = 0 if time_major else len(steps) - 1
    lengths = None
    if seq_lengths is not None:
        if mask is not None:
            raise ValueError("mask and seq_lengths both say what is padding; give one of them")
        lengths = _lengths(seq_lengths, steps, axis)
        mask = jnp.moveaxis(jnp.arange(steps[axis]) < lengths[..., None], -1, axis)
    dt = _time_first_dt(check_array("dt", dt), steps, axis)
    mask, reset = (_flags(name, flags, steps, axis) for name, flags in (("mask", mask), ("reset", reset)))
    state, outputs = unroll(cell, params, _moved(inputs, axis, 0), dt, mask=mask, reset=reset, reverse=reverse, **how)
    if reverse and not keep_order:
        outputs = _flipped(outputs, lengths)
    return state, _moved(outputs, 0, axis)


def stepped(cell: Cell, params: Params, carry: State, inputs: Any, dt: Any, key: Array | None) -> tuple[State, Array]:
    """One time step: (state, output), the state of the dtype of the carry, as a scan wants it.

    Raises:
        ValueError: what `step` refuses, or a carry of another dtype than parameters and inputs.
    """
    state, output = step(cell, params, carry, inputs, dt, key=key)
    for old, new in zip(jax.tree.leaves(carry), jax.tree.leaves(state), strict=True):
        if old.dtype != new.dtype:
            raise ValueError(
                f"carry must be {new.dtype}, what parameters and inputs together are, got {old.dtype}; cast one of them"
            )
    return state, output


def first_state(cell: Cell, input_shape: tuple[int, ...], dtype: Any) -> State:
    """The state before the first step of inputs of this shape, (*batch, inputs).

    Raises:
        ValueError: inputs of another size than the cell's.
    """
    if not input_shape or input_shape[-1] != cell.inputs:
        raise ValueError(f"input_shape must be (*batch, inputs = {cell.inputs}), got {input_shape}")
    return cell.initial_state(tuple(input_shape[:-1]), dtype)


def _axes(time_major: bool, features: str | None = None) -> str:
    return f"({'time, *batch' if time_major else '*batch, time'}{f', {features}' if features else ''})"


def _moved(x: Array, source: int, destination: int) -> Array:
    return x if source == destination else jnp.moveaxis(x, source, destination)


def _lengths(seq_lengths: Any, steps: tuple[int, ...], axis: int) -> Array:
    lengths = check_array("seq_lengths", seq_lengths, kinds="iu")
    batch = steps[:axis] + steps[axis + 1 :]
    if lengths.shape != batch:
        raise ValueError(f"seq_lengths must be integers (*batch) = {batch}, got shape {lengths.shape}")
    if not isinstance(lengths, Tracer):
        bad = (np.asarray(lengths) < 0) | (np.asarray(lengths) > steps[axis])
        if bad.any():
            raise ValueError(
                f"seq_lengths must be from 0 to the number of time steps, {steps[axis]}, got {lengths[bad][0]}"
            )
    return lengths


def _flags(name: str, given: Any, steps: tuple[int, ...], axis: int) -> Array | None:
    if given is None:
        return None
    flags = check_array(name, given, kinds="biufV")
    if flags.shape != steps or flags.dtype != jnp.bool_:
        raise ValueError(f"{name} must be bool {_axes(axis == 0)} = {steps}, got {flags.dtype} {flags.shape}")
    return _moved(flags, axis, 0)


def _time_first_dt(dt: Array, steps: tuple[int, ...], axis: int) -> Array:
    """dt as `unroll` takes it: (), (time,) or (time, *batch)."""
    time, batch = steps[axis], steps[:axis] + steps[axis + 1 :]
    of_steps = dt.ndim == len(steps) and dt.shape[axis] == time
    if of_steps and all(n in (1, m) for n, m in zip(dt.shape, steps, strict=True)):
        return _moved(dt, axis, 0)
    if dt.shape not in ((), (time,)):
        raise ValueError(
            f"dt must be a scalar, (time,) = {(time,)} or {_axes(axis == 0)} = {steps}, any batch axis of which may "
            f"be 1, got shape {dt.shape}"
        )
    if dt.ndim and axis:  # `unroll` would say how to write it with the time first
        warn_where_ambiguous(dt, batch, "dt[None]", f"jnp.broadcast_to(dt[:, None], {steps})")
        dt = dt.reshape(time, *(1 for _ in batch))
    return dt


def _flipped(outputs: Array, lengths: Array | None) -> Array:
    """Outputs (time, *batch, outputs) in the order of the steps, with padding where it was, behind them."""
    if lengths is None:
        return outputs[::-1]
    time = len(outputs)
    places = (lengths - 1 - jnp.arange(time).reshape(time, *(1 for _ in lengths.shape))) % time
    return jnp.take_along_axis(outputs, places[..., None], axis=0)
