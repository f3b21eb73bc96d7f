"""What every export holds: a model as one pure function of a step answers what `predict` answers to whole series."""

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export.deployed import Deployed
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.training.predict import predict
from small_models import CLASSES, MEAN, MODELS, PLAIN, SPREAD, model, prepared
from untyped import untyped

LENGTHS = (7, 4, 1)
GRU = lj.GRU(2, 2)


def data(lengths=LENGTHS, seed=0):
    """Series in the units of the data, at irregular times, with a third of the features missing, from the start too."""
    rng = np.random.default_rng(seed)
    inputs = [(MEAN + rng.normal(size=(length, 2)) * SPREAD).astype(np.float32) for length in lengths]
    inputs = [np.where(rng.random(x.shape) < 0.3, np.float32(np.nan), x) for x in inputs]
    inputs[0][0] = np.nan
    return SequenceDataset.of(inputs, [np.cumsum(rng.exponential(10, length) + 0.1) for length in lengths])


def stepped(deployed, features, times):
    """The answers to one series, a step at a time, with no axis of a batch."""
    state, answers = deployed.initial_state(), []
    step = jax.jit(deployed.step)
    for row, dt in zip(features, np.diff(times, prepend=times[0] - deployed.first_dt), strict=True):
        state, answer = step(state, row.astype(deployed.dtype), np.asarray(dt, deployed.dtype))
        answers.append(answer)
    return np.stack(answers)


@pytest.mark.parametrize("name", MODELS)
def test_steps_answer_what_predict_answers(name, x64, promotes):
    """In float64; a preparation gives `predict` inputs of float32, which is what the tolerance is for."""
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), MODELS[name].params)
    given, series = dataclasses.replace(MODELS[name], params=params), data()
    deployed = Deployed(given, "float64")
    wanted = predict(dataclasses.replace(given, features=()), series).answers
    assert series.mask[:, 1].tolist() == [True, True, False] and np.isnan(series.inputs[0, 0]).all()
    for number, length in enumerate(LENGTHS):
        found = stepped(deployed, series.inputs[number, :length], series.times[number, :length])
        assert found.shape == (length, len(deployed.answers)) and found.dtype == np.float64
        each_step = given.objective.each_step
        answers = wanted[number, :length] if each_step else wanted[number]
        if isinstance(given.objective, Event):
            answers = answers[..., None]
        np.testing.assert_allclose(found if each_step else found[-1], answers, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize("name", ["class, mean, indicators", "values, mean, lstm"])
def test_a_sequence_is_its_steps_for_any_batch(name, x64):
    deployed = Deployed(MODELS[name], "float64")
    rng = np.random.default_rng(1)
    features, dt = rng.normal(size=(5, 2, 2)) * SPREAD + MEAN, rng.exponential(10, (5, 2))
    features[rng.random(features.shape) < 0.3] = np.nan
    state, answers = jax.jit(deployed.sequence)(deployed.initial_state((2,)), features, dt)
    step, alone = jax.jit(deployed.step), [deployed.initial_state(()) for _ in range(2)]
    for t in range(5):
        for i in range(2):
            alone[i], answer = step(alone[i], features[t, i], dt[t, i])
            np.testing.assert_allclose(answers[t, i], answer, rtol=0, atol=1e-12)
    for name in deployed.state_names:
        np.testing.assert_allclose(state[name], np.stack([one[name] for one in alone]), rtol=0, atol=1e-12)


def test_digits_behind_a_large_mean_are_not_lost():
    """In float32, where 1000000.01 is 1000000: the mean is taken away as two numbers."""
    preparation = Preparation((1_000_000.01,), (0.5,))
    cell = lj.GRU(1, 2)
    given = lj.Model(cell, drawn(cell), preparation)
    features = np.float32(1_000_000) + np.array([[0.0], [0.5], [-0.25]], np.float32)
    scaled = ((features.astype(float) - 1_000_000.01) / 0.5).astype(np.float32)
    _, wanted = lj.unroll(cell, given.params, scaled, 1.0)
    _, found = Deployed(given).sequence(Deployed(given).initial_state(), jnp.asarray(features), jnp.ones(3))
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)


