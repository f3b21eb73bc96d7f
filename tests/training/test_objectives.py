"""Objectives against loops over series and steps, in plain numpy: losses, answers, scores, and what they refuse."""

import re
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objective import Batch, Losses, OfFunction, known_targets, mean_loss
from liquidjax.training.objectives import Classification, Event, Forecast, Regression, balanced
from small_data import LENGTHS, series
from untyped import untyped

TIME, SERIES = 5, 4
LENGTH = (5, 1, 3, 4)
REAL = (1.0, 1.0, 0.0, 1.0)
"""The third row only fills the batch."""
AT = ("last", "mean", "step")
each_at = pytest.mark.parametrize("at", AT)
padded = pytest.mark.parametrize("padding", [True, False], ids=["padding", "no padding"])

rng = np.random.default_rng(0)
MASK = np.arange(TIME)[:, None] < np.array(LENGTH)
LABELS = rng.integers(0, 3, (TIME, SERIES))
LABELS[1, 3] = LABELS[4, 0] = -1
VALUES = rng.normal(size=(TIME, SERIES, 2))
VALUES[0, 3, 1] = VALUES[3, 3] = VALUES[2, 0, 0] = np.nan


def outputs_of(number, padding) -> Any:
    """Outputs (time, series, number); what stands in padding must not matter."""
    found = np.random.default_rng(1).normal(size=(TIME, SERIES, number))
    return np.where(MASK[:, :, None] | (not padding), found, 77.0)


def batch_of(targets, at, padding):
    """Of targets for each step, or for series their first ones; in padding they may hold anything."""
    if at != "step":
        targets = targets[0]
    return Batch(None, None, jnp.asarray(MASK) if padding else None, jnp.asarray(targets), jnp.asarray(REAL))


def read(at, outputs, padding) -> Iterator[tuple[Any, Any]]:
    """Pairs of (place in the targets, output) of the rows that are series."""
    for i in (0, 1, 3):
        length = LENGTH[i] if padding else TIME
        if at == "step":
            yield from (((t, i), outputs[t, i]) for t in range(length))
        elif at == "last":
            yield (i,), outputs[length - 1, i]
        else:
            yield (i,), sum(outputs[t, i] for t in range(length)) / length


def softmax(logits):
    return np.exp(logits) / sum(np.exp(logits))


@padded
@each_at
@pytest.mark.parametrize(("weights", "smoothing"), [(None, 0.0), ((2.0, 0.0, 0.5), 0.2)])
def test_classification_is_the_loop(at, padding, weights, smoothing, x64):
    outputs, batch = outputs_of(3, padding), batch_of(LABELS, at, padding)
    total, counted = 0.0, 0.0
    for place, logits in read(at, outputs, padding):
        label = np.asarray(batch.targets)[place]
        if label >= 0:
            q = [smoothing / 3 + (1 - smoothing) * (c == label) for c in range(3)]
            weight = 1.0 if weights is None else weights[label]
            total -= weight * sum(q[c] * np.log(softmax(logits)[c]) for c in range(3))
            counted += weight
    objective = Classification(at, weights, smoothing)
    np.testing.assert_allclose(mean_loss(objective.losses(outputs, batch)), total / counted, rtol=1e-12)
    answers = objective.answers(outputs, batch)
    for place, logits in read(at, outputs, padding):
        np.testing.assert_allclose(answers[place], softmax(logits), rtol=1e-12)


@padded
@each_at
@pytest.mark.parametrize("event_weight", [1.0, 7.5])
def test_event_is_the_loop(at, padding, event_weight, x64):
    outputs, batch = outputs_of(1, padding), batch_of(np.minimum(LABELS, 1), at, padding)
    objective = Event(at, event_weight)
    total, counted = 0.0, 0.0
    answers = objective.answers(outputs, batch)
    for place, (logit,) in read(at, outputs, padding):
        happened, p = np.asarray(batch.targets)[place], 1 / (1 + np.exp(-logit))
        np.testing.assert_allclose(answers[place], p, rtol=1e-12)
        if happened >= 0:
            total -= event_weight * np.log(p) if happened else np.log(1 - p)
            counted += event_weight if happened else 1
    np.testing.assert_allclose(mean_loss(objective.losses(outputs, batch)), total / counted, rtol=1e-12)


@padded
@each_at
def test_regression_is_the_loop(at, padding, x64):
    outputs, batch = outputs_of(2, padding), batch_of(VALUES, at, padding)
    objective, squares = Regression(at), []
    answers = objective.answers(outputs, batch)
    for place, output in read(at, outputs, padding):
        np.testing.assert_allclose(answers[place], output, rtol=1e-12)
        target = np.asarray(batch.targets)[place]
        squares += [(output[k] - target[k]) ** 2 for k in range(2) if not np.isnan(target[k])]
    np.testing.assert_allclose(mean_loss(objective.losses(outputs, batch)), np.mean(squares), rtol=1e-12)


