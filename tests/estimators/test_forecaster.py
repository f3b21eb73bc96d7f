"""What comes after series, by a liquid network."""

from typing import Any

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.sklearn import LiquidForecaster
from liquidjax.tasks.dataset import SequenceDataset
from small_estimators import SMALL, cases
from untyped import untyped

X, _ = cases(12)
TIMES = np.cumsum(np.random.default_rng(1).uniform(0.5, 1.5, (12, 9)), axis=1)


def by_hand(found, series, steps, dt=None, ahead: Any = 1.0):
    """One series (channels, time), step by step: what is said of the next step is read next."""
    model = found.model_
    mean, spread = (np.array(numbers) for numbers in (model.preparation.mean, model.preparation.spread))
    state = model.cell.initial_state((), np.float32)
    durations = np.ones(series.shape[1]) if dt is None else dt
    said = None
    for reading, duration in zip(((series.T - mean) / spread).astype(np.float32), durations, strict=True):
        state, said = lj.step(model.cell, model.params, state, reading, np.float32(duration))
    points = [said]
    for k in range(steps - 1):
        state, said = lj.step(model.cell, model.params, state, said, np.float32(np.broadcast_to(ahead, steps)[k]))
        points.append(said)
    return (np.array(points) * spread + mean).T


def test_it_goes_on_by_reading_what_it_says():
    found = LiquidForecaster(**SMALL, horizon=4).fit(X)
    forecasts = found.predict(X)
    assert forecasts.shape == (12, 2, 4) and forecasts.dtype == float
    for i in (0, 5):
        np.testing.assert_allclose(forecasts[i], by_hand(found, X[i], 4), rtol=0, atol=1e-5)


def test_cases_of_unequal_lengths_each_go_on_after_their_own_end():
    found = LiquidForecaster(**SMALL, horizon=3).fit(X)
    cut = [case[:, : 1 + i % 4] for i, case in enumerate(X)]
    forecasts = found.predict(cut)
    for i in range(4):
        np.testing.assert_allclose(forecasts[i], by_hand(found, cut[i], 3), rtol=0, atol=1e-5)


def test_times_of_what_was_and_of_what_comes_are_read():
    """The first forecast comes with the last reading, and is read after the time to it."""
    times, future = TIMES[:, :6], TIMES[:, 6:]
    found = LiquidForecaster(**SMALL, horizon=3).fit(X, times=times)
    preparation = untyped(found.model_.preparation)
    forecasts = found.predict(X, times, future)
    for i in (0, 7):
        dt = np.diff(times[i], prepend=times[i, 0] - preparation.first_step) / preparation.time_unit
        ahead = np.diff(future[i], prepend=times[i, -1]) / preparation.time_unit
        np.testing.assert_allclose(forecasts[i], by_hand(found, X[i], 3, dt, ahead), rtol=0, atol=1e-5)
    usual = times[:, -1:] + preparation.first_step * np.arange(1, 4)
    np.testing.assert_allclose(found.predict(X, times), found.predict(X, times, usual), rtol=0, atol=1e-5)
    same = found.predict(X, times, list(future))
    np.testing.assert_array_equal(same, forecasts)


def test_future_times_that_do_not_go_on_are_refused():
    times, future = TIMES[:, :6], TIMES[:, 6:]
    found = LiquidForecaster(**SMALL, horizon=3).fit(X, times=times)
    for given, message in [
        (future[:, :2], "must be of horizon = 3 steps"),
        (future[:, ::-1], "must increase from the last time of the case on"),
        (TIMES[:, 3:6], "must increase from the last time of the case on"),
        (np.where(future > 6, np.nan, future), "must increase"),
        (future[:5], "of 12 cases, got"),
    ]:
        with pytest.raises(ValueError, match=message):
            found.predict(X, times, given)
    with pytest.raises(ValueError, match="future_times must be None where X has no times"):
        LiquidForecaster(**SMALL, horizon=3).fit(X).predict(X, future_times=future)


