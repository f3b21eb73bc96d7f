"""What is taken for X and its times, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from liquidjax.sklearn import LiquidClassifier, LiquidForecaster, LiquidRegressor
from liquidjax.sklearn.series import Form, read
from small_estimators import SMALL, STEPS, cases
from untyped import untyped

X, Y = cases()
TIMES = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, (len(X), STEPS)), axis=1)


@pytest.fixture(scope="module")
def fitted():
    return LiquidClassifier(**SMALL).fit(X, Y)


def series(given, times=None, **options):
    return read(LiquidClassifier(**options), given, times)


def assert_same(found, expected):
    for one, other in zip(found.values, expected.values, strict=True):
        np.testing.assert_array_equal(one, other)
    if expected.times is not None:
        for one, other in zip(found.times, expected.times, strict=True):
            np.testing.assert_array_equal(one, other)


@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5))
@settings(deadline=None)
def test_an_array_a_list_and_nested_lists_are_the_same_cases(count, channels, steps):
    values = np.random.default_rng(0).normal(size=(count, channels, steps))
    expected = [case.T for case in values]
    for form in (values, list(values), tuple(values), values.tolist()):
        found = series(form)
        np.testing.assert_array_equal(np.stack(found.values), np.stack(expected))
        assert found.form == Form(channels, False, False)


def test_a_table_is_one_channel():
    assert_same(series(X[:, 0]), series(X[:, :1]))
    assert_same(series(X[:, 0].tolist()), series(X[:, :1]))
    assert series(X[:, 0]).form == Form(1, True, False)


def test_cases_of_unequal_lengths_are_a_list():
    cut = [case[:, : 2 + i % 3] for i, case in enumerate(X)]
    assert [len(values) for values in series(cut).values] == [2, 3, 4] * 4
    of_objects = np.empty(len(cut), object)
    of_objects[:] = cut
    assert_same(series(of_objects), series(cut))
    one_channel = [case[0] for case in cut]
    assert_same(series(one_channel), series([case[:1] for case in cut]))
    assert_same(series([case.tolist() for case in one_channel]), series(one_channel))


def test_times_may_be_shared_for_each_case_or_a_channel():
    shared = series(X, TIMES[0])
    assert_same(shared, series(X, np.tile(TIMES[0], (len(X), 1))))
    assert_same(shared, series(X, TIMES[0].tolist()))
    each = series(X, TIMES)
    assert_same(each, series(X, list(TIMES)))
    for place in (0, 1, -1):
        within = np.insert(X, place if place >= 0 else X.shape[1], TIMES, axis=1)
        assert_same(series(within, time_channel=place), each)
    assert each.form.timed and not series(X).form.timed


def test_only_how_far_apart_times_are_counts():
    early, late = (LiquidClassifier(**SMALL).fit(X, Y, TIMES + shift) for shift in (0, 1024))
    np.testing.assert_allclose(early.predict_proba(X, TIMES), late.predict_proba(X, TIMES + 1024), rtol=0, atol=1e-5)


REFUSED = {
    "infinity": (np.where(X > 0.99, np.inf, X), "infinity"),
    "complex": (X + 1j, "Complex data not supported"),
    "no cases": (X[:0], "0 sample"),
    "one case": (X[:1], "1 sample"),
    "one case of a list": ([X[0]], "1 sample"),
    "no channels": (X[:, :0], "at least one channel"),
    "no steps": (X[:, :, :0], "at least one channel"),
    "a series without steps": ([X[0], X[1][:, :0]], "at least one channel"),
    "other channels": ([X[0], X[1][:1]], "all with the same channels"),
    "a vector": (X[0, 0], "Reshape your data"),
    "four axes": (X[:, None], "dim 4"),
    "a number": (3.0, "scalar array"),
    "words": ([["a", "b"], ["c", "d"]], "could not convert|numeric"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_series_is_refused_in_a_sentence(name):
    given, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        LiquidClassifier(**SMALL).fit(given, Y[: len(given) if isinstance(given, list) else None])


def test_a_sparse_table_and_a_list_of_tables_are_refused():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(TypeError, match="parse"):
        LiquidClassifier(**SMALL).fit(csr_array(X[:, 0]), Y)
    with pytest.raises(ValueError, match="list of arrays"):
        LiquidClassifier(**SMALL).fit([pandas.DataFrame(case) for case in X], Y)


def test_times_that_do_not_fit_are_refused():
    for times, message in [
        (TIMES[:3], "of 12 cases, got"),
        (list(TIMES[:3]), "of 12 cases, got a list of 3"),
        (TIMES[:, :2], "as long as their series"),
        (5.0, "times must be"),
        (TIMES[:, ::-1], "increase within a series"),
        (np.where(TIMES > 4, np.nan, TIMES), "finite and increase"),
    ]:
        with pytest.raises(ValueError, match=message):
            LiquidClassifier(**SMALL).fit(X, Y, times)
    with pytest.raises(ValueError, match="times must be None where time_channel"):
        LiquidClassifier(**SMALL, time_channel=0).fit(X, Y, TIMES)
    for place in (2, -3):
        with pytest.raises(ValueError, match="one of the channels of X"):
            LiquidClassifier(**SMALL, time_channel=place).fit(X, Y)
    with pytest.raises(ValueError, match="beside another one"):
        LiquidClassifier(**SMALL, time_channel=0).fit(X[:, :1], Y)


def test_what_was_learnt_with_times_is_asked_with_times(fitted):
    with pytest.raises(ValueError, match="times must be None, for fit had none"):
        fitted.predict(X, TIMES)
    timed = LiquidClassifier(**SMALL).fit(X, Y, TIMES)
    for ask in (timed.predict, timed.predict_proba, lambda X: timed.score(X, Y)):
        with pytest.raises(ValueError, match="times must be given as to fit"):
            ask(X)
    assert timed.score(X, Y, times=TIMES) == np.mean(timed.predict(X, TIMES) == Y)


def test_other_channels_than_in_fit_are_refused(fitted):
    assert (fitted.n_channels_, fitted.n_features_in_) == (2, 2)
    for other in (X[:, :1], np.concatenate([X, X], axis=1), X[:, 0], [case[:1, :3] for case in X]):
        with pytest.raises(ValueError, match="with 2 channels, as in fit, got"):
            fitted.predict(other)


def test_series_may_be_longer_than_in_fit_but_a_table_has_its_columns(fitted):
    assert fitted.predict(np.concatenate([X, X], axis=2)).shape == (12,)
    table = LiquidRegressor(**SMALL).fit(X[:, 0], X[:, 0].mean(1))
    assert (table.n_channels_, untyped(table).n_features_in_) == (1, STEPS)
    with pytest.raises(ValueError, match=f"X has 3 features, but LiquidRegressor is expecting {STEPS}"):
        table.predict(X[:, 0, :3])
    np.testing.assert_array_equal(table.predict(X[:, :1]), table.predict(X[:, 0]))
    one_channel = LiquidRegressor(**SMALL).fit(X[:, :1], X[:, 0].mean(1))
    assert one_channel.predict(X[:, 0, :3]).shape == (12,)


def test_names_of_columns_are_those_of_fit():
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X[:, 0], columns=list("abcdef"))
    estimator = LiquidClassifier(**SMALL).fit(table, Y)
    assert untyped(estimator).feature_names_in_.tolist() == list("abcdef")
    with pytest.raises(ValueError, match="feature names"):
        estimator.predict(table[list("fedcba")])
    assert not hasattr(estimator.fit(X, Y), "feature_names_in_")


def test_what_is_missing_is_never_read():
    """A NaN is filled, whatever stood there; a channel of nothing but NaN says nothing."""
    holes = np.random.default_rng(0).random(X.shape) < 0.3
    for estimator in (LiquidClassifier(**SMALL), LiquidRegressor(**SMALL, indicators=True, since=True)):
        assert np.isfinite(estimator.fit(np.where(holes, np.nan, X), Y).predict(np.where(holes, np.nan, X))).all()
    nothing = np.concatenate([X, np.full_like(X[:, :1], np.nan)], axis=1)
    assert np.isfinite(LiquidForecaster(**SMALL).fit(X).predict(np.where(holes, np.nan, X))).all()
    assert np.isfinite(LiquidClassifier(**SMALL).fit(nothing, Y).predict_proba(nothing)).all()
