"""The time-aware LSTM against its paper, written out in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.cells.tlstm import DISCOUNTS
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

INPUTS, UNITS, TIME, BATCH = 2, 3, 6, 2
OF_THE_PAPER = {
    "log": lambda dt: 1 / np.log(np.e + dt),
    "reciprocal": lambda dt: np.where(dt > 1, 1 / np.where(dt > 1, dt, 1), 1),
    "shifted": lambda dt: 1 / (dt + 1),
}


def signed(cell):
    """Parameters between -0.4 and 0.4."""
    return jax.tree.map(lambda leaf: leaf - 0.5, drawn(cell, dtype=float))


def sequence():
    rng = np.random.default_rng(0)
    return rng.normal(size=(TIME, BATCH, INPUTS)), rng.uniform(0, 4, (TIME, BATCH))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_it_is_the_equations_of_the_paper(discount):
    cell = lj.TLSTM(INPUTS, UNITS, discount, forget_bias=0.0)
    params, (inputs, dt) = signed(cell), sequence()
    h, c, expected = np.zeros((BATCH, UNITS)), np.zeros((BATCH, UNITS)), []
    for u, passed in zip(inputs, dt, strict=True):
        short = np.tanh(c @ params.decomposition.weight + params.decomposition.bias)
        discounted = short * OF_THE_PAPER[discount](passed)[:, None]
        long = c - short
        adjusted = long + discounted
        gates = [
            u @ params.lstm.inputs.weight[:, k] + h @ params.lstm.recurrent[:, k] + params.lstm.inputs.bias[k]
            for k in range(4)
        ]
        i, f, candidate, o = sigmoid(gates[0]), sigmoid(gates[1]), np.tanh(gates[2]), sigmoid(gates[3])
        c = f * adjusted + i * candidate
        h = o * np.tanh(c)
        expected.append(h)
    state, outputs = lj.unroll(cell, params, inputs, dt)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    np.testing.assert_allclose(state.memory, c, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("discount", DISCOUNTS)
def test_in_no_time_it_is_an_lstm(discount, dtype):
    """To the bit: what is left of the short-term memory is 1, in any precision."""
    cell = lj.TLSTM(INPUTS, UNITS, discount)
    params, inputs = jax.tree.map(lambda leaf: leaf.astype(dtype), (signed(cell), sequence()[0]))
    ours, theirs = lj.unroll(cell, params, inputs, 0.0), lj.unroll(lj.LSTM(INPUTS, UNITS), params.lstm, inputs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_the_more_time_has_passed_the_less_is_left_of_the_short_term_memory(discount):
    dt = jnp.array([0, 0.5, 1, 2, 10, 1e3, 1e30], jnp.float32)
    left = np.asarray(DISCOUNTS[discount](dt))
    assert left[0] == 1 and np.all(np.diff(left) <= 0) and np.all(np.diff(left[2:]) < 0) and 0 <= left[-1] < 0.02


@pytest.mark.parametrize("discount", DISCOUNTS)
def test_a_huge_dt_has_a_finite_gradient(discount):
    cell = lj.TLSTM(INPUTS, UNITS, discount)
    params, inputs = jax.tree.map(np.float32, (signed(cell), sequence()[0]))
    loss = lambda p, dt: lj.unroll(cell, p, inputs, dt)[1].sum()  # noqa: E731
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))(params, np.float32(3e38))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_it_starts_as_the_code_of_its_authors():
    params = lj.TLSTM(20, 30).init(jax.random.key(0))
    for weight in (params.lstm.inputs.weight, params.lstm.recurrent, params.decomposition.weight):
        assert abs(np.mean(weight)) < 0.02 and abs(np.std(weight) - 0.1) < 0.01
    assert not np.any(params.lstm.inputs.bias) and not np.any(params.decomposition.bias)


def test_an_unknown_discount_is_refused():
    with pytest.raises(ValueError, match="discount must be one of 'log', 'reciprocal', 'shifted', got 'exp'"):
        lj.TLSTM(1, 2, untyped("exp"))
