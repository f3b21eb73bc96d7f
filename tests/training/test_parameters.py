"""Checkpoints: exact, atomic, strict, they know their cell, and damage never goes unnoticed."""

import enum
import zipfile
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.rl import ContinuousActor, Critic
from liquidjax.training import parameters

CELL = lj.Readout(lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2)), outputs=3)


def structure(cell: lj.Cell = CELL):
    return jax.eval_shape(cell.init, jax.random.key(0))


def drawn(cell: lj.Cell = CELL, seed=1):
    """Random numbers in the shape of the parameters of a cell, without compiling its `init`."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), structure(cell))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "params.npz"
    parameters.save(path, drawn())
    return path


def test_gives_back_every_bit(tmp_path):
    strange = np.array([np.nan, -0.0, np.inf, 1e-45, 3.4e38], np.float32)
    tree = {
        "a": (jnp.asarray(strange), jnp.arange(6, dtype=jnp.int8).reshape(2, 3)),
        "b": [jnp.array(True)],
        "c": None,
        "half": jnp.ones((0, 3), jnp.float16),
    }
    parameters.save(tmp_path / "x.npz", tree)
    back = parameters.load(tmp_path / "x.npz", jax.eval_shape(lambda: tree))
    assert jax.tree.structure(back) == jax.tree.structure(tree)
    for got, saved in zip(jax.tree.leaves(back), jax.tree.leaves(tree), strict=True):
        assert got.dtype == saved.dtype and got.shape == saved.shape
        assert np.asarray(got).tobytes() == np.asarray(saved).tobytes()


def test_float64(tmp_path, x64):
    params = drawn()
    assert params.linear.weight.dtype == jnp.float64
    parameters.save(tmp_path / "x.npz", params)
    back = parameters.load(tmp_path / "x.npz", params)
    assert jax.tree.all(jax.tree.map(lambda a, b: a.dtype == b.dtype and (a == b).all(), back, params))


@pytest.mark.parametrize(
    "cell", [CELL, lj.CfC(2, 3, backbone_layers=2), lj.WiredCfC(2, lj.AutoNCP(8, 2)), lj.LSTM(2, 3), lj.GRU(2, 3)]
)
def test_every_kind_of_parameters(cell, tmp_path):
    params = drawn(cell)
    parameters.save(tmp_path / "x.npz", params)
    back = parameters.load(tmp_path / "x.npz", structure(cell))
    assert jax.tree.structure(back) == jax.tree.structure(params)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), back, params))


def test_numpy_reads_it_by_readable_names(file):
    with np.load(file, allow_pickle=False) as archive:
        assert {"cell.synapses.weight", "cell.leak_conductance", "linear.bias"} <= set(archive.files)


def test_every_flipped_bit_is_noticed(tmp_path):
    path = tmp_path / "params.npz"
    params = {"weight": jnp.arange(3.0), "bias": jnp.zeros(1)}
    parameters.save(path, params)
    contents = path.read_bytes()
    for position in range(len(contents)):
        damaged = bytearray(contents)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"params\.npz is damaged"):
            parameters.load(path, params)


def test_every_cut_is_noticed(file):
    contents = file.read_bytes()
    for length in (*range(0, len(contents), 97), *range(len(contents) - 70, len(contents))):
        file.write_bytes(contents[:length])
        with pytest.raises(ValueError, match=r"params\.npz is damaged"):
            parameters.load(file, structure())


def test_a_file_of_another_origin_is_refused(file):
    np.savez(file, weight=np.ones(3))
    with pytest.raises(ValueError, match="not written by liquidjax"):
        parameters.load(file, {"weight": np.ones(3)})


def test_lists_everything_that_does_not_fit(tmp_path):
    parameters.save(tmp_path / "x.npz", {"a": jnp.ones(2), "b": jnp.ones(2), "c": jnp.ones(3)})
    like = {"a": jnp.ones(2, jnp.int32), "b": jnp.ones((2, 1)), "d": jnp.ones(3)}
    with pytest.raises(ValueError) as caught:
        parameters.load(tmp_path / "x.npz", like)
    for part in (
        "a must be int32 (2,), got float32 (2,)",
        "b must be float32 (2, 1), got float32 (2,)",
        "missing d",
        "unexpected c",
        "x.npz",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize("leaf", [jnp.ones(2, jnp.bfloat16), jax.random.key(0), "text", object()])
def test_refuses_what_it_could_not_read_back(leaf, tmp_path):
    with pytest.raises(ValueError, match="place must be an array of ordinary numbers"):
        parameters.save(tmp_path / "x.npz", {"place": leaf})
    assert not list(tmp_path.iterdir())


def test_refuses_two_arrays_of_one_name(tmp_path):
    with pytest.raises(ValueError, match="same name"):
        parameters.save(tmp_path / "x.npz", {"a.b": jnp.ones(1), "a": {"b": jnp.ones(1)}})


def test_a_save_that_fails_leaves_the_old_file(file, monkeypatch):
    before = file.read_bytes()

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(parameters.os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        parameters.save(file, drawn(seed=2))
    assert file.read_bytes() == before
    monkeypatch.undo()
    parameters.save(file, drawn(seed=2))
    assert file.read_bytes() != before and [path.name for path in file.parent.iterdir()] == ["params.npz"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.npz"):
        parameters.load(tmp_path / "nothing.npz", structure())


# numbers


WIDE = [
    np.array([5_000_000_000, -1]),
    np.array([2**64 - 1], np.uint64),
    np.array([0.1, np.nan, 1e300]),
    np.array(0.1 + 1e300j),
    np.array([], np.float64),
]


@pytest.mark.parametrize("array", WIDE, ids=lambda array: str(array.dtype))
@pytest.mark.parametrize("wide", [False, True])
def test_numbers_that_jax_would_shorten_come_back_as_they_were(array, wide, tmp_path):
    with jax.enable_x64(wide):
        parameters.save(tmp_path / "x.npz", {"a": array})
        back = parameters.load(tmp_path / "x.npz", {"a": array})["a"]
        assert isinstance(back, jax.Array) == wide
    assert back.dtype == array.dtype and np.asarray(back).tobytes() == array.tobytes()


def test_what_was_saved_in_float64_is_read_without(tmp_path):
    with jax.enable_x64(True):
        params = {"a": jnp.array([0.1, 1e300])}
        parameters.save(tmp_path / "x.npz", params)
    back = parameters.load(tmp_path / "x.npz", {"a": jax.ShapeDtypeStruct((2,), np.float64)})["a"]
    assert back.dtype == np.float64 and back.tolist() == [0.1, 1e300]
    back[0] = 1  # an array like any other of numpy
    with pytest.raises(ValueError, match=r"a must be float32 \(2,\), got float64 \(2,\)"):
        parameters.load(tmp_path / "x.npz", {"a": jnp.ones(2)})


NUMBERS = [
    5,
    -(2**63),
    True,
    0.1,
    float("inf"),
    1 + 2j,
    np.int64(5_000_000_000),
    np.float64(0.1),
    np.float32(0.1),
    np.bool_(True),
    np.uint8(3),
    np.complex128(1e300j),
]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: f"{type(number).__name__} {number}")
def test_a_number_comes_back_as_the_number_it_was(number, tmp_path):
    parameters.save(tmp_path / "x.npz", {"step": number, "w": jnp.ones(2)})
    back = parameters.load(tmp_path / "x.npz", {"step": type(number)(0), "w": jnp.ones(2)})
    assert type(back["step"]) is type(number) and back["step"] == number and isinstance(back["w"], jax.Array)


def test_a_number_of_another_kind_is_refused(tmp_path):
    parameters.save(tmp_path / "x.npz", {"step": 5})
    with pytest.raises(ValueError, match=r"step must be float64 \(\), got int64 \(\)"):
        parameters.load(tmp_path / "x.npz", {"step": 5.0})
    with pytest.raises(ValueError, match="step of `like` must be an array, its structure or a number, got 'five'"):
        parameters.load(tmp_path / "x.npz", {"step": "five"})


class Phase(enum.IntEnum):
    FIRST = 1


@pytest.mark.parametrize(
    "leaf, got",
    [
        (np.ma.array([1.0, 2.0], mask=[False, True]), "MaskedArray"),
        (np.ones(2, ">f4"), ">f4"),
        (np.ones(2, np.longdouble), str(np.dtype(np.longdouble))),
        (np.array(["a"]), "<U1"),
        (np.array([None]), "object"),
        (np.ones(2, [("a", "f4")]), r"\[\('a', '<f4'\)\]"),
        (np.array(["2000-01-01"], "M8[D]"), r"datetime64\[D\]"),
        (Phase.FIRST, "Phase"),
    ],
)
def test_what_would_come_back_as_something_else_is_refused(leaf, got, tmp_path):
    with pytest.raises(ValueError, match=f"place must be an array of ordinary numbers, .* got {got}; convert it"):
        parameters.save(tmp_path / "x.npz", {"place": leaf})


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**100])
def test_an_integer_of_more_than_64_bits_is_refused(number, tmp_path):
    with pytest.raises(ValueError, match=f"step must be a number that int64 can hold, got {number}"):
        parameters.save(tmp_path / "x.npz", {"step": number})


def test_the_advice_for_keys_is_right(tmp_path):
    key = jax.random.key(7)
    for call in (parameters.save, parameters.load):
        with pytest.raises(ValueError, match=r"jax\.random\.key_data\(key\) .* jax\.random\.wrap_key_data\(data\)"):
            call(tmp_path / "x.npz", {"key": key})
    parameters.save(tmp_path / "x.npz", {"key": jax.random.key_data(key)})
    data = parameters.load(tmp_path / "x.npz", {"key": jax.random.key_data(jax.random.key(0))})["key"]
    assert jax.random.wrap_key_data(data) == key


def test_a_key_of_a_dict_that_zip_would_cut_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"without the character 0, got 'a\\x00b'"):
        parameters.save(tmp_path / "x.npz", {"a\0b": jnp.ones(1)})


@pytest.mark.parametrize("name", ["", "a/b", "../a", "a b", "ä", "a.npy", "cell.json", "\n"])
def test_any_other_key_will_do(name, tmp_path):
    parameters.save(tmp_path / "x.npz", {name: jnp.arange(3)}, CELL)
    assert parameters.load(tmp_path / "x.npz", {name: jnp.arange(3)}, CELL)[name].tolist() == [0, 1, 2]


def test_arrays_of_more_than_2_gb_can_be_written(tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)  # where zip needs its longer fields
    parameters.save(tmp_path / "x.npz", {"a": jnp.arange(100), "b": jnp.arange(2)})
    assert parameters.load(tmp_path / "x.npz", {"a": jnp.arange(100), "b": jnp.arange(2)})["a"].tolist() == [
        *range(100)
    ]


def test_the_order_in_memory_does_not_matter(tmp_path):
    array = np.arange(24, dtype=np.float32).reshape(2, 3, 4).T
    parameters.save(tmp_path / "x.npz", {"a": array, "b": array[::-1]})
    back = parameters.load(tmp_path / "x.npz", {"a": array, "b": array})
    assert np.array_equal(back["a"], array) and np.array_equal(back["b"], array[::-1])


# the cell


LTC = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2))
NETWORK = lj.LiquidNCPNetwork(inputs=3, neurons=10, outputs=2)


def squared(output, target):
    return ((output - target) ** 2).sum(-1)


def absolute(output, target):
    return abs(output - target).sum(-1)


@pytest.mark.parametrize(
    "cell, other, message",
    [
        (LTC, replace(LTC, integrator=lj.SemiImplicit(unfolds=3)), "integrator.unfolds: saved 6, given 3"),
        (LTC, replace(LTC, constraints="explicit"), 'constraints: saved "implicit", given "explicit"'),
        (LTC, replace(LTC, epsilon=0.0), "epsilon: saved 1e-08, given 0.0"),
        (LTC, replace(LTC, integrator=lj.Euler(6)), "integrator: saved liquidjax.SemiImplicit, given liquidjax.Euler"),
        (lj.LTC(2, lj.FullyConnected(4)), lj.LTC(2, lj.FullyConnected(4, seed=2)), "wiring.seed: saved 1111, given 2"),
        (lj.Readout(lj.CfC(2, 3), 1), lj.Readout(lj.CfC(2, 3, mode="no_gate"), 1), "cell.mode: saved"),
        (lj.LTC(2, lj.Custom([[1]])), lj.LTC(2, lj.Custom([[-1]])), "wiring.adjacency.0.0: saved 1, given -1"),
        (lj.StepLoss(LTC, squared), lj.StepLoss(LTC, absolute), "loss: saved .*squared.*, given .*absolute"),
        (ContinuousActor(NETWORK, (-1,), (1,)), ContinuousActor(NETWORK, (-1,), (2,)), "high.0: saved 1.0, given 2.0"),
        (Critic(NETWORK), Critic(replace(NETWORK, signed=True)), "network.signed: saved false, given true"),
        ({"dt": 0.1, "cell": LTC}, {"dt": 0.2, "cell": LTC}, "dt: saved 0.1, given 0.2"),
        ((LTC, 1), LTC, r"the cell: saved \[.*, given liquidjax.LTC"),
    ],
)
def test_parameters_are_refused_by_another_cell(cell, other, message, tmp_path):
    """Of the same shapes: without the description, it would load and compute nonsense."""
    params: Any = {"w": jnp.ones(3)}
    parameters.save(tmp_path / "x.npz", params, cell)
    assert parameters.load(tmp_path / "x.npz", params, cell)["w"].tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match=rf"x\.npz does not hold the expected parameters: {message}"):
        parameters.load(tmp_path / "x.npz", params, other)
    assert parameters.load(tmp_path / "x.npz", params)["w"].tolist() == [1, 1, 1]


def test_another_seed_of_the_wiring_is_noticed(tmp_path):
    cell, params = lj.LTC(2, lj.FullyConnected(4)), drawn(lj.LTC(2, lj.FullyConnected(4)))
    other = lj.LTC(2, lj.FullyConnected(4, seed=2))
    assert jax.tree.map(jnp.shape, structure(cell)) == jax.tree.map(jnp.shape, structure(other))
    parameters.save(tmp_path / "x.npz", params, cell)
    with pytest.raises(ValueError, match=r"wiring\.seed: saved 1111, given 2"):
        parameters.load(tmp_path / "x.npz", structure(other), other)


def test_a_file_that_does_not_know_its_cell_says_so(file):
    """Such as each that was written before there were descriptions."""
    assert parameters.saved_for(file) is None
    with pytest.raises(ValueError, match=r"params\.npz does not say which cell it was saved for: .* load it without"):
        parameters.load(file, structure(), CELL)


def test_numpy_reads_the_description_too(tmp_path):
    parameters.save(tmp_path / "x.npz", {"w": jnp.ones(3)}, lj.Euler(2))
    with np.load(tmp_path / "x.npz", allow_pickle=False) as archive:
        assert archive["w"].tolist() == [1, 1, 1]
        assert bytes(archive["cell.json"]) == b'{"class": "liquidjax.Euler", "unfolds": 2}'
    assert parameters.saved_for(tmp_path / "x.npz") == {"class": "liquidjax.Euler", "unfolds": 2}


def test_a_description_is_as_safe_from_damage_as_the_numbers(tmp_path):
    path = tmp_path / "params.npz"
    parameters.save(path, {"w": jnp.ones(1)}, lj.Euler(2))
    contents = path.read_bytes()
    for position in range(len(contents)):
        damaged = bytearray(contents)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        for read in (lambda: parameters.saved_for(path), lambda: parameters.load(path, {"w": jnp.ones(1)})):
            with pytest.raises(ValueError, match=r"params\.npz is damaged"):
                read()


def test_a_cell_that_cannot_be_described_is_refused_before_anything_is_written(tmp_path):
    cell = lj.StepLoss(lj.GRU(2, 3), lambda output, target: output)
    with pytest.raises(ValueError, match=r"loss must be .* define it at the top of a module$"):
        parameters.save(tmp_path / "x.npz", {"w": jnp.ones(3)}, cell)
    assert not list(tmp_path.iterdir())


def test_a_large_wiring_is_compared_too(tmp_path):
    """A description longer than what is taken apart."""
    matrix = np.zeros((700, 700), int)
    cell, params = lj.LTC(2, lj.Custom(matrix)), {"w": jnp.ones(1)}
    matrix[-1, -1] = 1
    other = lj.LTC(2, lj.Custom(matrix))
    parameters.save(tmp_path / "x.npz", params, cell)
    assert parameters.load(tmp_path / "x.npz", params, cell)["w"] == 1
    with pytest.raises(ValueError, match=r"the cell: saved another, of a description of [\d,]{9} bytes, given "):
        parameters.load(tmp_path / "x.npz", params, other)
    with pytest.raises(ValueError, match="a description too long to be taken apart"):
        parameters.saved_for(tmp_path / "x.npz")


def test_a_long_list_of_problems_is_cut_short(tmp_path):
    parameters.save(tmp_path / "x.npz", {str(i): jnp.ones(1) for i in range(100)})
    with pytest.raises(ValueError, match=r"unexpected 0; .*; and 70 more$"):
        parameters.load(tmp_path / "x.npz", {})
