"""Other samplings of the same series: each against what numpy says of one series by itself."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.tasks import sampling
from liquidjax.tasks.dataset import SequenceDataset
from untyped import untyped

RNG = np.random.default_rng(0)
LINES = SequenceDataset.of(
    [np.stack([2 * np.arange(n), 5 - np.arange(n)], 1).astype(float) for n in (7, 4, 1)],
    times=[np.arange(n) * 0.5 - 1 for n in (7, 4, 1)],
    targets=[0, 1, 1],
    classes=("up", "down"),
)
LONG = SequenceDataset.of([RNG.normal(size=(20_000, 1))])


def series(data, row):
    length = data.lengths[row]
    return data.times[row, :length], data.inputs[row, :length]


def test_a_lower_rate_keeps_the_clock_and_the_classes():
    found = sampling.thinned(LINES, 3)
    assert found.lengths.tolist() == [3, 2, 1] and found.targets.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(series(found, 0)[0], [-1, 0.5, 2])
    np.testing.assert_array_equal(series(found, 0)[1][:, 0], [0, 6, 12])


@pytest.mark.parametrize(("share", "burst"), [(0.1, None), (0.5, None), (0.3, 5.0), (0.7, 4.0), (0.5, 1.0)])
def test_as_many_steps_are_lost_as_was_said_and_together(share, burst):
    found = sampling.lost(LONG, share, burst, seed=3)
    gaps = np.diff(found.times[0]).astype(int)
    lengths = gaps[gaps > 1] - 1
    expected = burst or 1 / (1 - share)
    # Five standard deviations of a mean over so many bursts, and of their number.
    assert abs(1 - len(found.times[0]) / 20_000 - share) < 5 * np.sqrt(2 * expected * share * (1 - share) / 20_000)
    assert abs(lengths.mean() - expected) < 5 * expected / np.sqrt(len(lengths))


def test_what_is_left_is_what_it_was_and_something_is_left():
    found = sampling.lost(LINES, 0.999, seed=1)
    assert found.lengths.tolist() == [1, 1, 1]
    for row in range(3):
        times, values = series(found, row)
        place = np.flatnonzero(series(LINES, row)[0] == times[0])[0]
        np.testing.assert_array_equal(values[0], series(LINES, row)[1][place])


def test_a_series_loses_the_same_steps_among_others():
    whole, part = sampling.lost(LINES, 0.5, 2.0, seed=5), sampling.lost(LINES.take([0]), 0.5, 2.0, seed=5)
    np.testing.assert_array_equal(series(whole, 0)[0], series(part, 0)[0])


def test_jitter_keeps_number_duration_and_what_is_read_on_a_line():
    found = sampling.jittered(LINES, 0.6, seed=2)
    assert found.lengths.tolist() == [7, 4, 1]
    times, values = series(found, 0)
    assert times[0] == -1 and times[-1] == 2 and (np.diff(times) > 0).all() and np.ptp(np.diff(times)) > 0.1
    np.testing.assert_allclose(values[:, 0], 4 * (times + 1))
    assert sampling.jittered(LINES, 0.0) is LINES


def test_gaps_vary_as_much_as_was_said():
    for variation in (0.3, 1.2):
        gaps = np.diff(sampling.jittered(LONG, variation).times[0])
        assert abs(gaps.mean() - 1) < 1e-9 and abs(gaps.std() - variation) < 0.05


@given(st.floats(0.05, 3), st.sampled_from(["linear", "hold"]))
@settings(max_examples=40, deadline=None)
def test_a_grid_is_regular_and_ends_with_the_series(gap, between):
    found = sampling.resampled(LINES, gap, between)
    for row in range(3):
        times, values = series(found, row)
        given, known = series(LINES, row)
        np.testing.assert_allclose(np.diff(times), gap, rtol=1e-9)
        assert times[0] == given[0] and times[-1] <= given[-1] + 1e-9 and given[-1] - times[-1] < gap
        if between == "linear":
            expected = np.interp(times, given, known[:, 0])
        else:
            expected = np.array([known[given <= time + 1e-9][-1, 0] for time in times])
        np.testing.assert_allclose(values[:, 0], expected, atol=1e-6)


def test_on_its_own_grid_a_series_is_itself():
    for between in ("linear", "hold"):
        found = sampling.resampled(LINES, 0.5, between)
        np.testing.assert_array_equal(found.inputs, LINES.inputs)
        np.testing.assert_array_equal(found.times, LINES.times)


def test_gaps_stay_gaps():
    data = SequenceDataset.of([[[0.0], [np.nan], [4.0]]])
    np.testing.assert_array_equal(sampling.resampled(data, 0.5, "linear").inputs[0, :, 0], [0, 0, np.nan, np.nan, 4])


def test_targets_of_steps_go_with_their_steps():
    values = SequenceDataset.of([np.zeros((3, 1))], targets=[np.array([[0.0], [10.0], [30.0]])])
    assert sampling.thinned(values, 2).targets.ravel().tolist() == [0, 30]
    assert sampling.resampled(values, 0.5, "linear").targets.ravel().tolist() == [0, 5, 10, 20, 30]
    classes = SequenceDataset.of([np.zeros((3, 1))], targets=[np.array([0, 1, 1])], classes=("a", "b"))
    assert sampling.resampled(classes, 0.5, "linear").targets.ravel().tolist() == [0, 0, 1, 1, 1]


def test_noise_has_its_spread_for_each_feature_and_leaves_padding():
    found = sampling.noisy(LINES, [1e-3, 0.0], seed=1)
    difference = found.inputs - LINES.inputs
    assert 2e-4 < np.nanstd(difference[..., 0]) < 3e-3 and np.nanmax(np.abs(difference[..., 1])) == 0
    assert abs(np.std(sampling.noisy(LONG, 0.5).inputs - LONG.inputs) - 0.5) < 0.02


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: sampling.thinned(LINES, 0), "every must be"),
        (lambda: sampling.lost(LINES, 1.0), "share must be below 1"),
        (lambda: sampling.lost(LINES, -0.1), r"share must be in \[0, 1\]"),
        (lambda: sampling.lost(LINES, 0.9, 2.0), "burst must be at least 9 where the share 0.9 is lost, got 2"),
        (lambda: sampling.lost(LINES, 0.5, 0.5), "burst must be"),
        (lambda: sampling.lost(LINES, 0.5, seed=-1), "seed must be"),
        (lambda: sampling.jittered(LINES, -1), "variation must be"),
        (lambda: sampling.resampled(LINES, 0.0), "gap must be above 0"),
        (lambda: sampling.resampled(LINES, 1e-9), "gap must leave at most 1,000,000 steps"),
        (lambda: sampling.resampled(LINES, 1.0, untyped("cubic")), "between must be"),
        (lambda: sampling.noisy(LINES, [1.0]), "spread must be at least 0, one or one for each of 2"),
    ],
)
def test_what_makes_no_sense_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_higher_rate_keeps_every_step_and_puts_the_others_on_the_line(parts, seed):
    """At irregular times, on a line in steps: so what is between two steps is a share of the way."""
    rng = np.random.default_rng(seed)
    times = [np.cumsum(rng.exponential(1.0, n) + 1e-3) for n in (5, 1, 3)]
    data = SequenceDataset.of([np.arange(float(len(t)))[:, None] for t in times], times=times)
    found = sampling.refined(data, parts)
    for row, given_times in enumerate(times):
        stamps, values = series(found, row)
        np.testing.assert_array_equal(stamps[::parts], given_times)
        np.testing.assert_array_equal(values[::parts, 0], np.arange(len(given_times)))
        np.testing.assert_allclose(values[:, 0], np.arange(len(stamps)) / parts, rtol=0, atol=1e-12)
        gaps = np.repeat(np.diff(given_times) / parts, parts)
        np.testing.assert_allclose(np.diff(stamps), gaps, rtol=1e-6)


def test_a_higher_rate_puts_nothing_on_a_line_that_is_not_there():
    """Next to a missing value stands the one before; classes of steps hold; and too many steps are refused."""
    data = SequenceDataset.of(
        [[[1.0], [np.nan], [3.0]]], targets=[np.array([0, 1, 0])], classes=("a", "b"), times=[[0.0, 2.0, 3.0]]
    )
    found = sampling.refined(data, 2)
    np.testing.assert_array_equal(found.inputs[0, :, 0], [1, 1, np.nan, np.nan, 3])
    assert found.targets.tolist() == [[0, 0, 1, 1, 0]]
    with pytest.raises(ValueError, match="parts must be an integer of at least 1, got 0"):
        sampling.refined(data, 0)
    with pytest.raises(ValueError, match="series must fit into memory"):
        sampling.refined(data, 10**9)