@padded
def test_forecast_is_the_loop(padding, x64):
    """Output t against the features of step t + 1, where these were observed."""
    outputs, batch = outputs_of(2, padding), batch_of(VALUES, "step", padding)
    squares = [
        (outputs[t, i, k] - VALUES[t + 1, i, k]) ** 2
        for i in (0, 1, 3)
        for t in range((LENGTH[i] if padding else TIME) - 1)
        for k in range(2)
        if not np.isnan(VALUES[t + 1, i, k])
    ]
    np.testing.assert_allclose(mean_loss(Forecast().losses(outputs, batch)), np.mean(squares), rtol=1e-12)
    np.testing.assert_array_equal(Forecast().answers(outputs, batch), outputs)


@pytest.mark.parametrize(
    ("objective", "targets", "number"),
    [
        (Classification("step", smoothing=0.1), LABELS, 3),
        (Event("step"), np.minimum(LABELS, 1), 1),
        (Regression("step"), VALUES, 2),
        (Forecast(), VALUES, 2),
    ],
    ids=["classification", "event", "regression", "forecast"],
)
def test_no_gradient_comes_from_what_does_not_count(objective, targets, number, x64):
    """Not from padding, a row that fills or an unknown target; and where nothing counts at all, it is 0 and not NaN."""
    batch = batch_of(targets, "step", True)
    gradient = jax.grad(lambda y: mean_loss(objective.losses(y, batch)))
    found = np.asarray(gradient(outputs_of(number, True)))
    counts = np.array(MASK) & (np.array(REAL) > 0)
    known = targets >= 0 if targets.ndim == 2 else ~np.isnan(targets)
    if isinstance(objective, Forecast):
        counts, known = (np.roll(flags, -1, axis=0) for flags in (counts, known))
        counts[-1] = False
    counts = (counts & known)[:, :, None] if known.ndim == 2 else counts[:, :, None] & known
    assert np.array_equal(found != 0, np.broadcast_to(counts, found.shape)) and np.isfinite(found).all()
    nothing = batch._replace(weight=jnp.zeros(SERIES))
    assert mean_loss(objective.losses(outputs_of(number, True), nothing)) == 0
    assert not np.any(jax.grad(lambda y: mean_loss(objective.losses(y, nothing)))(outputs_of(number, True)))


def test_large_outputs_have_a_loss(x64):
    """Where exp overflows: a class that is surely wrong costs the distance of the logits, one that is right nothing."""
    batch = Batch(None, None, None, jnp.array([0, 1]), jnp.ones(2))
    logits = jnp.array([[[1e4, 0.0], [1e4, 0.0]]])
    np.testing.assert_allclose(Classification().losses(logits, batch).loss, [0, 1e4])
    np.testing.assert_allclose(Event().losses(logits[..., :1], batch).loss, [1e4, 0])
    assert np.isfinite(Classification().answers(logits, batch)).all()


def test_scores_of_classes_are_the_loop():
    answers, targets = np.random.default_rng(2).random((6, 4, 3)), np.random.default_rng(3).integers(-1, 3, (6, 4))
    answers[targets < 0] = np.nan  # padding
    known = [place for place in np.ndindex(6, 4) if targets[place] >= 0]
    right = [max(range(3), key=lambda c: answers[(*place, c)]) == targets[place] for place in known]
    assert Classification("step").scores(answers, targets) == {"accuracy": pytest.approx(np.mean(right))}
    happened = np.minimum(targets, 1)
    right = [(answers[(*place, 0)] > 0.5) == (happened[place] == 1) for place in known]
    assert Event("step").scores(answers[..., 0], happened) == {"accuracy": pytest.approx(np.mean(right))}


@pytest.mark.parametrize("objective", [Classification(), Event()])
def test_scores_of_no_numbers_are_no_chance(objective):
    """A member that diverged answers NaN: it names nothing right, though argmax and a comparison say class 0."""
    answers = np.full((2, 2), np.nan) if isinstance(objective, Classification) else np.full(2, np.nan)
    assert objective.scores(answers, np.zeros(2, int)) == {"accuracy": 0.0}
    assert np.isnan(objective.scores(answers, np.full(2, -1))["accuracy"])