def test_a_table_gets_a_table_of_any_number_of_columns():
    found = LiquidForecaster(**SMALL, horizon=2).fit(X[:, 0])
    assert found.predict(X[:, 0]).shape == (12, 2)
    assert found.predict(X[:1, 0, :3]).shape == (1, 2)
    np.testing.assert_array_equal(found.predict(X[:, :1])[:, 0], found.predict(X[:, 0]))


def test_a_channel_of_times_is_not_forecast():
    timed = np.concatenate([X, TIMES[:, None, :6]], axis=1)
    within = LiquidForecaster(**SMALL, horizon=2, time_channel=-1).fit(timed)
    beside = LiquidForecaster(**SMALL, horizon=2).fit(X, times=TIMES[:, :6])
    np.testing.assert_array_equal(within.predict(timed), beside.predict(X, TIMES[:, :6]))


def test_the_score_is_that_of_the_last_steps_from_those_before():
    found = LiquidForecaster(**SMALL, horizon=2).fit(X)
    forecasts, truth = found.predict(X[:, :, :-2]), X[:, :, -2:]
    per_channel = [
        1 - np.sum((truth[:, i] - forecasts[:, i]) ** 2) / np.sum((truth[:, i] - truth[:, i].mean()) ** 2)
        for i in range(2)
    ]
    assert found.score(X) == pytest.approx(np.mean(per_channel), abs=1e-9)
    holes = X.copy()
    holes[0, 0, -1] = np.nan  # what is not known counts nothing
    assert np.isfinite(found.score(holes))
    timed = LiquidForecaster(**SMALL, horizon=3).fit(np.concatenate([X, X[:, :, :3]], axis=2), times=TIMES)
    assert np.isfinite(timed.score(np.concatenate([X, X[:, :, :3]], axis=2), times=TIMES))
    with pytest.raises(ValueError, match="at least 3 steps, of which 2 are held out, got 2"):
        found.score(X[:, :, :2])


def test_it_learns_a_wave_and_a_window_of_it_is_enough():
    wave = np.sin(0.5 * np.arange(150)).reshape(1, -1)
    settings = {"cell": "GRU", "units": 12, "epochs": 120, "batch_size": 8, "random_state": 0}
    found = LiquidForecaster(**settings, horizon=6, window=24).fit(wave[:, :140])
    assert np.abs(found.predict(wave[:, :140]) - wave[:, 140:146]).max() < 0.3
    assert found.score(wave) > 0.9


@pytest.mark.parametrize("count", [3, 12])
def test_what_is_held_out_is_the_end_of_few_cases_and_some_of_many(count):
    found = LiquidForecaster(**SMALL, validation_fraction=0.34).fit(X[:count])
    learnt = X[:3, :, :4] if count == 3 else None
    assert found.history_[-1].validation_loss is not None
    if learnt is not None:
        mean = SequenceDataset.of([case.T for case in learnt]).inputs.astype(float).mean((0, 1))
        np.testing.assert_allclose(untyped(found.model_.preparation).mean, mean, rtol=0, atol=1e-12)


def test_what_cannot_be_forecast_is_refused():
    for series, message in [
        (X[:, :, :1], "at least one channel and 2 steps"),
        (X[:, 0, :1], r"1 feature\(s\)"),
        (X[0, 0], "Reshape your data"),
    ]:
        with pytest.raises(ValueError, match=message):
            LiquidForecaster(**SMALL).fit(series)
    for name, value in [("horizon", 0), ("window", 1), ("patience", 2)]:
        with pytest.raises(ValueError, match=f"{name} must be"):
            LiquidForecaster(**{**SMALL, name: value}).fit(X)
    with pytest.raises(ValueError, match="at least 4 steps, of which 2 are held out, got 3"):
        LiquidForecaster(**SMALL, validation_fraction=0.2).fit(X[:2, :, :3])


def test_one_case_is_enough_to_learn_from():
    assert LiquidForecaster(**SMALL).fit(X[:1]).predict(X[:1]).shape == (1, 2, 1)


def test_the_model_is_one_that_forecasts():
    model = LiquidForecaster(**SMALL).fit(X).model_
    assert model.cell.outputs == model.cell.inputs == 2
    assert all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(model.params))
