"""A file of ONNX is there completely and compared, or not at all, and the process that asked for it is what it was."""

import importlib
import json
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec

import jax
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export import onnx
from liquidjax.export.comparison import TOLERANCE, difference, expected, readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx import runtime, writing
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event
from small_cells import CELLS
from untyped import untyped

GRU = lj.Model(lj.GRU(3, 2), drawn(lj.GRU(3, 2)))
HOSTILE = ("a\nb", '"; DROP', "\x00", "名前 🦎", "state.cell", "{x}")
SCRIPT = """
import sys
import jax
import jax.numpy as jnp
import numpy as np
import liquidjax as lj
from liquidjax.export import onnx

def bits(seed):
    cell = lj.LTC(2, lj.AutoNCP(6, 2), lj.SemiImplicit(seed))
    params = cell.init(jax.random.key(seed))
    return np.asarray(lj.unroll(cell, params, jnp.ones((4, 1, 2)), jnp.ones(4))[1]).tobytes()

functions, before = dict(vars(jnp)), [bits(1), bits(2)]
print(onnx.write(lj.load(sys.argv[1]), sys.argv[2], sequence=sys.argv[3]).difference)
assert [bits(1), bits(2)] == before, "unroll answers otherwise"
assert bits(3), "nothing new can be traced"
assert dict(vars(jnp)) == functions, "jax.numpy is not what it was"
assert not {"jax2onnx", "flax", "onnx"} & set(sys.modules), "what converts was imported"
"""
needs_onnx = pytest.mark.skipif(not find_spec("jax2onnx"), reason="jax2onnx is not installed: make test-exports")


@dataclass(frozen=True)
class Ours(lj.GRU):
    """A cell of anybody's."""


def model(cell=GRU.cell, **about):
    return lj.Model(cell, drawn(cell), **about)


def installed(monkeypatch, *missing):
    """As if the extra was there, but for what is missing."""
    monkeypatch.setattr(writing.importlib.util, "find_spec", lambda name: None if name in missing else name)


def nothing_is_converted(monkeypatch):
    def convert(deployed):
        raise AssertionError("it should have been refused before")

    installed(monkeypatch)
    monkeypatch.setattr(writing, "converted", convert)


