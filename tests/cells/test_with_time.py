"""dt as an input, or hidden: what the cell inside hears, and that its own dt stands still."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.analysis.trajectory import time_constants
from liquidjax.cells.ode import is_adaptive
from liquidjax.training.parameters import by_name

pytestmark = pytest.mark.usefixtures("x64")

TIME, BATCH = 5, 3
LIQUID = lj.HasaniLTC(3, 4, lj.SemiImplicit(2))
CELLS = {"liquid": LIQUID, "lstm": lj.LSTM(3, 4), "gru": lj.GRU(3, 4)}


def sequence(features=2):
    rng = np.random.default_rng(0)
    return rng.normal(size=(TIME, BATCH, features)), rng.uniform(0.05, 4, (TIME, BATCH))


@pytest.mark.parametrize("name", ["liquid", "lstm"])
@pytest.mark.parametrize("reads", ["linear", "log"])
def test_the_cell_hears_dt_behind_its_inputs_and_runs_at_a_dt_of_its_own(name, reads):
    inner = CELLS[name]
    cell, params = lj.WithTime(inner, reads, typical_dt=0.5), drawn(inner, dtype=float)
    inputs, dt = sequence()
    told = dt / 0.5 if reads == "linear" else np.log(1 + dt / 0.5)
    expected = lj.unroll(inner, params, np.concatenate([inputs, told[..., None]], axis=-1), 0.5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), lj.unroll(cell, params, inputs, dt), expected
    )
    assert (cell.inputs, cell.outputs) == (2, inner.outputs)


def test_a_cell_that_is_told_nothing_is_as_if_all_steps_were_alike():
    params, (inputs, dt) = drawn(LIQUID, dtype=float), sequence(3)
    cell = lj.WithTime(LIQUID, "nothing", typical_dt=0.3)
    _, outputs = lj.unroll(cell, params, inputs, dt)
    np.testing.assert_allclose(outputs, lj.unroll(LIQUID, params, inputs, 0.3)[1], rtol=1e-12)
    np.testing.assert_array_equal(outputs, lj.unroll(cell, params, inputs, 7 * dt)[1])
    assert np.all(outputs != lj.unroll(LIQUID, params, inputs, dt)[1]) and cell.inputs == 3


def test_dt_has_a_gradient_where_it_is_read():
    cell, params, (inputs, dt) = lj.WithTime(CELLS["gru"], "log"), drawn(CELLS["gru"], dtype=float), sequence()
    loss = jax.jit(lambda h: jnp.sum(lj.unroll(cell, params, inputs, h)[1][-1] ** 2))
    gradient, change, size = jax.grad(loss)(dt), np.random.default_rng(1).normal(size=dt.shape), 1e-6
    slope = (loss(dt + size * change) - loss(dt - size * change)) / (2 * size)
    np.testing.assert_allclose(np.sum(gradient * change), slope, rtol=1e-6)
    assert np.all(gradient != 0)


def test_what_keeps_an_unfold_at_a_time_gives_the_same_gradient():
    """It changes the integrator of the cell inside."""
    cell = lj.WithTime(lj.CTRNN(3, 2, lj.Exponential(2)))
    params, (inputs, dt) = drawn(cell, dtype=float), sequence()
    mask = np.random.default_rng(2).random((TIME, BATCH)) < 0.8

    def gradient(way):
        loss = lambda p: jnp.sum(lj.unroll(cell, p, inputs, dt, mask=mask, gradient=way)[1] ** 2)  # noqa: E731
        return jax.device_get(jax.jit(jax.grad(loss))(params))

    ours, expected = gradient(lj.Chunked(2)), gradient(lj.BPTT())
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), ours, expected)


def test_dropout_reaches_the_cell():
    cell = lj.WithTime(lj.CfC(3, 4, backbone_units=50, dropout=0.5))
    params, (inputs, dt) = jax.tree.map(lambda leaf: leaf - 0.5, drawn(cell, dtype=float)), sequence()
    calm, shaken = (lj.unroll(cell, params, inputs, dt, key=key)[1] for key in (None, jax.random.key(0)))
    assert np.all(calm != shaken)


def test_readings_that_need_dt_are_refused_and_those_that_do_not_are_those_of_the_cell():
    params, state, inputs = drawn(LIQUID, dtype=float), np.full(4, 0.3), np.ones(2)
    reads, deaf = lj.WithTime(LIQUID, typical_dt=0.5), lj.WithTime(LIQUID, "nothing")
    with pytest.raises(ValueError, match=r"cannot say what its cell hears without dt.*wrapper.heard\(inputs, dt\)"):
        lj.time_constant(reads, params, state, inputs)
    heard = reads.heard(inputs, 2.0)
    np.testing.assert_array_equal(heard, [1, 1, 4])
    tau = lj.time_constant(LIQUID, params, state, heard)
    np.testing.assert_array_equal(lj.time_constant(deaf, params, state, heard), tau)
    assert time_constants(deaf, params, np.ones((TIME, 3)), 0.1).shape == (TIME, 4)
    for low, high in (lj.state_bounds(reads, params), lj.time_constant_bounds(reads, params)):
        assert np.all(low < high)
    np.testing.assert_array_equal(lj.state_bounds(reads, params).high, lj.state_bounds(LIQUID, params).high)


def test_what_solves_its_equation_by_the_dt_of_the_data_refuses_it():
    params, (inputs, dt) = drawn(LIQUID, dtype=float), sequence()
    with pytest.raises(ValueError, match="got WithTime"):
        lj.unroll(lj.WithTime(LIQUID), params, inputs, dt, gradient=lj.SegmentedAdjoint(2))
    linear = lj.WithTime(lj.GatedLinear(3, 2))
    with pytest.raises(ValueError, match="Associative needs a cell whose coefficients do not read the state"):
        lj.unroll(linear, drawn(linear, dtype=float), inputs, dt, method=lj.Associative())
    with pytest.raises(ValueError, match="got WithTime"):
        lj.integrate(lj.WithTime(LIQUID), params, np.arange(TIME), inputs[:, 0])


def test_it_may_stand_in_other_wrappers_and_be_saved(tmp_path):
    cell = lj.Readout(lj.WithTime(LIQUID, "log", 0.5), 2)
    params, (inputs, dt) = drawn(cell), sequence()
    lj.Model(cell, params).save(tmp_path / "model.safetensors")
    model = lj.load(tmp_path / "model.safetensors")
    assert model.cell == cell
    ours, theirs = (lj.unroll(cell, p, np.float32(inputs), np.float32(dt))[1] for p in (params, model.params))
    np.testing.assert_array_equal(ours, theirs)
    assert not is_adaptive(cell) and is_adaptive(lj.WithTime(lj.CTRNN(3, 2, lj.Diffrax())))
    assert by_name(params).keys() == by_name(drawn(lj.Readout(LIQUID, 2))).keys()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((lj.GRU(1, 2),), "cell must have 2 inputs at least, the last of which is dt, got 1"),
        ((lj.GRU(2, 2), "dt"), "reads must be one of 'linear', 'log', 'nothing', got 'dt'"),
        ((lj.GRU(2, 2), "log", 0.0), r"typical_dt must be a number in \(0.*, got 0.0"),
    ],
)
def test_what_it_cannot_wrap_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lj.WithTime(*arguments)
    assert lj.WithTime(lj.GRU(1, 2), "nothing").inputs == 1
