"""The largest Lyapunov exponent, and what it says about Newton's method."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.lyapunov import lyapunov_exponent
from liquidjax.sequences.steps import StepInputs

KEY = jax.random.key(0)


def test_of_a_linear_recurrence_is_the_slowest_decay(x64):
    """GatedLinear with one time constant for each neuron: -1 / the largest, whatever dt."""
    cell = lj.GatedLinear(1, 3)
    params = jax.tree.map(jnp.zeros_like, cell.init(KEY))
    tau = jnp.array([0.3, 1.0, 2.0])
    bias = jnp.log(jnp.expm1(tau - 0.1))  # softplus(bias) + 0.1 = tau
    params = params._replace(time_constant=params.time_constant._replace(bias=bias))
    inputs = np.ones((400, 2, 1))
    dt = np.random.default_rng(0).uniform(0.1, 0.5, (400, 2))
    np.testing.assert_allclose(lyapunov_exponent(cell, params, inputs, dt), -0.5, rtol=0.05)


def test_is_positive_for_a_chaotic_network_and_newton_then_fails(x64):
    """A CT-RNN with strong random weights is chaotic; with weak ones it forgets (Sompolinsky et al., 1988)."""
    inputs = np.zeros((200, 1, 1))
    cell = lj.CTRNN(1, 32, lj.Euler(), time_constant=1.0, learn_time_constant=False)
    params = cell.init(KEY)
    weight = jax.random.normal(KEY, (33, 32)) / np.sqrt(32)
    start = jax.random.normal(jax.random.key(1), (1, 32))
    steps = StepInputs(jnp.asarray(inputs), jnp.full(200, 0.5))
    for gain, sign, converges in ((0.5, -1, True), (4.0, 1, False)):
        strong = params._replace(linear=params.linear._replace(weight=gain * weight, bias=jnp.zeros(32)))
        exponent = lyapunov_exponent(cell, strong, inputs, 0.5, state=start)
        assert np.all(np.sign(exponent) == sign), exponent
        _, info = jax.jit(lambda p: lj.Newton(iterations=8).states(cell, p, start, steps))(strong)
        assert bool(info.converged[0]) == converges


def test_shapes_are_checked():
    cell = lj.LSTM(2, 3)
    params = cell.init(KEY)
    assert lyapunov_exponent(cell, params, np.ones((5, 4, 2), np.float32)).shape == (4,)
    with pytest.raises(ValueError, match=r"inputs must be \(time, \*batch, inputs = 2\)"):
        lyapunov_exponent(cell, params, np.ones((5, 4, 3), np.float32))


def test_of_a_fast_decay_is_the_decay_as_far_as_the_numbers_reach():
    """A step multiplies the difference by e^(-dt / tau): its square, 1e-42 and less, is no float32, itself it is."""
    for decay in (30.0, 50.0, 80.0):
        cell = lj.CTRNN(1, 3, lj.Exponential(), time_constant=1 / decay, learn_time_constant=False)
        params = jax.tree.map(jnp.zeros_like, cell.init(KEY))
        exponent = lyapunov_exponent(cell, params, np.ones((20, 1), np.float32), 1.0)
        np.testing.assert_allclose(exponent, -decay, rtol=1e-5)  # expm1 and exp of 80: 80 eps


def test_of_a_step_that_forgets_is_minus_infinity():
    """Euler's step at h / tau = 1 lands on the equilibrium, whatever the state; e^-1000 is 0 in any float."""
    for integrator, tau in ((lj.Euler(), 1.0), (lj.Exponential(), 1e-3)):
        cell = lj.CTRNN(1, 3, integrator, time_constant=tau, learn_time_constant=False)
        params = jax.tree.map(jnp.zeros_like, cell.init(KEY))
        for dt in (np.ones(6, np.float32), np.array([1, 0, 0, 1, 0, 0], np.float32)):
            assert float(lyapunov_exponent(cell, params, np.ones((6, 1), np.float32), dt)) == -np.inf


def test_without_time_there_is_no_exponent():
    cell = lj.GatedLinear(1, 3)
    params, inputs = cell.init(KEY), np.ones((4, 2, 1), np.float32)
    for dt, place in (
        (0.0, "at every step$"),
        (np.zeros(4), "at every step$"),
        (np.array([[0.0, 1.0]] * 4), "of sample 0$"),
    ):
        with pytest.raises(ValueError, match=f"dt must be above 0 at some step, .*, got 0 .*{place}"):
            lyapunov_exponent(cell, params, inputs, dt)
    hidden = jax.jit(lambda dt: lyapunov_exponent(cell, params, inputs, dt))(np.array([[0.0, 1.0]] * 4))
    assert np.isnan(hidden[0]) and hidden[1] < 0


def test_values_are_checked():
    cell = lj.LSTM(2, 3)
    params, inputs = cell.init(KEY), np.ones((5, 4, 2), np.float32)
    state = jax.tree.map(lambda leaf: leaf.at[2, 1].set(jnp.nan), cell.initial_state((4,)))
    with pytest.raises(ValueError, match=r"state\.hidden must be finite, got nan at \[2, 1\] of \(\*batch, units\)"):
        lyapunov_exponent(cell, params, inputs, state=state)
    with pytest.raises(ValueError, match="dt must be finite and at least 0, got -1e-50"):
        lyapunov_exponent(cell, params, inputs, -1e-50)
