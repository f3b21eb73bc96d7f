"""The shift experiment from end to end, interrupted and gone on with; and the small form that trains."""

import json
import shutil

import numpy as np
import pytest

from liquidjax import __main__ as cli
from liquidjax.commands import beginning
from liquidjax.experiments.shared import configuration, run_folder
from liquidjax.experiments.shift import conditions, study, tasks
from liquidjax.experiments.shift import run as shift_run
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS

TINY = """
tasks: [sines]
designs: [LSTM with dt, low-pass + LSTM with dt]
grid: {rates: [0.5, 2], lost: [0.5], jitter: [], noise: [1]}
budget: {steps: 2, learning_rates: [0.01], tuning_seeds: 2, filters: [1]}
seeds: 2
headline_seeds: 4
series: 20
test_series: 20
"""
SMALL = """
tasks: [sines, BasicMotions]
designs: [LTC-NCP, LSTM with dt, CT-RNN, CfC, CT-RNN (mixed rates)]
grid: {lost: [0.3, 0.7], jitter: [0.6], noise: [0.3]}
budget: {steps: 60, learning_rates: [0.01, 0.03], tuning_seeds: 1}
seeds: 2
headline_seeds: 2
unfolds: 2
series: 100
test_series: 60
"""
FILES = {"config.yaml", "results.json", "report.md", "rates.png", "lost.png", "profiles.png"}


@pytest.fixture(autouse=True)
def no_flags_of_xla(monkeypatch):
    """They would come too late for this process."""
    monkeypatch.setattr(beginning, "tune_cpu", lambda: None)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    return configuration.read(tmp_path / "tiny.yaml", ShiftConfig)


def made_up(task, asked, design, config, stop=lambda: False):
    """A pair without a training, the same for the same arguments."""
    rng = np.random.default_rng(len(design.name))
    told = {str(condition): rng.uniform(0.5, 1, 4).round(3).tolist() for condition in asked}
    scores = {"told": told, "held": told, "not told": told}
    return study.Pair(task.name, design.name, 60, 0.01, None, [0.5] * 4, scores, 0.1, 0.0, 1.0)


def test_the_config_that_is_shipped_is_the_default():
    assert configuration.read("configs/shift.yaml", ShiftConfig) == ShiftConfig()


def test_a_run_that_was_interrupted_goes_on_with_what_is_left(settings, tmp_path, monkeypatch, capsys):
    computed = []

    def compute(task, asked, design, *rest):
        if design.filtered and len(computed) < 2:
            return None  # stopped
        computed.append(design.name)
        return made_up(task, asked, design, *rest)

    monkeypatch.setattr(study, "compute", compute)
    folder = tmp_path / "run"
    first = shift_run.run(settings, folder)
    assert first.interrupted == "Interrupted with 1 of 2 pairs of a design and a task finished."
    assert run_folder.interruption(folder) == first.interrupted and (folder / "checkpoints").is_dir()
    assert first.interrupted in (folder / "report.md").read_text()
    computed.append("")
    with pytest.raises(ValueError, match=r"begun with other settings than these .*`seeds` was 2 and is 4 now"):
        shift_run.run(configuration.build(ShiftConfig, {"seeds": 4}, "", settings), folder, resume=True)
    cli.main(["shift", "--resume", str(folder)])
    assert computed == ["LSTM with dt", "", "low-pass + LSTM with dt"]
    assert {path.name for path in folder.iterdir()} == FILES
    assert [pair.design for pair in shift_run.read(folder / "results.json")] == list(settings.designs)
    assert "All tables (report.md)" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        cli.main(["shift", "--resume", str(folder)])
    assert "came to its end; there is nothing to go on with" in capsys.readouterr().err


def test_a_run_that_is_stopped_at_once_has_no_results_and_goes_on(settings, tmp_path, monkeypatch):
    result = shift_run.run(settings, tmp_path / "run", stop=lambda: True)
    assert result.interrupted == "Interrupted with 0 of 2 pairs of a design and a task finished."
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == []
    assert not (tmp_path / "run" / "report.md").exists()
    monkeypatch.setattr(study, "compute", made_up)
    assert len(shift_run.run(settings, tmp_path / "run", resume=True).pairs) == 2


