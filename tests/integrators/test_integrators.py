"""Integrators: order of convergence, stability, dt = 0, and what each of them must solve exactly."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads

import liquidjax as lj

pytestmark = pytest.mark.usefixtures("x64")

FIXED = {
    "SemiImplicit": (lj.SemiImplicit, 1),
    "Exponential": (lj.Exponential, 1),
    "Euler": (lj.Euler, 1),
    "Midpoint": (lj.Midpoint, 2),
    "RK4": (lj.RK4, 4),
}


def pendulum_with_friction(x):
    """dx/dt = drive - rate x with coefficients that depend on the state: no integrator is exact on it."""
    drive = jnp.stack([x[1], -jnp.sin(x[0])])
    rate = jnp.stack([0.1 + 0 * x[0], 0.3 + 0.2 * jnp.tanh(x[0]) ** 2])
    return drive, rate


def decay(x):
    return jnp.zeros_like(x), jnp.ones_like(x)


def through_diffrax(solver):
    return lambda n: lj.Diffrax(solver, diffrax.ConstantStepSize(), first_step=1 / n)


@pytest.mark.parametrize(
    ("kind", "order"),
    [*FIXED.values(), (through_diffrax(diffrax.Heun()), 2), (through_diffrax(diffrax.Bosh3()), 3)],
    ids=[*FIXED, "Diffrax Heun", "Diffrax Bosh3"],
)
def test_order_of_convergence(kind, order):
    start = jnp.array([1.0, 0.5])
    tight = lj.Diffrax(diffrax.Dopri8(), diffrax.PIDController(1e-13, 1e-13))
    exact = tight.advance(pendulum_with_friction, start, jnp.array(1.0))
    steps = [4, 8, 16, 32]
    errors = [float(jnp.max(jnp.abs(kind(n).advance(pendulum_with_friction, start, 1.0) - exact))) for n in steps]
    slope = -np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.15, (slope, errors)


@pytest.mark.parametrize(
    "integrator",
    [*(kind(3) for kind, _ in FIXED.values()), lj.Diffrax(), lj.Diffrax(diffrax.Kvaerno3())],
    ids=[*FIXED, "Tsit5", "Kvaerno3"],
)
def test_no_time_changes_nothing_and_gradients_are_finite(integrator):
    start = jnp.array([1.0, 0.5])

    def end(x, dt):
        return jnp.sum(integrator.advance(pendulum_with_friction, x, dt))

    np.testing.assert_array_equal(integrator.advance(pendulum_with_friction, start, jnp.array(0.0)), start)
    by_state, by_time = jax.grad(end, argnums=(0, 1))(start, jnp.array(0.0))
    drive, rate = pendulum_with_friction(start)
    np.testing.assert_allclose(by_state, 1, atol=1e-10)
    np.testing.assert_allclose(by_time, jnp.sum(drive - rate * start), rtol=1e-10)


@pytest.mark.parametrize(("kind", "limit"), [(lj.Euler, 2.0), (lj.Midpoint, 2.0), (lj.RK4, 2.785293563)])
def test_stability_limit_on_decay(kind, limit):
    """|x| shrinks just below h / tau = limit and grows just above it."""
    grows = [float(jnp.abs(kind().advance(decay, jnp.array(1.0), limit * (1 + side)))) for side in (-1e-6, 1e-6)]
    assert grows[0] < 1 < grows[1]


@pytest.mark.parametrize("kind", [lj.SemiImplicit, lj.Exponential])
@settings(deadline=None, max_examples=50)
@given(dt=st.floats(0, 1e30), start=st.floats(-100, 100), rate=st.floats(0, 1e4), equilibrium=st.floats(-100, 100))
def test_the_implicit_two_stay_between_state_and_equilibrium_at_any_dt(kind, dt, start, rate, equilibrium):
    end = float(kind().advance(lambda x: (rate * equilibrium, jnp.float32(rate)), jnp.float32(start), jnp.float32(dt)))
    low, high = sorted((start, equilibrium))
    assert low - 1e-3 <= end <= high + 1e-3


def test_exponential_is_exact_for_frozen_coefficients():
    for rate in (0.0, 1e-9, 1e-3, 0.0101, 1.0, 50.0):
        end = lj.Exponential(3).advance(lambda x, r=rate: (jnp.array(0.7), jnp.array(r)), jnp.array(2.0), 0.9)
        grown = 0.7 * 0.9 if rate == 0 else -0.7 * np.expm1(-rate * 0.9) / rate
        np.testing.assert_allclose(end, 2.0 * np.exp(-rate * 0.9) + grown, rtol=1e-12)


def test_exponential_has_right_gradients_at_and_near_rate_zero():
    for rate in (0.0, 1e-3, 0.0099, 0.0101):
        check_grads(
            lambda r, x: lj.Exponential().advance(lambda _: (jnp.array(0.7), r), x, 1.0),
            (jnp.array(rate), jnp.array(2.0)),
            order=2,
            modes=("fwd", "rev"),
            atol=1e-6,
            rtol=1e-6,
        )


def semi_implicit_step(x, drive, rate, h):
    """(value, its derivatives by x, drive and rate), of the formula, in float64."""
    gain = 1 / (1 + h * rate)
    weight = h * gain
    end = gain * x + weight * drive
    return end, (gain, weight, -weight * end)


def exponential_step(x, drive, rate, h):
    """The same for e^(-h r) x + (1 - e^(-h r)) / r drive."""
    gain = np.exp(-h * rate)
    weight = -np.expm1(-h * rate) / rate
    return gain * x + weight * drive, (gain, weight, -h * gain * x + (h * gain - weight) / rate * drive)


def equilibrium_step(x, drive, rate, h):
    """Both of them in the limit of h."""
    return drive / rate, (0.0, 1 / rate, -drive / rate**2)


@pytest.mark.parametrize(
    ("kind", "exact"),
    [(lj.SemiImplicit, semi_implicit_step), (lj.Exponential, exponential_step)],
    ids=["semi-implicit", "exponential"],
)
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32])
def test_a_step_too_long_for_the_dtype_goes_to_the_equilibrium(kind, exact, dtype):
    """Values and gradients where h rate, or h drive, is beyond the largest number, or the series of phi would be."""
    info = jnp.finfo(dtype)
    largest = float(info.max)
    for rate, drive, h in (
        (40.0, -20.0, 1.0),  # z^5 is beyond float16
        (100.0, 50.0, 0.01 * largest),  # at the edge
        (100.0, 50.0, 0.5 * largest),  # h rate is beyond
        (0.5, 50.0, 0.5 * largest),  # h drive is beyond
        (0.25, -3.0, largest),
        (3.0, 1.0, np.inf),
    ):
        rate, drive, x, h = (jnp.asarray(value, dtype) for value in (rate, drive, -1.5, h))

        def step(x, drive, rate, h):
            return kind().advance(lambda _: (drive, rate), x, h)

        end, gradient = jax.value_and_grad(step, argnums=(0, 1, 2, 3))(x, drive, rate, h)
        formula = equilibrium_step if np.isinf(float(h)) else exact
        expected, derivatives = formula(*(float(value) for value in (x, drive, rate, h)))
        # A dozen roundings of numbers none of which cancel.
        got, wanted = [float(value) for value in (end, *gradient[:3])], [expected, *derivatives]
        np.testing.assert_allclose(got, wanted, rtol=12 * float(info.eps), atol=float(info.tiny))
        assert np.isfinite(float(gradient[3]))


def test_the_derivatives_by_dt_are_right_on_both_sides_of_the_change_of_form():
    """(x + h d) / (1 + h r), twice differentiated by hand, at h below, at and above 1."""
    x, drive, rate = jnp.array(2.0), jnp.array(0.7), jnp.array(1.3)
    for h in (0.9, 1.0, 1.1):
        step = lambda h: lj.SemiImplicit().advance(lambda _: (drive, rate), x, h)  # noqa: E731
        slope = drive - rate * x
        np.testing.assert_allclose(jax.grad(step)(h), slope / (1 + h * rate) ** 2, rtol=1e-12)
        np.testing.assert_allclose(jax.grad(jax.grad(step))(h), -2 * rate * slope / (1 + h * rate) ** 3, rtol=1e-12)


@pytest.mark.parametrize("dtype", [jnp.float16, jnp.float32])
def test_an_ltc_at_a_very_long_step_is_finite_and_so_is_its_gradient(dtype):
    """h rate is beyond the largest number: the state is where the step leads that is a thousandth as long."""
    for cell in (lj.LTC(2, lj.FullyConnected(3), lj.SemiImplicit(60)), lj.CTRNN(2, 3, time_constant=0.02)):
        params = jax.tree.map(lambda leaf: leaf.astype(dtype), cell.init(jax.random.key(0)))
        inputs, longest = jnp.ones((1, 2), dtype), 0.9 * float(jnp.finfo(dtype).max)

        def end(params, dt, cell=cell, inputs=inputs):
            return lj.unroll(cell, params, inputs, dt)[0]

        far, near = (np.asarray(end(params, dt), float) for dt in (longest, longest / 1000))
        assert np.max(np.abs(far - near)) < 20 * jnp.finfo(dtype).eps
        gradient = jax.grad(lambda p, end=end, dt=longest: jnp.sum(end(p, dt)))(params)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_rate_zero_is_euler():
    slope = jnp.array([0.3, -2.0])
    for kind in (lj.SemiImplicit, lj.Exponential, lj.Euler):
        np.testing.assert_allclose(
            kind(2).advance(lambda x: (slope, 0 * x), jnp.ones(2), 0.5), 1 + 0.5 * slope, rtol=1e-10
        )


def test_diffrax_solves_each_sample_of_a_batch_on_its_own():
    """One stiff sample must not change the steps, and so the result, of another, to the last bit."""
    cell = lj.LTC(1, lj.FullyConnected(2), lj.Diffrax(controller=diffrax.PIDController(1e-3, 1e-5)))
    params = cell.init(jax.random.key(0))
    inputs = jnp.array([[[0.1], [0.1]], [[0.1], [500.0]]])
    first, second = (lj.unroll(cell, params, u[None], jnp.array([[0.5, 3.0]]))[0] for u in inputs)
    np.testing.assert_array_equal(first[0], second[0])


def test_a_solve_that_runs_out_of_steps_is_an_error():
    cell = lj.NeuralODE(1, 2, integrator=lj.Diffrax(max_steps=1, first_step=0.01))
    params = cell.init(jax.random.key(0))
    with pytest.raises(RuntimeError, match="maximum number of solver steps"):
        jax.block_until_ready(lj.unroll(cell, params, jnp.ones((1, 1, 1)), 5.0))


@pytest.mark.parametrize("unfolds", [0, -1, 1.5, True])
def test_unfolds_must_be_a_positive_integer(unfolds):
    with pytest.raises(ValueError, match="unfolds must be an integer of at least 1, got"):
        lj.SemiImplicit(unfolds)


@pytest.mark.parametrize(
    "make",
    [
        lambda i: lj.HasaniLTC(2, 3, i),
        pytest.param(lambda i: lj.LTC(2, lj.AutoNCP(8, 2), i), marks=pytest.mark.slow),
    ],
    ids=["hasani", "ltc"],
)
def test_an_adaptive_solver_in_a_cell_has_every_adjoint(make):
    """BacksolveAdjoint does not let its right-hand side close over what is differentiated."""
    controller = diffrax.PIDController(rtol=1e-9, atol=1e-9)
    inputs, dt = np.random.default_rng(0).normal(size=(6, 3, 2)), np.full((6, 3), 0.1)

    def gradient(adjoint):
        cell = make(lj.Diffrax(controller=controller, adjoint=adjoint))

        def loss(*given):
            return jnp.sum(lj.unroll(cell, *given)[1] ** 2)

        return jax.grad(loss, argnums=(0, 1, 2))(cell.init(jax.random.key(0)), inputs, dt)

    fixed = make(lj.RK4(40))
    reference = jax.grad(lambda *given: jnp.sum(lj.unroll(fixed, *given)[1] ** 2), argnums=(0, 1, 2))(
        fixed.init(jax.random.key(0)), inputs, dt
    )
    for adjoint in (diffrax.BacksolveAdjoint(), diffrax.DirectAdjoint(), diffrax.RecursiveCheckpointAdjoint()):
        for ours, theirs in zip(*map(jax.tree.leaves, (gradient(adjoint), reference)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_what_needs_forward_mode_says_so():
    adaptive, inputs = lj.Readout(lj.HasaniLTC(2, 3, lj.Diffrax()), 1), np.ones((5, 2))
    params = adaptive.init(jax.random.key(0))
    needs = (
        ("Newton", lambda: lj.unroll(adaptive, params, inputs, 0.1, method=lj.Newton())),
        ("Newton", lambda: lj.newton_convergence(adaptive, params, inputs, 0.1)),
        ("lyapunov_exponent", lambda: lj.lyapunov_exponent(adaptive, params, inputs, 0.1)),
        ("state_sensitivity", lambda: lj.state_sensitivity(adaptive, params, inputs, 0.1)),
    )
    for who, run in needs:
        with pytest.raises(ValueError, match=rf"{who} differentiates each step forwards, .*diffrax.DirectAdjoint\(\)"):
            run()


def test_newton_runs_an_adaptive_solver_that_has_forward_mode():
    cell = lj.HasaniLTC(2, 3, lj.Diffrax(adjoint=diffrax.DirectAdjoint(), max_steps=64))
    params, inputs = cell.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(6, 2))

    def run(method):
        return jax.value_and_grad(lambda p: jnp.sum(lj.unroll(cell, p, inputs, 0.1, method=method)[1] ** 2))(params)

    ours, theirs = run(lj.Newton(tolerance=1e-9)), run(lj.Scan())
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-10)
    assert np.isfinite(lj.lyapunov_exponent(cell, params, inputs, 0.1))
