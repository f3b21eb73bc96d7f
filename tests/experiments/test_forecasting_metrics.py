"""Forecasters without a network, how all are judged, and what they may know."""

import dataclasses

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.experiments.forecasting import baselines, metrics, report, training
from liquidjax.experiments.forecasting.task import Task, ranking

CELL = lj.Readout(lj.LSTM(1, 3), 1)  # its state is more than one array


def waves(copies=3, time=20):
    phases = np.arange(copies)
    return np.sin(0.5 * np.arange(time)[:, None] + phases)[..., None]


def task_of(values, train, fit, starts, horizon):
    """A task with one seed and one dimension."""
    return Task(np.array(values, float)[:, None, None], train, fit, np.array(starts), horizon)


def test_ridge_is_the_minimum_of_its_cost():
    """For each of the penalties that are fitted at a time, over the windows and the points behind them."""
    rng = np.random.default_rng(0)
    series, window = rng.normal(size=(32, 2)) + 2, 2
    features, targets = baselines.windows(series[:-1], window), series[window:]
    model = baselines.fit(series, window, (0.1, 10.0))
    weights, biases = model.coef_.reshape(2, 2, 4), np.reshape(model.intercept_, (2, 2))
    for penalty, weight, bias in zip((0.1, 10.0), weights.swapaxes(1, 2), biases, strict=True):

        def cost(weight, bias, penalty=penalty):
            return ((features @ weight + bias - targets) ** 2).sum() + penalty * (weight**2).sum()

        least = cost(weight, bias)
        for _ in range(20):
            assert cost(weight + 1e-3 * rng.normal(size=(4, 2)), bias) > least
            assert cost(weight, bias + 1e-3 * rng.normal(size=2)) > least


def test_windows_hold_the_past_and_nothing_else():
    values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])
    np.testing.assert_array_equal(baselines.windows(values, 3), [[1, 10, 2, 20, 3, 30], [2, 20, 3, 30, 4, 40]])


def test_ridge_finds_a_linear_recurrence_and_goes_on_with_it():
    values = np.cos(0.7 * np.arange(60))  # x(t) = 2 cos 0.7 x(t - 1) - x(t - 2)
    task = task_of(values, train=30, fit=20, starts=[30, 33], horizon=20)
    made = baselines.ridge_regression(task, longest_window=9)
    assert made.parameters in (3, 5, 10)  # windows of 2, 4 and 9; one point is not enough
    window = made.parameters - 1
    assert np.isnan(made.predicted[: window - 1]).all()
    np.testing.assert_allclose(made.predicted[window - 1 :, 0, 0], values[window:], atol=1e-4)
    np.testing.assert_allclose(made.forecasts[:, 0, 0, 0], values[30:50], atol=1e-3)
    np.testing.assert_allclose(made.forecasts[:, 1, 0, 0], values[33:53], atol=1e-3)
    row = metrics.evaluate({"ridge": made}, task, task.series, 0.4, "some", "points", 1).rows[0]
    assert row.train_errors[0] < 1e-8 and row.valid_times == [20]


def test_the_window_is_chosen_on_the_held_out_part():
    rng = np.random.default_rng(0)
    values = np.zeros(400)
    for now in range(3, 400):
        values[now] = 0.9 * values[now - 3] + 0.1 * rng.normal()
    assert baselines.ridge_regression(task_of(values, 300, 200, [300], 5), longest_window=3).parameters == 4
    assert baselines.ridge_regression(task_of(np.tile([1.0, -1.0], 20), 30, 20, [30], 5), 1).parameters == 2


def test_metrics_by_hand():
    """Persistence on 0, 1, 3, 3, 5, 4 with 3 points to train: every number of the table can be counted."""
    task = task_of([0, 1, 3, 3, 5, 4], train=3, fit=2, starts=[3, 4], horizon=2)
    truth = task.series + 0.5
    made = {"persistence": baselines.persistence(task)}
    study = metrics.evaluate(made, task, truth, threshold=1.0, title="some", unit="days", units_per_step=10)
    row = study.rows[0]
    assert row.train_errors == [(1 + 4) / 2]
    assert row.test_errors == [(0 + 4 + 1) / 3]
    # From point 3 on 3, 3 against 3.5, 5.5: one point is right; from point 4 on 3, 3 against 5.5, 4.5: none.
    assert row.valid_times == [10 * 0.5]
    assert study.noise_errors == [0.25] and study.longest == 20
    assert "| 2.5000 (2.5000-2.5000) | 1.6667 (1.6667-1.6667) |" in report.table(study)
    assert "| 5.0 (5.0-5.0) |" in report.table(study).replace("  ", "")


def test_a_forecast_that_is_lost_is_not_found_again():
    errors = np.array([[0.1, 0.1, 0.9, np.nan], [0.1, 0.9, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]])[..., None]
    np.testing.assert_array_equal(metrics.valid_steps(errors, 0 * errors, threshold=0.4), [3, 1, 0, 0])
    both = np.array([[[0.6, 0.0]]])  # root mean square 0.42 over two dimensions
    assert metrics.valid_steps(both, 0 * both, 0.4) == 0 and metrics.valid_steps(both, 0 * both, 0.43) == 1


def test_the_lowest_median_wins_and_divergence_never():
    errors = np.array([[1.0, 1.0, 9.0], [2.0, 2.0, 2.0], [0.0, np.nan, np.nan], [0.5, 0.6, np.nan]])
    assert ranking(errors) == [3, 0, 1]
    assert ranking(errors[2:3]) == []


def test_nothing_is_learnt_from_the_test_section():
    values = np.concatenate([waves(2, 30), 100 + 0 * waves(2, 10)]).astype(float)
    other = values.copy()
    other[30:] = -7

    def made(series):
        given = Task(series, train=30, fit=20, starts=np.array([30]), horizon=4)
        return training.train(CELL, given, [0.001, 0.03], 10, 0.1, lambda epoch, error, seconds: None)

    first, second = made(values), made(other)
    assert first is not None and second is not None
    assert first.learning_rate == second.learning_rate == 0.03
    np.testing.assert_array_equal(first.predicted[:30], second.predicted[:30])
    np.testing.assert_array_equal(first.forecasts, second.forecasts)
    assert np.abs(first.predicted[30:] - second.predicted[30:]).max() > 1e-3


@pytest.mark.parametrize("diverging", [(0.03,), (0.03, 0.001)])
def test_a_rate_that_diverges_on_the_whole_section_is_passed_over(diverging, monkeypatch):
    fit = training.fit

    def spoilt(cell, objective, data, **options):
        fitted = fit(cell, objective, data, **options)
        if data.inputs.shape[1] < 30 or options["members"]["learning_rate"][0] not in diverging:
            return fitted
        spoilt = jax.tree.map(lambda leaf: leaf * np.nan, fitted.last.params)
        return dataclasses.replace(fitted, last=fitted.last._replace(params=spoilt))

    monkeypatch.setattr(training, "fit", spoilt)
    given = Task(waves(2, 40), train=30, fit=20, starts=np.array([30]), horizon=4)
    arguments = CELL, given, [0.001, 0.03], 10, 0.1, lambda epoch, error, seconds: None
    if len(diverging) == 1:
        made = training.train(*arguments)
        assert made is not None and made.learning_rate == 0.001
    else:
        with pytest.raises(FloatingPointError, match=r"diverged with all learning rates from 0\.001; try lower ones"):
            training.train(*arguments)
