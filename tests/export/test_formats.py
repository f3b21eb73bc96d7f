"""The command that exports: what it writes is there and compared, and what it does not is one line."""

import jax
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax import __main__ as cli
from liquidjax.export import stablehlo
from liquidjax.export.formats import FORMATS, Format, write
from node_run import needs_node

CELL = lj.Readout(lj.LTC(2, lj.AutoNCP(5, 1), lj.SemiImplicit(1)), 3)


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    lj.Model(CELL, drawn(CELL)).save("pilot.safetensors")
    return "pilot.safetensors"


def error(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out, said = capsys.readouterr()
    assert stop.value.code == 2 and not out and said.count("\n") == 1
    return said


def test_every_format_is_a_module_that_writes():
    assert set(FORMATS) == set(Format.__args__)
    assert len({way.ending for way in FORMATS.values()}) == len(FORMATS)


def test_c(model, capsys, tmp_path):
    cli.main(["export", model, "--format", "c", "--dtype", "float64", "--name", "pilot"])
    out = capsys.readouterr().out
    assert "Readout as c: pilot.c" in out and "cc -DPILOT_SELFTEST pilot.c -lm" in out
    assert "typedef double pilot_real" in (tmp_path / "pilot.c").read_text()


@needs_node
def test_javascript(model, capsys, tmp_path, monkeypatch):
    cli.main(["export", model, "--format", "javascript"])
    out = capsys.readouterr().out
    assert "Readout as javascript: pilot.js" in out and "microseconds here with Node" in out
    assert "export function step(" in (tmp_path / "pilot.js").read_text()
    monkeypatch.setenv("PATH", "")
    cli.main(["export", model, "--format", "javascript", "--file", "again.js"])
    assert "there is no Node here, so it was neither run nor compared" in capsys.readouterr().out
    assert "--dtype is for" in error(
        ["export", model, "--format", "javascript", "--file", "x.js", "--dtype", "float32"], capsys
    )


def test_stablehlo(model, capsys):
    cli.main(["export", model, "--format", "stablehlo"])
    assert "the largest difference is" in capsys.readouterr().out
    loaded = stablehlo.load("pilot.stablehlo.zip")
    inputs = np.ones((4, 1, 2), np.float32)
    found = loaded.sequence(loaded.initial_state(1), inputs, np.ones((4, 1), np.float32))[1]
    np.testing.assert_allclose(found, lj.unroll(CELL, drawn(CELL), inputs)[1], atol=1e-6)


def test_safetensors(model, capsys):
    cli.main(["export", model, "--format", "safetensors", "--file", "arrays.safetensors"])
    assert "the same to the bit" in capsys.readouterr().out
    jax.tree.map(np.testing.assert_array_equal, lj.load("arrays.safetensors").params, drawn(CELL))


def test_what_is_not_done_is_one_line(model, capsys, tmp_path):
    (tmp_path / "pilot.c").write_text("mine")
    assert "pilot.c is there already, and is not written over" in error(["export", model, "--format", "c"], capsys)
    assert (tmp_path / "pilot.c").read_text() == "mine"
    assert "--batch is for iree, and c has --dtype, --name" in error(
        ["export", model, "--format", "c", "--file", "x.c", "--batch", "3"], capsys
    )
    assert "No such file" in error(["export", "nothing.safetensors", "--format", "c"], capsys)
    assert "is no run folder" in error(["export", ".", "--format", "c"], capsys)
    assert "--format" in error(["export", model, "--format", "caffe"], capsys)
    (tmp_path / model).write_bytes(b"no model")
    assert "is damaged" in error(["export", model, "--format", "c", "--file", "x.c"], capsys)
    assert {path.name for path in tmp_path.iterdir()} == {"pilot.c", model}


def test_without_the_package_of_a_format_it_says_what_to_install(model, capsys, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "iree.compiler", None)
    monkeypatch.setitem(__import__("sys").modules, "iree", None)
    assert 'pip install "liquidjax[iree]"' in error(["export", model, "--format", "iree"], capsys)


def test_what_a_format_cannot_express_is_refused_with_the_cell(tmp_path):
    cell = lj.Bidirectional(lj.GRU(2, 2))
    model = lj.Model(cell, drawn(cell))
    for format in ("c", "stablehlo"):
        with pytest.raises(ValueError, match="Bidirectional cannot be exported"):
            write(model, format, tmp_path / f"x{FORMATS[format].ending}", {}, "x")
    assert not list(tmp_path.iterdir())
