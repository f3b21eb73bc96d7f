"""The file of a model: all that a model is comes back, bit for bit, and its form does not change unnoticed."""

import copy
import dataclasses
import json
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
import safetensors.numpy

import liquidjax as lj
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import model, parameters, tensors
from test_conformance import CELLS, first_error
from untyped import untyped

GRU = lj.GRU(2, 3)
PREPARATION = Preparation((0.1, -1e30), (2.0, 3.0), 0.5, target_mean=(0.0,), target_spread=(1.0,))


@dataclass(frozen=True)
class Objective:
    """What a model may have been trained for."""

    weight: float = 1.0


class MixedParams(NamedTuple):
    """A number of each kind that a cell may have."""

    weight: Any
    flag: Any
    count: Any
    rotation: Any


@dataclass(frozen=True)
class Mixed:
    """A cell of anybody's with parameters of all kinds."""

    inputs: int = 1
    outputs: int = 1

    def init(self, key):
        del key
        return MixedParams(jnp.ones(2), jnp.array(True), jnp.arange(3), jnp.ones(1, complex))

    def initial_state(self, batch_shape=(), dtype=float):
        return jnp.zeros((*batch_shape, 1), dtype)

    def sense(self, params, inputs, key=None):
        return inputs

    def step(self, params, state, sensed, dt):
        return state, sensed


def drawn(cell, seed=1):
    """Random numbers in the shape of the parameters of a cell, without compiling its `init`."""
    rng = np.random.default_rng(seed)
    structure = jax.eval_shape(cell.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), structure)


def cast(dtype):
    return jax.tree.map(lambda leaf: leaf.astype(dtype), drawn(GRU))


def assert_same(found, expected):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for got, saved in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert got.dtype == saved.dtype and got.shape == saved.shape
        assert np.asarray(got).tobytes() == np.asarray(saved).tobytes()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("cell", [*CELLS.values(), lj.Bidirectional(GRU)], ids=[*CELLS, "bidirectional"])
def test_every_cell_comes_back_with_its_parameters(cell, file):
    params = drawn(cell)
    lj.Model(cell, params).save(file)
    back = lj.load(file, functions=(first_error,))
    assert back.cell == cell and all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(back.params))
    assert_same(back.params, params)
    theirs = safetensors.numpy.load_file(file)
    named = parameters.by_name(params)
    assert theirs.keys() == named.keys()
    for name, leaf in named.items():
        assert theirs[name].dtype == leaf.dtype and np.array_equal(theirs[name], leaf)


def test_names_are_readable(file):
    cell = lj.Readout(lj.LTC(2, lj.FullyConnected(3)), 1)
    lj.Model(cell, drawn(cell)).save(file)
    assert {"cell.synapses.weight", "cell.leak_conductance", "linear.bias"} <= safetensors.numpy.load_file(file).keys()


def test_everything_else_comes_back_too(file):
    said: dict[str, Any] = dict(
        preparation=PREPARATION,
        objective=Objective(0.1),
        features=("Température / °C", "τ"),
        classes=("idle", '"walking"\n'),
        outputs=("y",),
        notes={"trained": "for 3 epochs\non a Monday"},
    )
    lj.Model(GRU, drawn(GRU), **said).save(file)
    back = lj.load(file, classes=(Objective,))
    assert {name: getattr(back, name) for name in said} == said
    with safetensors.safe_open(file, "np") as opened:
        described = json.loads(opened.metadata()["liquidjax"])
    assert described["format"] == 1 and described["preparation"]["class"].endswith("Preparation")
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be loaded: objective: unknown class .*Objective"):
        lj.load(file)


GOLDEN = (
    b"\x50\x02\0\0\0\0\0\0"
    + (
        '{"__metadata__":{"sha256":"f49c22157045886f83bba9b16319ff59c9bc3163e0dd5245258d09612d1992c5","liquidjax":"'
        r"{\"format\":1,\"liquidjax\":\"0.1.0\",\"cell\":{\"class\":\"liquidjax.CTRNN\",\"inputs\":1,\"units\":1,"
        r"\"integrator\":{\"class\":\"liquidjax.Euler\",\"unfolds\":2},\"time_constant\":2.0,"
        r"\"learn_time_constant\":false},\"preparation\":null,\"objective\":null,\"features\":[\"°C\"],"
        r'\"classes\":null,\"outputs\":[\"y\"],\"notes\":{\"by\":\"hand\"}}"},'
        '"linear.bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"linear.weight":{"dtype":"F32","shape":[2,1],"data_offsets":[4,12]}}       '
    ).encode()
    + 3 * b"\0\0\0\x3f"  # 0.5
)


