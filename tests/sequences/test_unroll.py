"""What unroll and step refuse, and what validation costs nothing to switch off."""

import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from compiled_memory import temporary_bytes
from liquidjax.analysis.trajectory import states, time_constants
from untyped import untyped

CELL = lj.GRU(inputs=2, units=3)
PARAMS = CELL.init(jax.random.key(0))
INPUTS = np.ones((4, 2, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": np.ones((4, 2, 3))}, r"inputs must be \(time, \*batch, inputs = 2\), got shape \(4, 2, 3\)"),
        ({"inputs": np.ones(2)}, r"inputs must be \(time, \*batch, inputs = 2\), got shape \(2,\)"),
        ({"inputs": np.ones((4, 2, 2), int)}, "inputs must be floating point, got int"),
        ({"dt": np.ones(2)}, r"dt must be a scalar, \(time,\) = \(4,\) or .* = \(4, 2\), .*, got shape \(2,\)"),
        ({"dt": np.ones((4, 2, 1))}, r"got shape \(4, 2, 1\)"),
        ({"dt": np.ones((1, 2))}, r"any batch axis of which may be 1, got shape \(1, 2\)"),
        ({"dt": -1e-50}, "dt must be finite and at least 0, got -1e-50"),  # -0.0 as float32
        ({"dt": np.full((4, 2), -1e-50)}, "got -1e-50 at time step 0, sample 0"),
        ({"dt": 1e39}, r"dt must be finite and at least 0, in float32 at most 3\.4028e\+38, got 1e\+39"),
        ({"dt": np.full((4, 1), 1e39)}, r"in float32 at most 3\.4028e\+38, got 1e\+39 at time step 0, sample 0"),
        ({"inputs": np.full((4, 2, 2), 1e39)}, r"mask is True, in float32 at most 3\.4028e\+38, got 1e\+39 at time"),
        ({"state": np.full((2, 3), np.nan)}, r"state must be finite, got nan at \[0, 0\] of \(\*batch, units\)"),
        ({"state": np.full((2, 3), -1e39)}, r"state must be finite, in float32 at most 3\.4028e\+38, got -1e\+39"),
        ({"mask": np.ones((4, 2))}, r"mask must be bool \(time, \*batch\) = \(4, 2\), got float"),
        ({"mask": np.ones(4, bool)}, r"mask must be bool \(time, \*batch\) = \(4, 2\), got bool \(4,\)"),
        ({"state": np.zeros((3, 2))}, r"state must be \(\*batch, units\) = \(2, 3\), got shape \(3, 2\)"),
        ({"state": (np.zeros((2, 3)),)}, "state must have the structure"),
        ({"dt": -1.0}, "dt must be finite and at least 0, got -1.0"),
        ({"dt": np.nan}, "dt must be finite and at least 0, got nan"),
        ({"dt": [0.1, np.inf, 0.1, 0.1]}, "dt must be finite and at least 0, got inf at time step 1, sample 0"),
        ({"dt": np.where(np.arange(8).reshape(4, 2) == 5, -0.5, 1.0)}, "got -0.5 at time step 2, sample 1"),
        ({"inputs": np.where(np.arange(16).reshape(4, 2, 2) == 7, np.nan, 1.0)}, "got nan at time step 1, sample 1, 1"),
    ],
)
def test_refuses(change, message):
    arguments = {"inputs": INPUTS, "dt": 1.0, "mask": None, "state": None} | change
    with pytest.raises(ValueError, match=message):
        lj.unroll(CELL, PARAMS, **arguments)


