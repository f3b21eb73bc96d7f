"""A model as StableHLO: one file that runs for any batch and time without liquidjax, and answers as the model does."""

import json
import os
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export import stablehlo
from liquidjax.export.deployed import Deployed
from small_models import MODELS, PLAIN
from test_conformance import CELLS
from untyped import untyped

MODEL = MODELS["event, mean, all"]
ADAPTIVE = ("ltc diffrax",)
EXPORTABLE = {name: cell for name, cell in CELLS.items() if name not in ADAPTIVE}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "model.stablehlo.zip"
    written = stablehlo.write(MODEL, path)
    assert written.path == path and written.bytes == path.stat().st_size and written.difference < 1e-4
    return path


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Written while float64 is switched off."""
    path = tmp_path_factory.mktemp("wide") / "model.stablehlo.zip"
    assert stablehlo.write(PLAIN, path, platforms=("cpu", "rocm", "cpu"), dtype="float64").difference < 1e-9
    return path


def readings(sizes, seed=0, gaps=True):
    rng = np.random.default_rng(seed)
    features, dt = rng.normal(size=(*sizes, 2)), rng.exponential(10, sizes)
    return np.where(gaps & (rng.random(features.shape) < 0.3), np.nan, features), dt


@pytest.mark.parametrize("name", EXPORTABLE)
def test_every_cell_answers_as_the_model(name, tmp_path, x64):
    """In float64, and where nothing is prepared to the digits of it: the same operations in another order."""
    cell = CELLS[name]
    params = drawn(cell, dtype=np.float64)
    path = tmp_path / "model.zip"
    assert stablehlo.write(lj.Model(cell, params), path, platforms="cpu", dtype="float64").difference < 1e-9
    inputs, dt = np.random.default_rng(1).normal(size=(2, 4, cell.inputs)), np.full((2, 4), 0.3)
    loaded = stablehlo.load(path)
    _, answers = loaded.sequence(loaded.initial_state(4), inputs, dt)
    np.testing.assert_allclose(answers, lj.unroll(cell, params, inputs, dt)[1], rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ADAPTIVE)
def test_a_solver_that_calls_back_into_python_is_refused(name, tmp_path):
    cell = CELLS[name]
    with pytest.raises(
        ValueError, match=r"LTC.* cannot be exported: it calls back into Python .* lj\.SemiImplicit"
    ) as caught:
        stablehlo.write(lj.Model(cell, drawn(cell)), tmp_path / "model.zip")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


@dataclass(frozen=True)
class Counting:
    """A cell of anybody's that asks in Python how long its batch is."""

    inputs: int = 1
    outputs: int = 1

    def init(self, key):
        del key
        return jnp.ones(1)

    def initial_state(self, batch_shape=(), dtype=float):
        return jnp.zeros((*batch_shape, 1), dtype)

    def sense(self, params, inputs, key=None):
        del key
        return inputs * params

    def step(self, params, state, sensed, dt):
        del params, dt
        return state, sensed if state.shape[0] > 3 else 2 * sensed


def test_what_asks_for_sizes_that_are_open_is_refused_in_a_line(tmp_path):
    with pytest.raises(ValueError, match=r"Counting\(inputs=1, outputs=1\) cannot be exported: ") as caught:
        stablehlo.write(lj.Model(Counting(), jnp.ones(1)), tmp_path / "model.zip")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize(("time", "batch"), [(1, 1), (1, 5), (7, 1), (7, 5)])
def test_one_archive_reads_any_batch_and_any_time(archive, time, batch):
    loaded, deployed = stablehlo.load(archive), Deployed(MODEL)
    features, dt = readings((time, batch))
    wanted = jax.jit(deployed.sequence)(deployed.initial_state((batch,)), np.float32(features), np.float32(dt))
    found = loaded.sequence(loaded.initial_state(batch), features, dt)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), found, wanted)
    state = loaded.initial_state(batch)
    for t in range(time):
        state, answers = loaded.step(state, features[t], dt[t])
        np.testing.assert_allclose(answers, wanted[1][t], rtol=1e-4, atol=1e-5)


def test_it_is_differentiated_as_the_model_is(wide, x64):
    loaded, deployed = stablehlo.load(wide), Deployed(PLAIN, "float64")
    features, dt = readings((4, 3), gaps=False)
    start = {name: jnp.asarray(leaf) for name, leaf in loaded.initial_state(3).items()}

    def loss(run, state, features, dt):
        return jnp.sum(jnp.sin(run(state, features, dt)[1]))

    found, wanted = (
        jax.grad(lambda *given, run=run: loss(run, *given), argnums=(0, 1, 2))(start, features, dt)
        for run in (loaded.sequence, deployed.sequence)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-12), found, wanted)
    assert np.abs(found[1]).max() > 1e-3


WITHOUT = """
import sys
sys.modules["liquidjax"] = None  # so that its import fails
sys.argv = ["load.py", "model.zip"]
exec(open("load.py").read())
start = initial_state(dt.shape[1])
gradient = jax.grad(lambda features: sequence(start, features, dt)[1].sum())(np.nan_to_num(features))
print("gradient", gradient.shape, bool(np.isfinite(gradient).all() and np.abs(gradient).max() > 0))
print("loaded", sorted(name for name in sys.modules if name.startswith(("liquidjax", "optax", "diffrax", "equinox"))))
"""


