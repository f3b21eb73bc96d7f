"""Writing a module: compared first, there completely or not at all, and what is there already stays."""

import os
import stat

import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export.javascript import node, write
from liquidjax.export.javascript.functions import FUNCTIONS
from node_run import needs_node
from small_cells import CELLS


def model(cell=None):
    cell = cell or lj.CTRNN(2, 2)
    return lj.Model(cell, drawn(cell))


@needs_node
def test_what_is_written_has_been_run_and_compared(tmp_path):
    written = write(model(), tmp_path / "pilot.js")
    assert written.path == tmp_path / "pilot.js" and written.bytes == written.path.stat().st_size
    assert written.node == node.found() and written.difference is not None and written.difference < 1e-12
    assert written.microseconds is not None and written.microseconds > 0
    assert 'from "./pilot.js"' in written.path.read_text() and os.listdir(tmp_path) == ["pilot.js"]


def test_a_file_that_is_there_stays_unless_it_may_be_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    file = tmp_path / "model.mjs"
    file.write_text("mine")
    with pytest.raises(
        FileExistsError, match=r"model\.mjs is there already; choose another name, or say overwrite=True"
    ):
        write(model(), file)
    assert file.read_text() == "mine"
    write(model(), file, overwrite=True)
    assert file.read_text().startswith("/* A recurrent network")


@needs_node
@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("0.9 * Math.tanh(", "LTC cannot be exported to JavaScript: its answers are .* away from those of the model"),
        ("(REAL *)tanh(", "node does not run the module: SyntaxError: .*; please report it"),
    ],
)
def test_a_module_that_does_not_do_what_the_model_does_is_not_written(wrong, message, tmp_path, monkeypatch):
    monkeypatch.setitem(FUNCTIONS, "synapses", FUNCTIONS["synapses"].replace("Math.tanh(", wrong))
    with pytest.raises(ValueError, match=message) as error:
        write(model(CELLS["ltc"]), tmp_path / "model.js")
    assert "\n" not in str(error.value) and not os.listdir(tmp_path)


def test_where_there_is_no_node_that_works_it_says_so(tmp_path, monkeypatch):
    broken = tmp_path / "bin" / "node"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(broken.stat().st_mode | stat.S_IEXEC)
    for path in ("", str(broken.parent)):
        monkeypatch.setenv("PATH", path)
        written = write(model(), tmp_path / "model.js", overwrite=True)
        assert written[2:] == (None, None, None) and written.path.exists()


@pytest.mark.parametrize(
    ("path", "settings", "error", "message"),
    [
        ("model.c", {}, ValueError, r"path must end in \.js or \.mjs, got "),
        (3, {}, ValueError, "path must be the name of a file such as 'model.js', got 3"),
        ("nowhere/model.js", {}, FileNotFoundError, "there is no folder .*nowhere"),
        ("folder.js", {"overwrite": True}, FileExistsError, "is there already"),
        ("model.js", {"overwrite": 1}, ValueError, "overwrite must be True or False, got 1"),
    ],
)
def test_an_argument_that_cannot_be_is_refused(path, settings, error, message, tmp_path):
    (tmp_path / "folder.js").mkdir()
    with pytest.raises(error, match=message):
        write(model(), tmp_path / path if isinstance(path, str) else path, **settings)
