"""Times as users have them: dates, any origin, any precision. The right durations are computed with integers."""

import datetime

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.sequences.times import durations
from untyped import untyped

DATES = np.array(["2026-11-25T10:00", "2026-11-25T10:45", "2026-11-26T10:00"], "datetime64[m]")
MINUTES = [45, 23 * 60 + 15]
SECOND = {"ns": 1e9, "us": 1e6, "ms": 1e3, "s": 1, "m": 1 / 60, "h": 1 / 3600, "D": 1 / 86400, "W": 1 / 604800}


@pytest.mark.parametrize("unit", SECOND)
@pytest.mark.parametrize("precision", ["m", "s", "ns"])
def test_dates_become_durations_in_any_unit(unit, precision):
    dt = lj.elapsed(DATES.astype(f"datetime64[{precision}]"), first=0, unit=unit)
    np.testing.assert_allclose(dt, np.array([0, *MINUTES]) * 60 * SECOND[unit], rtol=1e-14)
    assert dt.dtype == np.float64


def test_every_kind_of_date():
    """Of datetime with and without a time zone, durations, dates of pandas, and the first step as a duration."""
    plain = DATES.astype(object).tolist()
    berlin = datetime.timezone(datetime.timedelta(hours=1))
    zoned = [time.replace(tzinfo=datetime.UTC) for time in plain[:2]] + [plain[2].replace(tzinfo=berlin)]
    hours = lj.elapsed(plain, first=datetime.timedelta(hours=2), unit="h")
    np.testing.assert_allclose(hours, [2, 0.75, 23.25], rtol=1e-14)
    np.testing.assert_allclose(lj.elapsed(zoned, first=0, unit="h"), [0, 0.75, 22.25], rtol=1e-14)
    np.testing.assert_allclose(lj.elapsed(DATES - DATES[0], np.timedelta64(30, "m"), unit="h"), [0.5, 0.75, 23.25])


def test_dates_of_pandas():
    pandas = pytest.importorskip("pandas")
    for index in (pandas.DatetimeIndex(DATES), pandas.DatetimeIndex(DATES).tz_localize("UTC")):
        for times in (index, pandas.Series(index)):
            np.testing.assert_allclose(lj.elapsed(times, first=0, unit="m"), [0, *MINUTES])


def test_a_missing_date_is_refused_unless_it_is_padding():
    dates = DATES.copy()
    dates[1] = np.datetime64("NaT")
    with pytest.raises(ValueError, match="timestamps must be finite, got nan at time step 1"):
        lj.elapsed(dates, first=0, unit="h")
    np.testing.assert_allclose(lj.elapsed(dates, 0, np.array([True, False, True]), "h"), [0, 0, 24])


@pytest.mark.parametrize("origin", [0, 1_764_064_800, 1_764_064_800_000_000_000])
def test_the_origin_does_not_matter(origin):
    """Whole numbers however large, and float64 where it can tell the times apart."""
    seconds = np.array([0, 1, 301, 302])
    np.testing.assert_array_equal(lj.elapsed(seconds + origin, first=1), [1, 1, 300, 1])
    if origin < 1e15:
        np.testing.assert_allclose(lj.elapsed(seconds / 8 + origin, first=1), [1, 1 / 8, 37.5, 1 / 8])
        np.testing.assert_array_equal(durations(seconds / 8 + origin, (), None), [0, 1 / 8, 37.5, 1 / 8])


@pytest.mark.parametrize("array", [np.float32, np.float16, jnp.float32])
def test_times_too_coarse_for_their_differences_are_refused(array):
    """Unix seconds in float32 are multiples of 128: 300 becomes 256 or 384."""
    origin, step = (1.764e9, 300) if array != np.float16 else (1000.3, 3)
    times = array(origin + step * np.arange(4))
    with pytest.raises(ValueError, match=r"timestamps must be so near to zero that float\d\d tells them"):
        lj.elapsed(times, first=1)
    with pytest.raises(ValueError, match=r"times must be so near to zero that float\d\d"):
        durations(times, (), None)


def test_single_precision_is_taken_where_it_is_fine():
    whole = np.arange(100_000, dtype=np.float32)  # known exactly
    np.testing.assert_array_equal(lj.elapsed(whole, first=1), np.ones(100_000))
    hours = np.arange(0, 100, 0.1, dtype=np.float32)
    dt = lj.elapsed(hours, first=0.1)
    assert dt.dtype == np.float32
    np.testing.assert_allclose(dt, 0.1, rtol=1e-3)


def test_the_first_step_of_each_sample():
    times = np.array([[0.0, 3.0], [0.5, 4.0]])
    np.testing.assert_allclose(lj.elapsed(times, first=[1.0, 2.0]), [[1, 2], [0.5, 1]])
    mask = np.array([[True, False], [True, True]])
    np.testing.assert_allclose(lj.elapsed(times, [1.0, 2.0], mask), [[1, 0], [0.5, 2]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: lj.elapsed(DATES, first=0),
            r"must be numbers, got datetime64\[m\]: elapsed\(timestamps, .*unit",
        ),
        (lambda: lj.elapsed(DATES, 0, unit=untyped("min")), "unit must be one of 'ns', .* got"),
        (lambda: lj.elapsed([0.0, 1.0], first=0, unit="s"), "unit must be left out where timestamps are numbers"),
        (lambda: lj.elapsed(["2026-01-01"], first=0, unit="s"), "timestamps must be"),
        (lambda: lj.elapsed([0.0, 1.0], first=[1.0, 2.0]), r"first must be a number or \(\*batch\) = \(\)"),
        (lambda: lj.elapsed([0.0, 1.0], first=-1), "first must be finite and at least 0, got -1"),
        (lambda: lj.elapsed([0.0, 1.0], first=np.nan), "first must be finite and at least 0, got nan"),
        (lambda: jax.jit(lambda t: lj.elapsed(t, first=0))(jnp.ones(3)), "call it outside of jax.jit"),
        (lambda: durations(DATES, (), None), r"times must be numbers, got datetime64\[m\]"),
    ],
)
def test_what_is_no_time_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_traced_times_give_the_same_durations(x64):
    rng = np.random.default_rng(0)
    times, mask = np.cumsum(rng.uniform(0.1, 1, (6, 2)), axis=0), rng.random((6, 2)) < 0.7
    expected = durations(times, (2,), mask)
    np.testing.assert_allclose(jax.jit(lambda t, m: durations(t, (2,), m))(times, mask), expected, atol=1e-14)
    slope = jax.jit(jax.grad(lambda t: jnp.sum(durations(t, (2,), mask) ** 2)))(np.where(mask, times, np.nan))
    assert np.all(np.isfinite(slope)) and not np.any(slope[~mask])
