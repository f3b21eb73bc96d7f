"""The largest Lyapunov exponent, and what it says about Newton's method."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.lyapunov import lyapunov_exponent
from liquidjax.sequences.steps import Steps

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
    steps = Steps(jnp.asarray(inputs), jnp.full(200, 0.5), None, None)
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
