"""The network of continuous depth: what its source does, and what its source only claims."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.interop import edifice

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def test_n1_build():
    """Ten shared Euler steps of 0.1, checked against the loop; the size does not depend on the number of steps."""
    network = edifice.neural_ode(input_size=3, hidden_size=8, output_size=2)
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (5, 3))
    assert params.projection is not None and params.readout is not None
    h = inputs @ params.projection.weight + params.projection.bias
    start = h
    for _ in range(10):
        hidden = jax.nn.silu(h @ params.hidden.weight + params.hidden.bias)
        h = h + 0.1 * jnp.tanh(hidden @ params.field.weight + params.field.bias)
    normed = (h - h.mean(-1, keepdims=True)) / jnp.sqrt(h.var(-1, keepdims=True) + 1e-5)
    outputs = network.apply(params, inputs)
    np.testing.assert_allclose(outputs, normed @ params.readout.weight + params.readout.bias, atol=1e-10)
    assert outputs.shape == (5, 2) and np.max(np.abs(h - start)) <= 1
    assert count(params) == count(edifice.neural_ode(3, 8, num_steps=50, output_size=2).init(KEY))
    assert edifice.exact_param_count(edifice.neural_ode(64, 128, output_size=10)) == 42_890
    assert edifice.exact_param_count(edifice.neural_ode(256)) == 132_096


def test_n1_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"inputs must be \(\*batch, inputs = 3\), got shape \(5, 4\)"):
        network = lj.ODENet(3, 8)
        network.apply(network.init(KEY), jnp.ones((5, 4)))
    with pytest.raises(ValueError, match="duration must be above 0 and finite, got 0"):
        lj.ODENet(3, 8, duration=0)


def test_n2_shared_and_output_size():
    """build_shared is build: the weights are shared in both, and the output is as wide as asked."""
    assert edifice.neural_ode(8, 8).outputs == 8 and edifice.neural_ode(8, 8, output_size=3).outputs == 3
    params = edifice.neural_ode(8, 8).init(KEY)
    assert params.projection is None and params.readout is None
    same = edifice.neural_ode(8, 8).init(KEY)
    inputs = jnp.ones((2, 8))
    np.testing.assert_array_equal(edifice.neural_ode(8, 8).apply(same, inputs), lj.ODENet(8, 8).apply(params, inputs))


@pytest.mark.parametrize("integrator", [lj.RK4(5), lj.Midpoint(5), lj.Diffrax()], ids=lambda i: type(i).__name__)
def test_n3_the_field_reads_the_time(integrator):
    """Weights that make dh/dt = tanh(t): h(1) = log(cosh(1)); without time the same network knows nothing of t."""
    network = lj.ODENet(1, 1, time_dependent=True, integrator=integrator)
    params = network.init(KEY)
    # silu(t + 40) - 40 is t to rounding
    params = params._replace(
        hidden=params.hidden._replace(weight=jnp.array([[0.0], [1.0]]), bias=jnp.array([40.0])),
        field=params.field._replace(weight=jnp.ones((1, 1)), bias=jnp.array([-40.0])),
    )
    h = network.solve(params, jnp.zeros((2, 1)), [0.0, 1.0]).states[-1]
    np.testing.assert_allclose(h, np.log(np.cosh(1)), atol=1e-3 if isinstance(integrator, lj.Midpoint) else 1e-5)
    assert count(network.init(KEY)) == count(lj.ODENet(1, 1).init(KEY)) + 1


def test_n3_irregular_read_out_times():
    """Each sample is read at times of its own, and a reading does not depend on the other readings."""
    network = lj.ODENet(2, 4, integrator=lj.Diffrax())
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (2, 2))
    times = jnp.array([[0.0, 0.0], [0.03, 0.5], [0.9, 0.6]])
    states = network.solve(params, inputs, times).states
    for sample in range(2):
        for t in (1, 2):
            alone = network.solve(params, inputs[sample], [0.0, times[t, sample]]).states[-1]
            np.testing.assert_allclose(states[t, sample], alone, atol=1e-10)
    assert network.readout(params, states).shape == (3, 2, 4)


def fixed_steps(steps, adjoint):
    return lj.Diffrax(diffrax.Midpoint(), diffrax.ConstantStepSize(), adjoint, first_step=1 / steps)


def gradient_of(integrator):
    network = lj.ODENet(3, 16, integrator=integrator)
    params, inputs = network.init(KEY), jax.random.normal(KEY, (8, 3))
    return jax.jit(jax.grad(lambda p: jnp.sum(network.apply(p, inputs) ** 3))), params


def test_n4_the_adjoint_needs_the_same_memory_for_any_number_of_steps():
    """Compiled temporary bytes: flat in the steps with the adjoint, growing without; the gradients agree."""

    _, params = gradient_of(lj.Euler())
    compiled = {}
    for integrator in (*(fixed_steps(n, diffrax.BacksolveAdjoint()) for n in (10, 1000)), lj.Midpoint(1000)):
        gradient, _ = gradient_of(integrator)
        compiled[integrator] = gradient.lower(params).compile()
    few, many, kept = (c.memory_analysis().temp_size_in_bytes for c in compiled.values())
    assert few == many > 0 and kept > 10 * many
    _, adjoint, backpropagated = (c(params) for c in compiled.values())
    for ours, theirs in zip(*map(jax.tree.leaves, (adjoint, backpropagated)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3 * np.max(np.abs(theirs)))


def test_n5_adaptive_solver():
    """A tighter tolerance takes more steps and comes nearer."""
    inputs = 3 * jax.random.normal(KEY, (4, 3))

    def at(tolerance):
        controller = diffrax.PIDController(rtol=tolerance, atol=tolerance)
        network = lj.ODENet(3, 8, duration=4.0, integrator=lj.Diffrax(diffrax.Dopri5(), controller))
        params = network.init(KEY)
        return network.solve(params, inputs, [0.0, 4.0])

    exact, tight, loose = (at(tolerance) for tolerance in (1e-8, 1e-4, 1e-1))
    errors = [np.max(np.abs(s.states[-1] - exact.states[-1])) for s in (tight, loose)]
    assert errors[0] < errors[1] / 3 and errors[0] < 0.02
    assert np.all(tight.steps > loose.steps)
