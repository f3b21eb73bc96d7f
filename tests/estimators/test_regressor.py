"""Values by a liquid network."""

import numpy as np
import pytest

from liquidjax.sklearn import LiquidRegressor
from small_estimators import SMALL, cases
from untyped import untyped

X, _ = cases(20)
RATE = X[:, 0].mean(1)
LEARNS = {"cell": "GRU", "units": 8, "epochs": 150, "batch_size": 10, "learning_rate": 0.03, "random_state": 0}


def test_values_are_learnt_in_their_own_units():
    """Far from 0, and with spreads that differ a billionfold: each output is scaled by its own."""
    values = np.stack([1000 + 1e-3 * RATE, 1e6 * RATE], axis=1)
    found = LiquidRegressor(**LEARNS).fit(X, values)
    assert found.score(X, values) > 0.8 and found.predict(X).shape == (20, 2)
    assert np.all(np.abs(found.predict(X) - values).max(0) < np.ptp(values, axis=0))


def test_answers_have_the_axes_of_y():
    one = LiquidRegressor(**SMALL).fit(X, RATE).predict(X)
    column = LiquidRegressor(**SMALL).fit(X, RATE[:, None]).predict(X)
    assert one.shape == (20,) and column.shape == (20, 1) and one.dtype == float
    np.testing.assert_array_equal(one, column[:, 0])


def test_it_scales_by_what_it_learns_from_alone():
    held_out = LiquidRegressor(**SMALL, validation_fraction=0.25).fit(X, RATE)
    assert held_out.history_[-1].validation_loss is not None
    whole = LiquidRegressor(**SMALL).fit(X, RATE)
    assert untyped(whole).model_.preparation.target_mean == pytest.approx([RATE.mean()], abs=1e-12)
    assert untyped(held_out).model_.preparation.target_mean != pytest.approx([RATE.mean()], abs=1e-6)


def test_the_score_weights_cases_as_scikit_learn_does():
    found = LiquidRegressor(**SMALL).fit(X, RATE)
    chosen = np.arange(20) < 9
    weighted = found.score(X, RATE, sample_weight=chosen.astype(float))
    assert weighted == pytest.approx(found.score(X[chosen], RATE[chosen]), abs=1e-9)


@pytest.mark.parametrize(
    "values, message",
    [
        (np.where(RATE > 0, np.nan, RATE), "Input y contains NaN"),
        (RATE[:-1], "inconsistent numbers of samples"),
        (np.array(["a"] * 20), "could not convert"),
        (RATE[:, None, None], "dim 3"),
        (RATE + 1j, "Complex"),
        (None, "requires y to be passed"),
    ],
)
def test_values_that_are_none_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        LiquidRegressor(**SMALL).fit(X, values)


def test_a_step_is_what_part_of_a_time_constant_is_asked_for():
    """The longer a case, the less is a step, so that a typical case lasts 30 time constants; short ones are not
    stretched."""
    for steps, step, expected in [(6, None, 1.0), (120, None, 0.25), (120, 0.5, 0.5)]:
        found = LiquidRegressor(**{**SMALL, "epochs": 1}, step=step).fit(np.zeros((4, 1, steps)), RATE[:4])
        assert untyped(found).model_.preparation.time_unit == 1 / expected
