"""What is held out, and how windows are cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from liquidjax.sklearn.answers import filled
from liquidjax.sklearn.learning import draws, held_out
from liquidjax.sklearn.series import Form, Series
from liquidjax.sklearn.windows import cut, split_off
from untyped import untyped

LENGTHS = st.lists(st.integers(2, 40), min_size=1, max_size=4)


def counted(lengths, timed):
    """Series of one channel of the numbers 0, 1, ..., all different, with times or none."""
    starts = np.cumsum([0, *lengths])
    values = [np.arange(start, start + n, dtype=float)[:, None] for start, n in zip(starts, lengths, strict=False)]
    return Series(values, [10 * x[:, 0] for x in values] if timed else None, Form(1, False, timed))


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60), st.floats(0, 0.99), st.integers(0, 2**31 - 1))
def test_each_class_keeps_its_share_and_never_loses_its_last_case(classes, fraction, seed):
    strata = np.array(classes)
    chosen = held_out(strata, fraction, seed)
    for stratum in set(classes):
        held, all_of_it = np.sum(chosen[strata == stratum]), np.sum(strata == stratum)
        assert held < all_of_it and abs(held - fraction * all_of_it) <= 1
    np.testing.assert_array_equal(chosen, held_out(strata, fraction, seed))


@given(LENGTHS, st.integers(2, 20), st.booleans())
def test_windows_hold_every_step_and_every_pair_of_steps(lengths, window, timed):
    """What is learnt is the step after a step: so no pair may be lost at a border."""
    whole = counted(lengths, timed)
    found = cut(whole, window)
    pairs = {(a, b) for x in found.values for a, b in zip(x[:-1, 0], x[1:, 0], strict=True)}
    expected = {(a, b) for x in whole.values for a, b in zip(x[:-1, 0], x[1:, 0], strict=True)}
    assert pairs == expected and all(len(x) <= window or len(x) in lengths for x in found.values)
    assert all(len(x) == window for x in found.values if len(x) >= window)
    if timed:
        assert all(np.array_equal(t, 10 * x[:, 0]) for t, x in zip(untyped(found.times), found.values, strict=True))
    assert cut(whole, None) is whole


@given(LENGTHS, st.booleans())
def test_what_is_split_off_is_the_end(lengths, timed):
    whole = counted(lengths, timed)
    before, after = split_off(whole, [1] * len(lengths), least=1)
    for x, first, last in zip(whole.values, before.values, after.values, strict=True):
        np.testing.assert_array_equal(np.concatenate([first, last]), x)
        assert len(last) == 1
    if timed:
        assert [t[0] for t in untyped(after.times)] == [10 * x[-1, 0] for x in whole.values]


@given(st.integers(1, 900))
def test_cases_are_filled_up_to_few_numbers(count):
    found = filled(counted([1] * count, timed=True))
    numbers = [32, 64, 128, 256, 512, 768, 1024]
    assert len(found.values) == len(untyped(found.times)) == next(number for number in numbers if number >= count)
    assert [x[0, 0] for x in found.values] == [*range(count), *[0] * (len(found.values) - count)]


def test_a_random_state_gives_seeds_and_none_gives_new_ones():
    assert draws(0) == draws(0) != draws(1)
    assert draws(None) != draws(None)
    state = np.random.RandomState(3)
    assert draws(state) != draws(state) and draws(np.random.RandomState(3)) == draws(3)
