"""A cell in continuous time, against `unroll` and against itself with finer steps."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.cells.ode import with_integrators
from untyped import untyped

KEY = jax.random.key(0)
TIGHT = lj.Diffrax(controller=diffrax.PIDController(rtol=1e-9, atol=1e-9))
CELLS = {
    "ltc": lj.Readout(lj.LTC(2, lj.AutoNCP(8, 2), lj.RK4(30)), 3),
    "hasani": lj.HasaniLTC(2, 3, lj.RK4(30)),
    "neural ode": lj.NeuralODE(2, 3, hidden_units=4, integrator=lj.RK4(30)),
}
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def data(time=4, batch=2):
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.1, 0.5, (time, batch)), axis=0)
    return times, rng.normal(size=(time, batch, 2))


@each_cell
def test_held_inputs_are_what_unroll_does(cell, x64):
    """Each sample with its own times; solver steps that cross a jump of the input are the adaptive solver's affair."""
    params = cell.init(KEY)
    times, inputs = data()
    trajectory = lj.integrate(cell, params, times, inputs, interpolation="held", integrator=TIGHT)
    state, outputs = lj.unroll(cell, params, inputs[1:], np.diff(times, axis=0))
    np.testing.assert_allclose(trajectory.states[-1], state, atol=1e-5)
    np.testing.assert_allclose(trajectory.outputs[1:], outputs, atol=1e-5)
    assert not np.any(trajectory.states[0]) and np.all(trajectory.finished) and np.all(trajectory.steps > 3)


@each_cell
def test_linear_inputs_are_the_limit_of_many_small_holds(cell, x64):
    params = cell.init(KEY)
    times, inputs = data(batch=1)
    fine = np.linspace(times[0, 0], times[-1, 0], 2001)
    between = (fine[1:] + fine[:-1]) / 2
    held = np.stack([np.interp(between, times[:, 0], inputs[:, 0, feature]) for feature in range(2)], axis=-1)
    coarse = with_integrators(cell, lambda _: lj.Midpoint(1))
    state, _ = lj.unroll(coarse, params, held, np.diff(fine))
    trajectory = lj.integrate(cell, params, times[:, 0], inputs[:, 0], integrator=TIGHT)
    np.testing.assert_allclose(trajectory.states[-1], state, atol=1e-4)


def test_the_gradients_agree_and_backsolve_must_be_asked_twice(x64):
    cell = CELLS["hasani"]
    params = cell.init(KEY)
    times, inputs = data()

    def gradient(way):
        def loss(params, inputs):
            return jnp.sum(lj.integrate(cell, params, times, inputs, integrator=TIGHT, gradient=way).outputs ** 2)

        return jax.jit(jax.grad(loss, argnums=(0, 1)))(params, inputs)

    reference = gradient(lj.Recursive())
    for way in (lj.BPTT(), lj.Recursive(checkpoints=5), lj.Backsolve(anyway=True)):
        for ours, theirs in zip(*map(jax.tree.leaves, (gradient(way), reference)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.max(np.abs(theirs)) + 1e-9)
    with pytest.raises(ValueError, match=r"Backsolve would multiply .* by about e\^0\.[4-9]"):  # from time to time
        lj.integrate(cell, params, times, inputs, gradient=lj.Backsolve())
    with pytest.raises(ValueError, match=r"gradient must be BPTT\(\), Recursive\(\) or .* got Remat\(\)"):
        lj.integrate(cell, params, times, inputs, gradient=untyped(lj.Remat()))


def test_single_precision_inputs_go_with_double_precision_parameters(x64, promotes):
    cell = CELLS["hasani"]
    times, inputs = data()
    trajectory = lj.integrate(cell, cell.init(KEY), times.astype(np.float32), inputs.astype(np.float32))
    assert trajectory.states.dtype == np.float64


def test_what_does_not_fit_is_refused_and_what_does_not_finish_is_flagged():
    cell = CELLS["hasani"]
    params = cell.init(KEY)
    times, inputs = data()
    with pytest.raises(ValueError, match="times and inputs must be equally many, got 3 and 4"):
        lj.integrate(cell, params, times[:3], inputs)
    with pytest.raises(ValueError, match="times must increase strictly"):
        lj.integrate(cell, params, times[::-1], inputs)
    with pytest.raises(ValueError, match="interpolation must be one of 'linear', 'held', got 'cubic'"):
        lj.integrate(cell, params, times, inputs, interpolation=untyped("cubic"))
    gru = lj.GRU(2, 3)
    with pytest.raises(ValueError, match=r"expected a cell that follows a differential equation, .* got GRU"):
        lj.integrate(gru, gru.init(KEY), times, inputs)
    few = lj.Diffrax(max_steps=2)
    assert not np.any(lj.integrate(cell, params, times, inputs, integrator=few, throw=False).finished)
    with pytest.raises(RuntimeError, match="maximum number of solver steps"):
        jax.block_until_ready(lj.integrate(cell, params, times, inputs, integrator=few))


# Readings that last for one step, times of any origin, samples of different length

PULSE = 120


def leak():
    """dx/dt = tanh(2 u) - x, and 200 readings, one a unit of time, all of them 0 but one."""
    cell = lj.CTRNN(1, 1)
    params = cell.init(KEY)
    params = params._replace(
        linear=params.linear._replace(weight=jnp.array([[2.0], [0.0]]), bias=jnp.zeros(1)),
        time_constant=jnp.full(1, np.log(np.expm1(1.0))),
    )
    inputs = np.zeros((200, 1))
    inputs[PULSE] = 1
    return cell, params, inputs


def pulse_response(interpolation):
    """The states at readings 119 to 122: x(1) = x(0) / e + the integral of e^(s - 1) tanh(2 u(s)), by quadrature."""
    s = (np.arange(100_000) + 0.5) / 100_000
    driven = {"linear": (s, 1 - s), "held": (np.ones_like(s), np.zeros_like(s))}[interpolation]
    rise, fall = (np.mean(np.exp(s - 1) * np.tanh(2 * u)) for u in driven)
    states = [0, rise, rise / np.e + fall]
    return np.array([*states, states[-1] / np.e])


@pytest.mark.parametrize("interpolation", ["linear", "held"])
@pytest.mark.parametrize("origin", [0.0, 1.764e9])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_no_reading_is_stepped_over_wherever_time_begins(interpolation, origin, precision, x64):
    """The solver's steps, which nothing disturbs before the pulse, had grown to tens of readings."""
    cell, params, inputs = leak()
    params, inputs = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), (params, inputs))
    trajectory = lj.integrate(cell, params, np.arange(200) + origin, inputs, interpolation=interpolation)
    assert trajectory.states.dtype == precision
    found = trajectory.states[PULSE - 1 : PULSE + 3, 0]
    np.testing.assert_allclose(found, pulse_response(interpolation), atol=1e-5)  # tolerances of 1e-6
    again = lj.integrate(cell, params, np.arange(200.0), inputs, interpolation=interpolation)
    np.testing.assert_array_equal(trajectory.states, again.states)


