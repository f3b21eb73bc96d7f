"""Training to predict the next point: many copies at once, each as if it were alone."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.training import next_step

CELL = lj.Readout(lj.LSTM(1, 3), 1)  # its state is more than one array


def waves(copies=3, time=20):
    phases = np.arange(copies)
    return np.sin(0.5 * np.arange(time)[:, None] + phases)[..., None]


def copy_of(params, copy):
    return jax.tree.map(lambda leaf: leaf[copy], params)


def test_training_is_the_plain_loop_for_each_copy(promotes, x64):
    data, rates, params = waves(), np.array([0.01, 0.02, 0.0]), next_step.init(CELL, 3)
    reports = []
    trained = next_step.train(
        CELL, params, data, rates, epochs=45, dt=0.5, callback=lambda epoch, errors, _: reports.append((epoch, errors))
    )
    assert [epoch for epoch, _ in reports] == [*range(2, 45, 2), 45]

    @jax.jit
    def epoch(params, memory, data, rate):
        def loss(params):
            return jnp.mean((lj.unroll(CELL, params, data[:-1], 0.5)[1] - data[1:]) ** 2)

        error, gradient = jax.value_and_grad(loss)(params)
        updates, memory = optax.adam(rate).update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory, error

    for copy in range(3):
        expected = CELL.init(jax.random.key(copy))
        memory, error = optax.adam(0.0).init(expected), jnp.nan
        for _ in range(45):
            expected, memory, error = epoch(expected, memory, data[:, copy], rates[copy])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), copy_of(trained, copy), expected)
        assert reports[-1][1][copy] == pytest.approx(float(error), rel=1e-9)
    assert reports[-1][1][0] < 0.5 * reports[0][1][0]
    jax.tree.map(np.testing.assert_array_equal, copy_of(trained, 2), copy_of(params, 2))  # a rate of 0


def test_a_stopped_training_ends_after_the_chunk(x64):
    data, rates, epochs, asked = waves(), np.full(3, 0.01), [], []

    def stop():
        return asked.append(1) or len(asked) == 3

    stopped = next_step.train(
        CELL,
        next_step.init(CELL, 3),
        data,
        rates,
        epochs=2000,
        dt=0.5,
        stop=stop,
        callback=lambda epoch, *_: epochs.append(epoch),
    )
    assert epochs == [50, 100, 150]  # and not a twentieth of any number of epochs
    whole = next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=150, dt=0.5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), stopped, whole)


def test_a_copy_that_diverges_leaves_the_others_alone(x64):
    data, rates = waves(3), np.array([0.01, 0.01, 1e308])
    alone = next_step.train(CELL, next_step.init(CELL, 2), data[:, :2], rates[:2], epochs=4, dt=1.0)
    beside = next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=4, dt=1.0)
    assert np.isnan(copy_of(beside, 2).linear.bias).all()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[:2], atol=1e-10), alone, beside)


@pytest.mark.parametrize("cell", [CELL, lj.Readout(lj.HasaniLTC(1, 3, lj.Euler()), 1)])
def test_a_free_running_forecast_is_the_loop_over_its_own_predictions(cell, x64):
    data, params, starts = waves(), next_step.init(cell, 3), np.array([2, 11, 20])
    forecasts = next_step.free_run(cell, params, data, starts, 6, 0.3)
    predicted = next_step.predict(cell, params, data, 0.3)
    assert forecasts.shape == (6, 3, 3, 1) and predicted.shape == (19, 3, 1)
    for copy in range(3):
        own = copy_of(params, copy)
        for number, start in enumerate(starts):
            state, output = cell.initial_state(), data[0, copy]
            for point in data[:start, copy]:
                state, output = lj.step(cell, own, state, point, 0.3)
            for step in range(6):
                np.testing.assert_allclose(forecasts[step, number, copy], output, atol=1e-10)
                state, output = lj.step(cell, own, state, output, 0.3)
            if start < len(data):  # the first point of a forecast is the prediction of the next point
                np.testing.assert_allclose(forecasts[0, number, copy], predicted[start - 1, copy], atol=1e-10)


@pytest.mark.parametrize(
    "data, rates, message",
    [
        (waves(2), np.ones(3), r"series must be \(time >= 2, copies = 3, inputs of the cell = 1 = its outputs = 1\)"),
        (waves()[:1], np.ones(3), "series must be"),
        (waves()[..., 0], np.ones(3), "series must be"),
        (waves()[..., [0, 0]], np.ones(3), "series must be"),
        (waves(), np.ones(2), r"learning_rates must be \(copies,\) = \(3,\)"),
        (
            np.where(np.arange(60).reshape(20, 3, 1) == 31, np.nan, 1.0),
            np.ones(3),
            "got nan at time step 10, sample 1, 0",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(data, rates, message):
    with pytest.raises(ValueError, match=message):
        next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=1, dt=1.0)
