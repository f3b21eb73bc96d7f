"""A model compiled by IREE, where that is installed: native code that answers as the model does."""

import dataclasses
import io
import json
import os
import subprocess
import sys
import textwrap
import types
import zipfile

import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export import archive as archives
from liquidjax.export import iree, stablehlo
from small_models import MODELS, PLAIN
from test_conformance import CELLS

compiler = pytest.importorskip("iree.compiler")
runtime = pytest.importorskip("iree.runtime")

MODEL = MODELS["event, mean, all"]
EXPORTABLE = {name: cell for name, cell in CELLS.items() if name != "ltc diffrax"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    path = tmp_path_factory.mktemp("archive") / "model.iree.zip"
    written = iree.write(MODEL, path, batch=2, time=5)
    assert written.path == path and written.bytes == path.stat().st_size and written.difference < 1e-4
    return path


@pytest.mark.parametrize("name", EXPORTABLE)
def test_every_cell_is_compiled_and_answers_as_the_model(name, tmp_path):
    """That it does is compared where it is written; here once more, with other readings, against `unroll`."""
    cell, path = CELLS[name], tmp_path / "model.zip"
    params = drawn(cell)
    assert iree.write(lj.Model(cell, params), path).difference < 1e-4
    inputs, dt = np.random.default_rng(1).normal(size=(3, 1, cell.inputs)).astype(np.float32), np.float32(0.3)
    wanted, loaded = lj.unroll(cell, params, inputs, dt)[1], iree.load(path)
    assert loaded.sequence is None
    state = loaded.initial_state(1)
    for t in range(3):
        state, answers = loaded.step(state, inputs[t], [dt])
        np.testing.assert_allclose(answers, wanted[t], rtol=1e-3, atol=1e-4)


def test_a_sequence_is_its_steps(archive):
    loaded, rng = iree.load(archive), np.random.default_rng(0)
    features, dt = rng.normal(size=(5, 2, 2)), rng.exponential(10, (5, 2))
    features[rng.random(features.shape) < 0.3] = np.nan
    state, stepped = loaded.initial_state(2), []
    for t in range(5):
        state, answers = loaded.step(state, features[t], dt[t])
        stepped.append(answers)
    assert loaded.sequence is not None
    after, whole = loaded.sequence(loaded.initial_state(2), features, dt)
    np.testing.assert_allclose(whole, stepped, rtol=0, atol=1e-4)
    for name, leaf in state.items():
        np.testing.assert_allclose(after[name], leaf, rtol=1e-4, atol=1e-4)


WITHOUT = """
import sys
sys.modules["liquidjax"] = sys.modules["jax"] = None  # so that their import fails
sys.argv = ["load.py", "model.zip"]
exec(open("load.py").read())
"""


def test_the_program_in_the_readme_runs_it_without_liquidjax_and_without_jax(archive, tmp_path):
    with zipfile.ZipFile(archive) as members:
        text = members.read("README.txt").decode()
        assert members.read("load.py").decode() in textwrap.dedent(text.split("which runs the example:\n\n")[1])
        said = json.loads(members.read("description.json"))
    assert said["kind"] == "iree" and said["sizes"] == {"batch": 2, "time": 5} and said["made_for"][0] == "llvm-cpu"
    (tmp_path / "load.py").write_text(textwrap.dedent(text.split("which runs the example:\n\n")[1]))
    (tmp_path / "model.zip").write_bytes(archive.read_bytes())
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", WITHOUT]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert float(done.stdout.rpartition("differs from the model by ")[2]) < 1e-4


def test_the_text_in_an_archive_of_stablehlo_is_what_iree_compiles(tmp_path):
    """The text is for compilers like this one: it is run by one that shares nothing with JAX."""
    path = tmp_path / "model.zip"
    stablehlo.write(PLAIN, path, platforms="cpu")
    with zipfile.ZipFile(path) as members:
        text = members.read("step.mlir").decode()
    options = ["--iree-llvmcpu-target-cpu=generic"]
    contents = compiler.compile_str(text, target_backends=["llvm-cpu"], input_type="stablehlo", extra_args=options)
    context = runtime.SystemContext(config=runtime.Config("local-sync"))
    module = runtime.VmModule.copy_buffer(context.instance, contents)
    context.add_vm_module(module)
    loaded = stablehlo.load(path)
    features, dt = np.array([[0.3, -2.0]], np.float32), np.array([0.5], np.float32)
    _, wanted = loaded.step(loaded.initial_state(1), features, dt)
    start = np.ascontiguousarray(loaded.initial_state(1)["cell"])
    _, answers = context.modules[module.name].main(start, features, dt)
    np.testing.assert_allclose(np.asarray(answers), wanted, rtol=1e-4, atol=1e-5)


def test_another_batch_is_refused(archive):
    with pytest.raises(ValueError, match="batch must be 2, which it was compiled for, got 3"):
        iree.load(archive).initial_state(3)


def test_a_solver_that_calls_back_into_python_is_refused(tmp_path):
    cell = CELLS["ltc diffrax"]
    with pytest.raises(ValueError, match="cannot be exported: it calls back into Python"):
        iree.write(lj.Model(cell, drawn(cell)), tmp_path / "model.zip")
    assert not list(tmp_path.iterdir())


def test_what_iree_does_not_compile_is_told_in_a_line(tmp_path, monkeypatch):
    monkeypatch.setattr(
        iree, "lowered", lambda *_, **__: types.SimpleNamespace(mlir_module=lambda: "module {\nnonsense")
    )
    with pytest.raises(ValueError, match=r"GRU.* cannot be compiled by IREE: ") as caught:
        iree.write(PLAIN, tmp_path / "model.zip")
    assert "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_an_export_that_answers_otherwise_is_not_written_and_what_was_there_stays(tmp_path, monkeypatch):
    path, trial = tmp_path / "model.zip", iree.trial
    path.write_bytes(b"before")
    monkeypatch.setattr(iree, "trial", lambda *given: (trial(*given)[0], trial(*given)[1] + 0.01))
    with pytest.raises(ValueError, match="the exported step must answer what the model answers"):
        iree.write(PLAIN, path)
    assert path.read_bytes() == b"before" and list(tmp_path.iterdir()) == [path]


def test_another_file_is_refused(archive, tmp_path):
    path = tmp_path / "other.zip"
    path.write_bytes(archive.read_bytes()[:-10])
    with pytest.raises(ValueError, match=r"other\.zip is damaged, cut short"):
        iree.load(path)
    stablehlo.write(PLAIN, path, platforms="cpu")
    with pytest.raises(ValueError, match=r"other\.zip must be an export to iree, got one to stablehlo"):
        iree.load(path)


@pytest.mark.parametrize("case", ["noise", "cut short", "no batch"])
def test_what_was_put_together_wrongly_is_refused_in_a_line(case, archive, tmp_path):
    file = io.BytesIO(archive.read_bytes())
    members = [name for name in zipfile.ZipFile(file).namelist() if name != archives.DESCRIPTION]
    about, contents = archives.read(archive, file, "iree", members)
    if case == "no batch":
        about = dataclasses.replace(about, sizes={"batch": None, "time": None})
    else:
        step = contents["step.vmfb"]
        contents["step.vmfb"] = b"noise" * 1000 if case == "noise" else step[: len(step) // 2]
    with (tmp_path / "model.zip").open("w+b") as file:
        archives.write(file, "iree", about, contents)
    with pytest.raises(ValueError, match=r"model\.zip (cannot be loaded by this IREE|must say which batch)") as caught:
        iree.load(tmp_path / "model.zip")
    assert "\n" not in str(caught.value)