def test_held_is_what_unroll_does_to_the_last_digits(x64):
    """Nothing of a reading counts after the next one begins: 8e-3 of it did."""
    cell = lj.CTRNN(2, 3, lj.RK4(60))
    params = cell.init(KEY)
    times, inputs = data(time=30)
    trajectory = lj.integrate(cell, params, times, inputs, interpolation="held", integrator=TIGHT)
    _, outputs = lj.unroll(cell, params, inputs[1:], np.diff(times, axis=0))
    np.testing.assert_allclose(trajectory.outputs[1:], outputs, atol=1e-8)


@pytest.mark.parametrize(("interpolation", "padding"), [("linear", np.nan), ("held", np.inf)])
def test_samples_of_different_length(interpolation, padding, x64):
    """Each is what it is alone, readings missing in the middle are left out, and what padding holds is not read."""
    cell = CELLS["hasani"]
    params = cell.init(KEY)
    times, inputs = data(time=6, batch=3)
    mask = np.ones((6, 3), bool)
    mask[4:, 0] = mask[:2, 1] = mask[2:4, 2] = False

    def run(params, times, inputs, mask=None):
        return lj.integrate(cell, params, times, inputs, mask=mask, interpolation=interpolation)

    def loss(params, inputs):
        return jnp.sum(run(params, np.where(mask, times, padding), inputs, mask).outputs ** 2)

    filled = np.where(mask[..., None], inputs, padding)
    together = run(params, np.where(mask, times, padding), filled, mask)
    gradient, of_inputs = jax.grad(loss, argnums=(0, 1))(params, filled)
    alone = jax.tree.map(jnp.zeros_like, params)
    for sample in range(3):
        rows = mask[:, sample]

        def of_sample(params, sample=sample, rows=rows):
            return run(params, times[rows, sample], inputs[rows, sample])

        np.testing.assert_allclose(together.states[rows, sample], of_sample(params).states, atol=1e-5)
        np.testing.assert_allclose(together.outputs[rows, sample], of_sample(params).outputs, atol=1e-5)
        by_params = jax.grad(lambda p, of_sample=of_sample: jnp.sum(of_sample(p).outputs ** 2))(params)
        alone = jax.tree.map(jnp.add, alone, by_params)
    jax.tree.map(lambda ours, theirs: np.testing.assert_allclose(ours, theirs, atol=1e-4), gradient, alone)
    assert not np.any(together.outputs[~mask]) and not np.any(of_inputs[~mask])
    np.testing.assert_array_equal(together.states[5, 0], together.states[3, 0])  # held