@pytest.mark.parametrize("objective", [Regression("step"), Forecast()])
def test_scores_of_values_are_the_loop(objective):
    random = np.random.default_rng(4)
    answers, targets = random.normal(size=(3, 5, 3)), random.normal(size=(3, 5, 3)) * [1, 2, 0] + [0, 5, 0]
    targets[random.random(targets.shape) < 0.3] = np.nan
    targets[..., 2] = np.nan  # an output that is never known
    shift = int(isinstance(objective, Forecast))
    squares, around = [], []
    for i, t, k in np.ndindex(3, 5 - shift, 3):
        if not np.isnan(targets[i, t + shift, k]):
            mean = np.nanmean(targets[:, shift:, k])
            squares.append((answers[i, t, k] - targets[i, t + shift, k]) ** 2)
            around.append((targets[i, t + shift, k] - mean) ** 2)
    expected = {"mse": np.mean(squares), "r2": 1 - np.sum(squares) / np.sum(around)}
    assert objective.scores(answers, targets) == pytest.approx(expected)
    assert np.isnan([*objective.scores(answers, np.full_like(targets, np.nan)).values()]).all()


def test_scores_of_answers_beyond_float32_are_no_warning():
    answers, targets = np.array([[3e38], [0.0]], np.float32), np.array([[-1.0], [1.0]], np.float32)
    assert Regression().scores(answers, targets)["mse"] == pytest.approx(4.5e76, rel=1e-6)
    assert np.isnan(Regression().scores(answers, np.ones((2, 1)))["r2"])  # of targets that do not vary


STEPS = {"each_step": True}


@pytest.mark.parametrize(
    ("objective", "data", "message"),
    [
        (Classification(), series(outputs=1), "the targets must be classes for this objective, got values"),
        (Regression(), series(classes=3), "the targets must be values for this objective, got 3 classes"),
        (Event(), series(classes=3), "the targets must be 2 classes for this objective, got 3 classes"),
        (Event(), series(outputs=1), "the targets must be 2 classes for this objective, got values"),
        (Classification(), series(classes=2, **STEPS), "a target for each step, so `at` must be 'step', got 'last'"),
        (Regression("mean"), series(outputs=1, **STEPS), "a target for each step, so `at` must be 'step', got 'mean'"),
        (Event("step"), series(classes=2), "a target for each series, so `at` must be 'last' or 'mean', got 'step'"),
        (Classification(class_weights=(1, 2)), series(classes=3), r"for each of 3 classes, got \(1.0, 2.0\)"),
    ],
)
def test_targets_of_another_kind_are_refused(objective, data, message):
    with pytest.raises(ValueError, match=message):
        objective.targets(data, Preparation.learnt(data))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Classification(untyped("first")), "at must be one of 'last', 'mean', 'step', got 'first'"),
        (lambda: Classification(class_weights=untyped(3.0)), "class_weights must be a number for each class, got 3.0"),
        (
            lambda: Classification(class_weights=untyped("13")),
            "class_weights must be a number for each class, got '13'",
        ),
        (lambda: Classification(class_weights=(1.0, -1.0)), r"class_weights must be a number in \[0, inf\), got -1.0"),
        (lambda: Classification(class_weights=(1.0, np.nan)), "class_weights must be a number"),
        (lambda: Classification(smoothing=1.0), r"smoothing must be a number in \[0, 1\), got 1.0"),
        (lambda: Event(event_weight=0.0), r"event_weight must be a number in \(0, inf\), got 0.0"),
        (lambda: Event(untyped("steps")), "at must be one of"),
        (lambda: Regression(untyped(None)), "at must be one of"),
    ],
)
def test_choices_that_are_none_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_outputs_that_are_not_those_of_the_targets_are_refused():
    batch = batch_of(VALUES, "last", False)
    with pytest.raises(ValueError, match=r"as many outputs as there are values, \(4, 2\), got \(4, 3\)"):
        Regression().losses(outputs_of(3, False), batch)
    with pytest.raises(ValueError, match=r"as many outputs as there are values, \(4, 4, 2\), got \(4, 4, 3\)"):
        Forecast().losses(outputs_of(3, False), batch_of(VALUES, "step", False))


@pytest.mark.parametrize(
    ("objective", "data", "expected"),
    [
        (Classification(), series(classes=3), 3),
        (Event(), series(classes=2), 1),
        (Regression("step"), series(outputs=4, each_step=True), 4),
        (Forecast(), series(features=5), 5),
    ],
)
def test_how_many_outputs_a_cell_must_have(objective, data, expected):
    assert objective.outputs(data) == expected


def test_equal_objectives_are_one_static_argument():
    assert Classification("mean", (1, untyped(np.float32(2)))) == Classification("mean", (1.0, 2.0))
    assert hash(Classification(class_weights=untyped([1, 2]))) == hash(Classification(class_weights=(1.0, 2.0)))


