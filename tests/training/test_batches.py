"""Which series go into which batch: each once an epoch, beside others of its length, in an order of two numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.training.batches import MOST_BUCKETS, Batches
from untyped import untyped

LENGTHS = st.lists(st.integers(1, 12), min_size=1, max_size=60)
SIZES, SEEDS, EPOCHS = st.integers(1, 70), st.integers(0, 2**40), st.integers(0, 1000)


def as_lists(batches):
    return [(batch.rows.tolist(), batch.time, batch.place) for batch in batches]


@settings(deadline=None)
@given(LENGTHS, SIZES, SEEDS, EPOCHS, st.booleans())
def test_every_series_comes_once_in_batches_of_one_size_and_few_shapes(lengths, size, seed, epoch, shuffle):
    batches = Batches(np.array(lengths), size, seed, shuffle)
    made = list(batches.epoch(epoch))
    assert len(made) == len(batches) and [batch.place for batch in made] == list(range(len(made)))
    rows = np.concatenate([batch.rows for batch in made])
    assert sorted(rows[rows >= 0]) == list(range(len(lengths))) and set(rows[rows < 0]) <= {-1}
    assert len({batch.time for batch in made}) <= MOST_BUCKETS
    for batch in made:
        inside = [lengths[row] for row in batch.rows if row >= 0]
        assert batch.rows.shape == (size,) and inside and max(inside) <= batch.time <= max(lengths)


@settings(deadline=None)
@given(LENGTHS, SIZES, SEEDS, EPOCHS, st.data())
def test_an_epoch_is_a_function_of_two_numbers_and_goes_on_from_anywhere(lengths, size, seed, epoch, data):
    whole = as_lists(Batches(np.array(lengths), size, seed).epoch(epoch))
    start = data.draw(st.integers(0, len(whole)))
    assert as_lists(Batches(untyped(lengths), size, seed).epoch(epoch, start)) == whole[start:]


def test_other_epochs_and_seeds_are_other_orders_of_the_same():
    """Both of the batches and within them; what was looked at before does not matter."""
    lengths = np.repeat([3, 9], 32)
    batches = Batches(lengths, 8, seed=0)
    epochs = batches.epoch(0), batches.epoch(1), Batches(lengths, 8, seed=1).epoch(0)
    first, second, other = map(as_lists, epochs)
    assert first != second and first != other and second != other
    assert [time for _, time, _ in first] != sorted(time for _, time, _ in first)
    assert as_lists(batches.epoch(0)) == first
    together = [{tuple(sorted(rows)) for rows, *_ in found} for found in (first, second, other)]
    assert not together[0] & together[1] and not together[0] & together[2]


@settings(deadline=None)
@given(LENGTHS, SIZES, EPOCHS)
def test_without_shuffling_the_short_ones_come_first_as_they_are(lengths, size, epoch):
    batches = Batches(np.array(lengths), size, seed=epoch, shuffle=False)
    made = list(batches.epoch(epoch))
    assert [batch.time for batch in made] == sorted(batch.time for batch in made)
    for time in {batch.time for batch in made}:
        rows = np.concatenate([batch.rows for batch in made if batch.time == time])
        inside = rows[rows >= 0]
        assert list(inside) == sorted(inside) and not np.any(rows[len(inside) :] >= 0)


def test_little_is_padded_where_lengths_differ():
    """600 series of 1 to 600 steps: in six shapes a step in seven is padding; all padded to 600 every second one is."""
    lengths = np.arange(1, 601)
    padded = sum(batch.time * 10 for batch in Batches(lengths, 10).epoch(0))
    assert padded / lengths.sum() < 7 / 6 < 600 * 600 / lengths.sum()


def test_series_of_one_length_are_one_shape_without_a_mask():
    assert {batch.time for batch in Batches(np.full(100, 7), 8).epoch(0)} == {7}
    assert [rows.tolist() for rows, _ in Batches(np.full(3, 7), 8).buckets] == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Batches(np.array([], int), 2), r"lengths must be \(series,\), one or more of at least 1"),
        (lambda: Batches(np.array([3, 0]), 2), "lengths must be"),
        (lambda: Batches(np.ones((2, 2), int), 2), "lengths must be"),
        (lambda: Batches(np.array([3.0]), 2), "lengths must be an array"),
        (lambda: Batches(np.array([3]), 0), "size must be an integer of at least 1, got 0"),
        (lambda: Batches(np.array([3]), untyped(1.5)), "size must be an integer of at least 1, got 1.5"),
        (lambda: Batches(np.array([3]), 1, seed=-1), "seed must be an integer of at least 0"),
        (lambda: Batches(np.array([3]), 1, shuffle=untyped(1)), "shuffle must be True or False, got 1"),
        (lambda: next(Batches(np.array([3]), 1).epoch(-1)), "epoch must be an integer of at least 0, got -1"),
        (lambda: next(Batches(np.array([3]), 1).epoch(0, -1)), "start must be an integer of at least 0, got -1"),
    ],
)
def test_what_makes_no_batches_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
