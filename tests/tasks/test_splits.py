"""Splits: by series, by groups, by classes, in time; no series, no group and no step is in two parts."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.splits import Parts, split, split_in_time
from untyped import untyped

CLASSES = ("a", "b", "c")


def numbered(count: int, **chosen: Any) -> SequenceDataset:
    """Series that hold their number."""
    lengths = [1 + number % 3 for number in range(count)]
    return SequenceDataset.of([np.full((length, 1), number) for number, length in enumerate(lengths)], **chosen)


def rows(part: SequenceDataset) -> list[int]:
    return part.inputs[:, 0, 0].astype(int).tolist()


def sizes(parts: Parts) -> list[int]:
    return [len(part) for part in parts]


@given(st.integers(3, 60), st.floats(0.01, 0.6), st.floats(0.01, 0.6), st.integers(0, 2**32 - 1))
@settings(max_examples=100, deadline=None)
def test_each_series_is_in_one_part_in_the_order_of_the_data(count, validation, test, seed):
    expected = [round(validation * count), round(test * count)]
    if validation + test >= 1 or min(*expected, count - sum(expected)) < 1:
        with pytest.raises(ValueError, match=r"each part must have at least one series|must be below 1"):
            split(numbered(count), validation, test, seed)
        return
    parts = split(numbered(count), validation, test, seed)
    assert sizes(parts) == [count - sum(expected), *expected]
    assert sorted(rows(parts.training) + rows(parts.validation) + rows(parts.test)) == list(range(count))
    assert all(rows(part) == sorted(rows(part)) and part.lengths.max() == part.inputs.shape[1] for part in parts)


def test_the_seed_decides():
    data = numbered(40)
    first, again, other = (split(data, 0.2, 0.2, seed) for seed in (1, 1, 2))
    assert [rows(part) for part in first] == [rows(part) for part in again]
    assert rows(first.test) != rows(other.test)
    grouped = numbered(40, groups=[str(number // 3) for number in range(40)])
    first, again, other = (split(grouped, 0.2, 0.2, seed) for seed in (1, 1, 2))
    assert [rows(part) for part in first] == [rows(part) for part in again]
    assert rows(first.test) != rows(other.test)


def test_each_part_has_the_same_mix_of_classes_and_of_unknown_ones():
    targets = np.repeat([0, 1, 2, -1], [50, 30, 10, 10])
    data = numbered(100, targets=np.random.default_rng(0).permutation(targets), classes=CLASSES)
    parts = split(data, 0.2, 0.1, seed=3)
    for part, share in zip(parts, (0.7, 0.2, 0.1), strict=True):
        assert part.targets is not None
        assert np.bincount(part.targets + 1, minlength=4).tolist() == pytest.approx(np.array([10, 50, 30, 10]) * share)
    loose = split(data, 0.2, 0.1, seed=3, stratified=False)
    assert rows(loose.test) != rows(parts.test)


@pytest.mark.parametrize("targets", [np.zeros((60, 3), int), None], ids=["classes of steps", "no targets"])
def test_only_classes_of_series_are_spread(targets):
    whole = SequenceDataset(np.arange(60.0)[:, None, None] * np.ones((1, 3, 1)), targets=targets, classes=CLASSES)
    with_them, without = (split(whole, 0.2, 0.2, 5, stratified=stratified) for stratified in (True, False))
    assert [rows(part) for part in with_them] == [rows(part) for part in without]


@given(
    st.lists(st.tuples(st.integers(0, 8), st.integers(-1, 2)), min_size=3, max_size=50),
    st.floats(0.05, 0.45),
    st.floats(0.05, 0.45),
    st.integers(0, 9),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_no_group_is_in_two_parts_and_none_is_empty(series, validation, test, seed, stratified):
    groups, targets = [str(group) for group, _ in series], [target for _, target in series]
    data = numbered(len(series), groups=groups, targets=targets, classes=CLASSES)
    if len(set(groups)) < 3:
        with pytest.raises(ValueError, match=r"there must be at least 3 groups, one for each part, got [12]$"):
            split(data, validation, test, seed, stratified)
        return
    parts = split(data, validation, test, seed, stratified)
    owners = [set(part.groups or ()) for part in parts]
    assert all(owners) and sum(map(len, owners)) == len(set(groups))
    assert sorted(rows(parts.training) + rows(parts.validation) + rows(parts.test)) == list(range(len(series)))


def test_groups_of_many_sizes_give_shares_and_mixes_that_are_near():
    generator = np.random.default_rng(0)
    groups = generator.choice(40, 600, p=np.arange(1, 41) / 820)
    targets = (generator.random(600) < np.where(groups % 2, 0.7, 0.1)).astype(int)  # a group leans to a class
    data = numbered(600, groups=groups, targets=targets, classes=("a", "b"))
    parts = split(data, 0.2, 0.15, seed=0)
    for part, share in zip(parts, (0.65, 0.2, 0.15), strict=True):
        assert part.targets is not None
        np.testing.assert_allclose(np.bincount(part.targets), np.bincount(targets) * share, atol=6)


@pytest.mark.parametrize(
    "chosen, shares, sentence",
    [
        (
            {},
            (0.1, 0.5),
            "each part must have at least one series, but of 4 validation would have 0 with validation_share 0.1 and "
            "test_share 0.5",
        ),
        (
            {},
            (0.5, 0.5),
            "validation_share + test_share must be below 1, so that something is left to train on; got 0.5 + 0.5",
        ),
        ({}, (0, 0.5), "validation_share must be a number in (0, 1), got 0"),
        ({}, (0.5, float("nan")), "test_share must be a number in (0, 1), got nan"),
        (
            {"targets": [0, 0, 0, 1], "classes": CLASSES},
            (0.3, 0.3),
            "each class must have at least 3 series, one for each part, but class 'b' has 1; use stratified=False, or "
            "leave them out",
        ),
        (
            {"targets": [0, -1, 0, 0], "classes": CLASSES},
            (0.3, 0.3),
            "each class must have at least 3 series, one for each part, but no known class has 1; use "
            "stratified=False, or leave them out",
        ),
        (
            {"targets": [0, 0, 0, 1, 1, 1], "classes": CLASSES},
            (0.2, 0.2),
            "classes cannot be spread over the parts: The test_size = 1 should be greater or equal to the number of "
            "classes = 2; use stratified=False",
        ),
        ({"groups": "aabb"}, (0.3, 0.3), "groups must be a sequence of names, got 'aabb'"),
        ({"groups": list("aabb")}, (0.3, 0.3), "there must be at least 3 groups, one for each part, got 2"),
    ],
)
def test_refuses_the_rest_in_one_sentence(chosen, shares, sentence):
    with pytest.raises(ValueError) as caught:
        split(numbered(len(chosen.get("targets", range(4))), **chosen), *shares, seed=0)
    assert str(caught.value) == sentence


def test_refuses_what_is_no_seed_and_no_flag():
    with pytest.raises(ValueError, match="seed must be an integer"):
        split(numbered(9), 0.3, 0.3, seed=-1)
    with pytest.raises(ValueError, match="stratified must be True or False, got 1"):
        split(numbered(9), 0.3, 0.3, 0, stratified=untyped(1))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=5), st.floats(0.05, 0.6), st.floats(0.05, 0.6))
@settings(max_examples=150, deadline=None)
def test_sections_follow_each_other_and_are_the_series_together(lengths, validation, test):
    generator = np.random.default_rng(0)
    times = [np.cumsum(generator.random(length) + 0.1) for length in lengths]
    inputs = [generator.normal(size=(length, 2)) for length in lengths]
    targets = [generator.normal(size=(length, 1)) for length in lengths]
    data = SequenceDataset.of(inputs, times, targets, groups=["g"] * len(lengths))
    sections = [(n - round(validation * n) - round(test * n), round(validation * n), round(test * n)) for n in lengths]
    if validation + test >= 1 or min(map(min, sections)) < 2:
        with pytest.raises(ValueError, match=r"each section must have at least 2 steps|must be below 1"):
            split_in_time(data, validation, test)
        return
    parts = split_in_time(data, validation, test)
    assert [part.lengths.tolist() for part in parts] == np.array(sections).T.tolist()
    for i in range(len(lengths)):
        for name, whole in (("inputs", inputs), ("times", times), ("targets", targets)):
            joined = [getattr(part, name)[i][part.mask[i]] for part in parts]
            np.testing.assert_array_equal(np.concatenate(joined), whole[i])
    assert all(part.names == data.names and part.groups == data.groups for part in parts)


def test_a_series_with_one_target_is_not_cut():
    data = numbered(3, targets=[0, 1, 2], classes=CLASSES)
    with pytest.raises(ValueError) as caught:
        split_in_time(data, 0.2, 0.2)
    assert str(caught.value) == (
        "series with one target each must be split as a whole, by `split`: a section has no target"
    )


def test_too_short_a_section_is_named():
    data = SequenceDataset.of([np.ones((40, 1)), np.ones((9, 1))], names=("long", "short"))
    with pytest.raises(ValueError) as caught:
        split_in_time(data, 0.2, 0.1)
    assert str(caught.value) == (
        "each section must have at least 2 steps, but test has 1 of the 9 of series 'short'; use other shares, or "
        "leave the series out"
    )
