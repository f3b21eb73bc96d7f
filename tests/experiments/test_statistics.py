"""Statistics of few runs: against what can be computed by hand, and against intervals that are known."""

import numpy as np
import pytest
from scipy import stats

from liquidjax.experiments.shared import statistics

RNG = np.random.default_rng(0)


def test_the_middle_half_is_what_counts():
    runs = np.arange(12.0)
    assert statistics.interquartile_mean([runs]).value == np.arange(3, 9).mean()
    assert statistics.interquartile_mean([runs[:6], runs[6:]]).value == np.arange(3, 9).mean()
    wild = np.where(runs == 11, 1e9, runs)
    assert statistics.interquartile_mean([wild]).value == np.arange(3, 9).mean()


def test_the_interval_of_a_mean_is_about_that_of_students():
    """Of 40 normal runs, with the spread that they have; the percentile interval is a little narrower."""
    runs = RNG.normal(3, 2, 40)
    found = statistics.mean([runs])
    half = stats.t.ppf(0.975, 39) * runs.std(ddof=1) / np.sqrt(40)
    assert found.value == runs.mean()
    np.testing.assert_allclose([found.low, found.high], [found.value - half, found.value + half], atol=0.15 * half)


def test_tasks_keep_their_runs():
    """Two tasks far apart whose runs agree: drawn anew without strata, the interval would be wide."""
    found = statistics.mean([np.full(5, 0.0), np.full(5, 100.0)])
    assert found == (50.0, 50.0, 50.0)


def test_the_probability_of_improvement_is_that_of_mann_and_whitney():
    x, y = RNG.normal(0.5, 1, 20), np.round(RNG.normal(0, 1, 15), 1)
    u = stats.mannwhitneyu(x, y).statistic / (20 * 15)
    assert statistics.probability_of_improvement([x], [y]).value == pytest.approx(u)
    assert statistics.probability_of_improvement([x, x], [y, x]).value == pytest.approx((u + 0.5) / 2)


def test_a_profile_falls_from_one_to_nothing():
    found = statistics.profile([RNG.random(50), RNG.random(20)], np.linspace(-0.1, 1.1, 30))
    assert found[0] == 1 and found[-1] == 0 and (np.diff(found) <= 0).all()


def test_one_run_of_each_says_nothing_of_its_uncertainty():
    assert statistics.mean([np.array([0.3]), np.array([0.5])]) == (0.4, -np.inf, np.inf)


def test_the_same_seed_gives_the_same_interval():
    runs = [RNG.normal(size=7)]
    assert statistics.mean(runs, 1) == statistics.mean(runs, 1) != statistics.mean(runs, 2)


@pytest.mark.parametrize("scores", [[], [np.array([])], [np.array([np.nan])], [np.ones((2, 2))]])
def test_what_are_no_scores_is_refused(scores):
    with pytest.raises(ValueError, match="scores must be a list of tasks"):
        statistics.mean(scores)
    with pytest.raises(ValueError, match="same tasks, got 1 and 2"):
        statistics.probability_of_improvement([np.ones(2)], [np.ones(2)] * 2)
