"""The LTC of the paper and of the tutorial: reference values, its theorems, its solver and its limits."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden_data
import liquidjax as lj
from liquidjax.analysis import trajectory
from liquidjax.cells.hasani import HasaniLTCParams
from liquidjax.layers.linear import Linear

pytestmark = pytest.mark.usefixtures("x64")

GOLDEN = golden_data.files("euler_layer_")
KEY = jax.random.key(0)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda p: p.stem)
def test_t1_the_tutorials_layer_and_its_time_constants(path):
    data, meta = golden_data.load(path)
    arguments = meta["arguments"]
    cell = lj.HasaniLTC(arguments["input_size"], arguments["state_size"], lj.Euler())
    params = HasaniLTCParams(
        Linear(jnp.asarray(data["param/fc.weight"].T), jnp.asarray(data["param/fc.bias"])),
        jnp.asarray(data["param/A"]),
        jnp.asarray(data["param/tau"]),
    )
    inputs = jnp.swapaxes(jnp.asarray(data["in/x"]), 0, 1)
    start = jnp.asarray(data["in/h0"])
    state, outputs = lj.unroll(cell, params, inputs, arguments["dt"], state=start)
    np.testing.assert_allclose(jnp.swapaxes(outputs, 0, 1), data["out/y"], atol=1e-12)
    np.testing.assert_allclose(state, data["out/state"], atol=1e-12)
    before = jnp.concatenate([start[None], outputs[:-1]])
    tau = lj.time_constant(cell, params, before, inputs)
    np.testing.assert_allclose(jnp.swapaxes(tau, 0, 1), data["out/tau_sys"], atol=1e-12)


def test_both_reference_files_are_there():
    assert len(GOLDEN) == 2


def test_t1_size_and_start():
    params = lj.HasaniLTC(1, 8).init(KEY)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 96
    np.testing.assert_allclose(jax.nn.softplus(params.time_constant), math.log(1 + math.e), atol=1e-10)


def uniform(x):
    """The distribution function of numbers uniform in [-1, 1)."""
    return (x + 1) / 2


def normal(x):
    """The distribution function of standard normal numbers."""
    return (1 + np.vectorize(math.erf)(x / np.sqrt(2))) / 2


def assert_distributed(drawn, distribution):
    """Kolmogorov's test: n numbers from it lie further from it than 1.95 / sqrt(n) once in a thousand seeds."""
    drawn = np.sort(np.asarray(drawn, np.float64), axis=None)
    expected, steps = distribution(drawn), np.arange(drawn.size + 1) / drawn.size
    distance = max(np.max(steps[1:] - expected), np.max(expected - steps[:-1]))
    assert distance < 1.95 / np.sqrt(drawn.size), distance


@pytest.mark.parametrize(("inputs", "units"), [(1, 60), (40, 40), (90, 10)])
def test_t1_initial_values_are_distributed_as_the_tutorials(inputs, units):
    """nn.Linear of torch draws weight and bias uniformly within 1 / sqrt(fan-in); A ~ N(0, 1); the raw tau is 1."""
    draws = jax.vmap(lj.HasaniLTC(inputs, units).init)(jax.random.split(KEY, 200))
    for drawn in draws.linear:
        scaled = np.asarray(drawn) * np.sqrt(inputs + units)
        assert np.max(np.abs(scaled)) <= 1 + 1e-6
        assert_distributed(scaled, uniform)
    assert_distributed(draws.A, normal)
    np.testing.assert_array_equal(draws.time_constant, 1)


magnitudes = st.floats(-1e30, 1e30)