@pytest.mark.parametrize(("dt", "place"), [(86400, "got 86400"), ([1, 7e4, 1, 1], r"got 70000\.0 at time step 1")])
def test_values_are_refused_by_what_they_become(dt, place, promotes):
    """A day in seconds is beyond float16; where parameters or inputs are float32, all of it is computed in that."""
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.float16), PARAMS)
    with pytest.raises(ValueError, match=f"dt must be finite and at least 0, in float16 at most 65504, {place}"):
        lj.unroll(CELL, half, INPUTS.astype(np.float16), dt)
    with pytest.raises(ValueError, match=f"dt must be finite and at least 0, in float16 at most 65504, {place}"):
        lj.check_values(INPUTS.astype(np.float16), dt)
    assert np.all(np.isfinite(lj.unroll(CELL, PARAMS, INPUTS.astype(np.float16), dt)[0]))
    assert np.all(np.isfinite(lj.unroll(CELL, half, INPUTS, dt)[0]))
    with pytest.raises(ValueError, match=r"in float16 at most 65504, got 70000\.0 at time step 0, sample 1"):
        lj.step(CELL, half, np.zeros((2, 3)), INPUTS[0].astype(np.float16), [1, 7e4])
    lj.check_values(INPUTS, dt, dtype=np.float32)
    mask = np.ones((4, 2), bool)
    mask[1] = False
    if np.ndim(dt):  # in padding it may stand
        lj.unroll(CELL, half, INPUTS.astype(np.float16), dt, mask=mask)


def test_check_values_takes_lists_and_whole_numbers_and_refuses_shapes():
    lj.check_values([[1, 2], [3, 4]], [0, 1])
    with pytest.raises(ValueError, match=r"dt must be a scalar, \(time,\) = \(4,\) .*, got shape \(2,\)"):
        lj.check_values(INPUTS, np.ones(2))
    with pytest.raises(ValueError, match=r"state\[0\] must be finite, got inf at \[0, 1\] of"):
        lj.check_values(INPUTS, 1.0, state=(np.array([[0, np.inf]]), np.ones(3, int)))


def test_a_state_is_looked_at_wherever_it_is_given():
    bad = np.zeros((2, 3))
    bad[1, 2] = np.nan
    ltc = lj.LTC(2, lj.FullyConnected(3))
    params = ltc.init(jax.random.key(0))
    reads: list[Any] = [lj.unroll, states, time_constants, lj.state_sensitivity, lj.lyapunov_exponent]
    for read in (*reads, lj.newton_convergence):
        with pytest.raises(ValueError, match=r"state must be finite, got nan at \[1, 2\] of"):
            read(ltc, params, INPUTS, state=bad)
    with pytest.raises(ValueError, match=r"state must be finite, got nan at \[1, 2\] of"):
        lj.step(ltc, params, bad, INPUTS[0])
    assert np.isnan(lj.step(ltc, params, bad, INPUTS[0], validate=False)[0]).any()


@pytest.mark.parametrize(
    ("inputs", "dt", "message"),
    [
        (np.ones((2, 3)), 1.0, r"\(\*batch, inputs = 2\), got float32 \(2, 3\)"),
        (np.ones((2, 2)), np.ones(3), r"dt must be a scalar or \(\*batch\) = \(2,\), got shape \(3,\)"),
        (np.ones((2, 2)), np.array([1.0, -1.0]), "got -1.0 at time step 0, sample 1"),
        (np.ones((3, 2)), 1.0, r"state must be \(\*batch, units\) = \(3, 3\), got shape \(2, 3\)"),
    ],
)
def test_step_refuses(inputs, dt, message):
    with pytest.raises(ValueError, match=message):
        lj.step(CELL, PARAMS, np.zeros((2, 3)), inputs, dt)


def test_padding_may_hold_anything_but_a_valid_step_may_not():
    dt = np.ones((4, 2))
    dt[3, 1] = np.nan
    mask = np.ones((4, 2), bool)
    with pytest.raises(ValueError, match="got nan at time step 3, sample 1"):
        lj.unroll(CELL, PARAMS, INPUTS, dt, mask=mask)
    mask[3, 1] = False
    assert np.all(np.isfinite(lj.unroll(CELL, PARAMS, INPUTS, dt, mask=mask)[1]))


def test_validation_can_be_switched_off_and_is_off_inside_jit():
    dt = np.full(4, np.nan, np.float32)
    ltc = lj.LTC(2, lj.FullyConnected(2))
    params = ltc.init(jax.random.key(0))
    assert np.all(np.isnan(lj.unroll(ltc, params, INPUTS, dt, validate=False)[0]))
    assert np.all(np.isnan(jax.jit(lambda dt: lj.unroll(ltc, params, INPUTS, dt)[0])(dt)))


