"""GRU-D against its paper: from readings with times and gaps, written out in numpy, one feature and step at a time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.cells.grud import GRUDState
from liquidjax.layers.linear import Linear
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation

pytestmark = pytest.mark.usefixtures("x64")

FEATURES, UNITS, TIME = 3, 4, 9
CELL = lj.GRUD(2 * FEATURES, UNITS)


def signed(cell):
    """Parameters between -0.4 and 0.4."""
    return jax.tree.map(lambda leaf: leaf - 0.5, drawn(cell, dtype=float))


def readings(seed=0):
    """(values with NaN where nothing was observed, times): both exact in float32."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(TIME, FEATURES)) * 64) / 64
    values[rng.random((TIME, FEATURES)) < 0.5] = np.nan
    return values, np.cumsum(rng.integers(1, 9, TIME)) / 4


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_the_paper(params, values, times):
    """Hidden states (time, units), by equations 2 and 4 to 6 and the update below them."""
    weight, bias = params.inputs
    W, V = weight[:FEATURES], weight[FEATURES:]
    observed = ~np.isnan(values)
    delta = np.zeros((TIME, FEATURES))
    for t in range(1, TIME):
        for d in range(FEATURES):
            delta[t, d] = times[t] - times[t - 1] + (0 if observed[t - 1, d] else delta[t - 1, d])
    h, states = np.zeros(UNITS), []
    for t in range(TIME):
        x = np.zeros(FEATURES)
        for d in range(FEATURES):
            before = [values[k, d] for k in range(t + 1) if observed[k, d]]
            gamma = np.exp(-max(0, params.input_decay.weight[d] * delta[t, d] + params.input_decay.bias[d]))
            x[d] = values[t, d] if observed[t, d] else gamma * (before[-1] if before else 0)
        h = np.exp(-np.maximum(0, delta[t] @ params.hidden_decay.weight + params.hidden_decay.bias)) * h
        m = observed[t].astype(float)
        r, z = (sigmoid(x @ W[:, k] + m @ V[:, k] + h @ params.recurrent[:, k] + bias[k]) for k in (0, 1))
        n = np.tanh(x @ W[:, 2] + m @ V[:, 2] + (r * h) @ params.recurrent[:, 2] + bias[2])
        h = (1 - z) * h + z * n
        states.append(h)
    return np.stack(states)


@pytest.mark.parametrize("fill", ["carry", "mean"])
def test_it_is_the_equations_of_the_paper_on_readings_with_gaps(fill):
    """Whatever filled the gaps: the cell keeps the last value itself. With no time before the first step."""
    values, times = readings()
    params = signed(CELL)
    data = SequenceDataset.of([values], times=[times])
    preparation = Preparation((0.0,) * FEATURES, (1.0,) * FEATURES, first_step=0.0, fill=fill, indicators=True)
    inputs, dt = (np.float64(each[0]) for each in preparation.apply(data))
    _, outputs = lj.unroll(CELL, params, inputs, dt)
    np.testing.assert_allclose(outputs, by_the_paper(params, values, times), rtol=1e-12)


def test_where_all_is_observed_only_dt_is_left():
    """Without indicators it is the cell with all of them 1, whose weights add up."""
    rng = np.random.default_rng(1)
    values, dt = rng.normal(size=(TIME, 2, FEATURES)), rng.uniform(0, 3, (TIME, 2))
    full, plain = signed(CELL), lj.GRUD(FEATURES, UNITS, indicators=False)
    (weight, bias), decay = full.inputs, full.hidden_decay
    params = full._replace(
        inputs=Linear(weight[:FEATURES], bias + weight[FEATURES:].sum(axis=0)),
        hidden_decay=Linear(decay.weight.sum(axis=0, keepdims=True), decay.bias),
        input_decay=None,
    )
    _, expected = lj.unroll(CELL, full, np.concatenate([values, np.ones_like(values)], axis=-1), dt)
    state, outputs = lj.unroll(plain, params, values, dt)
    np.testing.assert_allclose(outputs, expected, rtol=1e-12)
    assert isinstance(state, GRUDState) and state.last is None and state.since is None


