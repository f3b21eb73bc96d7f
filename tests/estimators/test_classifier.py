"""Classes by a liquid network, within scikit-learn's own tools."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import liquidjax as lj
from liquidjax.sklearn import LiquidClassifier
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.predict import predict
from small_estimators import SMALL, cases
from untyped import untyped

X, Y = cases(20)
NAMES = np.array(["slow", "fast"])[Y]
LEARNS = {"cell": "GRU", "units": 8, "epochs": 40, "batch_size": 8, "learning_rate": 0.03, "random_state": 0}


def test_it_learns_classes_of_any_labels_and_says_them():
    for labels in (Y, NAMES, NAMES.astype(object), Y == 1, Y * 10.0 - 5, np.array(["", "x"])[Y]):
        found = LiquidClassifier(**LEARNS).fit(X, labels)
        np.testing.assert_array_equal(found.classes_, np.unique(labels))
        np.testing.assert_array_equal(found.predict(X), labels)
        assert found.score(X, labels) == 1 and found.predict(X).dtype == found.classes_.dtype


def test_probabilities_are_those_of_the_model_and_sum_to_one():
    found = LiquidClassifier(**SMALL).fit(X, NAMES)
    probabilities = found.predict_proba(X)
    assert probabilities.dtype == float and found.model_.classes == ("fast", "slow")
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=0, atol=1e-15)
    data = SequenceDataset(X.swapaxes(1, 2))
    np.testing.assert_allclose(predict(found.model_, data).answers, probabilities, rtol=0, atol=1e-6)


def test_the_model_is_kept_in_a_file(tmp_path):
    found = LiquidClassifier(**SMALL).fit(X, NAMES)
    found.model_.save(tmp_path / "model.safetensors")
    loaded = lj.load(tmp_path / "model.safetensors")
    assert loaded.cell == found.model_.cell and loaded.classes == found.model_.classes


def test_what_one_case_is_answered_does_not_hang_on_the_others():
    found = LiquidClassifier(**SMALL).fit(X, Y)
    together = found.predict_proba(np.concatenate([X] * 3))  # more than are computed together at least
    for i in (0, 7):
        np.testing.assert_allclose(found.predict_proba(X[i : i + 1])[0], together[i], rtol=0, atol=1e-6)


def test_the_same_random_state_is_the_same_to_the_bit_and_another_is_not():
    first, again = (LiquidClassifier(**SMALL).fit(X, Y).predict_proba(X) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = LiquidClassifier(**{**SMALL, "random_state": 1}).fit(X, Y).predict_proba(X)
    assert np.abs(first - other).max() > 1e-3
    drawn = {**SMALL, "random_state": np.random.RandomState(5)}
    once, then = (LiquidClassifier(**drawn).fit(X, Y).predict_proba(X) for _ in range(2))
    assert np.abs(once - then).max() > 1e-3


def test_a_class_that_is_rare_can_count_more():
    """By {label: weight} as by "balanced", which is what scikit-learn says it is."""
    few = np.arange(20) < 15
    x, y = X[(Y == 0) | few], NAMES[(Y == 0) | few]
    counts = dict(zip(*np.unique(y, return_counts=True), strict=True))
    by_hand = {label: len(y) / (2 * count) for label, count in counts.items()}
    found = [LiquidClassifier(**SMALL, class_weight=weight).fit(x, y) for weight in ("balanced", by_hand, None)]
    np.testing.assert_array_equal(found[0].predict_proba(x), found[1].predict_proba(x))
    assert found[0].model_.objective.class_weights == tuple(by_hand[label] for label in found[0].classes_)
    assert found[2].model_.objective.class_weights is None


def test_the_best_epoch_is_kept_by_cases_that_are_not_trained_on():
    settings = {**SMALL, "epochs": 30, "learning_rate": 0.5, "validation_fraction": 0.3, "patience": 3}
    found = LiquidClassifier(**settings).fit(X, Y)
    assert found.n_iter_ == len(found.history_) < 30
    losses = [epoch.validation_loss for epoch in found.history_]
    assert int(np.argmin(losses)) == found.n_iter_ - 4
    without = LiquidClassifier(**SMALL).fit(X, Y)
    assert without.n_iter_ == 2 and without.history_[-1].validation_loss is None


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"patience": 3}, "patience must be None where validation_fraction is 0"),
        ({"validation_fraction": 1.0}, r"validation_fraction must be a number in \[0, 1\)"),
        ({"validation_fraction": 0.01}, "the share of one case at least, got 0.01 of 20"),
        ({"epochs": 0}, "epochs must be an integer of at least 1"),
        ({"batch_size": 0}, "batch_size must be an integer"),
        ({"learning_rate": -1}, "learning_rate must be"),
        ({"optimizer": "addam"}, "'addam'"),
        ({"schedule": "none"}, "'none'"),
        ({"weight_decay": 0.1}, "weight_decay must be 0 with adam"),
        ({"step": 0}, "step must be a number in"),
        ({"at": "step"}, "at must be one of 'mean', 'last'"),
        ({"units": 0}, "units must be an integer"),
        ({"cell": "LTS"}, "did you mean LTC"),
        ({"verbose": 1}, "verbose must be True or False"),
        ({"indicators": 1}, "indicators must be True or False"),
        ({"class_weight": "balance"}, "balance"),
        ({"random_state": "seed"}, "seed"),
    ],
)
def test_a_setting_that_is_none_is_refused_when_it_learns(settings, message):
    estimator = LiquidClassifier(**{**SMALL, **settings})
    with pytest.raises(ValueError, match=message):
        estimator.fit(X, Y)


def test_labels_that_are_no_classes_are_refused():
    for labels, message in [
        (np.ones(20), "at least two classes, got one class: 1.0"),
        (np.linspace(0, 1, 20), "continuous"),
        (Y[:-1], "inconsistent numbers of samples"),
        (None, "requires y to be passed"),
        (np.where(Y, np.nan, 0.0), "Input y contains NaN"),
        (np.eye(20, dtype=int), "1d array"),
    ]:
        with pytest.raises(ValueError, match=message):
            LiquidClassifier(**SMALL).fit(X, labels)


def test_what_has_not_learnt_says_so_and_so_does_what_failed_to_learn_anew():
    estimator = LiquidClassifier(**SMALL)
    for ask in (estimator.predict, estimator.predict_proba):
        with pytest.raises(NotFittedError):
            ask(X)
    estimator.fit(X, Y)
    with pytest.raises(ValueError, match="infinity"):
        estimator.fit(np.where(X > 0.9, np.inf, X), Y)
    with pytest.raises(NotFittedError):
        estimator.predict(X)


def test_a_line_is_printed_for_each_epoch(capsys):
    LiquidClassifier(**{**SMALL, "verbose": True, "validation_fraction": 0.2}).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"] and "validation loss" in lines[0]


def test_a_pickle_needs_no_device_and_answers_the_same_in_another_process(tmp_path):
    found = LiquidClassifier(**SMALL).fit(X, NAMES)
    (tmp_path / "estimator.pickle").write_bytes(pickle.dumps(found))
    np.save(tmp_path / "X.npy", X)
    program = (
        "import pickle, numpy as np\n"
        "found = pickle.load(open('estimator.pickle', 'rb'))\n"
        "np.save('found.npy', found.predict_proba(np.load('X.npy')))\n"
        "print(*found.predict(np.load('X.npy')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert not done.returncode, done.stderr
    assert done.stdout.split() == found.predict(X).tolist()
    np.testing.assert_array_equal(np.load(tmp_path / "found.npy"), found.predict_proba(X))


def test_it_is_cross_validated_searched_and_piped():
    estimator = LiquidClassifier(**LEARNS)
    assert cross_val_score(estimator, X, NAMES, cv=2).shape == (2,)
    lists = [case[:, : 4 + i % 3] for i, case in enumerate(X)]
    assert cross_val_score(LiquidClassifier(**SMALL), lists, NAMES, cv=2).shape == (2,)
    search = GridSearchCV(estimator, {"learning_rate": [1e-9, 0.03]}, cv=2).fit(X, NAMES)
    assert search.best_params_ == {"learning_rate": 0.03} and search.score(X, NAMES) == 1
    table = make_pipeline(StandardScaler(), LiquidClassifier(**SMALL)).fit(X[:, 0], NAMES)
    assert table.predict(X[:, 0]).shape == (20,)
    halved = make_pipeline(FunctionTransformer(lambda X: X[:, :, ::2]), LiquidClassifier(**SMALL)).fit(X, NAMES)
    assert halved.named_steps["liquidclassifier"].n_channels_ == 2


def test_the_parts_of_a_cross_validation_may_be_processes():
    alone, shared = (cross_val_score(LiquidClassifier(**SMALL), X, Y, cv=2, n_jobs=jobs) for jobs in (1, 2))
    np.testing.assert_array_equal(alone, shared)


def test_times_are_handed_on_where_metadata_are_routed():
    times = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, (20, X.shape[2])), axis=1)
    with sklearn.config_context(enable_metadata_routing=True):
        estimator = untyped(LiquidClassifier(**SMALL)).set_fit_request(times=True).set_score_request(times=True)
        assert cross_val_score(estimator, X, Y, params={"times": times}, cv=2).shape == (2,)


def test_parameters_are_kept_as_they_are_given():
    cell = lj.Readout(lj.CfC(2, 4), 2)
    estimator = LiquidClassifier(cell, class_weight={0: 1, 1: 2}, random_state=3)
    assert estimator.cell is cell and untyped(clone(estimator)).get_params() == estimator.get_params()
    assert set(estimator.set_params(units=7).get_params()) == {
        *("cell", "units", "epochs", "batch_size", "learning_rate", "optimizer", "schedule", "weight_decay"),
        *("validation_fraction", "patience", "step", "time_channel", "random_state", "verbose"),
        *("at", "indicators", "since", "class_weight"),
    }
    assert repr(LiquidClassifier("CfC", units=8)) == "LiquidClassifier(cell='CfC', units=8)"
