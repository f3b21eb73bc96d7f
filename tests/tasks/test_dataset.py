"""The form of data in memory: what is taken, what it becomes, and the sentence for what is refused."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.tasks import dataset
from liquidjax.tasks.dataset import SequenceDataset, check_room, pad
from random_data import assert_same, data_sets
from untyped import untyped

X = np.zeros((2, 3, 1))
MASK = np.array([[True, True, True], [True, False, False]])


def test_what_is_left_out_has_defaults():
    data = SequenceDataset(X)
    assert data.times.tolist() == [[0, 1, 2]] * 2 and data.mask.all() and data.targets is None
    assert (data.features, data.names, data.groups, data.classes) == (("x1",), ("1", "2"), None, None)
    assert len(data) == 2 and data.lengths.tolist() == [3, 3] and not data.each_step


def test_numbers_become_floating_point_and_stay_single():
    for dtype, expected in ((np.int64, np.float64), (np.float16, np.float32), (np.float32, np.float32)):
        assert SequenceDataset(X.astype(dtype)).inputs.dtype == expected
    assert SequenceDataset(untyped(jnp.zeros((2, 3, 1), jnp.float32))).inputs.dtype == np.float32


def test_times_of_one_series_are_those_of_all():
    assert SequenceDataset(X, times=[0, 1, 5]).times.tolist() == [[0, 1, 5]] * 2


def test_the_arrays_are_read_only_and_those_of_the_caller_are_not():
    inputs, targets = np.zeros((2, 3, 1)), np.zeros((2, 1))
    data = SequenceDataset(inputs, targets=targets)
    assert inputs.flags.writeable and targets.flags.writeable
    for array in (data.inputs, data.times, data.mask, data.targets):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"inputs": X[0]}, "inputs must be (series, time, features), got shape (3, 1)"),
        ({"inputs": [["a"]]}, "inputs must be an array, got [['a']]"),
        ({"inputs": X > 0}, "inputs must be an array, got an array bool (2, 3, 1)"),
        ({"mask": MASK[:1]}, "mask must be (series, time) = (2, 3), got shape (1, 3)"),
        (
            {"mask": MASK[:, ::-1]},
            "mask must be True for the first steps of every series, at least one, and False behind them",
        ),
        (
            {"mask": MASK & [[True], [False]]},
            "mask must be True for the first steps of every series, at least one, and False behind them",
        ),
        (
            {"inputs": X[:, :0]},
            "mask must be True for the first steps of every series, at least one, and False behind them",
        ),
        ({"mask": MASK.astype(int)}, "mask must be an array of booleans, got an array int64 (2, 3)"),
        ({"times": [0, 1]}, "times must be (series, time) = (2, 3), got shape (2,)"),
        (
            {"times": [0, 2, 2]},
            "times must be finite and increase within a series, got 2.0 after 2.0 in series '1', step 2",
        ),
        (
            {"times": [0, 2, np.nan], "names": ("a", "b")},
            "times must be finite and increase within a series, got nan after 2.0 in series 'a', step 2",
        ),
        (
            {"times": [-np.inf, 2, 3]},
            "times must be finite and increase within a series, got -inf in series '1', step 0",
        ),
        (
            {"inputs": np.full((2, 3, 1), np.inf)},
            "inputs must be finite, or NaN where nothing was observed, got inf in series '1', step 0, feature 'x1'",
        ),
        ({"features": ("a", "b")}, "features must be 1 different names, got ('a', 'b')"),
        ({"features": "a"}, "features must be a sequence of names, got 'a'"),
        ({"names": ("a", "a")}, "names must be 2 different names, got ('a', 'a')"),
        ({"names": 5}, "names must be a sequence of names, got 5"),
        ({"groups": ("a",)}, "groups must be one for each of 2 series, got 1"),
        ({"groups": "ab"}, "groups must be a sequence of names, got 'ab'"),
        ({"classes": "ab"}, "classes must be a sequence of names, got 'ab'"),
        ({"classes": ("a", "a")}, "classes must have different names, got ('a', 'a')"),
        (
            {"targets": [0.0, 1.0], "classes": ["a", "b"]},
            "targets must be integers (series,) = (2,) or (series, time) = (2, 3) where there are classes, got float64 "
            "(2,)",
        ),
        (
            {"targets": [0, 2], "classes": ["a", "b"]},
            "targets must be in [0, 2), the number of classes, or -1 where they are not known, got 0 to 2",
        ),
        (
            {"targets": np.array([0, 2**64 - 1], np.uint64), "classes": ["a", "b"]},
            "targets must be in [0, 2), the number of classes, or -1 where they are not known, got 0 to "
            "18446744073709551615",
        ),
        (
            {"targets": np.zeros((3, 1))},
            "targets must be (series, outputs) = (2, outputs) or (series, time, outputs) = (2, 3, outputs) where there "
            "are no classes, got shape (3, 1)",
        ),
        (
            {"targets": [[0.0], [np.inf]]},
            "targets must be finite, or NaN where they are not known, got an infinite one in series '2'",
        ),
        ({"targets": [[0.0], [1]], "outputs": ("a", "b")}, "outputs must be 1 different names, got ('a', 'b')"),
    ],
)
def test_refuses_the_rest_in_one_sentence(arguments, sentence):
    with pytest.raises(ValueError) as caught:
        SequenceDataset(**{"inputs": X} | arguments)
    assert str(caught.value) == sentence


def test_what_stands_in_padding_does_not_matter_and_targets_there_are_unknown():
    padding = ~MASK
    for odd in (np.nan, np.inf, -1e300):
        inputs, times, values = X.copy(), np.tile(np.arange(3.0), (2, 1)), np.zeros((2, 3, 1))
        inputs[padding], times[padding], values[padding] = odd, odd, odd
        data = SequenceDataset(inputs, times, MASK, values)
        assert data.times.tolist() == [[0, 1, 2], [0, 0, 0]] and data.observed[..., 0].tolist() == MASK.tolist()
        assert data.targets is not None and np.isnan(data.targets[padding]).all()
        assert data.target_mask.tolist() == MASK.tolist()
    for dtype in (np.int8, np.uint8, np.int64):
        data = SequenceDataset(X, mask=MASK, targets=np.where(MASK, 1, 99).astype(dtype), classes=("a", "b"))
        assert data.targets is not None and data.targets.tolist() == [[1, 1, 1], [1, -1, -1]]
        assert data.target_mask.tolist() == MASK.tolist()


def test_targets_are_known_where_all_their_values_are():
    data = SequenceDataset(X, targets=[[1, np.nan], [1, 2]])
    assert data.target_mask.tolist() == [False, True] and data.outputs == ("y1", "y2") and not data.each_step
    data = SequenceDataset(X, targets=[-1, 0], classes=("a",))
    assert data.target_mask.tolist() == [False, True] and data.outputs is None
    with pytest.raises(ValueError, match="the data set must have targets, and has none"):
        _ = SequenceDataset(X).target_mask


def test_a_list_of_series_is_padded():
    data = SequenceDataset.of([[[1], [2]], np.ones((1, 1), np.float32)], times=[[0, 2], [5]], targets=[3, 4])
    assert data.inputs.dtype == np.float64 and data.lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(data.inputs, [[[1], [2]], [[1], [np.nan]]])
    assert data.times.tolist() == [[0, 2], [5, 0]] and data.targets is not None and data.targets.tolist() == [[3], [4]]
    assert SequenceDataset.of([np.ones((1, 1), np.float32)]).inputs.dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
def test_classes_for_each_step_are_padded(dtype):
    targets = [np.array([0, 1], dtype), np.array([1], dtype)]
    data = SequenceDataset.of([np.ones((2, 1)), np.ones((1, 1))], targets=targets, classes=("a", "b"))
    assert data.targets is not None and data.targets.tolist() == [[0, 1], [1, -1]] and data.each_step


@pytest.mark.parametrize("axes", [(), (1,), (2,)])
def test_values_for_each_step_are_padded_whatever_their_type(axes):
    targets = [np.ones((2, *axes), np.int64), np.ones((1, *axes), np.float32)]
    data = SequenceDataset.of([np.ones((2, 1)), np.ones((1, 1))], targets=targets)
    assert data.each_step and data.targets is not None and data.targets.shape == (2, 2, *(axes or (1,)))
    assert data.target_mask.tolist() == [[True, True], [True, False]]


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (([],), "inputs must be series (time, features), all with the same features, got []"),
        (
            ([np.ones((2, 1)), np.ones((2, 2))],),
            "inputs must be series (time, features), all with the same features, got [(2, 1), (2, 2)]",
        ),
        (([[["1.5"]]],), "inputs must be an array, got [['1.5']]"),
        (([np.ones((2, 1))], [[0, 1, 2]]), "times must be as long as their series, [2], got [(3,)]"),
        (
            ([np.ones((1, 1))], [np.array(["2026-11-25"], "datetime64[D]")]),
            "times must be an array, got an array datetime64[D] (1,)",
        ),
        (
            ([np.ones((2, 1)), np.ones((2, 1))], None, [[1.0, 2.0], [3.0, 4.0]]),
            "targets must say whether they are for each series or for each step, got 2 of as many numbers as there are "
            "steps: one array (series, outputs), or a list of arrays (time, outputs)",
        ),
        (
            ([np.ones((2, 1)), np.ones((1, 1))], None, [np.ones(2), np.ones((1, 1))]),
            "targets must all have the same axes, got [(2,), (1, 1)]",
        ),
    ],
)
def test_refuses_other_lists_of_series(arguments, sentence):
    with pytest.raises(ValueError) as caught:
        SequenceDataset.of(*arguments)
    assert str(caught.value) == sentence


@given(data_sets(), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_taken_series_are_those_of_a_list(data, shuffle):
    rows = list(range(len(data)))
    shuffle.shuffle(rows)
    rows = rows[: shuffle.randint(1, len(rows))]
    taken = data.take(rows)
    targets = data.targets
    if targets is not None:
        targets = [targets[i][data.mask[i]] for i in rows] if data.each_step else targets[rows]
    again = SequenceDataset.of(
        [data.inputs[i][data.mask[i]] for i in rows],
        [data.times[i][data.mask[i]] for i in rows],
        targets,
        features=data.features,
        classes=data.classes,
        outputs=data.outputs,
        names=[data.names[i] for i in rows],
        groups=None if data.groups is None else [data.groups[i] for i in rows],
    )
    assert_same(taken, again)
    assert taken.inputs.shape == again.inputs.shape
    chosen = np.zeros(len(data), bool)
    chosen[rows] = True
    assert_same(data.take(chosen), data.take(sorted(rows)))


@pytest.mark.parametrize("rows", [[0.5], [True], [[0]], "0", 0, [True, False, True]])
def test_rows_are_numbers_or_a_flag_for_each_series(rows):
    with pytest.raises(ValueError, match="rows must be numbers of series, or a bool for each of 2, got"):
        SequenceDataset(X).take(rows)


def test_no_series_are_a_data_set_too():
    assert len(SequenceDataset(X, targets=[0, 1], classes=("a", "b"), groups=("g", "h")).take([])) == 0


def test_one_long_series_among_many_does_not_take_all_memory(monkeypatch):
    check_room((2**10, 2**10, 2**10))
    with pytest.raises(
        ValueError, match=r"^series must fit into memory, all padded to the longest: 1024 of up to 1024"
    ):
        check_room((2**10, 2**10, 2**10 + 1))
    monkeypatch.setattr(dataset, "MOST_NUMBERS", 5)
    with pytest.raises(
        ValueError, match="2 of up to 3 steps with 1 numbers each are more than 5 numbers; cut the long"
    ):
        pad([np.ones((3, 1)), np.ones((1, 1))], 0)
