"""What stands beside an exported program: its description and its README."""

import io
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export import archive
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.readme import MEMBERS, readme
from liquidjax.tasks.preparation import Preparation
from small_models import MODELS

SIZES = {"batch": None, "time": None}


def about(given=MODELS["class, mean, indicators"], dtype="float32"):
    return archive.about(Deployed(given, dtype), SIZES, ("cpu",), jax="1")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_was_written_is_read(dtype):
    file, wrote = io.BytesIO(), about(dtype=dtype)
    archive.write(file, "some", wrote, {"a": b"1", "b": b""})
    what, members = archive.read("it", file, "some", ["a"], ["b", "c"])
    assert members == {"a": b"1", "b": b""}
    for name in ("cell", "features", "answers", "answers_are", "first_dt", "gaps", "dtype", "tolerance", "sizes"):
        assert getattr(what, name) == getattr(wrote, name), name
    assert what.made_for == ("cpu",) and what.made_with == {"jax": "1"} and list(what.state) == list(wrote.state)
    for name, leaf in what.initial_state(3).items():
        start = Deployed(MODELS["class, mean, indicators"], dtype).state_shapes[name]
        assert leaf.shape == (3, *start.shape) and leaf.dtype == np.dtype(dtype)


def test_a_member_that_may_be_there_may_be_missing_and_no_other():
    file = io.BytesIO()
    archive.write(file, "some", about(), {"a": b"1"})
    assert archive.read("it", file, "some", ["a"], ["b"])[1] == {"a": b"1"}
    with pytest.raises(
        ValueError, match=r"it is not a file that liquidjax wrote: it must hold description\.json, a, b"
    ):
        archive.read("it", file, "some", ["a", "b"])


@dataclass(frozen=True)
class Numbered:
    """A cell of anybody's whose series begin with their numbers."""

    inputs: int = 1
    outputs: int = 1

    def init(self, key):
        del key
        return jnp.ones(1)

    def initial_state(self, batch_shape=(), dtype=float):
        return jnp.broadcast_to(
            jnp.arange(np.prod(batch_shape), dtype=dtype).reshape(batch_shape)[..., None], (*batch_shape, 1)
        )

    def sense(self, params, inputs, key=None):
        del params, key
        return inputs

    def step(self, params, state, sensed, dt):
        del params, dt
        return state, sensed


def test_series_that_begin_in_different_states_are_refused():
    with pytest.raises(ValueError, match=r"every series of a batch must begin in the same state .* another cell"):
        about(lj.Model(Numbered(), jnp.ones(1)))


def test_an_example_is_json_without_nan():
    given = Readings(np.array([[[np.nan, 1.5]]], np.float32), np.array([[0.5]], np.float32))
    found = archive.example(given, np.array([[[0.1]]], np.float32))
    assert found == b'{"features": [[[null, 1.5]]], "dt": [[0.5]], "answers": [[[0.10000000149011612]]]}'


def test_the_readme_of_a_thousand_features_names_some():
    cell = lj.CfC(1000, 2, backbone_layers=0)
    preparation = Preparation((0.0,) * 1000, (1.0,) * 1000)
    what = about(lj.Model(cell, drawn(cell), preparation))
    text = readme(what, "It is a program.", MEMBERS, "print(1)\n").decode()
    assert len(text) < 3000 and max(map(len, text.splitlines())) <= 100
    words = " ".join(text.split())
    assert "x19, x20 and 980 more, see description.json" in words and "NaN stands for a feature" in words
    assert text.endswith("    print(1)\n")


def test_a_readme_without_gaps_says_nothing_of_nan():
    cell = lj.GRU(1, 2)
    assert b"NaN" not in readme(about(lj.Model(cell, drawn(cell))), "", MEMBERS, "")
