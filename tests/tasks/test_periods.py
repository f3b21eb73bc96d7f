"""The sines whose period is asked for."""

import numpy as np
import pytest

from liquidjax.tasks.periods import PERIODS, periods


def test_each_is_a_sine_of_its_period():
    data = periods(12, duration=40, gap=0.25, noise=0.0, seed=3)
    times = data.times[0]
    for row, kind in enumerate(data.targets):
        angle = 2 * np.pi * times / PERIODS[kind]
        basis = np.stack([np.sin(angle), np.cos(angle)], 1)
        weights, *_ = np.linalg.lstsq(basis, data.inputs[row, :, 0].astype(float), rcond=None)
        np.testing.assert_allclose(basis @ weights, data.inputs[row, :, 0], atol=1e-6)
        assert 0.7 <= np.hypot(*weights) <= 1.3


def test_another_rate_samples_the_same_sines():
    fine, coarse = periods(6, gap=0.5, noise=0.0, seed=1), periods(6, gap=2.0, noise=0.0, seed=1)
    np.testing.assert_array_equal(fine.inputs[:, ::4], coarse.inputs)
    assert fine.times[0, -1] == coarse.times[0, -1] == 32


def test_noise_is_as_large_as_was_said_and_of_the_seed():
    clean, noisy = periods(400, noise=0.0, seed=1), periods(400, noise=0.3, seed=1)
    assert abs(np.std(noisy.inputs - clean.inputs) - 0.3) < 0.01
    assert not np.array_equal(periods(4, seed=1).inputs, periods(4, seed=2).inputs)


@pytest.mark.parametrize("wrong", [{"series": 0}, {"duration": 0}, {"gap": -1}, {"noise": -1}, {"seed": -1}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        periods(**{"series": 4} | wrong)
