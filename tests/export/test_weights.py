"""Parameters as .safetensors: what other packages read is what was trained, bit for bit."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import liquidjax as lj
from drawn import drawn
from liquidjax.export import weights
from liquidjax.training import parameters, tensors
from small_models import MODELS
from test_conformance import CELLS, first_error
from untyped import untyped

GRU = lj.GRU(2, 3)


@pytest.fixture(params=[True, False], ids=["with safetensors", "without"])
def package(request, monkeypatch):
    """Whether the package is there."""
    if not request.param:
        monkeypatch.setitem(sys.modules, "safetensors", None)
    return request.param


@pytest.mark.parametrize("cell", [*CELLS.values(), lj.Bidirectional(GRU)], ids=[*CELLS, "bidirectional"])
def test_every_cell_is_read_by_the_package_under_readable_names(cell, tmp_path):
    path, params = tmp_path / "model.safetensors", drawn(cell)
    written = weights.write(lj.Model(cell, params), path)
    assert written == (path, path.stat().st_size, 0.0) and list(tmp_path.iterdir()) == [path]
    theirs, named = safetensors.numpy.load_file(path), parameters.by_name(params)
    assert theirs.keys() == named.keys()
    for name, leaf in named.items():
        np.testing.assert_array_equal(theirs[name], leaf)
    with safetensors.safe_open(path, framework="numpy") as file:
        said = json.loads(file.metadata()["liquidjax"])
    assert said["cell"]["class"].startswith("liquidjax.")
    assert lj.load(path, functions=(first_error,)).cell == cell


def test_what_belongs_to_the_model_is_in_the_description(tmp_path):
    given = MODELS["class, last"]
    weights.write(given, tmp_path / "model.safetensors")
    with safetensors.safe_open(tmp_path / "model.safetensors", framework="numpy") as file:
        said = json.loads(file.metadata()["liquidjax"])
    assert said["classes"] == ["idle", "walk", "run"] and said["features"] == ["x", "y"]
    assert said["preparation"]["time_unit"] == 10.0 and said["objective"]["class"].endswith("Classification")


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float16, np.float64])
def test_any_precision_is_kept(dtype, tmp_path, package):
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), drawn(GRU))
    assert weights.write(lj.Model(GRU, params), tmp_path / "x").difference == 0
    with tensors.opened(tmp_path / "x") as file:
        assert all(like.dtype == dtype for like in file.structures.values())


@pytest.mark.parametrize("part", ["a number", "a shape", "a name"])
def test_what_does_not_come_back_is_not_written_and_what_was_there_stays(part, tmp_path, package, monkeypatch):
    path, write = tmp_path / "x", tensors.write
    path.write_bytes(b"before")

    def other(path, arrays, text):
        changed = dict(arrays)
        name, array = next(iter(changed.items()))
        changed[name] = {"a number": array + np.float32(1e-7), "a shape": array[None], "a name": array}[part]
        if part == "a name":
            changed["another"] = changed.pop(name)
        write(path, changed, text)

    monkeypatch.setattr(tensors, "write", other)
    with pytest.raises(ValueError, match=r"x must hold the parameters bit for bit, and does not: \w"):
        weights.write(lj.Model(GRU, drawn(GRU)), path)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match="model must be a Model"):
        weights.write(untyped(GRU), tmp_path / "x")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        weights.write(lj.Model(GRU, drawn(GRU)), tmp_path / "nowhere" / "x")