def test_a_gap_in_the_middle_holds_the_state(x64):
    mask = np.array([True, False, True, True])
    state, outputs = lj.unroll(CELL, PARAMS, INPUTS[:, 0], mask=mask)
    without, short = lj.unroll(CELL, PARAMS, INPUTS[mask, 0])
    np.testing.assert_allclose(state, without, rtol=1e-10)
    np.testing.assert_allclose(outputs[mask], short, rtol=1e-10)
    assert not np.any(outputs[1])


def taken_as(dt, shape):
    """The outputs for dt, and for what it is taken to mean, (time, *batch), written out."""
    cell = lj.LTC(2, lj.FullyConnected(3), lj.SemiImplicit(2))
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).normal(size=(*shape, 2)).astype(np.float32)
    spread = np.broadcast_to(dt.reshape(dt.shape + (1,) * (len(shape) - dt.ndim)), shape)
    return lj.unroll(cell, params, inputs, dt)[1], lj.unroll(cell, params, inputs, spread)[1]


def test_a_batch_axis_of_dt_may_be_one(x64, promotes):
    rng = np.random.default_rng(1)
    for axes, shape in (
        ((4, 1), (4, 3)),
        ((4, 1), (4, 4)),
        ((4, 1, 1), (4, 2, 3)),
        ((4, 1, 3), (4, 2, 3)),
        ((4, 2, 1), (4, 2, 3)),
        ((4,), (4, 3)),
        ((4,), (4, 2, 3)),
    ):
        np.testing.assert_array_equal(*taken_as(rng.uniform(0.1, 2, axes).astype(np.float32), shape))
    # With padding, and backwards, for readings too.
    ltc = lj.LTC(2, lj.FullyConnected(3))
    params, dt = ltc.init(jax.random.key(0)), rng.uniform(0.1, 2, (4, 1)).astype(np.float32)
    mask = np.array([[True, False], [False, True], [True, True], [False, True]])
    wide = np.broadcast_to(dt, (4, 2))
    ways: list[Any] = [{"mask": mask}, {"reverse": True}, {"method": lj.Newton()}, {"gradient": lj.SegmentedAdjoint(2)}]
    for options in ways:
        same, expected = (lj.unroll(ltc, params, INPUTS, steps, **options)[1] for steps in (dt, wide))
        np.testing.assert_allclose(same, expected, rtol=1e-10)
    for read in (states, time_constants, lj.state_sensitivity, lj.lyapunov_exponent):
        np.testing.assert_allclose(*(read(ltc, params, INPUTS, steps) for steps in (dt, wide)), rtol=1e-10)
    assert np.all(lj.newton_convergence(ltc, params, INPUTS, dt).converged)
    lj.check_values(INPUTS, dt, mask)


def test_one_dt_a_step_with_as_many_samples_warns_once_a_line():
    inputs, dt = np.ones((3, 3, 2), np.float32), np.array([0.1, 0.2, 0.3], np.float32)

    def told(run):
        with warnings.catch_warnings(record=True) as caught:
            warnings.resetwarnings()
            warnings.simplefilter("default")
            for _ in range(3):
                run()
        return caught

    def unroll(dt, inputs=inputs):
        return lj.unroll(CELL, PARAMS, inputs, dt)

    heard = told(lambda: unroll(dt))
    assert [(w.category, Path(w.filename).name) for w in heard] == [(UserWarning, "test_unroll.py")]
    for words in ("taken as one value for each time step", "dt[:, None]", "jnp.broadcast_to(dt, (3, 3))"):
        assert words in str(heard[0].message)
    # Readings that pass it on name the line of the caller too, and so do those who trace it.
    ltc = lj.LTC(2, lj.FullyConnected(3))
    params = ltc.init(jax.random.key(0))
    for read in (
        lambda: states(ltc, params, inputs, dt),
        lambda: time_constants(ltc, params, inputs, dt),
        lambda: lj.state_sensitivity(ltc, params, inputs, dt),
        lambda: lj.lyapunov_exponent(ltc, params, inputs, dt),
        lambda: lj.newton_convergence(ltc, params, inputs, dt),
        lambda: jax.jit(unroll)(dt),
    ):
        heard = told(read)
        assert heard and {Path(w.filename).name for w in heard} == {"test_unroll.py"}
    # What can be meant in one way only, or makes no difference.
    for meant in (dt[:, None], np.broadcast_to(dt, (3, 3)), np.full(3, 0.1), 0.1):
        assert not told(lambda meant=meant: unroll(meant))
    assert not told(lambda: unroll(dt, inputs[:, :2])) and not told(lambda: unroll(dt[:1], inputs[:1, :1]))
    assert not told(lambda: unroll(dt, inputs[:, 0]))


