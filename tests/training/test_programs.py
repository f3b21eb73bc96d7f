"""A process that trains one network after another lives on: programs are let go before there is no room for more."""

from typing import Any

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training import programs
from liquidjax.training.fit import fit
from liquidjax.training.members import side_by_side
from liquidjax.training.objectives import Regression

DATA = SequenceDataset.of(list(np.linspace(-1, 1, 60).reshape(6, 5, 2)), targets=np.arange(6.0))


def mapped() -> int:
    return programs.MAPS.read_bytes().count(b"\n")


@pytest.fixture
def room(tmp_path, monkeypatch):
    """How many pieces may be mapped, in the place of what the machine says."""
    if not programs.MAPS.exists():
        pytest.skip("nothing is known of such a limit here")

    def put(most) -> None:
        (tmp_path / "most").write_text(f"{most}\n")
        monkeypatch.setattr(programs, "MOST", tmp_path / "most")

    return put


def trained(units: int):
    cell = lj.Readout(lj.GRU(2, units), 1)
    return jax.tree.leaves(fit(cell, Regression(), DATA, epochs=2, batch_size=3).params)


def test_half_of_the_room_is_for_what_comes(room):
    double: Any = jax.jit(lambda x: 2 * x)
    double(1.0)
    room(4 * mapped())
    assert not programs.forget_programs() and double._cache_size() == 1
    room(mapped())
    assert programs.forget_programs() and double._cache_size() == 0
    assert double(1.0) == 2.0


def test_what_is_forgotten_is_no_longer_mapped(room):
    kept = [jax.jit(lambda x, i=i: x + i) for i in range(20)]
    before = mapped()
    for program in kept:
        program(1.0)
    with_programs = mapped()
    room(with_programs)
    assert programs.forget_programs()
    assert with_programs - before > 20 and mapped() < with_programs - 20


def test_a_training_lets_go_and_computes_the_same_even_beside_another(room):
    wanted = [trained(units) for units in (2, 3)]
    room(1)
    for again in side_by_side(trained, [2, 3, 2, 3], threads=2):
        (expected,) = [each for each in wanted if each[0].shape == again[0].shape]
        for one, other in zip(again, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("text", ["", "many"])
def test_where_no_limit_is_known_nothing_is_done(text, room):
    room(text)
    assert not programs.forget_programs()