@settings(deadline=None, max_examples=40)
@given(magnitudes, st.floats(0, 1e4), st.integers(0, 9))
def test_s1_time_constant_and_state_stay_in_their_bounds_for_any_input(value, dt, seed):
    """Theorems 1 and 2: tau / (1 + tau) <= tau_sys <= tau, and min(0, A) <= x <= max(0, A)."""
    cell = lj.HasaniLTC(2, 4)
    params = cell.init(jax.random.key(seed))
    inputs = np.full((5, 2), value)
    states = trajectory.states(cell, params, inputs, dt)
    tau = jax.nn.softplus(params.time_constant)
    liquid = trajectory.time_constants(cell, params, inputs, np.float32(dt))
    assert np.all(liquid <= tau * (1 + 1e-6)) and np.all(liquid >= tau / (1 + tau) * (1 - 1e-6))
    low, high = np.minimum(0, params.A), np.maximum(0, params.A)
    assert np.all(states >= low - 1e-6) and np.all(states <= high + 1e-6)


def test_s2_the_fused_solver_feeds_its_result_back():
    """More unfolds come closer to the equation, at first order; the paper's loop as printed would not change."""
    inputs = jnp.ones((1, 2))
    exact_cell = lj.HasaniLTC(2, 4, lj.RK4(400))
    params = exact_cell.init(KEY)
    exact = lj.unroll(exact_cell, params, inputs)[0]
    errors = [
        float(jnp.max(jnp.abs(lj.unroll(lj.HasaniLTC(2, 4, lj.SemiImplicit(n)), params, inputs)[0] - exact)))
        for n in (4, 8, 16)
    ]
    assert 1.7 < errors[0] / errors[1] < 2.3 and 1.7 < errors[1] / errors[2] < 2.3


def test_t3_the_guard_names_the_neurons_that_diverge():
    cell = lj.HasaniLTC(1, 3, lj.Euler())
    params = cell.init(KEY)._replace(time_constant=jnp.array([1.0, -2.7, -4.0]), A=jnp.ones(3))
    flagged = lj.euler_instability(params, dt=0.1)
    np.testing.assert_array_equal(flagged, [False, False, True])
    inputs = jnp.ones((40, 1))  # not so long that it leaves float32
    state, _ = lj.unroll(cell, params, inputs, 0.1)
    assert np.all(np.abs(state[:2]) <= 1.5) and abs(float(state[2])) > 1e6
    safe, _ = lj.unroll(lj.HasaniLTC(1, 3), params, inputs, 0.1)
    assert np.all(np.abs(safe) <= 1)
    with pytest.raises(ValueError, match="dt must be at least 0, got -1"):
        lj.euler_instability(params, dt=-1)


def test_t2_tau_sys_lies_between_its_bounds_and_falls_when_f_rises():
    cell = lj.HasaniLTC(1, 4)
    params = cell.init(KEY)
    excited = params._replace(linear=params.linear._replace(weight=jnp.ones((5, 4))))  # f rises with the input
    readings = jnp.stack(
        [lj.time_constant(cell, excited, jnp.zeros(4), jnp.array([u])) for u in (-9.0, -1.0, 1.0, 9.0)]
    )
    low, high = lj.time_constant_bounds(cell, excited)
    assert np.all(np.diff(readings, axis=0) < 0)
    assert np.all(readings > low) and np.all(readings < high)
    np.testing.assert_allclose(readings[0], high, rtol=1e-3)
    np.testing.assert_allclose(readings[-1], low, rtol=1e-3)


def test_s8_a_step_is_the_same_in_one_piece_or_two():
    """Irregular sampling: with the same input, dt1 and then dt2 is dt1 + dt2, each sample with its own."""
    inputs = jax.random.normal(KEY, (1, 5, 2))
    dt = np.random.default_rng(0).uniform(0, 2, (2, 5))
    exact = lj.GatedLinear(2, 3), 1e-12
    fine = lj.HasaniLTC(2, 3, lj.RK4(40)), 1e-7
    for cell, tolerance in (exact, fine):
        params = cell.init(KEY)
        whole, _ = lj.unroll(cell, params, inputs, dt.sum(0, keepdims=True))
        pieces, _ = lj.unroll(cell, params, jnp.concatenate([inputs] * 2), dt)
        np.testing.assert_allclose(pieces, whole, atol=tolerance)