def test_what_stands_in_a_gap_is_not_looked_at():
    """No value in it, and no gradient; the last reading has one, and what comes later has none."""
    values, times = readings(seed=2)
    observed = ~np.isnan(values)
    params, dt = signed(CELL), np.diff(times, prepend=times[0])
    assert observed[:, 0].any() and not observed[-1].all()

    @jax.jit
    def last(values, t):
        flags = jnp.asarray(observed, float)
        return jnp.sum(lj.unroll(CELL, params, jnp.concatenate([values, flags], axis=-1), dt)[1][t] ** 2)

    zeros, junk = np.where(observed, values, 0), np.where(observed, values, 1e3)
    assert last(zeros, TIME - 1) == last(junk, TIME - 1)
    gradient = jax.jit(jax.grad(last))
    whole, half = gradient(zeros, TIME - 1), gradient(zeros, 4)
    assert np.array_equal(whole != 0, observed)
    assert not half[5:].any() and half[:5].any()


def test_an_indicator_is_a_flag():
    """Above a half it is 1, so that one that was scaled with the data means what it did."""
    params, state = signed(CELL), CELL.initial_state((2,), float)
    values = np.ones((2, FEATURES))
    flags = np.array([[1.0, 0.0, 1.0]] * 2)
    ours, theirs = (
        lj.step(CELL, params, state, np.concatenate([values, scale], axis=-1), 0.5)[1]
        for scale in (flags, 3 * flags - 1)
    )
    np.testing.assert_array_equal(ours, theirs)


def steps_of(params, dt):
    """The states of two steps after dt each, out of a state that is not 0; all is missing in the second."""
    state = jax.tree.map(lambda leaf: jnp.full_like(leaf, 0.5), CELL.initial_state((), np.float32))
    inputs = np.full((2, 2 * FEATURES), 0.7, np.float32)
    inputs[1, FEATURES:] = 0
    return lj.unroll(CELL, params, inputs, dt, state=state)[1]


def test_nothing_decays_in_no_time_but_by_a_bias():
    params = signed(CELL)
    calm = jnp.full(UNITS, -0.1)
    rates = params.hidden_decay.weight
    state = CELL.initial_state((), float)._replace(hidden=jnp.full(UNITS, 0.5))
    inputs = np.full(2 * FEATURES, 0.7)

    def after(weight, bias, dt):
        return lj.step(CELL, params._replace(hidden_decay=Linear(weight, bias)), state, inputs, dt)[1]

    still = after(rates, calm, 0.0)
    np.testing.assert_array_equal(still, after(5 + rates, calm, 0.0))
    assert np.all(still != after(5 + rates, calm, 1.0))
    assert np.all(still != after(rates, -calm, 0.0))


def test_after_an_endless_gap_the_state_is_forgotten_and_all_is_finite():
    """In float32 and with weights of both signs, whose products with the gaps would be inf - inf."""
    params = jax.tree.map(lambda leaf: np.float32(20 * leaf), signed(CELL))
    assert np.any(params.hidden_decay.weight > 2) and np.any(params.hidden_decay.weight < -2)

    @jax.jit
    def both(params, dt):
        loss = lambda p, h: jnp.sum(steps_of(p, h) ** 2)  # noqa: E731
        return steps_of(params, dt), jax.grad(loss, argnums=(0, 1))(params, dt)

    for leaf in jax.tree.leaves(both(params, np.full(2, 3e38, np.float32))):
        assert np.isfinite(leaf).all()
    sure = signed(CELL)
    sure = sure._replace(hidden_decay=Linear(np.abs(sure.hidden_decay.weight) + 0.1, sure.hidden_decay.bias))
    inputs = np.full(2 * FEATURES, 0.7)
    kept, empty = (
        lj.step(CELL, sure, CELL.initial_state((), float)._replace(hidden=jnp.full(UNITS, h)), inputs, 1e6)[1]
        for h in (0.5, 0.0)
    )
    np.testing.assert_array_equal(kept, empty)


def test_it_starts_with_slow_decays_that_can_be_learnt():
    params = lj.GRUD(10, 6).init(jax.random.key(0))
    assert params.input_decay is not None
    for rate in (params.input_decay.weight, np.sum(params.hidden_decay.weight, axis=0)):
        assert np.all(rate > 0) and np.all(rate < 0.2) and np.ptp(rate) > 0.01
    for leaf in (params.inputs.bias, params.hidden_decay.bias, params.input_decay.bias):
        assert not np.any(leaf)


def test_values_without_indicators_are_refused():
    with pytest.raises(ValueError, match=r"inputs must be even.*Preparation\(indicators=True\).*got 3; indicators=F"):
        lj.GRUD(3, 2)
    assert lj.GRUD(3, 2, indicators=False).features == 3 and dataclasses.replace(CELL, inputs=4).features == 2
