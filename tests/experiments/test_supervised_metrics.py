"""How good answers are: against scikit-learn and by hand, with targets that are not known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, confusion_matrix, roc_auc_score

from liquidjax.experiments.supervised.metrics import confusion, of_classes

UNKNOWN = -1


def answers(seed, *shape):
    """Probabilities with ties among them, which sum to 1."""
    found = np.round(np.random.default_rng(seed).dirichlet(np.ones(shape[-1]), size=shape[:-1]), 1) + 0.1
    return found / found.sum(-1, keepdims=True)


def test_two_classes_and_an_event_are_those_of_the_second():
    """By hand: of the 2 x 3 pairs of an event and none the event is higher in 4 and equal in 1."""
    events, probabilities = np.array([0, 1, 0, 1, 0, UNKNOWN]), np.array([0.1, 0.9, 0.6, 0.4, 0.4, 0.99])
    found = of_classes(probabilities, events)
    assert found["auroc"] == pytest.approx(4.5 / 6)
    # precision where recall first reaches 1/2 is 1 of 1; where it reaches 1, 2 of 4
    assert found["auprc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 4)
    assert of_classes(np.stack([1 - probabilities, probabilities], axis=1), events) == found


@pytest.mark.parametrize("shape", [(40, 3), (8, 5, 4)])
def test_of_several_classes_it_is_the_mean_of_each_against_the_others(shape):
    probabilities, targets = answers(0, *shape), np.random.default_rng(1).integers(-1, shape[-1], shape[:-1])
    found, known = of_classes(probabilities, targets), targets >= 0
    rows, labels = probabilities[known], targets[known]
    one_hot = np.eye(shape[-1], dtype=int)[labels]
    assert found["auroc"] == pytest.approx(roc_auc_score(one_hot, rows, average="macro"))
    assert found["auprc"] == pytest.approx(average_precision_score(one_hot, rows, average="macro"))


def test_a_class_that_does_not_occur_does_not_count():
    probabilities, targets = answers(0, 30, 4), np.random.default_rng(1).integers(0, 3, 30)
    each = [roc_auc_score(targets == number, probabilities[:, number]) for number in range(3)]
    assert of_classes(probabilities, targets)["auroc"] == pytest.approx(sum(map(float, each)) / 3)


@pytest.mark.parametrize("targets", [[1, 1, 1], [UNKNOWN] * 3, [1, UNKNOWN, UNKNOWN], [0, 0, UNKNOWN]])
def test_where_one_class_alone_occurs_nothing_can_be_said(targets):
    for probabilities in (answers(0, 3, 2), np.array([0.1, 0.5, 0.9])):
        found = of_classes(probabilities, np.array(targets))
        assert np.isnan(found["auroc"]) and np.isnan(found["auprc"])


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(0, 1000))
def test_confusion_is_that_of_scikit_learn(classes, seed):
    rng = np.random.default_rng(seed)
    probabilities, targets = rng.dirichlet(np.ones(classes), 20), rng.integers(-1, classes, 20)
    known = targets >= 0
    expected = confusion_matrix(targets[known], probabilities[known].argmax(1), labels=range(classes))
    assert np.array_equal(confusion(probabilities, targets), expected)
    steps = confusion(probabilities.reshape(4, 5, classes), targets.reshape(4, 5))
    assert np.array_equal(steps, expected)


def test_confusion_of_an_event_names_it_above_one_half():
    assert confusion(np.array([0.5, 0.51, 0.2, np.nan]), np.array([0, 0, 1, UNKNOWN])).tolist() == [[1, 1], [1, 0]]