@pytest.mark.parametrize("first", [0.0, 0.25])
def test_elapsed(first):
    times = np.array([[0.0, 5.0], [0.5, 6.0], [2.0, 9.0]])
    np.testing.assert_allclose(lj.elapsed(times, first), [[first, first], [0.5, 1], [1.5, 3]])
    mask = np.array([[True, False], [False, True], [True, True]])
    times[1, 0] = times[0, 1] = np.nan
    np.testing.assert_allclose(lj.elapsed(times, first, mask), [[first, 0], [0, first], [2.0, 3.0]])


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([0.0, 1.0, 1.0], "timestamps must increase strictly in time, got 1.0 at time step 2"),
        ([[0.0, 0.0], [1.0, -1.0]], "got -1.0 at time step 1, sample 1"),
        ([0.0, np.nan], "timestamps must be finite, got nan at time step 1"),
    ],
)
def test_elapsed_refuses(times, message):
    with pytest.raises(ValueError, match=message):
        lj.elapsed(times, first=1.0)


@pytest.mark.parametrize(
    ("cell", "factor", "kept"),
    [(lj.LTC(4, lj.FullyConnected(16)), 20, 3), (lj.CTRNN(4, 16, lj.Euler(4)), 4, 3.1)],
    ids=["ltc", "ct-rnn"],
)
def test_the_default_keeps_states_only(cell, factor, kept):
    """Compiled temporary bytes of the gradient: BPTT keeps every unfold, Remat one state a step."""
    params = jax.eval_shape(cell.init, jax.random.key(0))

    def temporaries(time, **options):
        inputs = jax.ShapeDtypeStruct((time, 8, 4), jnp.float32)
        loss = jax.grad(lambda p, u: jnp.sum(lj.unroll(cell, p, u, 0.1, **options)[1] ** 2))
        return temporary_bytes(loss, params, inputs)

    half = temporaries(128)
    assert half * factor < temporaries(128, gradient=lj.BPTT())
    states = 128 * 8 * 16 * 4
    assert temporaries(256) - half < kept * states  # states, outputs and inputs


def test_a_state_of_another_precision_is_taken_and_no_steps_are_allowed():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), PARAMS)
    inputs = jnp.asarray(INPUTS, jnp.bfloat16)
    state, outputs = lj.unroll(CELL, half, inputs, state=np.ones((2, 3), np.float32))
    assert state.dtype == outputs.dtype == lj.step(CELL, half, np.ones((2, 3)), inputs[0])[1].dtype == jnp.bfloat16
    start = np.full((2, 3), 0.5, np.float32)
    state, outputs = lj.unroll(CELL, PARAMS, INPUTS[:0], state=start)
    np.testing.assert_array_equal(state, start)
    assert outputs.shape == (0, 2, 3)


def test_a_step_with_a_key_drops_what_unroll_drops():
    cell = lj.CfC(inputs=2, units=3, backbone_units=8, dropout=0.5)
    params, key = jax.jit(cell.init)(jax.random.key(0)), jax.random.key(1)
    state, output = cell.initial_state((2,)), None
    _, outputs = lj.unroll(cell, params, INPUTS, key=key)
    for inputs, of_step, wanted in zip(INPUTS, jax.random.split(key, len(INPUTS)), outputs, strict=True):
        state, output = lj.step(cell, params, state, inputs, key=of_step)
        np.testing.assert_allclose(output, wanted, rtol=1e-6)
    assert np.any(output != lj.step(cell, params, state, INPUTS[0])[1])
    with pytest.raises(ValueError, match="key must be one key"):
        lj.step(cell, params, state, INPUTS[0], key=untyped(3))
