"""A cell in continuous time, against `unroll` and against itself with finer steps."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj

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
    coarse = lj.cells.ode.with_integrators(cell, lambda _: lj.Midpoint(1))  # type: ignore[attr-defined]
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

        return jax.grad(loss, argnums=(0, 1))(params, inputs)

    reference = gradient(lj.Recursive())
    for way in (lj.BPTT(), lj.Recursive(checkpoints=5), lj.Backsolve(anyway=True)):
        for ours, theirs in zip(*map(jax.tree.leaves, (gradient(way), reference)), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.max(np.abs(theirs)) + 1e-9)
    with pytest.raises(ValueError, match=r"Backsolve would multiply .* by about e\^0\.[4-9]"):  # from time to time
        lj.integrate(cell, params, times, inputs, gradient=lj.Backsolve())
    with pytest.raises(ValueError, match=r"gradient must be BPTT\(\), Recursive\(\) or .* got Remat\(\)"):
        lj.integrate(cell, params, times, inputs, gradient=lj.Remat())  # type: ignore[arg-type]


def test_single_precision_inputs_go_with_double_precision_parameters(x64):
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
        lj.integrate(cell, params, times, inputs, interpolation="cubic")  # type: ignore[arg-type]
    gru = lj.GRU(2, 3)
    with pytest.raises(ValueError, match=r"expected a cell that follows a differential equation, .* got GRU"):
        lj.integrate(gru, gru.init(KEY), times, inputs)
    few = lj.Diffrax(max_steps=2)
    assert not np.any(lj.integrate(cell, params, times, inputs, integrator=few, throw=False).finished)
    with pytest.raises(RuntimeError, match="maximum number of solver steps"):
        jax.block_until_ready(lj.integrate(cell, params, times, inputs, integrator=few))
