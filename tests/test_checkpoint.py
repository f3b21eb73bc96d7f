"""Checkpoints: exact, atomic, strict, and damage never goes unnoticed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training import checkpoint

CELL = lj.Readout(lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2)), outputs=3)


def outline(cell: lj.Cell = CELL):
    return jax.eval_shape(cell.init, jax.random.key(0))


def parameters(cell: lj.Cell = CELL, seed=1):
    """Random numbers in the shape of the parameters of a cell, without compiling its `init`."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), outline(cell))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.npz"
    checkpoint.save(path, parameters())
    return path


def test_gives_back_every_bit(tmp_path):
    strange = np.array([np.nan, -0.0, np.inf, 1e-45, 3.4e38], np.float32)
    tree = {"a": (jnp.asarray(strange), jnp.arange(6, dtype=jnp.int8).reshape(2, 3)), "b": [jnp.array(True)],
            "c": None, "half": jnp.ones((0, 3), jnp.float16)}  # fmt: skip
    checkpoint.save(tmp_path / "x.npz", tree)
    back = checkpoint.load(tmp_path / "x.npz", jax.eval_shape(lambda: tree))
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    for got, saved in zip(jax.tree.leaves(back), jax.tree.leaves(tree), strict=True):
        assert got.dtype == saved.dtype and got.shape == saved.shape
        assert np.asarray(got).tobytes() == np.asarray(saved).tobytes()


def test_float64(tmp_path, x64):
    params = parameters()
    assert params.linear.weight.dtype == jnp.float64
    checkpoint.save(tmp_path / "x.npz", params)
    back = checkpoint.load(tmp_path / "x.npz", params)
    assert jax.tree.all(jax.tree.map(lambda a, b: a.dtype == b.dtype and (a == b).all(), back, params))


@pytest.mark.parametrize(
    "cell", [CELL, lj.CfC(2, 3, backbone_layers=2), lj.WiredCfC(2, lj.AutoNCP(8, 2)), lj.LSTM(2, 3), lj.GRU(2, 3)]
)
def test_every_kind_of_parameters(cell, tmp_path):
    params = parameters(cell)
    checkpoint.save(tmp_path / "x.npz", params)
    back = checkpoint.load(tmp_path / "x.npz", outline(cell))
    assert jax.tree.structure(back) == jax.tree.structure(params)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), back, params))


def test_numpy_reads_it_by_readable_names(file):
    with np.load(file, allow_pickle=False) as archive:
        assert {"cell.synapses.weight", "cell.leak_conductance", "linear.bias"} <= set(archive.files)


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "params.npz"
    params = {"weight": jnp.arange(3.0), "bias": jnp.zeros(1)}
    checkpoint.save(path, params)
    contents = path.read_bytes()
    for position in range(len(contents)):
        damaged = bytearray(contents)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"params\.npz is damaged"):
            checkpoint.load(path, params)


def test_every_cut_is_noticed(file):
    contents = file.read_bytes()
    for length in (*range(0, len(contents), 97), *range(len(contents) - 70, len(contents))):
        file.write_bytes(contents[:length])
        with pytest.raises(ValueError, match=r"params\.npz is damaged"):
            checkpoint.load(file, outline())


def test_a_file_of_another_origin_is_refused(file):
    np.savez(file, weight=np.ones(3))
    with pytest.raises(ValueError, match="not written by liquidjax"):
        checkpoint.load(file, {"weight": np.ones(3)})


def test_lists_everything_that_does_not_fit(tmp_path):
    checkpoint.save(tmp_path / "x.npz", {"a": jnp.ones(2), "b": jnp.ones(2), "c": jnp.ones(3)})
    like = {"a": jnp.ones(2, jnp.int32), "b": jnp.ones((2, 1)), "d": jnp.ones(3)}
    with pytest.raises(ValueError) as caught:
        checkpoint.load(tmp_path / "x.npz", like)
    for part in ("a must be int32 (2,), got float32 (2,)", "b must be float32 (2, 1), got float32 (2,)", "missing d",
                 "unexpected c", "x.npz"):  # fmt: skip
        assert part in str(caught.value)


@pytest.mark.parametrize("leaf", [jnp.ones(2, jnp.bfloat16), jax.random.key(0), "text", object()])
def test_refuses_what_it_could_not_read_back(leaf, tmp_path):
    with pytest.raises(ValueError, match="place must be an array of ordinary numbers"):
        checkpoint.save(tmp_path / "x.npz", {"place": leaf})
    assert not list(tmp_path.iterdir())


def test_refuses_two_arrays_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="same name"):
        checkpoint.save(tmp_path / "x.npz", {"a.b": jnp.ones(1), "a": {"b": jnp.ones(1)}})


def test_a_save_that_fails_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        checkpoint.save(file, parameters(seed=2))
    assert file.read_bytes() == before
    monkeypatch.undo()
    checkpoint.save(file, parameters(seed=2))
    assert file.read_bytes() != before and [path.name for path in file.parent.iterdir()] == ["params.npz"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        checkpoint.load(tmp_path / "nothing.npz", outline())