@needs_onnx
@pytest.mark.filterwarnings("ignore")
def test_the_files_run_by_what_they_say_of_themselves_and_nothing_else_has_changed(tmp_path):
    standard, runtimes = (importlib.import_module(name) for name in ("onnx", "onnxruntime"))
    what = model(
        CELLS["ltc"],
        preparation=Preparation((1.0, 2.0, -3.0), (1.0, 0.5, 2.0), 3.0, 2.5),
        objective=Classification(),
        features=HOSTILE[:3],
        classes=HOSTILE[3:5],
        notes={name: name for name in HOSTILE},
    )
    step, sequence = tmp_path / "modèle 1.onnx", tmp_path / "sequence.onnx"
    what.save(tmp_path / "model.safetensors")
    step.write_text("something else")
    command = [sys.executable, "-c", SCRIPT, tmp_path / "model.safetensors", step, sequence]
    done = subprocess.run(command, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    assert float(done.stdout) <= TOLERANCE["float32"]
    assert {file.name for file in tmp_path.iterdir()} == {step.name, sequence.name, "model.safetensors"}

    given = readings(Deployed(what), 6, 2, seed=1)
    wanted = expected(Deployed(what), given)
    for file in (step, sequence):
        said = {each.key: each.value for each in standard.load(file).metadata_props}
        assert said["kind"] == "probabilities" and float(said["first_dt"]) == 2.5
        assert json.loads(said["features"]) == list(HOSTILE[:3]) and json.loads(said["answers"]) == list(HOSTILE[3:5])
        assert said["cell"] == repr(what.cell)
        state = {name: np.array([start] * 2, "f") for name, start in json.loads(said["state"]).items()}
        session, answers = runtimes.InferenceSession(file), []
        for now in [given] if file == sequence else zip(*given, strict=True):
            found = session.run(None, {"features": now[0], "dt": now[1], **state})
            found = dict(zip([each.name for each in session.get_outputs()], found, strict=True))
            state = {name: found[f"next_{name}"] for name in state}
            answers.append(found["answers"])
        answers = answers[0] if file == sequence else np.stack(answers)
        assert difference(Deployed(what), answers, wanted) <= TOLERANCE["float32"]

    from liquidjax.export.onnx.process import files

    assert files(Deployed(what)) == [step.read_bytes(), sequence.read_bytes()], "the same model makes the same files"


@needs_onnx
def test_a_cell_of_a_module_of_ones_own_is_written(tmp_path, monkeypatch):
    (tmp_path / "our_own_cells.py").write_text("import liquidjax as lj\n\n\nclass Ours(lj.GRU):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    cell = importlib.import_module("our_own_cells").Ours(3, 2)
    written = onnx.write(model(cell), tmp_path / "model.onnx", dtype="float64")
    assert written.difference < 1e-13 and written.sequence is None
    assert written.bytes == (tmp_path / "model.onnx").stat().st_size


@needs_onnx
def test_a_cell_of_a_notebook_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "model.onnx"
    file.write_text("what was there before")
    monkeypatch.setattr(Ours, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "Ours", Ours, raising=False)
    with pytest.raises(ValueError, match=r"^Ours cannot be exported to ONNX: the process that converts cannot import"):
        onnx.write(model(Ours(3, 2)), file)
    assert file.read_text() == "what was there before" and list(tmp_path.iterdir()) == [file]


@needs_onnx
@pytest.mark.filterwarnings("ignore")
@pytest.mark.usefixtures("promotes")
def test_the_files_of_another_model_are_not_written(tmp_path, monkeypatch):
    from liquidjax.export.onnx.process import files

    file, right, other = tmp_path / "model.onnx", files(Deployed(GRU)), drawn(GRU.cell, seed=1)
    wrong = files(Deployed(lj.Model(GRU.cell, other)))
    file.write_text("what was there before")
    for made, said in ((wrong, "away from those of the model, and 0.0001 is allowed"), ([b"?"] * 2, "cannot load it")):
        for contents in (made, [right[0], made[1]]):
            monkeypatch.setattr(writing, "converted", lambda _, contents=contents: contents)
            with pytest.raises(ValueError, match=rf"^GRU cannot be exported to ONNX: .*{said}.*; no file was written$"):
                onnx.write(GRU, file, sequence=tmp_path / "sequence.onnx")
    assert file.read_text() == "what was there before" and list(tmp_path.iterdir()) == [file]


def test_answers_that_are_no_numbers_are_not_compared():
    params = GRU.params._replace(recurrent=GRU.params.recurrent._replace(bias=np.full((3, 2), np.nan, "f")))
    with pytest.raises(ValueError, match="its parameters are damaged, or its integrator is unstable"):
        runtime.compared(Deployed(lj.Model(GRU.cell, params)), [lambda given: given])


def test_a_model_that_is_unstable_in_long_steps_is_compared_in_short_ones():
    """Euler's method in steps of some fifty time constants: the answers grow until they are infinite."""
    cell = CELLS["ltc explicit"]
    what = Deployed(lj.Model(cell, drawn(cell)._replace(capacitance=np.full(6, 0.01, "f"))))
    step, seen = jax.jit(what.step), []

    def run(given):
        seen.append(given["dt"].mean())
        state, answers = step({"cell": given["state.cell"]}, given["features"], given["dt"])
        return {"answers": np.asarray(answers), "next_state.cell": np.asarray(state["cell"])}

    assert runtime.compared(what, [run]) < TOLERANCE["float32"]
    assert 0.005 < np.mean(seen) < 0.02  # a hundredth of those of the data


def test_what_is_no_path_is_refused_before_anything_is_done(tmp_path, monkeypatch):
    nothing_is_converted(monkeypatch)
    file = tmp_path / "model.onnx"
    for wrong in (None, 3, b"model.onnx", "", tmp_path):
        with pytest.raises(ValueError, match=r"^path must be the name of a file such as 'model.onnx'"):
            onnx.write(GRU, untyped(wrong))
        if wrong is not None:
            with pytest.raises(ValueError, match=r"^sequence must be the name of a file such as 'model.onnx'"):
                onnx.write(GRU, file, sequence=untyped(wrong))
    with pytest.raises(FileNotFoundError, match=r"^there is no folder .* to write model.onnx into$"):
        onnx.write(GRU, tmp_path / "folder" / "model.onnx")
    with pytest.raises(ValueError, match=r"^sequence must be another file than path"):
        onnx.write(GRU, file, sequence=tmp_path / "." / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_step_or_no_dtype_is_refused_before_anything_is_done(tmp_path, monkeypatch):
    nothing_is_converted(monkeypatch)
    both = lj.Bidirectional(lj.GRU(2, 2))
    for wrong, dtype, said in (
        (model(both), "float32", "Bidirectional cannot be exported"),
        (model(objective=Event()), "float16", "dtype must be"),
        (untyped("a model"), "float32", "model must be a Model"),
    ):
        with pytest.raises(ValueError, match=said):
            onnx.write(wrong, tmp_path / "model.onnx", dtype=dtype)


@pytest.mark.parametrize("missing", ["jax2onnx", "onnx", "onnxruntime"])
def test_without_the_extra_it_says_how_to_install_it(tmp_path, monkeypatch, missing):
    installed(monkeypatch, missing)
    with pytest.raises(ImportError, match=r'pip install "liquidjax\[onnx\]"'):
        onnx.write(GRU, tmp_path / "model.onnx")


def test_a_process_that_dies_is_told_with_its_last_words(tmp_path, monkeypatch):
    installed(monkeypatch)
    monkeypatch.setattr(writing, "_CHILD", "nothing_of_the_kind")
    with pytest.raises(ValueError, match=r"the process that converts ended with 1, .*No module named nothing"):
        onnx.write(GRU, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_sent_is_refused(tmp_path, monkeypatch):
    @dataclass(frozen=True)
    class Local(lj.GRU):
        """A cell inside of a function."""

    installed(monkeypatch)
    with pytest.raises(ValueError, match=r"^Local cannot be exported to ONNX: it cannot be sent to the process"):
        onnx.write(model(Local(3, 2)), tmp_path / "model.onnx")
