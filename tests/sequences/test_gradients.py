"""Ways to differentiate an unroll: the exact ones agree, the adjoint comes near, and memory grows as promised."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from compiled_memory import temporary_bytes
from liquidjax.cells.ode import with_integrators
from sequence_gradient import differentiate, relative_error
from untyped import untyped

KEY = jax.random.key(0)
NCP = lj.AutoNCP(units=8, outputs=2)
EXACT = [lj.Remat(), lj.Chunked(4), lj.Recursive(), lj.Recursive(checkpoints=9)]
ODE_CELLS = {
    "ltc": lj.LTC(3, NCP, lj.SemiImplicit(2)),
    "ct-rnn": lj.CTRNN(3, 4, lj.Exponential(14)),
    "neural ode": lj.NeuralODE(3, 4, hidden_units=5),
    "readout": lj.Readout(lj.LTC(3, NCP, lj.Euler(2)), 2),
}
OTHERS = {
    "mixed memory": lj.MixedMemory(lj.LTC(3, lj.FullyConnected(3), lj.SemiImplicit(2))),
    "stack": lj.Stack(3, lj.Block(lj.CTRNN(4, 4, lj.Euler(2))), layers=2),
}
TIME, BATCH = 13, 2


def sequence(dtype, dt=0.1):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(TIME, BATCH, 3)).astype(dtype)
    return inputs, rng.uniform(0.5 * dt, 1.5 * dt, (TIME, BATCH)).astype(dtype), rng.random((TIME, BATCH)) < 0.7


@pytest.mark.parametrize("cell", [ODE_CELLS["readout"], *OTHERS.values()], ids=["readout", *OTHERS])
def test_the_exact_ways_are_bptt_in_float64(cell, x64):
    """With irregular dt and masks, backwards in time: values and gradients equal to 1e-12."""
    params = cell.init(KEY)
    inputs, dt, mask = sequence(np.float64)
    value, reference = differentiate(cell, params, inputs, dt, mask=mask, reverse=True, gradient=lj.BPTT())[:2]
    for way in (lj.Remat(), lj.Chunked(), lj.Recursive()):
        again, gradient = differentiate(cell, params, inputs, dt, mask=mask, reverse=True, gradient=way)[:2]
        assert abs(again - value) <= 1e-12 * abs(value)
        assert relative_error(gradient, reference) < 1e-12, way


@pytest.mark.parametrize("way", EXACT, ids=str)
def test_the_exact_ways_are_bptt_in_float32(way):
    cell = ODE_CELLS["ltc"]
    params = cell.init(KEY)
    inputs, dt, mask = sequence(np.float32)
    reference = differentiate(cell, params, inputs, dt, mask=mask, gradient=lj.BPTT()).gradient
    assert relative_error(differentiate(cell, params, inputs, dt, mask=mask, gradient=way).gradient, reference) < 1e-6


@pytest.mark.parametrize("cell", ODE_CELLS.values(), ids=ODE_CELLS)
def test_the_adjoint_is_the_gradient_where_solver_and_segments_are_fine(cell, x64):
    """With 200 unfolds, steps taken and equation are the same to 1e-3: then so are the gradients, masks included."""
    fine = with_integrators(cell, lambda old: untyped(type(old))(200))
    params = cell.init(KEY)
    inputs, dt, mask = sequence(np.float64)
    value, reference = differentiate(fine, params, inputs, dt, mask=mask, reverse=True, gradient=lj.Remat())[:2]
    way = lj.SegmentedAdjoint(4, unfolds=4)
    again, gradient = differentiate(fine, params, inputs, dt, mask=mask, reverse=True, gradient=way)[:2]
    assert float(again) == pytest.approx(float(value), rel=1e-12)  # forwards nothing is different
    assert relative_error(gradient, reference) < 2e-3


def test_the_error_of_the_adjoint_falls_with_the_step_of_the_forward_solver(x64):
    """First order for the fused solver: optimise-then-discretise bias, not rounding, which float64 would remove."""
    errors = []
    for unfolds in (8, 16, 32):
        cell = lj.LTC(3, NCP, lj.SemiImplicit(unfolds))
        params = cell.init(KEY)
        inputs, dt, _ = sequence(np.float64)
        reference, adjoint = (
            differentiate(cell, params, inputs, dt, gradient=way).gradient
            for way in (lj.Remat(), lj.SegmentedAdjoint(2))
        )
        errors.append(relative_error(adjoint, reference))
    assert 1.6 < errors[0] / errors[1] < 2.4 and 1.6 < errors[1] / errors[2] < 2.4


def test_the_adjoint_runs_under_vmap_and_with_an_adaptive_cell(x64):
    cell = lj.CTRNN(3, 4, lj.Diffrax())
    params = cell.init(KEY)
    inputs, dt, _ = sequence(np.float64)

    def gradient(way, inputs, dt):
        return jax.grad(lambda p: jnp.sum(lj.unroll(cell, p, inputs, dt, gradient=way)[1] ** 2))(params)

    batched = jax.jit(gradient, static_argnums=0)(lj.SegmentedAdjoint(5), inputs, dt)
    mapped = jax.vmap(functools.partial(gradient, lj.SegmentedAdjoint(5)), in_axes=1)(inputs, dt)
    assert relative_error(jax.tree.map(lambda leaf: leaf.sum(0), mapped), batched) < 1e-10
    assert relative_error(batched, gradient(lj.Remat(), inputs, dt)) < 1e-4


def test_backsolve_refuses_with_the_growth_and_fails_when_asked_twice():
    cell = lj.CTRNN(3, 4, time_constant=0.1, learn_time_constant=False)
    params = cell.init(KEY)
    inputs, _, _ = sequence(np.float32)
    with pytest.raises(ValueError, match=r"about e\^130\.0 on the way back .* use Recursive"):
        lj.unroll(cell, params, inputs, 1.0, gradient=lj.Backsolve())
    with pytest.raises(ValueError, match=r"about exp\(duration / tau\) on the way back"):
        differentiate(cell, params, inputs, np.ones((TIME, BATCH), np.float32), gradient=lj.Backsolve())[:2]

    def error(dt):
        steps = np.full((TIME, BATCH), dt, np.float32)
        reference, adjoint = (
            differentiate(cell, params, inputs, steps, gradient=way).gradient
            for way in (lj.Remat(), lj.Backsolve(anyway=True))
        )
        return relative_error(adjoint, reference)

    short, long = error(0.01), error(1.0)
    assert short < 0.1 and (long > 1 or not np.isfinite(long))


def test_the_adjoint_needs_a_differential_equation():
    cell = lj.Readout(lj.GRU(3, 4), 2)
    with pytest.raises(ValueError, match="such as LTC or CTRNN, or a Readout of one, got GRU"):
        lj.unroll(cell, cell.init(KEY), np.ones((4, 3), np.float32), gradient=lj.SegmentedAdjoint(2))


def test_chunks_and_checkpoints_are_checked():
    with pytest.raises(ValueError, match="length must be an integer of at least 1, got 0"):
        lj.Chunked(0)
    with pytest.raises(ValueError, match="checkpoints must be at least 20 for 1024 time steps, got 7"):
        lj.Recursive(checkpoints=7).factors(1024)
    for time in (1, 2, 3, 5, 100, 1000, 10**6):
        for recursive in (lj.Recursive(), lj.Recursive(checkpoints=64)):
            factors = recursive.factors(time)
            assert time <= np.prod(factors) < 1.3 * time + 1
            if time >= 100:  # these divide evenly, so nothing has to be padded
                assert np.prod(factors) == time
            assert sum(factors) <= max(5 * np.ceil(np.log(time + 1) / np.log(4)), 64 * bool(recursive.checkpoints))


def squared(output, target):
    return jnp.mean((output - target) ** 2, axis=-1)


@pytest.mark.parametrize("way", [lj.Remat(), lj.Chunked(), lj.SegmentedAdjoint(4)], ids=str)
def test_the_loss_of_each_step_is_the_loss_on_all_outputs(way, x64):
    inner = ODE_CELLS["readout"]
    cell = lj.StepLoss(inner, squared)
    params = cell.init(KEY)
    inputs, dt, _ = sequence(np.float64, dt=0.01)
    targets = np.random.default_rng(1).normal(size=(TIME, BATCH, 2))

    def stepwise(params, inputs, targets):
        return jnp.sum(lj.unroll(cell, params, jnp.concatenate([inputs, targets], -1), dt, gradient=way)[1])

    def afterwards(params, inputs, targets):
        return jnp.sum(squared(lj.unroll(inner, params, inputs, dt)[1], targets))

    value, gradient = jax.jit(jax.value_and_grad(stepwise, (0, 1, 2)))(params, inputs, targets)
    expected, reference = jax.jit(jax.value_and_grad(afterwards, (0, 1, 2)))(params, inputs, targets)
    assert float(value) == pytest.approx(float(expected), rel=1e-10)
    assert relative_error(gradient, reference) < (5e-3 if isinstance(way, lj.SegmentedAdjoint) else 1e-10)


def temporaries(way, time, unfolds=1, units=64, batch=2):
    """Compiled temporary bytes of the gradient of a loss on the last state."""
    cell = lj.LTC(1, lj.FullyConnected(units), lj.SemiImplicit(unfolds))
    inputs, dt = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in ((time, batch, 1), (time,)))
    gradient = jax.grad(lambda p, u, dt: jnp.sum(lj.unroll(cell, p, u, dt, gradient=way)[0] ** 2))
    return temporary_bytes(gradient, jax.eval_shape(cell.init, KEY), inputs, dt)


@pytest.mark.parametrize(
    ("way", "low", "high"),
    [
        (lambda time: lj.BPTT(), 0.95, 1.05),
        (lambda time: lj.Remat(), 0.95, 1.05),
        (lambda time: lj.Chunked(), 0, 0.55),
        (lambda time: lj.Recursive(), 0, 0.25),
        (lambda time: lj.SegmentedAdjoint(time // 8), 0, 0.25),
    ],
    ids=["BPTT", "Remat", "Chunked", "Recursive", "SegmentedAdjoint"],
)
def test_memory_grows_as_promised(way, low, high):
    """Slope of log bytes against log T, between long sequences, where what does not grow no longer counts.

    Without the inputs, of which XLA makes a copy to slice them.
    """
    times, batch = (2**12, 2**16), 2
    bytes_ = [temporaries(way(time), time, batch=batch) - 4 * time * batch for time in times]
    slope = np.log(bytes_[1] / bytes_[0]) / np.log(times[1] / times[0])
    assert low <= slope <= high, (slope, bytes_)


def test_an_unfold_is_the_most_that_chunks_keep():
    """More unfolds cost Remat more memory, and Chunked and Recursive next to none."""
    sizes = {"time": 16, "units": 16, "batch": 32}
    assert temporaries(lj.Remat(), unfolds=8, **sizes) > 2 * temporaries(lj.Remat(), unfolds=2, **sizes)
    for way in (lj.Chunked(), lj.Recursive()):
        assert temporaries(way, unfolds=8, **sizes) < 1.2 * temporaries(way, unfolds=2, **sizes)


@pytest.mark.parametrize(
    "way", [lj.BPTT(), lj.Remat(), lj.Chunked(), lj.Recursive(), lj.SegmentedAdjoint(2), lj.Backsolve(anyway=True)]
)
def test_no_steps_change_nothing(way):
    cell = lj.CTRNN(1, 2)
    params, start = cell.init(jax.random.key(0)), jnp.ones((3, 2))

    def loss(params, start):
        state, outputs = lj.unroll(cell, params, jnp.ones((0, 3, 1)), state=start, gradient=way)
        assert outputs.shape == (0, 3, 2)
        return jnp.sum(state * jnp.arange(2.0))

    of_params, of_start = jax.grad(loss, argnums=(0, 1))(params, start)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(of_params))
    np.testing.assert_array_equal(of_start, np.broadcast_to([0, 1], (3, 2)))
