"""Times as users have them, dates and numbers far from zero, made into durations before anything is rounded."""

import datetime
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._checks import check_array, check_choice
from liquidjax._types import Array
from liquidjax.sequences.validation import refuse_where

Unit = Literal["ns", "us", "ms", "s", "m", "h", "D", "W"]
UNITS = ("ns", "us", "ms", "s", "m", "h", "D", "W")
"""Nanoseconds to seconds, minutes, hours, days and weeks, as numpy calls them."""
RESOLUTION = 1e-3
"""Share of a duration that the rounding of the times on both its sides may make up."""


def elapsed(timestamps: Any, first: Any, mask: Any = None, unit: Unit | None = None) -> np.ndarray:
    """The time since the previous sample: dt[0] = first, dt[t] = timestamps[t] - timestamps[t - 1].

    Args:
        timestamps: (time, *batch), strictly increasing in time for each sample of the batch: numbers, or with `unit`
            dates of numpy, pandas or datetime. The origin does not matter where the numbers can tell the times apart.
        first: dt of the first step of each sample, for which there is no previous one: a number or (*batch), at least
            0; with `unit` a duration such as `numpy.timedelta64` too.
        mask: bool (time, *batch), False where a step is padding. Padding gets dt 0, and the step after a gap the time
            since the last valid one.
        unit: of dt, where timestamps are dates: "ns", "us", "ms", "s", "m" (minutes), "h", "D" or "W".

    Returns:
        dt (time, *batch) in the dtype of the timestamps, at least float32; float64 for integers and dates.

    Raises:
        ValueError: timestamps that do not increase, are not finite, or are further from zero than their dtype can
            tell them apart, with the time step and the sample; dates without a unit.

    Example:
        >>> elapsed([0.0, 0.5, 2.0], first=1.0)
        array([1. , 0.5, 1.5])
        >>> elapsed(np.array(["2026-11-25T10:00", "2026-11-25T10:45"], "datetime64[m]"), first=0, unit="h")
        array([0.  , 0.75])
    """
    if isinstance(timestamps, Tracer):
        raise ValueError(
            "timestamps must be there when elapsed is called, not be traced: call it outside of jax.jit, on the data"
        )
    times, dtype = _numbers("timestamps", timestamps, unit)
    if times.ndim < 1:
        raise ValueError(f"timestamps must be (time, *batch), got shape {times.shape}")
    if isinstance(first, datetime.timedelta):
        first = np.timedelta64(first)
    start = check_array("first", first, "", on_host=True)
    if start.dtype.kind == "m" and unit is not None:
        start = start / np.timedelta64(1, unit)
    if start.dtype.kind not in "iuf" or start.shape not in ((), times.shape[1:]):
        raise ValueError(
            f"first must be a number or (*batch) = {times.shape[1:]} of them, got {start.dtype} {start.shape}"
        )
    if not np.all((start >= 0) & np.isfinite(start)):
        raise ValueError(f"first must be finite and at least 0, got {np.min(start)}")
    valid = np.ones(times.shape, bool) if mask is None else check_array("mask", mask, "", on_host=True)
    if valid.shape != times.shape or valid.dtype != bool:
        raise ValueError(f"mask must be bool (time, *batch) = {times.shape}, got {valid.dtype} {valid.shape}")
    return _checked_durations("timestamps", times, valid, start, dtype).astype(np.result_type(dtype, np.float32))


def durations(times: Any, batch: tuple[int, ...], mask: Any) -> np.ndarray | Array:
    """What passes from each of some times to the next valid one: (time, *batch), 0 for the first and for padding.

    Args:
        times: (time,) or (time, *batch), at least two, strictly increasing where the mask is True. Under `jax.jit`
            only their shape is looked at.
        batch: the axes of the batch.
        mask: bool (time, *batch), or None.

    Returns:
        The durations, float64 on the host, so that it does not matter how far from zero the times are.

    Raises:
        ValueError: as for `elapsed`, and for a wrong shape.

    Example:
        >>> durations(np.array([1.7e9, 1.7e9 + 0.5, 1.7e9 + 300]), (), None)
        array([  0. ,   0.5, 299.5])
    """
    if isinstance(times, Tracer):
        check_times_shape(times.shape, batch)
        times = _spread(jnp, times, batch)
        valid = jnp.ones(times.shape, bool) if mask is None else mask
        return _gaps(jnp, jax.lax.cummax, times, valid, 0.0)
    numbers, dtype = _numbers("times", times, None)
    check_times_shape(numbers.shape, batch)
    numbers = _spread(np, numbers, batch)
    if isinstance(mask, Tracer):
        return _gaps(jnp, jax.lax.cummax, jnp.asarray(numbers), mask, 0.0)
    valid = np.ones(numbers.shape, bool) if mask is None else np.asarray(mask)
    return _checked_durations("times", numbers, valid, np.zeros(()), dtype)


