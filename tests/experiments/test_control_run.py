"""The control experiment from end to end, interrupted and gone on with; and the small form that trains."""

import json

import numpy as np
import pytest
from PIL import Image

from control_pairs import pair
from liquidjax import __main__ as cli
from liquidjax.commands import beginning
from liquidjax.experiments.control import run as control_run
from liquidjax.experiments.control import study, tasks
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS
from liquidjax.experiments.shared import configuration, run_folder
from liquidjax.training.model import load

TINY = """
tasks: [cart-pole]
designs: [LTC-NCP, GRU, Kalman + GRU]
grid: {rates: [0.5, 2], delay: [1], jitter: [0.6], noise: [0.3], lost: [0.4]}
budget: {series: 8, frames: 12, steps: 2, batch_size: 4, learning_rates: [0.01], tuning_seeds: 2, kalman: [0.1, 0.3]}
seeds: 2
headline_seeds: 4
starts: 3
seconds: 1
neurons: 8
unfolds: 1
"""
SMALL = """
tasks: [cart-pole, double pendulum, swimmer]
designs: [LTC-NCP, LSTM with dt, GRU, LSTM with dt (faults), Kalman + GRU]
grid: {rates: [0.5], delay: [2], jitter: [0.6], noise: [0.3], lost: [0.4]}
mujoco_grid: {rates: [], delay: [], jitter: [], noise: [0.3], lost: [0.2], together: []}
budget: {series: 40, frames: 80, steps: 150, batch_size: 20, learning_rates: [0.02, 0.05], low_pass: [1], kalman: [0.3]}
seeds: 2
headline_seeds: 2
starts: 20
seconds: 5
mujoco_seconds: 2
unfolds: 2
"""
WRITTEN = {"config.yaml", "results.json", "report.md", "faults.png", "profiles.png", "smoothness.png"}
MODEL = {"balancing.gif", "balancing.safetensors"}


@pytest.fixture(autouse=True)
def no_flags_of_xla(monkeypatch):
    """They would come too late for this process."""
    monkeypatch.setattr(beginning, "tune_cpu", lambda: None)


