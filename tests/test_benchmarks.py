"""The benchmarks' arithmetic, their report, and one script from end to end, without torch, keras or ncps."""

import importlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import liquidjax as lj
from compiled_c import needs_compiler
from liquidjax.experiments.shared import log_log, subprocesses
from liquidjax.interop import from_ncps

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture
def load(monkeypatch):
    """Imports a module of benchmarks/, which is no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module


def record(load, label, seconds, temporary_bytes=1_000_000, value=0.5, failure=""):
    facts = {
        "compile seconds": 1.0,
        "first call seconds": 1.5,
        "temporary bytes": temporary_bytes,
        "value": value,
        "notes": "",
        "device": "cpu",
        "memory": {"process": 2_000_000, "device": None},
    }
    return load("rounds").Record(label, facts, seconds, failure)


def test_a_ratio_is_taken_within_a_round(load):
    """A machine that becomes ten times slower for both must not change it."""
    comparison = load("comparison")
    ours, theirs = [1.0, 10.0, 1.0, 10.0, 10.0], [2.0, 20.0, 2.0, 20.0, 30.0]
    assert comparison.ratios(theirs, ours) == [2, 2, 2, 2, 3]
    row = comparison.row(record(load, "theirs", theirs), record(load, "ours", ours))
    assert (row["milliseconds"], row["ratio"], row["ratio quartiles"]) == (20e3, 2, [2, 2])
    assert (row["temporary memory MB"], row["process memory MB"], row["device memory MB"]) == (1, 2, None)


@pytest.mark.parametrize(
    ("kind", "wanted", "measured", "met"),
    [
        ("faster", 4, 4, True),
        ("faster", 5, 4, False),
        ("leaner", 8, 8, True),
        ("leaner", 9, 8, False),
        ("within", 0.25, 0.25, True),
        ("within", 0.2, 0.25, False),
        ("costs", 4, 4, True),
        ("costs", 3, 4, False),
    ],
)
def test_goals_are_judged_from_the_rows(load, kind, wanted, measured, met):
    comparison = load("comparison")
    ours, theirs = record(load, "ours", [1.0] * 3), record(load, "theirs", [4.0] * 3, temporary_bytes=8_000_000)
    rows = [comparison.row(each, ours) for each in (ours, theirs)]
    judged = comparison.evaluate_goal(comparison.Goal("theirs", wanted, kind), rows)
    assert (judged["measured"], judged["met"]) == (measured, met)


def test_a_contender_that_failed_is_reported_and_its_goal_is_not_measured(load):
    comparison, markdown = load("comparison"), load("markdown")
    ours, theirs = record(load, "ours", [1.0]), record(load, "theirs", [], failure="out of memory")
    rows = [comparison.row(each, ours) for each in (ours, theirs)]
    goals = [comparison.evaluate_goal(comparison.Goal("theirs", 2), rows)]
    text = markdown.part({"setting": "s", "what": "w", "rows": rows, "goals": goals})
    assert "| theirs | out of memory |" in " ".join(text.split())
    assert "**not measured**" in text


def test_contenders_that_compute_something_else_are_refused(load):
    comparison, rounds, setting = load("comparison"), load("rounds"), load("setting")
    network = setting.Setting("LTC", 4, "FullyConnected", 1, 1, 1, "train")
    names = ("liquidjax", "ncps torch", "torch LSTM")
    entries = [rounds.Entry(name, name, network) for name in names]
    # The LSTM is another network and may compute what it likes.
    values = dict(zip(names, (0.5, 0.50001, 9.0), strict=True))
    same = [record(load, name, [1.0], value=value) for name, value in values.items()]
    comparison.refuse_different(entries, same)
    for wrong in (0.501, float("nan")):
        same[1].facts["value"] = wrong
        with pytest.raises(SystemExit, match="do not compute the same"):
            comparison.refuse_different(entries, same)


def test_why_a_worker_ended_is_one_line():
    assert subprocesses.cause(1, "Traceback\n  x\nModuleNotFoundError: No module named 'torch'\n") == (
        "not installed: No module named 'torch'"
    )
    assert subprocesses.cause(1, "jax.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory\n") == "out of memory"
    assert subprocesses.cause(-9, "") == "killed by signal 9 (out of memory?)"
    assert (
        subprocesses.cause(1, "ValueError: no\n\nFor simplicity, JAX has removed frames\n") == "failed: ValueError: no"
    )


def test_the_exponent_is_the_slope_on_logarithmic_axes(load):
    growth = load("growth")
    sizes = np.array([2.0, 4.0, 8.0, 16.0])
    assert log_log.slope(sizes, 7 * sizes**1.5) == pytest.approx(1.5)
    axis = growth.Axis("time steps", (), float, time=(0.5, 1.2), memory=(0.5, 1.2))
    assert growth.verdicts(axis, sizes, 3 * sizes, sizes)["verdict"] == "as expected"
    assert "time grows too fast" in growth.verdicts(axis, sizes, sizes**2, sizes)["verdict"]
    assert "memory grows slower" in growth.verdicts(axis, sizes, sizes, np.ones(4))["verdict"]


def test_what_is_bound_to_fail_is_not_tried(load):
    gpu = load("gpu")
    assert gpu.hopeless(None, 64, cap=1) == ""
    assert gpu.hopeless((8, record(load, "a", [0.1])), 64, cap=2) == ""
    assert "would take about 2 s" in gpu.hopeless((8, record(load, "a", [0.1])), 64, cap=1)
    assert gpu.hopeless((8, record(load, "a", [], failure="out of memory")), 64, cap=9) == (
        "not tried: with 8 steps, out of memory"
    )


@pytest.mark.parametrize(
    ("model", "wiring"),
    [("LTC", "AutoNCP"), ("LTC", "Random"), ("LTC", "FullyConnected"), ("CfC", None), ("CfC", "AutoNCP")],
)
def test_the_weights_are_a_state_dict_of_ncps(load, model, wiring):
    """from_ncps refuses an array too few, too many, or of another shape."""
    setting = load("setting").Setting(model, 12, wiring, inputs=3, batch=2, time=4, what="train", outputs=2)
    cell, params = from_ncps(model, setting.ncps_arguments(), load("weights").draw(setting))
    _, outputs = lj.unroll(cell, params, setting.data())
    assert outputs.shape[:2] == (4, 2)
    assert np.isfinite(outputs).all()


def test_the_row_of_a_classifier_is_over_its_seeds(load):
    class Guess:
        """Says the seed to each case, so that it is right for one class in as many as there are."""

        def __init__(self, seed):
            self.seed = seed

        def fit(self, X, y):
            return self

        def predict(self, X):
            return np.full(len(X), self.seed)

    labels = np.array([0, 0, 0, 1, 2])
    row = load("estimators").row("guess", Guess, (labels, labels, labels, labels), seeds=3)
    assert row["accuracy"] == pytest.approx(1 / 3) and row["least"] == pytest.approx(0.2)
    assert row["spread"] == pytest.approx(np.std([0.6, 0.2, 0.2])) and row["fit s"] >= 0


def test_tables_and_picture_from_results(load, tmp_path):
    comparison = load("comparison")
    ours, theirs = record(load, "liquidjax", [1.0, 1.0]), record(load, "ncps torch", [3.0, 3.2])
    rows = [comparison.row(each, ours) for each in (ours, theirs)]
    goal = comparison.Goal("ncps torch", 2)
    part = {
        "setting": "LTC",
        "what": "w",
        "rows": rows,
        "goals": [goal._asdict() | comparison.evaluate_goal(goal, rows)],
    }
    result = {
        "command": "python benchmarks/x.py",
        "question": "How long?",
        "complete": True,
        "rounds": 2,
        "results": [part],
        "machine": {"cores": 2, "processor": "P"},
        "versions": {"jax": "1"},
        "load": {"at the start": 0.0, "at the end": 0.1},
    }
    (tmp_path / "x.json").write_text(json.dumps(result))
    text = load("tables").write(tmp_path).read_text()
    text = " ".join(text.split())
    assert "| ncps torch | 3100 (3050 to 3150) | 3.1 (3.05 to 3.15) | 1.5 | 1 | 2 |" in text
    assert "* goal 2 times as fast as ncps torch: 3.1, **met**" in text
    assert (tmp_path / "overview.png").stat().st_size > 1000


def test_the_counts_of_faults_go_between_the_marks_of_the_readme(load, tmp_path, monkeypatch):
    survival, trial = load("survival"), load("faults.trial")
    fine = trial.Trial("kill, at a change of a file", "here", "went on to the same bits", True)
    trials = [fine, fine, fine._replace(kind="kill, by the clock", outcome="was lost", fine=False)]
    rows = [survival.row(count) for count in trial.counts(trials)]
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{survival.BEGIN}\nold\n{survival.END}\nafter\n")
    monkeypatch.setattr(survival, "README", readme)
    survival.write_readme({"results": [{"rows": rows}]})
    first, begin, _, _, _, line, _, end, last = readme.read_text().splitlines()
    assert (first, begin, end, last) == ("before", survival.BEGIN, survival.END, "after")
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[1:] == ["3", "2", "2 went on to the same bits; 1 was lost"]


def test_the_gpu_script_runs_on_a_cpu_without_torch(load, tmp_path, monkeypatch, capsys):
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\")\n")
    monkeypatch.setenv("PYTHONPATH", str(hidden), prepend=os.pathsep)
    monkeypatch.setattr(load("results"), "FOLDER", tmp_path)
    options = ["--longest", "8", "--batches", "1", "--what", "forward", "--networks", "CfC", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["benchmarks/gpu.py", *options])
    load("gpu").main()
    result = json.loads((tmp_path / "gpu_script_on_cpu_CfC.json").read_text())
    ours, theirs = result["results"][0]["rows"]
    assert result["complete"]
    assert ours["milliseconds"] > 0
    assert theirs["failure"] in [f"not installed: No module named '{name}'" for name in ("torch", "ncps")]
    assert "finds no accelerator" in capsys.readouterr().err


def test_precisions_are_measured_of_those_that_can_be_computed_in_them(load, tmp_path, monkeypatch):
    script, inputs = load("precision"), 8
    few = {"GRU": lj.GRU(inputs, 2), "LTC": lj.LTC(inputs, lj.FullyConnected(2))}
    monkeypatch.setattr(script, "cells", lambda units: few)
    for name, value in {"TIMED": {"GRU": few["GRU"]}, "IRREGULAR": 4, "SMALL": 4}.items():
        monkeypatch.setattr(script, name, value)
    monkeypatch.setattr(load("results"), "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["benchmarks/precision.py", "--rounds", "1", "--time", "2", "--batches", "2"])
    script.main()
    errors, times = json.loads((tmp_path / "precision_cpu.json").read_text())["results"]
    found = {(row["cell"], row["precision"]): row for row in errors["rows"]}
    assert found["GRU", "float32"]["outputs"] < 1e-5 < found["GRU", "mixed"]["outputs"] < 0.02
    assert found["GRU", "all bfloat16"]["outputs"] < 0.1 and found["GRU", "float32"]["state, dt = 0.001"] is None
    assert found["LTC", "float32"]["state, dt = 0.001"] < 1e-4 and "refused" in found["LTC", "mixed"]["note"]
    assert [row["contender"] for row in times["rows"]] == ["float32", "float64", "mixed", "all bfloat16"]
    assert times["rows"][0]["ratio"] == 1


@needs_compiler
def test_the_row_of_a_network_in_c_says_its_size_and_time(load):
    c_step = load("c_step")
    row = c_step.row("tiny", lj.LTC(2, lj.FullyConnected(2)), "float64", rounds=1)
    assert (row["in C"], row["synapses"], row["state"]) == ("double", 2 * 2 + 2 * 2, 16)
    assert row["ns a step"] > 1 and row["difference"] < 1e-6