def test_a_training_that_is_stopped_is_no_pair(settings):
    task = tasks.load("sines", 20, 20, (2.0,))
    asked = conditions.conditions(task, (), 4.0, (), ())
    asks = iter([False, True])
    assert study.compute(task, asked, DESIGNS["LSTM with dt"], settings, lambda: next(asks, True)) is None


def test_a_run_that_is_ended_while_it_writes_goes_on(settings, tmp_path, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr(study, "compute", made_up)
    with monkeypatch.context() as patched:
        patched.setattr(shift_run, "report", full_disk)
        with pytest.raises(OSError, match="no space left"):
            shift_run.run(settings, tmp_path / "run")
    assert "report is not written yet" in str(run_folder.interruption(tmp_path / "run"))
    monkeypatch.setattr(study, "compute", None)  # nothing is left to compute
    assert shift_run.run(settings, tmp_path / "run", resume=True).interrupted is None
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES


def test_a_finished_pair_that_is_damaged_is_computed_again(settings, tmp_path, monkeypatch):
    count = []

    def compute(task, asked, design, *rest):
        count.append(design.name)
        return None if design.filtered and len(count) == 2 else made_up(task, asked, design, *rest)

    monkeypatch.setattr(study, "compute", compute)
    shift_run.run(settings, tmp_path / "run")
    (kept,) = (tmp_path / "run" / "checkpoints").glob("*.json")
    kept.write_text(kept.read_text()[:-9])
    shutil.copy(kept, kept.with_name("0.json"))
    result = shift_run.run(settings, tmp_path / "run", resume=True)
    assert result.interrupted is None and sorted(count[2:]) == sorted(settings.designs)


def test_a_design_that_diverges_is_named(settings, tmp_path, monkeypatch):
    def compute(*_):
        raise FloatingPointError("diverged")

    monkeypatch.setattr(study, "compute", compute)
    with pytest.raises(FloatingPointError, match="LSTM with dt on sines: diverged"):
        shift_run.run(settings, tmp_path / "run")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["shift"], "shift needs a configuration, or --resume with the folder of a run, and not both"),
        (["shift", "--resume", "."], "must be the folder of a run, and has no config.yaml"),
        (["shift", "x.yaml", "--seeds", "5"], "seeds must be a multiple of 2"),
        (["shift", "x.yaml", "--grid.rates", "3"], "rates must be some of 0.25"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(TINY)
    monkeypatch.setattr(study, "compute", None)
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1


def test_a_tiny_run_trains_tunes_and_asks_everything(settings, tmp_path):
    folder = tmp_path / "run"
    result = shift_run.run(settings, folder)
    assert result.interrupted is None and {path.name for path in folder.iterdir()} == FILES
    plain, filtered = result.pairs
    assert plain.filter is None and filtered.filter in (1, 2) and plain.learning_rate == 0.01
    told = ["clean 1", "rate 0.5", "lost 0.5", "bursts 0.5", "noise 1", "rate 2"]
    for pair, seeds in ((plain, 4), (filtered, 2)):
        assert len(pair.validation) == seeds and list(pair.scores) == ["told", "not told", "held"]
        assert sorted(pair.scores["told"]) == sorted(told)
        for found in pair.scores.values():
            assert all(len(values) == seeds and 0 <= min(values) <= max(values) <= 1 for values in found.values())
        assert pair.halves > 0.05 and pair.still > 0.05  # a gated network writes in no time
    assert plain.scores["told"] != filtered.scores["told"]


@pytest.mark.slow
@pytest.mark.trains
def test_the_small_form_trains_networks_and_shows_who_carries_over(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(SMALL)
    cli.main(["shift", str(tmp_path / "small.yaml"), "--folder", str(tmp_path / "run")])
    assert "in time" in capsys.readouterr().out
    pairs = {(pair.task, pair.design): pair for pair in shift_run.read(tmp_path / "run" / "results.json")}
    assert len(pairs) == 10 and json.loads((tmp_path / "run" / "results.json").read_text())
    told = pairs["BasicMotions", "CT-RNN"].scores["told"]
    assert np.mean(told["clean 1"]) > 0.6 and np.mean(told["rate 4"]) > np.mean(told["clean 1"]) - 0.25
    # An equation can be cut into two half steps, gates cannot.
    halves = {name: pairs["sines", name].halves for name in ("CT-RNN", "LSTM with dt", "CfC")}
    assert halves["CT-RNN"] < 0.5 * min(halves["LSTM with dt"], halves["CfC"])
