"""What unroll and step refuse, and what validation costs nothing to switch off."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj

CELL = lj.GRU(inputs=2, units=3)
PARAMS = CELL.init(jax.random.key(0))
INPUTS = np.ones((4, 2, 2), np.float32)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inputs": np.ones((4, 2, 3))}, r"inputs must be \(time, \*batch, inputs = 2\), got shape \(4, 2, 3\)"),
        ({"inputs": np.ones(2)}, r"inputs must be \(time, \*batch, inputs = 2\), got shape \(2,\)"),
        ({"inputs": np.ones((4, 2, 2), int)}, "inputs must be floating point, got int"),
        ({"dt": np.ones(2)}, r"dt must be a scalar, \(time,\) = \(4,\) or .* = \(4, 2\), got shape \(2,\)"),
        ({"dt": np.ones((4, 2, 1))}, r"got shape \(4, 2, 1\)"),
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


def test_a_gap_in_the_middle_holds_the_state():
    mask = np.array([True, False, True, True])
    state, outputs = lj.unroll(CELL, PARAMS, INPUTS[:, 0], mask=mask)
    without, short = lj.unroll(CELL, PARAMS, INPUTS[mask, 0])
    np.testing.assert_allclose(state, without, rtol=1e-6)
    np.testing.assert_allclose(outputs[mask], short, rtol=1e-6)
    assert not np.any(outputs[1])


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


def test_the_default_keeps_states_only():
    """Compiled temporary bytes of the gradient: BPTT keeps every unfold, Remat one state a step."""
    cell = lj.LTC(4, lj.FullyConnected(16))
    params = cell.init(jax.random.key(0))

    def temporaries(time, **options):
        inputs = jnp.ones((time, 8, 4))
        loss = jax.jit(jax.grad(lambda p: jnp.sum(lj.unroll(cell, p, inputs, 0.1, **options)[1] ** 2)))
        analysis = loss.lower(params).compile().memory_analysis()
        assert analysis is not None
        return analysis.temp_size_in_bytes

    assert temporaries(128) * 20 < temporaries(128, gradient=lj.BPTT())
    states = 128 * 8 * 16 * 4
    assert temporaries(256) - temporaries(128) < 3 * states  # states, outputs and inputs


def test_a_state_of_another_precision_is_taken_and_no_steps_are_allowed():
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), PARAMS)
    inputs = jnp.asarray(INPUTS, jnp.bfloat16)
    state, outputs = lj.unroll(CELL, half, inputs, state=np.ones((2, 3), np.float32))
    assert state.dtype == outputs.dtype == lj.step(CELL, half, np.ones((2, 3)), inputs[0])[1].dtype == jnp.bfloat16
    start = np.full((2, 3), 0.5, np.float32)
    state, outputs = lj.unroll(CELL, PARAMS, INPUTS[:0], state=start)
    np.testing.assert_array_equal(state, start)
    assert outputs.shape == (0, 2, 3)
