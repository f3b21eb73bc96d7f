"""A stream gives, step by step, what `unroll` gives for the whole, whatever is in between."""

import datetime
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from small_cells import CELLS

LTC = lj.Readout(lj.LTC(2, lj.AutoNCP(6, 2), integrator=lj.SemiImplicit(2)), 1)
RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def params():
    return LTC.init(jax.random.key(0))


@pytest.mark.parametrize("name", CELLS)
def test_it_is_unroll(name, x64):
    cell = CELLS[name]
    params = cell.init(jax.random.key(1))
    inputs, dt = RNG.normal(size=(7, 3, cell.inputs)), RNG.uniform(0.1, 2, (7, 3))
    state, expected = lj.unroll(cell, params, inputs, dt)
    stream = lj.Stream(cell, params, (3,))
    found = [stream(*each) for each in zip(inputs, dt, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-12), stream.state, state)


def streamed(params, inputs, batch=(), **steps):
    """The outputs of a stream, with a value of each of these arguments for each step."""
    stream = lj.Stream(LTC, params, batch, first_dt=0.5)
    return np.stack([stream(x, **{name: each[i] for name, each in steps.items()}) for i, x in enumerate(inputs)])


def test_times_are_durations(params):
    inputs, dt = RNG.normal(size=(6, 2)).astype(np.float32), np.array([0.5, 0.25, 1, 0.125, 3, 0.25])
    expected = streamed(params, inputs, dt=dt)
    times = np.cumsum(dt) + 100
    for given in (times, list(map(float, times)), (times * 8).astype(int) * 1.0 / 8):
        np.testing.assert_array_equal(streamed(params, inputs, time=given), expected)
    whole = streamed(params, inputs, dt=np.array([0.5, 1, 2, 3, 1, 1]))
    np.testing.assert_array_equal(streamed(params, inputs, time=[10, 11, 13, 16, 17, 18]), whole)


def test_dates_are_durations(params):
    inputs = RNG.normal(size=(3, 2)).astype(np.float32)
    start = datetime.datetime(2026, 11, 26, 10)
    dates = [start, start + datetime.timedelta(minutes=30), start + datetime.timedelta(hours=2)]
    stream = lj.Stream(LTC, params, first_dt=0.5, unit="h")
    found = [stream(x, time=date) for x, date in zip(inputs, dates, strict=True)]
    np.testing.assert_array_equal(np.stack(found), streamed(params, inputs, dt=[0.5, 0.5, 1.5]))
    stream.reset()
    found = [stream(x, time=np.datetime64(date)) for x, date in zip(inputs, dates, strict=True)]
    np.testing.assert_array_equal(np.stack(found), streamed(params, inputs, dt=[0.5, 0.5, 1.5]))


def test_each_stream_has_a_clock_and_episodes_of_its_own(params):
    """Against each by itself, begun anew where its episode begins."""
    inputs = RNG.normal(size=(6, 2, 2)).astype(np.float32)
    times = np.cumsum(RNG.uniform(0.25, 1, (6, 2)), axis=0)
    reset = np.zeros((6, 2), bool)
    reset[3, 0] = reset[4, 1] = True
    found = streamed(params, inputs, (2,), time=times, reset=reset)
    for sample, begins in enumerate([3, 4]):
        parts = [
            streamed(params, inputs[part, sample], time=times[part, sample])
            for part in (slice(begins), slice(begins, 6))
        ]
        np.testing.assert_allclose(found[:, sample], np.concatenate(parts), rtol=0, atol=1e-6)