def test_integrate_looks_at_what_it_gets():
    cell = CELLS["hasani"]
    params = cell.init(KEY)
    times, inputs = data()

    def spoilt(array, value):
        array = array.copy()
        array[2, 1] = value
        return array

    with pytest.raises(ValueError, match=r"inputs must be finite .* got nan at time step 2, sample 1"):
        lj.integrate(cell, params, times, spoilt(inputs, np.nan))
    with pytest.raises(ValueError, match="times must be finite, got inf at time step 2, sample 1"):
        lj.integrate(cell, params, spoilt(times, np.inf), inputs)
    with pytest.raises(ValueError, match=r"times must increase strictly in time, got 0\.0 at time step 2, sample 1"):
        lj.integrate(cell, params, spoilt(times, 0.0), inputs)
    with pytest.raises(ValueError, match="state must be finite"):
        lj.integrate(cell, params, times, inputs, state=np.full((2, 3), np.nan))
    with pytest.raises(ValueError, match=r"mask must be bool \(time, \*batch\) = \(4, 2\)"):
        lj.integrate(cell, params, times, inputs, mask=np.ones(4, bool))
    with pytest.raises(ValueError, match="so near to zero that float32 tells them apart"):
        lj.integrate(cell, params, np.float32(1.764e9 + 300 * np.arange(4)), inputs)
    with pytest.raises(ValueError, match="Backsolve would multiply"):  # with any number of unfolds
        lj.integrate(cell, params, times, inputs, gradient=lj.Backsolve(unfolds=4))
    with pytest.raises(ValueError, match="integrator must be a Diffrax"):
        lj.integrate(cell, params, times, inputs, integrator=untyped(lj.RK4()))


def test_solve_looks_at_what_it_gets_and_masks(x64):
    decay = lambda rate, t, x: -rate * x  # noqa: E731
    start, times = np.ones((2, 1)), np.array([[0.0, 5.0], [0.5, np.nan], [2.0, 6.0], [np.inf, 7.0]])
    mask = np.isfinite(times)
    for integrator in (TIGHT, lj.RK4(200)):

        def run(rate, times=times, integrator=integrator):
            return lj.solve(decay, rate, start, times, mask=mask, integrator=integrator).states[..., 0]

        since = np.array([[0, 0], [0.5, 0], [2, 1], [2, 2]])
        np.testing.assert_allclose(run(2.0), np.exp(-2 * since), atol=1e-7)
        slope = jax.grad(lambda rate: jnp.sum(run(rate)))(2.0)
        np.testing.assert_allclose(slope, np.sum(-since * np.exp(-2 * since)), atol=1e-6)
    with pytest.raises(ValueError, match="times must be finite, got nan at time step 1, sample 1"):
        lj.solve(decay, 2.0, start, times)
    with pytest.raises(ValueError, match="state must be finite"):
        lj.solve(decay, 2.0, np.array([np.nan]), [0.0, 1.0])
    with pytest.raises(ValueError, match="so near to zero that float32 tells them apart"):
        lj.solve(decay, 2.0, np.ones(1, np.float32), 1.764e9 + 300 * np.arange(3))
    np.testing.assert_allclose(
        lj.solve(decay, 2.0, np.ones(1), np.array([0.0, 0.5]) + 1.764e9, integrator=TIGHT).states[-1],
        np.exp(-1),
        atol=1e-7,
    )


def test_a_controller_that_holds_arrays(x64):
    """It is compared by their values: equal ones share one compiled program, others do not mix."""

    def clipped(at):
        return diffrax.ClipStepSizeController(diffrax.PIDController(rtol=1e-8, atol=1e-8), jump_ts=jnp.array([at]))

    step = lambda height, t, x: jnp.where(t < 0.5, height, 0.0) * jnp.ones_like(x)  # noqa: E731
    solver = lj.Diffrax(controller=clipped(0.5))
    assert solver == lj.Diffrax(controller=clipped(0.5)) != lj.Diffrax(controller=clipped(0.25))
    assert hash(solver) == hash(lj.Diffrax(controller=clipped(0.5)))
    for integrator in (solver, lj.Diffrax(controller=clipped(0.25))):
        found = lj.solve(step, 3.0, np.zeros(1), [0.0, 1.0], integrator=integrator).states[-1]
        np.testing.assert_allclose(found, 1.5, atol=1e-6)
    cell = lj.HasaniLTC(2, 3, solver)
    assert lj.unroll(cell, cell.init(KEY), np.ones((4, 2)), 0.1)[1].shape == (4, 3)
    with pytest.raises(ValueError, match="must hold numbers that are known, not traced ones"):
        jax.jit(lambda at: lj.solve(step, 3.0, np.zeros(1), [0.0, 1.0], integrator=lj.Diffrax(controller=clipped(at))))(
            0.5
        )
