"""Writing a C file: compared first, there completely or not at all, and what is there already stays."""

import os
import stat
from typing import Any

import numpy as np
import pytest

import liquidjax as lj
from compiled_c import compile_c, needs_compiler
from drawn import drawn
from liquidjax.export.c import compiler, write
from liquidjax.export.c.functions import FUNCTIONS
from liquidjax.export.comparison import TOLERANCE
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Forecast
from small_cells import CELLS


def model(cell=None, **parts):
    cell = cell or lj.CTRNN(2, 2)
    return lj.Model(cell, drawn(cell), **parts)


@needs_compiler
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_written_has_been_compiled_compared_and_measured(dtype, tmp_path):
    made = model(preparation=Preparation((1.0, 2.0), (3.0, 4.0), since=False), objective=Forecast())
    written = write(made, tmp_path / "pilot.c", dtype=dtype, name="pilot")
    assert written.path == tmp_path / "pilot.c" and written.bytes == written.path.stat().st_size
    assert written.difference is not None and written.difference < TOLERANCE[dtype] / 10
    assert written.compiler == compiler.found() and written.nanoseconds is not None and written.nanoseconds > 1
    assert written.object_bytes is None or 500 < written.object_bytes < 10_000
    (tmp_path / "size.c").write_text(f"""
#define PILOT_DECLARATIONS
#include "pilot.c"
char as_told[sizeof(pilot_state) == {written.state_bytes} ? 1 : -1];
""")
    compile_c(tmp_path, "-c", "size.c")


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "COMPILERS", ())
    file = tmp_path / "model.c"
    file.write_text("mine")
    with pytest.raises(FileExistsError, match=r"model\.c is there already; choose another name, or say overwrite=True"):
        write(model(), file)
    assert file.read_text() == "mine"
    write(model(), file, overwrite=True)
    assert file.read_text().startswith("/* A recurrent network")
    assert os.listdir(tmp_path) == ["model.c"]


@needs_compiler
@pytest.mark.parametrize(
    ("function", "wrong", "message"),
    [
        (
            "tanh(synapse",
            "0.9 * tanh(synapse",
            "away from those of the model, and 0.0001 is allowed; no file",
        ),
        ("const REAL gate", "const REAL *gate", r"does not compile the file: .*; please report it"),
        ("const REAL gate", "if (v) *(volatile int *)0 = 1;\nconst REAL gate", "ended with status -"),
    ],
)
def test_a_file_that_does_not_do_what_the_model_does_is_not_written(function, wrong, message, tmp_path, monkeypatch):
    monkeypatch.setitem(FUNCTIONS, "synapses", FUNCTIONS["synapses"].replace(function, wrong))
    file = tmp_path / "model.c"
    file.write_text("mine")
    with pytest.raises(ValueError, match=message) as error:
        write(model(CELLS["ltc"]), file, overwrite=True)
    assert "\n" not in str(error.value)
    assert file.read_text() == "mine" and os.listdir(tmp_path) == ["model.c"]


@needs_compiler
def test_an_unstable_integrator_is_compared_in_shorter_steps(tmp_path):
    """In steps of 1 this one enlarges its own rounding by a thousand."""
    written = write(model(CELLS["ltc explicit"]), tmp_path / "model.c")
    assert written.difference is not None and written.difference < 1e-5


@needs_compiler
def test_a_model_that_answers_with_infinity_is_refused(tmp_path):
    cell = lj.CTRNN(1, 1, lj.Euler(40), time_constant=1e-12, learn_time_constant=False)
    with pytest.raises(ValueError, match="CTRNN cannot be exported to C: the model answers ordinary readings with NaN"):
        write(model(cell), tmp_path / "model.c")
    assert not os.listdir(tmp_path)


def test_where_there_is_no_compiler_that_works_it_says_so(tmp_path, monkeypatch):
    broken = tmp_path / "bin" / "cc"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'error: please install me' >&2\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    for path in ("", str(broken.parent)):
        monkeypatch.setenv("PATH", path)
        written = write(model(), tmp_path / "model.c", overwrite=True)
        assert written[3:] == (None, None, None, None)
        assert written.path.exists()


@pytest.mark.parametrize(
    ("path", "settings", "error", "message"),
    [
        ("model.h", {}, ValueError, "path must end in .c, got "),
        (3, {}, ValueError, "path must be the name of a file such as 'model.c', got 3"),
        ("nowhere/model.c", {}, FileNotFoundError, "there is no folder .*nowhere"),
        ("folder.c", {"overwrite": True}, FileExistsError, "is there already"),
        ("model.c", {"name": "2"}, ValueError, "name must begin the names in C"),
        ("model.c", {"dtype": "float16"}, ValueError, "dtype must be one of 'float32', 'float64', got 'float16'"),
        ("model.c", {"overwrite": 1}, ValueError, "overwrite must be True or False, got 1"),
    ],
)
def test_an_argument_that_cannot_be_is_refused(path, settings, error, message, tmp_path):
    (tmp_path / "folder.c").mkdir()
    place = tmp_path / path if isinstance(path, str) else path
    with pytest.raises(error, match=message):
        write(model(), place, **settings)


def test_what_is_no_model_is_refused(tmp_path):
    nothing: Any = np.zeros(3)
    with pytest.raises(ValueError, match="model must be a Model"):
        write(nothing, tmp_path / "model.c")