BAD = {
    "inputs must be finite": ([np.nan, 0.0], {}),
    r"inputs must be \(2,\), .*got shape \(3,\)": ([0.0, 0.0, 0.0], {}),
    "dt must be finite and not below 0, got -1": ([0.0, 0.0], {"dt": -1}),
    "dt must be finite and not below 0, got nan": ([0.0, 0.0], {"dt": np.nan}),
    r"dt must be a number or \(\*batch\)": ([0.0, 0.0], {"dt": [1.0, 1.0]}),
    "dt or time, not both": ([0.0, 0.0], {"dt": 1.0, "time": 1.0}),
    r"time must be after the one before it, 2\.0, got 1\.0; the state is what it was": ([0.0, 0.0], {"time": 1.0}),
    r"time must be after the one before it, 2\.0, got 2\.0": ([0.0, 0.0], {"time": 2.0}),
    "time must be after the one before it.* got nan": ([0.0, 0.0], {"time": np.nan}),
    "time must increase strictly": ([0.0, 0.0], {"time": 1}),
    r"time must be one or \(\*batch\)": ([0.0, 0.0], {"time": [3.0, 4.0]}),
    r"reset must be bool": ([0.0, 0.0], {"reset": 1}),
}


@pytest.mark.parametrize("sentence", BAD)
def test_what_is_refused_leaves_state_and_clock(sentence, params):
    stream, other = lj.Stream(LTC, params), lj.Stream(LTC, params)
    for each in (stream, other):
        each([0.5, 1.0], time=2.0)
    inputs, given = BAD[sentence]
    before = stream.state
    with pytest.raises(ValueError, match=sentence):
        stream(inputs, **given)
    jax.tree.map(np.testing.assert_array_equal, before, stream.state)
    np.testing.assert_array_equal(stream([0.1, 0.2], time=2.5), other([0.1, 0.2], time=2.5))


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        ((lj.GRU(2, 3), "params"), {}, "params"),
        (("cell", {}), {}, "cell"),
        ((LTC, None), {"batch": 3}, "batch must be a tuple"),
        ((LTC, None), {"batch": (0,)}, "batch must be an integer of at least 1"),
        ((LTC, None), {"first_dt": -1}, "first_dt must be"),
        ((LTC, None), {"unit": "hours"}, "unit must be"),
        ((LTC, None), {"validate": 1}, "validate must be"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(arguments, settings, sentence, params):
    cell, given = arguments
    with pytest.raises(ValueError, match=sentence):
        lj.Stream(cell, params if given is None else given, **settings)


def test_a_state_can_be_kept_and_put_back(params):
    """Though the buffers of the state are given away in each step."""
    stream = lj.Stream(LTC, params)
    stream([0.5, 1.0], 0.1)
    kept = stream.state
    expected = [stream([0.1, 0.2], 0.1), stream([0.3, 0.4], 0.1)]
    stream.state = kept
    np.testing.assert_array_equal([stream([0.1, 0.2], 0.1), stream([0.3, 0.4], 0.1)], expected)
    with pytest.raises(ValueError, match="state"):
        stream.state = jnp.zeros(3)


def test_it_compiles_once(params):
    """Whatever the numbers come as."""
    stream = lj.Stream(LTC, params)
    step: Any = stream._step
    stream([0, 1], 1)
    count = step._cache_size()
    for inputs, dt in (([0.5, 1.0], 0.1), (np.ones(2), np.float64(2)), (jnp.ones(2), jnp.float32(1)), ((1, 2), 3)):
        stream(inputs, dt)
    assert step._cache_size() == count


def test_without_a_look_at_the_values_they_are_taken_as_they_are(params):
    stream = lj.Stream(LTC, params, validate=False)
    outputs = [stream([np.nan, 0.0], 1.0) for _ in range(4)]
    assert np.isnan(outputs[-1]).all()  # by then it has come through the wiring


@pytest.mark.parametrize("dtype, huge", [(jnp.float32, 3e38), (jnp.float16, 6e4), (jnp.bfloat16, 3e38)])
def test_numbers_whose_square_no_number_can_hold_are_read(dtype, huge):
    """And what no number can hold is refused still."""
    cell = lj.GRU(2, 3)
    stream = lj.Stream(cell, jax.tree.map(lambda leaf: leaf.astype(dtype), cell.init(jax.random.key(0))))
    reading = np.asarray([huge, -huge], dtype)
    assert np.isfinite(stream(reading, 1.0).astype(jnp.float32)).all()
    with pytest.raises(ValueError, match="inputs must be finite"):
        stream(np.asarray([huge, -np.inf], dtype), 1.0)
