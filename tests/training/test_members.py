"""Members in threads: each as if it were alone, and what happens to those that fail."""

import contextvars
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training.members import cores, side_by_side
from small_training import same_bits, trained, values, without_seconds
from untyped import untyped

CELL = lj.Readout(lj.LTC(2, lj.AutoNCP(6, 2), lj.SemiImplicit(2)), 1)
SOON = 30.0
"""Seconds after which a test that waits for what never comes gives up."""


def of_seed(seed):
    return trained(CELL, validation=values(1), seed=seed)


def test_each_member_computes_to_the_bit_what_it_does_alone():
    together = side_by_side(of_seed, range(5), threads=3)
    for seed, fitted in enumerate(together):
        alone = of_seed(seed)
        assert same_bits(fitted.params, alone.params)
        assert without_seconds(fitted.history) == without_seconds(alone.history)


def test_members_of_equal_cells_share_one_program():
    traces = []

    @jax.jit
    def square(x):
        traces.append(threading.get_ident())
        return x**2

    assert side_by_side(lambda x: float(square(jnp.float32(x))), range(6), threads=3) == [0, 1, 4, 9, 16, 25]
    assert len(traces) == 1


def test_so_many_at_a_time_as_there_are_threads():
    """Two members wait for each other, which one after another cannot; of three threads a third is never in use."""
    meet, running, most = threading.Barrier(2, timeout=SOON), [], []

    def member(name):
        running.append(name)
        meet.wait()
        most.append(len(running))
        meet.wait()
        running.remove(name)
        return name

    assert side_by_side(member, "abcd", threads=2) == list("abcd")
    assert max(most) == 2
    assert cores() >= 1
    assert side_by_side(str, [1, 2]) == ["1", "2"]
    assert side_by_side(of_seed, []) == []


def test_after_a_member_that_fails_none_is_begun():
    begun = []

    def member(number):
        begun.append(number)
        if number == 1:
            raise FloatingPointError("the loss is nan")
        return number

    with pytest.raises(FloatingPointError, match="the loss is nan"):
        side_by_side(member, range(100), threads=1)
    assert begun == [0, 1]


def test_members_that_run_when_another_fails_are_waited_for():
    failed, done = threading.Event(), []

    def member(number):
        if number == 1:
            failed.set()
            raise ValueError("second")
        assert failed.wait(SOON)
        done.append(number)

    with pytest.raises(ValueError, match="second"):
        side_by_side(member, [0, 1], threads=2)
    assert done == [0]


def test_a_setting_of_one_thread_is_refused_and_one_within_the_member_is_its_own():
    def kind(_):
        return jnp.ones(1).dtype.name

    def precise(_):
        with jax.enable_x64(True):
            return kind(_)

    # Silently float32 otherwise, whatever the caller asked for.
    with jax.enable_x64(True), pytest.raises(ValueError, match="jax_enable_x64 is set in this one only"):
        side_by_side(kind, [0])
    assert side_by_side(precise, [0, 1]) == ["float64", "float64"]
    assert side_by_side(kind, [0, 1]) == ["float32", "float32"]


def test_a_mesh_of_one_thread_is_refused():
    mesh = jax.make_mesh((1,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,))
    with jax.set_mesh(mesh), pytest.raises(ValueError, match="but mesh is set in this one only"):
        side_by_side(str, [0])


def test_what_other_with_blocks_have_set_goes_along():
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(7)
    with np.errstate(divide="raise"):
        assert side_by_side(lambda _: (variable.get(), np.geterr()["divide"]), [0, 1]) == [(7, "raise")] * 2


@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "two"])
def test_threads_are_counted(threads):
    with pytest.raises(ValueError, match="threads must be an integer of at least 1, got"):
        side_by_side(str, [1], threads=untyped(threads))
