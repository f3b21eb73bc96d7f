"""Training of a classifier: the loop, what it refuses, and how it is stopped."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training import loop


@functools.cache
def toy(seed=0, samples=40):
    """Two classes: is the last input high or low? inputs (3, samples, 1)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    inputs = rng.normal(0, 0.1, (3, samples, 1)).astype(np.float32)
    inputs[-1, :, 0] += labels
    return inputs, labels


def fit(cell: lj.Cell = lj.GRU(inputs=1, units=2), data=None, **settings):
    data = data or toy()
    settings = {"epochs": 3, "batch_size": 16, "learning_rate": 0.05, **settings}
    return loop.train(cell, cell.init(jax.random.key(0)), data, toy(1), **settings)


def test_learns_and_repeats_itself_exactly():
    trained, again = fit(epochs=30), fit(epochs=30)
    assert trained.history[-1].validation_accuracy > 0.95 > trained.history[0].validation_accuracy
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), trained.params, again.params))
    other = fit(epochs=30, seed=1)
    assert not jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), trained.params, other.params))


def test_leaves_the_given_parameters_alone_and_compiles_one_step():
    cell = lj.GRU(inputs=1, units=3)
    params = cell.init(jax.random.key(0))
    before = jax.tree.map(np.array, params)
    step: Any = loop.train_step
    traces = step._cache_size()
    seen = []
    loop.train(cell, params, toy(), toy(1), epochs=2, batch_size=16, learning_rate=0.1, callback=seen.append)
    assert step._cache_size() == traces + 1  # 40 samples: two batches of 16, and 8 sit out
    assert jax.tree.all(jax.tree.map(np.array_equal, before, params))
    assert [epoch.epoch for epoch in seen] == [1, 2]


def test_smoothing_is_the_best_confidence_and_not_in_the_metrics():
    cell = lj.Readout(lj.GRU(inputs=1, units=1), outputs=2)
    ones = np.ones((1, 16, 1), np.float32), np.ones(16, int)
    trained = fit(cell, ones, epochs=300, learning_rate=0.1, smoothing=0.4)
    # Half of 0.4 goes to the wrong one of two classes, so a probability of 0.8 is best; the loss is that of the label.
    assert trained.history[-1].loss == pytest.approx(-np.log(0.8), abs=0.002)
    assert fit(cell, ones, epochs=300, learning_rate=0.1).history[-1].loss < 0.02


def test_the_first_step_is_the_one_of_the_formula(x64, promotes):
    cell = lj.GRU(inputs=1, units=2)
    params = cell.init(jax.random.key(0))
    inputs, labels = toy(samples=16)
    trained = loop.train(cell, params, (inputs, labels), toy(1), epochs=1, batch_size=16, learning_rate=0.01, clip=1e3)

    def loss(params):
        logits = lj.unroll(cell, params, inputs)[1][-1]
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(16), labels])

    gradient = jax.grad(loss)(params)
    expected = jax.tree.map(lambda p, g: p - 0.01 * g / (abs(g) + 1e-8), params, gradient)  # Adam's first step
    assert jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.allclose(a, b, atol=1e-10)), trained.params, expected))
    assert trained.history[0].loss == pytest.approx(float(loss(params)), rel=1e-10)


def test_a_loss_that_is_not_finite_stops_it():
    with pytest.raises(FloatingPointError, match="the loss is inf at epoch 1, step 2; try a smaller learning rate"):
        fit(lj.Readout(lj.GRU(1, 2), 2), learning_rate=1e38, clip=1e38)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"batch_size": 41}, r"batch_size in \[1, training samples = 40\]"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"clip": float("nan")}, "clip must be above 0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"smoothing": 1.0}, r"smoothing must be in \[0, 1\)"),
        ({"data": (toy()[0][..., [0, 0]], toy()[1])}, "train must be inputs"),
        ({"data": (toy()[0], toy()[1][:-1])}, "train must be inputs"),
        ({"data": (toy()[0], toy()[1] + 1)}, r"labels of train must be integers in \[0, outputs of the cell = 2\)"),
        ({"data": (toy()[0], toy()[1] * 1.0)}, "labels of train must be integers"),
        ({"data": (toy()[0] * np.nan, toy()[1])}, "inputs must be finite"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        fit(**change)


@pytest.mark.parametrize("batches", [1, 2, 5])
def test_a_stopped_training_returns_what_is_trained_so_far(batches):
    """40 samples are two batches of 16: after 5 of them, two epochs are complete."""
    asked = []
    stopped = fit(epochs=50, stop=lambda: asked.append(1) or len(asked) == batches)
    assert len(asked) == batches and len(stopped.history) == (batches - 1) // 2
    whole = fit(epochs=50)
    assert [epoch[:5] for epoch in stopped.history] == [epoch[:5] for epoch in whole.history[: len(stopped.history)]]
    start = lj.GRU(inputs=1, units=2).init(jax.random.key(0))
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), stopped.params, start)
    assert 0 < max(jax.tree.leaves(moved)) <= batches * 0.05 * 1.01  # Adam's steps are at most about the rate


def test_a_stopped_training_that_diverged_is_no_result():
    asked = []
    with pytest.raises(FloatingPointError, match="the loss is inf at epoch 1, step 2"):
        fit(lj.Readout(lj.GRU(1, 2), 2), learning_rate=1e38, clip=1e38, stop=lambda: asked.append(1) or len(asked) == 2)