def check_times_shape(shape: tuple[int, ...], batch: tuple[int, ...]) -> None:
    """Raises ValueError for times that are not (time,) or (time, *batch), at least two."""
    if len(shape) < 1 or shape[0] < 2 or shape[1:] not in ((), batch):
        raise ValueError(
            f"times must be (time,) or (time, *batch) with at least 2 times and *batch = {batch}, got shape {shape}"
        )


def _spread(xp: Any, times: Any, batch: tuple[int, ...]) -> Any:
    return xp.broadcast_to(times.reshape(times.shape + (1,) * (1 + len(batch) - times.ndim)), (len(times), *batch))


def _numbers(name: str, times: Any, unit: Unit | None) -> tuple[np.ndarray, np.dtype]:
    """The times as float64, from an origin of their own where they are dates, and the dtype that told them apart."""
    if unit is not None:
        check_choice("unit", unit, UNITS)
    if str(getattr(times, "dtype", "")).startswith("datetime64[ns, "):
        times = times.to_numpy("datetime64[ns]")  # of pandas, with a time zone
    array = check_array(name, times, "", on_host=True)
    if array.dtype == object and array.size and all(isinstance(time, datetime.datetime) for time in array.flat):
        array = np.array([_without_zone(time) for time in array.flat], "datetime64[us]").reshape(array.shape)
    kind = array.dtype.kind
    if kind in "mM" and unit is None:
        raise ValueError(
            f"{name} must be numbers, got {array.dtype}: elapsed(timestamps, first=0, unit='s') makes dt "
            "of dates, and cumsum(axis=0) of that counts from the first one"
        )
    if kind not in "iufmM":
        raise ValueError(
            f"{name} must be numbers or dates, got {array.dtype}; text with dates in it is read by "
            "numpy.array(text, 'datetime64[ns]')"
        )
    if kind in "iuf" and unit is not None:
        raise ValueError(f"unit must be left out where {name} are numbers, got {unit!r}: dt is in the unit they are in")
    if kind == "f":
        return array.astype(np.float64), array.dtype
    if kind in "mM":
        missing = np.isnat(array)
        since = array - array[~missing].min() if not missing.all() else np.zeros(array.shape, "timedelta64[ns]")
        return np.where(missing, np.nan, since / np.timedelta64(1, unit or "s")), np.dtype(np.float64)
    beyond = array.size and max(abs(int(array.min())), abs(int(array.max()))) >= 2**53
    return (array - array.min() if beyond else array).astype(np.float64), np.dtype(np.float64)


def _without_zone(time: datetime.datetime) -> datetime.datetime:
    return time if time.tzinfo is None else time.astimezone(datetime.UTC).replace(tzinfo=None)


def _checked_durations(name: str, times: np.ndarray, valid: np.ndarray, first: np.ndarray, dtype: Any) -> np.ndarray:
    refuse_where(f"{name} must be finite", times, ~np.isfinite(times) & valid)
    with np.errstate(invalid="ignore"):
        gaps = _gaps(np, np.maximum.accumulate, times, valid, -1.0)  # -1 where there is no previous time
    started = np.cumsum(valid, axis=0) > 1
    refuse_where(f"{name} must increase strictly in time", times, valid & started & (gaps <= 0))
    # Numbers whose dtype resolves no more than a share of the duration; whole numbers are known exactly for longer.
    rounding = np.spacing(np.abs(np.where(valid, times, 0)).astype(dtype)).astype(np.float64)
    whole = np.all(times[valid] == np.rint(times[valid])) and np.all(np.abs(times[valid]) < 2 / np.finfo(dtype).eps)
    if not whole:
        refuse_where(
            f"{name} must be so near to zero that {np.dtype(dtype)} tells them apart to {RESOLUTION:g} of their "
            "difference; subtract the first one in float64, before they become so coarse",
            times,
            valid & started & (rounding > RESOLUTION * gaps),
        )
    return np.where(valid, np.where(started, gaps, first), 0)


def _gaps(xp: Any, running_maximum: Any, times: Any, valid: Any, first: float) -> Any:
    """From the last valid time before each valid one, `first` where there is none; 0 for padding."""
    times = xp.where(valid, times, 0)
    seen = running_maximum(xp.where(valid, times, -xp.inf), axis=0)
    previous = xp.concatenate([xp.full_like(seen[:1], -xp.inf), seen[:-1]])
    known = xp.isfinite(previous)
    return xp.where(valid, xp.where(known, times - xp.where(known, previous, 0), first), 0)