def test_the_form_does_not_change_unnoticed(file, monkeypatch):
    """Change it only together with `model.FORMAT`, and go on reading the files of before."""
    monkeypatch.setattr(model, "version", lambda package: "0.1.0")
    cell = lj.CTRNN(1, 1, lj.Euler(2), 2.0, learn_time_constant=False)
    params = jax.tree.map(lambda leaf: jnp.full(leaf.shape, 0.5, jnp.float32), drawn(cell))
    lj.Model(cell, params, features=("°C",), outputs=("y",), notes={"by": "hand"}).save(file)
    assert file.read_bytes() == GOLDEN
    assert lj.load(file).cell == cell and lj.load(file).notes == {"by": "hand"}
    assert_same(lj.load(file).params, params)


HALF, SINGLE, DOUBLE = jnp.float16, jnp.float32, jnp.float64


@pytest.mark.parametrize("dtype", [jnp.bfloat16, HALF, SINGLE, DOUBLE])
def test_parameters_may_have_any_precision(dtype, file, x64):
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), drawn(GRU))
    lj.Model(GRU, params).save(file)
    assert_same(lj.load(file).params, params)


def test_float64_stays_numpy_where_jax_would_shorten_it(file):
    with jax.enable_x64(True):
        params = drawn(GRU)
        lj.Model(GRU, params).save(file)
    with pytest.warns(UserWarning, match="is float64, and unroll and your own functions compute in float32 unless"):
        back = lj.load(file).params
    assert all(isinstance(leaf, np.ndarray) and leaf.flags.writeable for leaf in jax.tree.leaves(back))
    assert_same(back, params)
    lj.Model(GRU, back).save(file)
    with jax.enable_x64(True):
        assert_same(lj.load(file).params, params)


def test_parameters_may_be_numbers_of_any_kind(file):
    params = MixedParams(jnp.ones(2, HALF), jnp.array(False), jnp.arange(3, dtype=jnp.uint8), jnp.full(1, 1 + 2j))
    lj.Model(Mixed(), params).save(file)
    assert_same(lj.load(file, classes=(Mixed,)).params, params)


def test_a_cell_with_a_function_of_anybodys_says_what_to_do(file):
    cell = lj.StepLoss(GRU, first_error)
    lj.Model(cell, drawn(cell)).save(file)
    name = f"{first_error.__module__}.first_error"
    with pytest.raises(ValueError, match=f"cell: loss is '{name}', which is not built into liquidjax; hand it"):
        lj.load(file)
    assert lj.load(file, functions=(first_error,)).cell == cell
    renamed = lj.load(file, functions={name: untyped(np.square)}).cell
    assert isinstance(renamed, lj.StepLoss) and renamed.loss is np.square


def test_what_could_not_be_loaded_is_not_saved(file):
    cell = lj.StepLoss(GRU, lambda output, target: output[..., 0])
    with pytest.raises(ValueError, match=r"StepLoss\.loss must be .*; define it by `def` or `class` at the top"):
        lj.Model(cell, drawn(cell)).save(file)
    params = drawn(GRU)
    for leaf in (np.ones((2, 3, 3), np.longdouble), np.ma.masked_array(np.ones((2, 3, 3)))):
        changed = params._replace(inputs=params.inputs._replace(weight=leaf))
        with pytest.raises(ValueError, match=r"inputs\.weight must be an array of"):
            lj.Model(GRU, changed).save(file)
    assert not list(file.parent.iterdir())


def test_a_save_that_fails_leaves_the_old_file(file, monkeypatch):
    lj.Model(GRU, drawn(GRU)).save(file)
    before = file.read_bytes()

    def full(descriptor):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        lj.Model(GRU, drawn(GRU, seed=2)).save(file)
    assert file.read_bytes() == before and os.listdir(file.parent) == [file.name]


WRITER = """
import sys, time
import numpy as np
import liquidjax as lj
cell = lj.GRU(20, 100)
params = lj.load(sys.argv[1]).params
for array in (params.inputs.weight, params.inputs.bias):
    array.fill(float(sys.argv[2]))
print("ready", flush=True)
sys.stdin.readline()
end = time.monotonic() + 2
for _ in range(25):
    lj.Model(cell, params).save(sys.argv[1])
    if time.monotonic() > end:
        break
"""


def test_two_processes_may_write_one_file_while_another_reads_it(file):
    cell = lj.GRU(20, 100)
    with jax.enable_x64(True):
        lj.Model(cell, jax.tree.map(jnp.ones_like, drawn(cell))).save(file)
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", WRITER, str(file)]
    writers = [
        subprocess.Popen([*command, value], stdin=pipe, stdout=pipe, stderr=pipe, text=True) for value in ("1", "2")
    ]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    for writer in writers:
        print("go", file=writer.stdin, flush=True)
    seen = set()
    while any(writer.poll() is None for writer in writers):
        seen.add(tuple(np.unique(lj.load(file).params.inputs.weight).tolist()))
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said
    assert seen == {(1.0,), (2.0,)} and os.listdir(file.parent) == [file.name]


