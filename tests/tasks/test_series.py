"""The series that are forecast: they obey their equations, repeat exactly, and have the noise that is asked for."""

import jax.numpy as jnp
import numpy as np
import pytest
import yaml

from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.shared import configuration as configs
from liquidjax.tasks import series
from tiny_forecasting import TINY


def test_the_sines_are_those_of_the_formula():
    assert series.sines(np.array([0.0, 0.7]))[:, 0] == pytest.approx(
        [0, np.sin(0.7) + 0.5 * np.sin(1.61) + 0.3 * np.sin(2.59)], abs=1e-15
    )


def test_lorenz_slope_vanishes_at_the_three_fixed_points(x64):
    away = np.sqrt(8 / 3 * 27)
    for point in ([0, 0, 0], [away, away, 27], [-away, -away, 27]):
        np.testing.assert_allclose(series.lorenz_slope(0.0, jnp.array(point, float)), 0, atol=1e-12)
    np.testing.assert_allclose(series.lorenz_slope(0.0, jnp.array([1.0, 2.0, 3.0])), [10, 23, -6], rtol=1e-12)


def test_lorenz_obeys_its_equation_and_converges_with_the_tolerance():
    step = 1e-3
    times = np.arange(2000) * step
    states = series.lorenz(times)
    slope = (states[2:] - states[:-2]) / (2 * step)
    x, y, z = states[1:-1].T
    expected = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    assert np.abs(slope - expected).max() < 1e-2 and np.abs(slope).max() > 50  # h^2 / 6 times the third derivative
    best = series.lorenz(times, tolerance=1e-13)
    errors = [np.abs(series.lorenz(times, tolerance) - best).max() for tolerance in (1e-7, 1e-9, 1e-11)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2] and errors[2] < 1e-3


def test_lorenz_is_on_its_attractor():
    states = series.lorenz(np.arange(2000) * 0.05)
    assert states.shape == (2000, 3) and states.dtype == np.float64
    assert np.all(np.abs(states[:, 0]) < 22) and np.all((states[:, 2] > 0) & (states[:, 2] < 50))
    assert states[:, 0].min() < -10 and states[:, 0].max() > 10  # it visits both wings
    np.testing.assert_allclose(states[:, 2].mean(), 23.5, atol=0.5)
    np.testing.assert_allclose(states[:40], series.lorenz(np.arange(2000) * 1e-3)[::50], atol=1e-3)


@pytest.fixture(scope="module")
def mackey_glass():
    """At every 0.05 of 200 units of time, after the transient."""
    return series.mackey_glass(np.arange(4000) * 0.05)


def test_mackey_glass_obeys_its_equation(mackey_glass):
    values, delay = mackey_glass[:, 0], 340
    slope = (values[2:] - values[:-2])[delay:] / 0.1
    now, delayed = values[1 + delay : -1], values[1 : -1 - delay]
    residual = slope - (0.2 * delayed / (1 + delayed**10) - 0.1 * now)
    assert np.abs(residual).max() < 3e-5 and np.abs(slope).max() > 0.05
    assert series.mackey_glass_slope(jnp.array(1.0), jnp.array(1.0)) == 0  # its fixed point


def test_mackey_glass_oscillates_within_its_range(mackey_glass):
    assert mackey_glass.shape == (4000, 1) and mackey_glass.dtype == np.float64
    assert 0.2 < mackey_glass.min() < 0.6 and 1.2 < mackey_glass.max() < 1.4
    assert 3 <= np.sum((mackey_glass[1:] > 0.9) & (mackey_glass[:-1] <= 0.9)) <= 6  # a period is about 50


def test_mackey_glass_starts_with_the_closed_form(monkeypatch):
    """Over the first delay the delayed value is 1.2, and dx/dt = b - 0.1 x is solved by hand."""
    monkeypatch.setitem(series.TRANSIENT, "mackey_glass", 0.0)
    times = np.arange(0, 40, 0.5)
    values = series.mackey_glass(times)[:, 0]
    rest = 0.2 * 1.2 / (1 + 1.2**10) / 0.1
    first = times <= 17
    np.testing.assert_allclose(values[first], rest + (1.2 - rest) * np.exp(-0.1 * times[first]), atol=1e-9)
    assert np.abs(series.mackey_glass(times, tolerance=1e-6)[:, 0] - values).max() < 1e-4


def test_series_repeat_exactly_whatever_the_sampling(mackey_glass):
    times = configs.build(ForecastingConfig, yaml.safe_load(TINY)).mackey_glass.times
    values = series.mackey_glass(times)
    np.testing.assert_array_equal(values, series.mackey_glass(times))
    np.testing.assert_allclose(values, mackey_glass[: 40 * len(times) : 40], atol=1e-7)
    assert jnp.ones(1).dtype == jnp.float32  # float64 was for the solver only


def correlation(a, b):
    return np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std())


def test_the_noise_is_as_strong_as_asked_and_belongs_to_its_seed():
    values = np.random.default_rng(9).normal(size=(20000, 2)) * [1.0, 50.0]
    noisy = series.add_noise(values, 0.3, seed=1)
    np.testing.assert_allclose((noisy - values).std(axis=0) / values.std(axis=0), 0.3, rtol=0.02)
    np.testing.assert_array_equal(noisy, series.add_noise(values, 0.3, seed=1))
    assert np.abs(correlation(*(noisy - values).T)) < 0.03
    other = series.add_noise(values, 0.3, seed=2)
    assert np.abs(correlation((noisy - values)[:, 0], (other - values)[:, 0])) < 0.03
    np.testing.assert_array_equal(series.add_noise(values, 0.0, seed=1), values)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train": 0}, "train must be an integer of at least 1"),
        ({"test": 0}, "test must be"),
        ({"interval": 0.0}, "interval must be above 0"),
        ({"noise": -0.1}, "noise must be at least 0"),
        ({"noise": float("nan")}, "noise must be at least 0"),
    ],
)
def test_samplings_that_do_not_exist_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        series.Sampling(**{"train": 3, "test": 3, "interval": 1.0, "noise": 0.0, **change})