@pytest.fixture
def settings(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    return configuration.read(tmp_path / "tiny.yaml", ControlConfig)


@pytest.fixture
def computed(monkeypatch):
    """The names of what is computed, without a training; the list may hold names that are stopped."""
    names: list[str] = []

    def compute(task, design, config, stop, keep):
        if f"stop {design.name}" in names:
            names.remove(f"stop {design.name}")
            return None
        names.append(design.name)
        return pair("cart-pole", design.name, 0.8)

    monkeypatch.setattr(tasks, "load", lambda name, config: None)
    monkeypatch.setattr(study, "compute", compute)
    monkeypatch.setattr(study, "engineer", lambda task, name: pair("cart-pole", name, float(name != "nobody")))
    return names


def test_the_config_that_is_shipped_is_the_default():
    assert configuration.read("configs/control.yaml", ControlConfig) == ControlConfig()


def test_a_run_that_was_interrupted_goes_on_with_what_is_left(settings, tmp_path, computed, capsys):
    computed.append("stop GRU")
    folder = tmp_path / "run"
    first = control_run.run(settings, folder)
    assert first.interrupted == "Interrupted with 5 of 6 pairs of a design and a task finished."
    assert run_folder.interruption(folder) == first.interrupted and (folder / "checkpoints").is_dir()
    assert first.interrupted in (folder / "report.md").read_text()
    with pytest.raises(ValueError, match=r"begun with other settings than these .*`seeds` was 2 and is 4 now"):
        control_run.run(configuration.build(ControlConfig, {"seeds": 4}, "", settings), folder, resume=True)
    cli.main(["control", "--resume", str(folder)])
    assert sorted(computed) == ["GRU", "Kalman + GRU", "LTC-NCP"]  # each once
    assert {path.name for path in folder.iterdir()} == WRITTEN
    found = [each.design for each in control_run.read(folder / "results.json")]
    assert found == [*ENGINEERS, *settings.designs]
    out = capsys.readouterr().out
    assert "| LTC-NCP" in out and "All tables (report.md)" in out
    with pytest.raises(SystemExit):
        cli.main(["control", "--resume", str(folder)])
    assert "came to its end; there is nothing to go on with" in capsys.readouterr().err


def test_a_run_that_is_ended_while_it_writes_goes_on(settings, tmp_path, computed, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(control_run, "report", full_disk)
        with pytest.raises(OSError, match="no space left"):
            control_run.run(settings, tmp_path / "run")
    assert "report is not written yet" in str(run_folder.interruption(tmp_path / "run"))
    before = list(computed)
    assert control_run.run(settings, tmp_path / "run", resume=True).interrupted is None
    assert computed == before and {path.name for path in (tmp_path / "run").iterdir()} == WRITTEN


def test_a_run_that_is_stopped_at_once_has_no_results_and_goes_on(settings, tmp_path, computed):
    result = control_run.run(settings, tmp_path / "run", stop=lambda: True)
    assert result.interrupted == "Interrupted with 0 of 6 pairs of a design and a task finished."
    assert json.loads((tmp_path / "run" / "results.json").read_text()) == []
    assert not (tmp_path / "run" / "report.md").exists()
    assert len(control_run.run(settings, tmp_path / "run", resume=True).pairs) == 6


def test_a_training_that_is_stopped_is_no_pair(settings):
    task = tasks.load("cart-pole", settings)
    asks = iter([False, True])
    assert study.compute(task, DESIGNS["GRU"], settings, lambda: next(asks, True)) is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["control"], "control needs a configuration, or --resume with the folder of a run, and not both"),
        (["control", "--resume", "."], "must be the folder of a run, and has no config.yaml"),
        (["control", "x.yaml", "--seeds", "5"], "seeds must be a multiple of 2"),
        (["control", "x.yaml", "--grid.rates", "3"], "rates must be some of 0.25"),
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


def test_a_tiny_run_trains_tunes_and_drives_through_everything(settings, tmp_path):
    folder, seen = tmp_path / "run", []
    result = control_run.run(settings, folder, lambda job, done, *_: seen.append((job, done)))
    assert result.interrupted is None and {path.name for path in folder.iterdir()} == WRITTEN | MODEL
    assert sorted(seen) == [("cart-pole", number) for number in range(1, 7)]
    wired, gated, filtered = result.pairs[3:]
    assert wired.constant is gated.constant is None and filtered.constant in (0.1, 0.3)
    variants = [["told", "calmed", "not told"], ["told", "euler", "calmed"], ["told", "euler"]]
    assert [list(each.survival) for each in (wired, gated, filtered)] == variants
    for each, seeds in ((wired, 4), (gated, 2), (filtered, 2)):
        assert list(each.survival["told"]) == list(settings.grid.faults())
        assert len(each.imitation) == len(each.activity) == seeds and 0.7 < each.parameters / wired.parameters < 1.3
        for found in each.survival.values():
            assert all(len(values) == seeds and 0 <= min(values) <= max(values) <= 1 for values in found.values())
    assert "noise 0.3" not in wired.survival["not told"] and "lost 0.4" in wired.survival["not told"]
    with Image.open(folder / "balancing.gif") as picture:
        assert getattr(picture, "n_frames", 1) > 20
    assert (folder / "balancing.gif").stat().st_size < 1_500_000
    assert load(folder / "balancing.safetensors").features == ("position", "angle")


@pytest.mark.slow
@pytest.mark.trains
def test_the_small_form_trains_networks_that_balance_and_swim(tmp_path, capsys):
    (tmp_path / "small.yaml").write_text(SMALL)
    cli.main(["control", str(tmp_path / "small.yaml"), "--folder", str(tmp_path / "run")])
    assert "Kalman + expert" in capsys.readouterr().out
    pairs = {(each.task, each.design): each for each in control_run.read(tmp_path / "run" / "results.json")}
    assert len(pairs) == 3 * 3 + 3 * 4 + 1
    names = ("LSTM with dt", "GRU", "LSTM with dt (faults)")
    told = {name: pairs["cart-pole", name].survival["told"] for name in names}
    assert all(np.mean(each["clean 1"]) > 0.9 for each in told.values())
    assert np.mean(told["LSTM with dt"]["lost 0.4"]) < np.mean(told["LSTM with dt (faults)"]["lost 0.4"]) + 0.1
    swum = [pairs["swimmer", name].cost["told"]["clean 1"] for name in ("LSTM with dt", "expert", "nobody")]
    assert np.mean(swum[0]) < 0.5 * np.mean(swum[1]) < np.mean(swum[2])