def test_a_file_of_a_later_format_says_so(file, monkeypatch):
    lj.Model(GRU, drawn(GRU)).save(file)
    with tensors.opened(file) as opened:
        arrays, text = {name: opened.array(name) for name in opened.structures}, json.loads(opened.text)
    for change in ({"format": 2, "liquidjax": "7.0"}, {"format": 99, "liquidjax": "7.0", "optimizer": {}}):
        tensors.write(file, arrays, json.dumps(text | change))
        with pytest.raises(ValueError, match=r"it is of format \d+, and liquidjax .* reads format 1; .* it, 7\.0,"):
            lj.load(file)


@pytest.mark.parametrize("wrong", [None, 3, True, ["model"], b"model", lj.GRU])
def test_a_path_is_a_path(wrong):
    for use in (lj.load, lj.Model(GRU, drawn(GRU)).save):
        with pytest.raises(ValueError, match="path must be the name of a file such as"):
            use(wrong)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        lj.load(tmp_path / "nothing.safetensors")


def test_parameters_alone_are_no_model(tmp_path):
    parameters.save(tmp_path / "params.npz", drawn(GRU), GRU)
    with pytest.raises(ValueError, match=r"params\.npz is damaged, cut short, or not written by liquidjax"):
        lj.load(tmp_path / "params.npz")


def test_a_model_is_made_into_another_by_replace():
    first = lj.Model(GRU, drawn(GRU), notes={"a": "b"})
    second = dataclasses.replace(first, features=["x", "y"])
    assert second.features == ("x", "y") and second.cell is first.cell and second.notes == first.notes
    with pytest.raises(ValueError, match="params must be what LSTM"):
        dataclasses.replace(first, cell=lj.LSTM(2, 3))


def test_a_model_is_small_in_print_and_can_be_copied():
    made = lj.Model(GRU, drawn(GRU), features=("x", "y"))
    assert repr(made).startswith("Model(cell=GRU(inputs=2, units=3), preparation=None, objective=None, features=(")
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert copied.cell == made.cell
        assert_same(copied.params, made.params)


def test_notes_do_not_change_with_the_dict_they_came_from():
    notes = {"a": "b"}
    made = lj.Model(GRU, drawn(GRU), notes=notes)
    notes["a"] = "c"
    assert made.notes == {"a": "b"}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"cell": None}, "cell must be a Cell such as lj.GRU"),
        ({"cell": lj.NCPNetwork(3, 10, 2)}, "cell must be a Cell such as lj.GRU"),
        ({"cell": lj.GRU}, "cell must be a Cell such as lj.GRU"),
        ({"cell": lj.GRU(2, 4)}, r"params.inputs.weight must have the shape \(2, 3, 4\)"),
        ({"params": None}, "params must be what GRU.init"),
        ({"params": cast(int)}, "params.inputs.weight must be floating point numbers, got int32"),
        ({"params": cast(bool)}, "params.inputs.weight must be floating point numbers, got bool"),
        ({"params": cast(complex)}, "params.inputs.weight must be floating point numbers, got complex64"),
        ({"preparation": "scaled"}, "preparation must be a Preparation"),
        ({"preparation": Preparation((0.0,), (1.0,))}, "preparation must make the 2 inputs of the cell, got 1"),
        ({"objective": "accuracy"}, "objective must be a frozen dataclass or None, got 'accuracy'"),
        ({"objective": Objective}, "objective must be a frozen dataclass or None, got the class"),
        ({"features": None}, "features must be a tuple of names, got None"),
        ({"features": "xy"}, "features must be a tuple of names, got 'xy'"),
        ({"features": ("x",)}, "features must be the names of 2 features, got 1"),
        ({"features": ("x", "x")}, "features must be a tuple of names, each of them once"),
        ({"features": ("x", "")}, "features must be text of at least one character, got ''"),
        ({"features": ("x", 3)}, "features must be text of at least one character, got 3"),
        ({"features": ("x", "\ud800")}, "features must be text"),
        ({"classes": 3}, "classes must be a tuple of names, got 3"),
        ({"classes": ("a", "a")}, "classes must be a tuple of names, each of them once"),
        ({"outputs": "y"}, "outputs must be a tuple of names, got 'y'"),
        ({"notes": "by hand"}, "notes must be a dict of texts by name, got 'by hand'"),
        ({"notes": {"a": 3}}, r"notes\['a'\] must be text"),
        ({"notes": {3: "a"}}, "notes must be text"),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    with pytest.raises(ValueError, match=message) as refusal:
        lj.Model(**{"cell": GRU, "params": drawn(GRU)} | change)
    assert "\n" not in str(refusal.value)
