"""What is done to data before a cell reads it, against a slow loop over each step; and what it is learnt from."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from untyped import untyped

NAN = float("nan")


@st.composite
def gappy(draw):
    """Series of moderate numbers with gaps, and times that are some powers of two apart."""
    lengths = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    features = draw(st.integers(1, 3))
    cell = st.one_of(st.floats(-100, 100), st.just(NAN))
    inputs = [
        np.array(draw(st.lists(cell, min_size=n * features, max_size=n * features))).reshape(n, features)
        for n in lengths
    ]
    gap = st.sampled_from([0.25, 0.5, 1.0, 8.0])
    times = [np.cumsum(draw(st.lists(gap, min_size=n, max_size=n))) for n in lengths]
    return SequenceDataset.of(inputs, times)


def slowly(made: Preparation, data: SequenceDataset):
    """Inputs and dt, step by step of one series after the other, in Python's own numbers."""
    series, time, features = data.inputs.shape
    inputs, dt = np.zeros((series, time, made.inputs)), np.zeros((series, time))
    for i in range(series):
        last: list[int | None] = [None] * features
        for t in range(data.lengths[i]):
            now = data.times[i, t]
            dt[i, t] = (now - data.times[i, t - 1]) / made.time_unit if t else made.first_step / made.time_unit
            filled, indicators, since = [], [], []
            for j in range(features):
                value = float(data.inputs[i, t, j])
                missing = math.isnan(value)
                if not missing:
                    last[j] = t
                where = last[j] if made.fill == "carry" or not missing else None
                known = made.mean[j] if where is None else float(data.inputs[i, where, j])
                filled.append((known - made.mean[j]) / made.spread[j])
                indicators.append(0 if missing else 1)
                since.append((now - data.times[i, last[j] or 0]) / made.time_unit)
            inputs[i, t] = filled + indicators * made.indicators + since * made.since
    return inputs, dt


