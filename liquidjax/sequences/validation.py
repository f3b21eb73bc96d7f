"""Checks of what users pass in: shapes always, values on the host before any compiled code runs."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._types import Array, Cell, State
from liquidjax.cells.belong import check_state


def check_shapes(cell: Cell, inputs: Array, dt: Array, mask: Array | None, state: State | None) -> None:
    """Raises ValueError when the arguments of `unroll` do not fit together. Costs nothing inside `jax.jit`."""
    if inputs.ndim < 2 or inputs.shape[-1] != cell.inputs:
        raise ValueError(f"inputs must be (time, *batch, inputs = {cell.inputs}), got shape {inputs.shape}")
    if not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(f"inputs must be floating point, got {inputs.dtype}; convert with inputs.astype(float)")
    time, *batch = inputs.shape[:-1]
    if dt.shape not in ((), (time,), (time, *batch)):
        raise ValueError(f"dt must be a scalar, (time,) = {(time,)} or (time, *batch) = {(time, *batch)}, "
                         f"got shape {dt.shape}")  # fmt: skip
    if mask is not None and (mask.shape != (time, *batch) or mask.dtype != jnp.bool_):
        raise ValueError(f"mask must be bool (time, *batch) = {(time, *batch)}, got {mask.dtype} {mask.shape}")
    if state is not None:
        check_state(cell, state, tuple(batch))


def check_values(inputs: Any, dt: Any, mask: Any = None) -> None:
    """Checks the values of a sequence on the host; padded steps may hold anything.

    `unroll` and `step` call it unless `validate=False`. Under `jax.jit` there are no values to look at and nothing is
    checked: call this yourself on the data before the loop.

    Args:
        inputs: (time, *batch, inputs), finite.
        dt: scalar, (time,) or (time, *batch), finite and at least 0.
        mask: bool (time, *batch), False where a step is padding; None for no padding.

    Raises:
        ValueError: names the first offending time step and sample, what was expected and what came.

    Example:
        >>> check_values(np.ones((2, 1, 1)), dt=np.array([[0.1], [-0.1]]))
        Traceback (most recent call last):
        ...
        ValueError: dt must be finite and at least 0, got -0.1 at time step 1, sample 0
    """
    if any(isinstance(x, Tracer) for x in (inputs, dt, mask)):
        return
    inputs, dt = np.asarray(inputs), np.asarray(dt)
    valid = np.ones(inputs.shape[:-1], bool) if mask is None else np.asarray(mask)
    if dt.ndim:
        # (time,) is the same dt for every sample of a step
        spread = dt.reshape(dt.shape + (1,) * (valid.ndim - dt.ndim))
        _refuse("dt must be finite and at least 0", spread, ~((spread >= 0) & np.isfinite(spread)) & valid)
    elif not (dt >= 0 and np.isfinite(dt)):
        raise ValueError(f"dt must be finite and at least 0, got {dt}")
    bad = ~np.isfinite(inputs) & valid[..., None]
    if bad.any():
        _refuse("inputs must be finite where the mask is True", inputs, bad)


def elapsed(timestamps: Any, first: float, mask: Any = None) -> np.ndarray:
    """The time since the previous sample: dt[0] = first, dt[t] = timestamps[t] - timestamps[t - 1].

    Args:
        timestamps: (time, *batch), strictly increasing in time for each sample of the batch.
        first: dt of the first step, for which there is no previous sample; at least 0.
        mask: bool (time, *batch), False where a step is padding. Padding gets dt 0, and the step after a gap the time
            since the last valid one.

    Returns:
        dt (time, *batch) in the dtype of the timestamps, at least float32.

    Raises:
        ValueError: timestamps that do not increase or are not finite, with the time step and the sample.

    Example:
        >>> elapsed([0.0, 0.5, 2.0], first=1.0)
        array([1. , 0.5, 1.5])
    """
    times = np.asarray(timestamps)
    times = times.astype(np.result_type(times.dtype, np.float32))
    if times.ndim < 1 or not (first >= 0 and np.isfinite(first)):
        raise ValueError(f"timestamps must be (time, *batch) and first at least 0, got {times.shape} and {first}")
    valid = np.ones(times.shape, bool) if mask is None else np.asarray(mask)
    if valid.shape != times.shape or valid.dtype != bool:
        raise ValueError(f"mask must be bool (time, *batch) = {times.shape}, got {valid.dtype} {valid.shape}")
    _refuse("timestamps must be finite", times, ~np.isfinite(times) & valid)
    # The last valid timestamp before each step; -inf where there is none.
    seen = np.maximum.accumulate(np.where(valid, times, -np.inf), axis=0)
    previous = np.concatenate([np.full_like(seen[:1], -np.inf), seen[:-1]])
    _refuse("timestamps must increase strictly in time", times, valid & (times <= previous))
    with np.errstate(invalid="ignore"):
        gap = np.where(np.isfinite(previous), times - previous, first)
    return np.where(valid, gap, 0).astype(times.dtype)


def _refuse(expectation: str, values: np.ndarray, bad: np.ndarray) -> None:
    if not bad.any():
        return
    where = np.argwhere(bad)[0].tolist()
    value = np.broadcast_to(values, bad.shape)[tuple(where)]
    time, *sample = where
    place = f"time step {time}" + (f", sample {', '.join(map(str, sample))}" if sample else "")
    raise ValueError(f"{expectation}, got {value} at {place}")
