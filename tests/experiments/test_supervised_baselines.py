"""What can be said without a network: against scikit-learn and by hand, also where targets are not known."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, RidgeCV

from liquidjax.experiments.supervised.baselines import MOST_ROWS, PENALTIES, WINDOW, baselines
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.examples import examples
from liquidjax.training.objectives import Classification, Event, Forecast, Regression

RNG = np.random.default_rng(0)
SERIES = [RNG.normal(size=(2 + i % 3, 2)) for i in range(24)]
LONGEST = 4
LABELS = np.array([int(x[0, 0] + 0.1 * i % 3 > 0) for i, x in enumerate(SERIES)])


def ready(data, objective, like=None):
    return examples(data, Preparation.learnt(data if like is None else like, scale=False), objective)


def flat(series):
    """All numbers of each series, with zeros behind its end."""
    return np.stack([np.pad(x, ((0, LONGEST - len(x)), (0, 0))).ravel() for x in series])


def labelled(rows=range(24), labels=LABELS, **names):
    return SequenceDataset.of([SERIES[i] for i in rows], targets=labels[list(rows)], **names)


def test_a_class_of_a_series():
    whole = labelled(classes=("a", "b", "c"))
    training, test = ready(whole, Classification()), ready(whole.take(range(5)), Classification(), whole)
    found = baselines(Classification(), training, training, test)
    assert list(found) == ["most frequent class", "logistic regression"]
    frequent, logistic = found.values()
    assert frequent.parameters == 2 and logistic.parameters == 2 * LONGEST + 1
    share = np.mean(LABELS)
    assert frequent.answers[0] == pytest.approx(np.tile([1 - share, share], (24, 1)))
    model = LogisticRegression(max_iter=1000).fit(flat(SERIES), LABELS)
    for answers, series in zip(logistic.answers, (SERIES, SERIES[:5]), strict=True):
        assert answers == pytest.approx(model.predict_proba(flat(series)), abs=1e-6)


def test_a_longer_series_than_those_of_the_training_is_cut():
    whole = labelled(classes=("a", "b"))
    longer = SequenceDataset.of([np.vstack([SERIES[2], 9 * np.ones((3, 2))])], targets=[0], classes=("a", "b"))
    (answer,) = baselines(Classification(), ready(whole, Classification()), ready(longer, Classification(), whole))[
        "logistic regression"
    ].answers
    model = LogisticRegression(max_iter=1000).fit(flat(SERIES), LABELS)
    assert answer == pytest.approx(model.predict_proba(np.vstack([SERIES[2], 9 * np.ones((3, 2))])[:4].reshape(1, -1)))


def test_series_of_no_known_class_are_passed_over_and_a_class_may_be_missing():
    """Of classes a, b, c and d the training knows none of b and d."""
    labels = np.where(LABELS == 1, 2, 0)
    labels[:4] = -1
    whole = labelled(labels=labels, classes=("a", "b", "c", "d"))
    training = ready(whole, Classification())
    frequent, logistic = baselines(Classification(), training, training).values()
    share = np.mean(labels[4:] == 2)
    assert frequent.answers[0] == pytest.approx(np.tile([1 - share, 0, share], (24, 1)))
    model = LogisticRegression(max_iter=1000).fit(flat(SERIES[4:]), labels[4:])
    found = logistic.answers[0]
    assert found[:, [0, 2]] == pytest.approx(model.predict_proba(flat(SERIES)), abs=1e-6) and not found[:, 1].any()


@pytest.mark.parametrize(("label", "event"), [(0, 0.0), (1, 1.0)])
def test_where_one_class_alone_is_known_there_is_nothing_to_fit(label, event):
    whole = labelled(labels=np.full(24, label), classes=("rest", "fall"))
    for objective, expected in (
        (Event(), np.full(24, event)),
        (Classification(), np.tile([1 - event, event], (24, 1))),
    ):
        training = ready(whole, objective)
        (name, found) = baselines(objective, training, training).popitem()
        assert name == "most frequent class" and found.answers[0] == pytest.approx(expected)


def test_an_event_at_each_step_is_seen_from_the_last_steps():
    times = 12
    series = [RNG.normal(size=(times - i % 2, 1)) for i in range(8)]
    targets = [(np.abs(x[:, 0]) > 1).astype(int) for x in series]
    whole = SequenceDataset.of(series, targets=targets, classes=("rest", "fall"))
    objective = Event(at="step")
    training = ready(whole, objective)
    logistic = baselines(objective, training, training)["logistic regression"]
    windows = np.concatenate(
        [
            np.stack(
                [np.pad(x[max(0, t - WINDOW + 1) : t + 1, 0], (WINDOW - min(WINDOW, t + 1), 0)) for t in range(len(x))]
            )
            for x in series
        ]
    )
    model = LogisticRegression(max_iter=1000).fit(windows, np.concatenate(targets))
    (answers,) = logistic.answers
    assert answers.shape == (8, times) and logistic.parameters == WINDOW + 1
    assert answers[whole.mask] == pytest.approx(model.predict_proba(windows)[:, 1], abs=1e-5)


def test_values_of_which_some_are_not_known():
    """Each is fitted to the series in which it is known; one that is known of one series is its value, of none 0."""
    values = np.stack([LABELS + flat(SERIES)[:, 1], flat(SERIES)[:, 0], np.arange(24.0), np.ones(24)], axis=1)
    values[::3, 1] = np.nan
    values[:-1, 2] = np.nan
    values[:, 3] = np.nan
    whole = SequenceDataset.of(SERIES, targets=values)
    training = ready(whole, Regression())
    mean, ridge = baselines(Regression(), training, training).values()
    expected = [values[:, 0].mean(), np.nanmean(values[:, 1]), 23.0, 0.0]
    assert mean.answers[0] == pytest.approx(np.tile(expected, (24, 1))) and mean.parameters == 4
    assert ridge.parameters == 4 * (2 * LONGEST + 1)
    for number in (0, 1):
        known = ~np.isnan(values[:, number])
        model = RidgeCV(alphas=PENALTIES).fit(flat(SERIES)[known], values[known, number])
        assert ridge.answers[0][:, number] == pytest.approx(model.predict(flat(SERIES)), abs=1e-5)
    assert ridge.answers[0][:, 2:] == pytest.approx(np.tile([23.0, 0.0], (24, 1)))


def test_the_next_step():
    """Of two features with gaps in turns, so that never both are known; an unknown one is answered all the same."""
    series = np.sin(np.arange(40.0))[:, None] * np.array([1.0, 2.0]) + np.array([0.0, 1.0])
    gaps = series.copy()
    gaps[::2, 0] = gaps[1::2, 1] = np.nan
    whole = SequenceDataset.of([gaps])
    training = ready(whole, Forecast())
    found = baselines(Forecast(), training, training)
    assert list(found) == ["persistence", "ridge regression"]
    persistence, ridge = (each.answers[0][0] for each in found.values())
    # the last values that were seen; 0, which stands for the mean, before there was one
    assert persistence[0] == pytest.approx([0.0, series[0, 1]])
    assert persistence[1::2] == pytest.approx(np.stack([series[1::2, 0], series[0:-1:2, 1]], axis=1))
    error = np.nanmean((ridge[:-1] - gaps[1:]) ** 2)
    assert np.isfinite(ridge).all() and error < np.nanmean((persistence[:-1] - gaps[1:]) ** 2) / 10
    assert [each.parameters for each in found.values()] == [0, 2 * (2 * WINDOW + 1)]


def test_of_very_many_rows_some_are_drawn():
    times = MOST_ROWS + 500
    whole = SequenceDataset.of([np.arange(float(times))[:, None]])
    training = ready(whole, Forecast())
    first, again = (baselines(Forecast(), training, training)["ridge regression"].answers[0] for _ in range(2))
    assert np.array_equal(first, again)
    assert first[0, WINDOW:, 0] == pytest.approx(np.arange(WINDOW, times) + 1.0, rel=1e-3)