@given(
    gappy(),
    st.booleans(),
    st.sampled_from(["median", 0.5, 3.0]),
    st.sampled_from(["carry", "mean"]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_what_is_applied_is_the_loop_over_each_step(data, scale, time_unit, fill, indicators, since):
    options = {"time_unit": time_unit, "fill": fill, "indicators": indicators, "since": since}
    made = Preparation.learnt(data, scale=scale, **options)
    prepared = made.apply(data)
    assert prepared.inputs.dtype == prepared.dt.dtype == np.float64
    assert prepared.inputs.shape == (*data.mask.shape, made.inputs)
    inputs, dt = slowly(made, data)
    np.testing.assert_array_equal(prepared.inputs, inputs)
    np.testing.assert_array_equal(prepared.dt, dt)


@given(gappy(), st.sampled_from([NAN, np.inf, -np.inf, 1e300]), st.sampled_from(["carry", "mean"]))
@settings(max_examples=100, deadline=None)
def test_padding_may_hold_anything_and_nothing_changes_bit_for_bit(data, odd, fill):
    inputs, times = data.inputs.copy(), data.times.copy()
    inputs[~data.mask], times[~data.mask] = odd, odd
    wider = np.full((len(data), 3, data.inputs.shape[2]), odd)
    others = [
        SequenceDataset(inputs, times, data.mask),
        SequenceDataset(
            np.concatenate([inputs, wider], axis=1),
            np.concatenate([times, wider[..., 0]], axis=1),
            np.concatenate([data.mask, np.zeros((len(data), 3), bool)], axis=1),
        ),
    ]
    options = {"fill": fill, "indicators": True, "since": True}
    made = Preparation.learnt(data, **untyped(options))
    prepared = made.apply(data)
    for other in others:
        assert Preparation.learnt(other, **untyped(options)) == made
        again = made.apply(other)
        time = data.inputs.shape[1]
        assert again.inputs[:, :time].tobytes() == prepared.inputs.tobytes() and not again.inputs[:, time:].any()
        assert again.dt[:, :time].tobytes() == prepared.dt.tobytes() and not again.dt[:, time:].any()
    assert not prepared.inputs[~data.mask].any() and not prepared.dt[~data.mask].any()


@given(gappy())
@settings(max_examples=100, deadline=None)
def test_mean_spread_and_time_unit_are_of_what_is_observed(data):
    made = Preparation.learnt(data)
    for j, (mean, spread) in enumerate(zip(made.mean, made.spread, strict=True)):
        seen = [float(x) for x in data.inputs[..., j][data.mask] if not math.isnan(x)]
        expected = math.fsum(seen) / len(seen) if seen else 0.0
        assert mean == pytest.approx(expected, abs=1e-12)
        deviation = math.sqrt(math.fsum((x - expected) ** 2 for x in seen) / len(seen)) if seen else 0.0
        large = deviation > 1e-9 * max(map(abs, seen), default=0)
        assert spread == pytest.approx(deviation if large else 1.0, rel=1e-9)
    gaps = [float(gap) for i, n in enumerate(data.lengths) for gap in np.diff(data.times[i, :n])]
    assert made.time_unit == made.first_step == (np.median(gaps) if gaps else 1)
    assert Preparation.learnt(data, time_unit=7).first_step == made.first_step


def test_without_scaling_features_and_values_stay_as_they_are():
    data = SequenceDataset(np.array([[[1.0], [5.0]]]), targets=[[7.0]])
    made = Preparation.learnt(data, scale=False)
    assert (made.mean, made.spread, made.target_mean, made.target_spread) == ((0,), (1,), (0,), (1,))
    assert made.apply(data).inputs.tolist() == [[[1], [5]]]


def test_values_are_scaled_by_those_that_are_known_and_back():
    data = SequenceDataset.of([np.ones((2, 1)), np.ones((1, 1))], targets=[np.array([[1.0], [NAN]]), np.array([[5.0]])])
    made = Preparation.learnt(data)
    assert (made.target_mean, made.target_spread) == ((3.0,), (2.0,))
    assert data.targets is not None
    scaled = made.scaled(data.targets)
    assert scaled.dtype == np.float64
    np.testing.assert_array_equal(scaled[..., 0], [[-1, NAN], [1, NAN]])
    np.testing.assert_array_equal(made.unscaled(scaled), data.targets)


def test_classes_are_not_scaled():
    assert Preparation.learnt(SequenceDataset(np.ones((1, 2, 1)), targets=[0], classes=("a",))).target_mean is None


def test_values_are_needed_to_scale_values():
    made = Preparation((0,), (1,))
    for scale in (made.scaled, made.unscaled):
        with pytest.raises(ValueError, match=r"must have been learnt from data with values to learn, and knows none$"):
            scale(np.ones((1, 1)))


def test_what_it_has_learnt_does_not_depend_on_what_it_is_applied_to():
    training = SequenceDataset.of([[[0.0], [2.0], [4.0]]], times=[[0, 10, 30]])
    test = SequenceDataset.of([[[NAN], [100.0]]], times=[[5, 6]])
    prepared = Preparation.learnt(training, since=True).apply(test)
    np.testing.assert_allclose(prepared.inputs[0], [[0, 0], [98 / math.sqrt(8 / 3), 0]], rtol=1e-6)
    np.testing.assert_allclose(prepared.dt, [[1, 1 / 15]], rtol=1e-6)


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"mean": 0}, "mean must be a number for each feature, got 0"),
        ({"mean": "12"}, "mean must be a number for each feature, got '12'"),
        ({"mean": (NAN,)}, "mean must be a finite number, got nan"),
        ({"spread": (0,)}, "spread must be above 0, got (0.0,)"),
        ({"spread": (1, 1)}, "mean and spread must have the same length, got (0.0,) and (1.0, 1.0)"),
        ({"time_unit": 0}, "time_unit must be a number in (0, inf), got 0"),
        ({"first_step": -1}, "first_step must be a number in [0, inf), got -1"),
        ({"time_unit": "mean"}, "time_unit must be a number in (0, inf), got 'mean'"),
        ({"fill": "zero"}, "fill must be one of 'carry', 'mean', got 'zero'"),
        ({"indicators": 1}, "indicators must be True or False, got 1"),
        ({"target_mean": (0,)}, "target_mean and target_spread must have the same length, got (0.0,) and None"),
        ({"target_mean": (0,), "target_spread": (-1,)}, "target_spread must be above 0, got (-1.0,)"),
    ],
)
def test_refuses_what_it_cannot_be_made_of(arguments, sentence):
    with pytest.raises(ValueError) as caught:
        Preparation(**untyped({"mean": (0,), "spread": (1,)} | arguments))
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "inputs, times, sentence",
    [
        ([[1.0, 2.0]], [0], "the data must have 1 features, as in training, got 2: x1, x2"),
        ([[0.0], [1e39]], [0, 1], "inputs must be within float32 after scaling, got 1e+39 in series '1', step 1"),
        *(
            (
                [[0.0], [0.0]],
                [0, dt],
                f"dt must be within float32, 1.2e-38 to 3.4e+38, got {dt:g} of time_unit in series '1', step 1",
            )
            for dt in (1e39, 1e-39)
        ),
    ],
)
def test_refuses_data_that_it_does_not_fit(inputs, times, sentence):
    with pytest.raises(ValueError) as caught:
        Preparation((0,), (1,)).apply(SequenceDataset.of([inputs], [times]))
    assert str(caught.value) == sentence


def test_no_time_may_pass_before_the_first_step():
    data = SequenceDataset.of([[[0.0], [1.0]]], [[0, 2]])
    assert Preparation((0,), (1,), first_step=0).apply(data).dt.tolist() == [[0, 2]]