def test_targets_are_scaled_and_unknown_where_nobody_knows_them():
    """For each step: one of two outputs may be unknown by itself, and padding is, whatever stands in it."""
    whole = series(outputs=2, each_step=True)
    values = np.array(whole.targets)
    values[0, 1, 0], values[~whole.mask] = np.nan, 5.0
    data = SequenceDataset(whole.inputs, whole.times, whole.mask, values)
    preparation = Preparation.learnt(data)
    found = np.asarray(known_targets(data, preparation))
    mean, spread = np.array(preparation.target_mean), np.array(preparation.target_spread)
    expected = np.where(whole.mask[:, :, None], (values - mean) / spread, np.nan)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert np.isnan(found[0, 1, 0]) and np.isfinite(found[0, 1, 1])


def test_targets_of_series_are_scaled_too():
    targets = np.array([[1.0, np.nan], [3.0, 1.0], [5.0, 3.0]])
    data = SequenceDataset.of([np.ones((2, 1))] * 3, targets=targets)
    preparation = Preparation.learnt(data)  # by the second and third, which are known in both
    np.testing.assert_allclose(np.asarray(known_targets(data, preparation)), [[-3, np.nan], [-1, -1], [1, 1]])


def test_the_targets_of_a_forecast_are_the_features():
    data = series(gaps=True)
    preparation = Preparation.learnt(data)
    found = Forecast().targets(data, preparation)
    for i, length in enumerate(LENGTHS):
        expected = (data.inputs[i, :length] - preparation.mean) / preparation.spread
        np.testing.assert_allclose(found[i, :length], expected, rtol=1e-5, atol=1e-6)
        assert np.isnan(found[i, length:]).all()


def test_balanced_makes_the_classes_count_alike():
    data = series(LENGTHS, classes=3, each_step=True, seed=5)
    labels = np.array(data.targets)
    labels[0, 2] = -1
    data = SequenceDataset(data.inputs, data.times, data.mask, labels, classes=data.classes)
    weights = balanced(data)
    known = [labels[i, t] for i, length in enumerate(LENGTHS) for t in range(length) if labels[i, t] >= 0]
    sums = [sum(weights[label] for label in known if label == c) for c in range(3)]
    assert sums == pytest.approx([len(known) / 3] * 3)


def test_balanced_refuses_what_has_no_balance():
    with pytest.raises(ValueError, match="class weights must be for data with classes"):
        balanced(series(outputs=1))
    inputs = [np.ones((1, 1))] * 2
    with pytest.raises(ValueError, match="every class must occur, got none of 'b'"):
        balanced(SequenceDataset.of(inputs, targets=[0, 0], classes=("a", "b")))
    with pytest.raises(ValueError, match="must have targets"):
        balanced(SequenceDataset.of(inputs, classes=("a", "b")))


def test_a_function_is_an_objective(x64):
    """The loss of each series, weighted so that rows that fill count nothing, or losses with weights of its own."""
    outputs, batch = outputs_of(2, True), batch_of(VALUES, "step", True)
    found = OfFunction(lambda y, batch: jnp.sum(y**2, (0, 2))).losses(outputs, batch)
    expected = np.mean([np.sum(outputs[:, i] ** 2) for i in (0, 1, 3)])
    np.testing.assert_allclose(mean_loss(found), expected, rtol=1e-12)
    weighted = OfFunction(lambda y, batch: Losses(y[-1], jnp.broadcast_to(batch.weight[:, None] * 2, (4, 2))))
    expected = np.mean([outputs[-1, i] for i in (0, 1, 3)])
    np.testing.assert_allclose(mean_loss(weighted.losses(outputs, batch)), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("wrong", "got"),
    [
        (lambda y, _: jnp.sum(y), "an array float32 ()"),
        (lambda y, _: y[..., 0], "an array float32 (5, 4)"),
        (lambda y, _: jnp.sum(y, (0, 1)), "an array float32 (2,)"),
        (lambda y, _: jnp.argmax(y[-1], -1), "an array int32 (4,)"),
        (lambda y, _: None, "None"),
        (lambda y, _: 0.5, "0.5"),
    ],
)
def test_a_function_that_returns_no_loss_for_each_series_is_refused(wrong, got):
    message = f"the loss of each series, floating point (series,) = (4,), or `Losses`, got {got}"
    with pytest.raises(ValueError, match=re.escape(message)):
        OfFunction(wrong).losses(jnp.asarray(outputs_of(2, False)), batch_of(VALUES, "step", False))


def test_losses_whose_weights_have_another_shape_are_refused():
    """They would be broadcast, and mean something else."""
    with pytest.raises(ValueError, match=r"loss and weight of one shape, got \(5, 4\) and \(4,\)"):
        mean_loss(Losses(jnp.ones((5, 4)), jnp.ones(4)))