def test_the_state_has_names_shapes_and_the_dtype():
    given = model(Classification("mean"), 3, prepared(since=True), lj.LSTM(4, 2))
    deployed = Deployed(given)
    assert {name: like.shape for name, like in deployed.state_shapes.items()} == {
        "cell.hidden": (2,),
        "cell.memory": (2,),
        "filled": (2,),
        "since": (2,),
        "mean": (3,),
        "steps": (),
    }
    assert {like.dtype for like in Deployed(given, "float64").state_shapes.values()} == {np.dtype("float64")}
    state = deployed.initial_state((4, 5))
    assert tuple(state) == deployed.state_names and state["mean"].shape == (4, 5, 3) and state["steps"].shape == (4, 5)
    assert Deployed(PLAIN).state_names == ("cell",)


def test_a_state_that_was_given_is_not_changed():
    deployed = Deployed(MODELS["event, mean, all"])
    state = deployed.initial_state()
    kept = dict(state)
    jax.eval_shape(lambda: deployed.step(state, jnp.ones(2), jnp.float32(1)))
    assert state.keys() == kept.keys() and all(state[name] is kept[name] for name in kept)


NAMED = (
    (model(Classification(), 3, None, classes=CLASSES), "probabilities", ("x1", "x2"), CLASSES),
    (
        model(Event(), 1, prepared(), classes=("calm", "storm"), features=("a", "b")),
        "probabilities",
        ("a", "b"),
        ("storm",),
    ),
    (model(Event(), 1, prepared()), "probabilities", ("x1", "x2"), ("y1",)),
    (model(Regression(), 1, prepared(since=True), outputs=("speed",)), "values", ("x1", "x2"), ("speed",)),
    (model(Forecast(), 2, prepared(), features=("a", "b")), "next features", ("a", "b"), ("a", "b")),
    (model(None, 2, prepared(indicators=True)), "outputs", ("x1", "x2"), ("y1", "y2")),
)


@pytest.mark.parametrize(("given", "kind", "features", "answers"), NAMED)
def test_features_and_answers_have_names(given, kind, features, answers):
    deployed = Deployed(given)
    assert (deployed.kind, deployed.features, deployed.answers) == (kind, features, answers)
    assert deployed.first_dt == (1.0 if given.preparation is None else 7.0)


class CountedParams(NamedTuple):
    weight: Any
    choice: Any


@dataclass(frozen=True)
class Counted:
    """A cell with an integer among its parameters, above what float32 can count to."""

    inputs: int = 1
    outputs: int = 1

    def init(self, key):
        del key
        return CountedParams(jnp.ones(()), jnp.int32(2**24 + 1))

    def initial_state(self, batch_shape=(), dtype=float):
        return jnp.zeros((*batch_shape, 1), dtype)

    def sense(self, params, inputs, key=None):
        del key
        return inputs * params.weight

    def step(self, params, state, sensed, dt):
        del dt
        return state, sensed * (params.choice == 2**24 + 1)


def test_what_is_no_floating_point_number_is_not_made_one():
    cell = Counted()
    deployed = Deployed(lj.Model(cell, cell.init(None)), "float32")
    with jax.numpy_dtype_promotion("standard"):
        _, answer = deployed.step(deployed.initial_state(), jnp.array([3.0]), jnp.float32(1))
    assert answer.tolist() == [3.0]


@dataclass(frozen=True)
class Mine:
    """An objective of anybody's."""


@pytest.mark.parametrize(
    ("given", "dtype", "message"),
    [
        (lj.Model(lj.Bidirectional(GRU), drawn(lj.Bidirectional(GRU))), "float32", "Bidirectional .* has no step"),
        (
            lj.Model(GRU, drawn(GRU), objective=Mine()),
            "float32",
            "the answers of the objective Mine cannot be exported",
        ),
        (GRU, "float32", "model must be a Model"),
        (PLAIN, "float16", "dtype must be one of 'float32', 'float64', got 'float16'"),
    ],
)
def test_what_has_no_step_or_no_answers_is_refused(given, dtype, message):
    with pytest.raises(ValueError, match=message):
        Deployed(untyped(given), dtype)
