"""The checks of aeon itself, and what its users do."""

import subprocess
import sys

import numpy as np
import pytest
from aeon.testing.estimator_checking import parametrize_with_checks

from liquidjax import aeon, sklearn
from small_estimators import SMALL, cases
from untyped import untyped


@parametrize_with_checks([aeon.LiquidClassifier, aeon.LiquidRegressor])
def test_the_estimator_passes_the_check(check):
    check()


@pytest.mark.parametrize("name", ["LiquidClassifier", "LiquidRegressor"])
def test_it_says_what_the_one_of_scikit_learn_says(name):
    X, y = cases()
    y = y if name == "LiquidClassifier" else X[:, 0].mean(1)
    ours = getattr(aeon, name)(**SMALL).fit(X, y)
    np.testing.assert_array_equal(ours.predict(X), getattr(sklearn, name)(**SMALL).fit(X, y).predict(X))


def test_the_estimators_of_scikit_learn_do_not_need_aeon():
    program = "import sys; sys.modules['aeon'] = None; import liquidjax.sklearn"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert not done.returncode, done.stderr


def test_times_are_a_channel():
    X, y = cases()
    times = np.cumsum(np.random.default_rng(0).uniform(0.5, 1.5, X.shape), axis=2)[:, :1]
    timed = untyped(aeon.LiquidClassifier(**SMALL, time_channel=2))
    timed.fit(np.concatenate([X, times], axis=1), y)
    expected = sklearn.LiquidClassifier(**SMALL).fit(X, y, times[:, 0]).predict_proba(X, times[:, 0])
    np.testing.assert_array_equal(timed.predict_proba(np.concatenate([X, times], axis=1)), expected)


def test_the_model_can_be_kept(tmp_path):
    X, y = cases()
    untyped(aeon.LiquidClassifier(**SMALL).fit(X, y)).estimator_.model_.save(tmp_path / "model.safetensors")
    assert (tmp_path / "model.safetensors").exists()