def test_the_program_in_the_readme_runs_it_where_there_is_no_liquidjax(archive, tmp_path):
    with zipfile.ZipFile(archive) as members:
        text = members.read("README.txt").decode()
        assert members.testzip() is None
        example = json.loads(members.read("example.json"))
    program = textwrap.dedent(text.split("load.py, which runs the example:\n\n")[1])
    assert 15 <= len(program.splitlines()) <= 25 and "liquidjax" not in program
    (tmp_path / "load.py").write_text(program)
    (tmp_path / "model.zip").write_bytes(archive.read_bytes())
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "y1" and "gradient (12, 2, 2) True" in lines and "loaded ['liquidjax']" in lines
    differences = [float(line.rpartition(" ")[2]) for line in lines if "differs from the model by" in line]
    assert len(differences) == 2 and max(differences) < 1e-4
    assert np.shape(example["answers"]) == (12, 2, 1) and None in np.ravel(example["features"])


def test_the_description_says_what_it_is(archive):
    with zipfile.ZipFile(archive) as members:
        said = json.loads(members.read("description.json"))
        assert members.read("load.py").decode() == stablehlo.LOAD
    assert said["format"] == 1 and said["kind"] == "stablehlo" and said["made_with"] == {"jax": jax.__version__}
    assert said["made_for"] == ["cpu", "cuda", "tpu"] and said["sizes"] == {"batch": None, "time": None}
    assert said["features"] == ["x1", "x2"] and said["answers"] == ["y1"] and said["answers_are"] == "probabilities"
    assert said["cell"] == repr(MODEL.cell) and said["first_dt"] == 7.0 and said["gaps"] is True
    assert list(said["state"]) == ["cell", "mean", "since", "steps"] and said["state"]["since"]["shape"] == [2]
    assert stablehlo.load(archive).programs["sequence"].platforms == ("cpu", "cuda", "tpu")


def test_the_text_is_plain_stablehlo_for_a_batch_of_one(archive):
    with zipfile.ZipFile(archive) as members:
        text = members.read("step.mlir").decode()
    assert "custom_call" not in text and "tensor<?" not in text
    main = text[text.index("@main(") : text.index("->")]
    assert [f"tensor<{kind}>" in main for kind in ("1x2xf32", "1x1xf32", "1xf32")] == [True] * 3


def test_nothing_in_it_tells_where_and_when_it_was_made(archive, tmp_path):
    again = tmp_path / "again.zip"
    stablehlo.write(MODEL, again)
    contents = archive.read_bytes()
    assert again.read_bytes() == contents
    for folder in {Path(lj.__file__).parents[1], Path(jax.__file__).parents[1], Path(__file__).parent, Path.home()}:
        assert str(folder).encode() not in contents


def test_the_platforms_are_those_asked_for_each_once(wide):
    loaded = stablehlo.load(wide)
    assert loaded.about.made_for == loaded.programs["step"].platforms == ("cpu", "rocm")


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        (PLAIN, {"platforms": ("cuda",)}, "platforms must include cpu, where the export is compared"),
        (PLAIN, {"platforms": ()}, "platforms must include cpu"),
        (PLAIN, {"platforms": ("cpu", "gpu")}, "platforms must be one of 'cpu', 'cuda', 'rocm', 'tpu', got 'gpu'"),
        (PLAIN, {"platforms": 3}, "platforms must be names such as 'cpu', got 3"),
        (PLAIN, {"dtype": "bfloat16"}, "dtype must be one of"),
        (PLAIN.cell, {}, "model must be a Model"),
    ],
)
def test_what_cannot_be_is_refused(given, options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        stablehlo.write(untyped(given), tmp_path / "model.zip", **untyped(options))
    assert not list(tmp_path.iterdir())


def test_an_export_that_answers_otherwise_is_not_written_and_what_was_there_stays(tmp_path, monkeypatch):
    path = tmp_path / "model.zip"
    path.write_bytes(b"before")
    trial: Any = stablehlo.trial
    monkeypatch.setattr(stablehlo, "trial", lambda *given: (trial(*given)[0], trial(*given)[1] + 0.01))
    with pytest.raises(ValueError, match="the exported step must answer what the model answers"):
        stablehlo.write(PLAIN, path, platforms="cpu")
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_without_flatbuffers_it_says_how_to_get_it(archive, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jax._src.export.serialization", None)
    for call in (
        lambda: stablehlo.load(archive),
        lambda: stablehlo.write(PLAIN, tmp_path / "model.zip", platforms="cpu"),
    ):
        with pytest.raises(ImportError, match=r'pip install "liquidjax\[stablehlo\]"'):
            call()
    assert not list(tmp_path.iterdir())


def test_float64_is_computed_in_float64_where_it_is_switched_off(wide):
    loaded = stablehlo.load(wide)
    state, answers = loaded.step(loaded.initial_state(2), np.ones((2, 2)), np.ones(2))
    assert answers.dtype == state["cell"].dtype == np.float64 and jnp.ones(()).dtype == np.float32


def test_a_batch_of_none_is_refused(archive):
    with pytest.raises(ValueError, match="batch must be an integer of at least 1, got 0"):
        stablehlo.load(archive).initial_state(0)
