"""Checks of what users pass in: shapes always, values on the host before any compiled code runs."""

import sys
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_state
from liquidjax._checks import check_array
from liquidjax._types import Array, Cell, State
from liquidjax.sequences.steps import expand


def check_shapes(
    cell: Cell, inputs: Array, dt: Array, mask: Array | None, state: State | None, reset: Array | None = None
) -> None:
    """Raises ValueError when the arguments of `unroll` do not fit together. Costs nothing inside `jax.jit`."""
    if inputs.ndim < 2 or inputs.shape[-1] != cell.inputs:
        raise ValueError(f"inputs must be (time, *batch, inputs = {cell.inputs}), got shape {inputs.shape}")
    if not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(f"inputs must be floating point, got {inputs.dtype}; convert with inputs.astype(float)")
    time, *batch = inputs.shape[:-1]
    _check_dt_shape(dt.shape, (time, *batch))
    warn_where_ambiguous(dt, tuple(batch), "dt[:, None]", f"jnp.broadcast_to(dt, {(time, time)})")
    for name, flags in (("mask", mask), ("reset", reset)):
        if flags is not None and (flags.shape != (time, *batch) or flags.dtype != jnp.bool_):
            raise ValueError(f"{name} must be bool (time, *batch) = {(time, *batch)}, got {flags.dtype} {flags.shape}")
    if state is not None:
        check_state(cell, state, tuple(batch))


def warn_where_ambiguous(dt: Array, batch: tuple[int, ...], of_step: str, of_sample: str) -> None:
    """A warning where dt (time,) could be meant as one value a sample; it says how to write the one and the other."""
    if dt.shape == batch and len(batch) == 1 and batch[0] > 1 and not _is_constant(dt):
        _warn(
            f"dt of shape {dt.shape} was taken as one value for each time step, the same for all samples, but there "
            f"are as many samples as time steps; write {of_step} for one value a time step, or "
            f"{of_sample} for one value a sample"
        )


def check_values(inputs: Any, dt: Any, mask: Any = None, *, state: State | None = None, dtype: Any = None) -> None:
    """Checks the values of a sequence on the host; padded steps may hold anything.

    They are looked at as they are given and as what they become in the dtype that is computed in. `unroll` and `step`
    call it unless `validate=False`. Under `jax.jit` there are no values to look at and nothing is checked: call this
    yourself on the data before the loop.

    Args:
        inputs: (time, *batch, inputs), finite.
        dt: scalar, (time,), (time, *batch), or (time, ...) with 1 in the place of batch axes; finite and at least 0.
        mask: bool (time, *batch), False where a step is padding; None for no padding.
        state: the state before the first step, finite; None for the cell's initial state.
        dtype: what is computed in, which is that of inputs and parameters together; that of the inputs when None.

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
    inputs, dt = (check_array(name, x, on_host=True) for name, x in (("inputs", inputs), ("dt", dt)))
    if inputs.ndim < 2:
        raise ValueError(f"inputs must be (time, *batch, inputs), got shape {inputs.shape}")
    if dtype is None:
        dtype = inputs.dtype if jnp.issubdtype(inputs.dtype, jnp.floating) else jax.dtypes.canonicalize_dtype(float)
    valid = np.ones(inputs.shape[:-1], bool) if mask is None else check_array("mask", mask, "b", on_host=True)
    if valid.shape != inputs.shape[:-1]:
        raise ValueError(f"mask must be (time, *batch) = {inputs.shape[:-1]}, got shape {valid.shape}")
    _check_dt_shape(dt.shape, valid.shape)
    bad = ~((dt >= 0) & _is_finite(dt, dtype))
    if dt.ndim:
        # (time,) is the same dt for every sample of a step
        refuse_where("dt must be finite and at least 0", expand(dt, valid.ndim), expand(bad, valid.ndim) & valid, dtype)
    elif bad:
        raise ValueError(f"dt must be finite and at least 0{_limit(dt, dtype)}, got {dt}")
    refuse_where(
        "inputs must be finite where the mask is True", inputs, ~_is_finite(inputs, dtype) & valid[..., None], dtype
    )
    check_state_values(state, dtype)


def check_state_values(state: State | None, dtype: Any) -> None:
    """Raises ValueError when there is a number in the state that is not finite in the dtype."""
    for path, leaf in jax.tree.leaves_with_path(state):
        if not isinstance(leaf, Tracer) and jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            leaf = np.asarray(leaf)
            bad = ~_is_finite(leaf, dtype)
            if bad.any():
                where = np.argwhere(bad)[0].tolist()
                value = leaf[tuple(where)]
                raise ValueError(
                    f"state{jax.tree_util.keystr(path)} must be finite{_limit(value, dtype)}, got {value} "
                    f"at {where} of (*batch, units)"
                )


def _check_dt_shape(shape: tuple[int, ...], steps: tuple[int, ...]) -> None:
    time, *batch = steps
    of_steps = len(shape) == len(steps) and shape[0] == time
    if shape in ((), (time,)) or (of_steps and all(n in (1, b) for n, b in zip(shape[1:], batch, strict=True))):
        return
    raise ValueError(
        f"dt must be a scalar, (time,) = {(time,)} or (time, *batch) = {steps}, any batch axis of which "
        f"may be 1, got shape {shape}"
    )


def _is_constant(dt: Array) -> bool:
    return not isinstance(dt, Tracer) and bool((np.asarray(dt) == dt[0]).all())


def _warn(message: str) -> None:
    """A warning at the line outside of this package and of JAX that led here: Python shows it once for each line."""
    inside = str(Path(__file__).parents[1]), str(Path(jax.__file__).parent)
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(inside):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level + 1)


def _is_finite(values: np.ndarray, dtype: Any) -> np.ndarray:
    """Where values are finite, as they are and as the dtype."""
    with np.errstate(over="ignore"):
        return np.isfinite(values.astype(dtype, copy=False))


def _limit(value: Any, dtype: Any) -> str:
    """What to add to the expectation for a value that is finite until it is cast; nothing for others."""
    largest = float(jnp.finfo(dtype).max)
    return f", in {jnp.dtype(dtype)} at most {largest:.5g}" if largest < abs(float(value)) < np.inf else ""


def refuse_where(expectation: str, values: np.ndarray, bad: np.ndarray, dtype: Any = float) -> None:
    """Raises the ValueError for the first time step and sample that is bad, if one is."""
    if not bad.any():
        return
    where = np.argwhere(bad)[0].tolist()
    value = np.broadcast_to(values, bad.shape)[tuple(where)]
    time, *sample = where
    place = f"time step {time}" + (f", sample {', '.join(map(str, sample))}" if sample else "")
    raise ValueError(f"{expectation}{_limit(value, dtype)}, got {value} at {place}")
