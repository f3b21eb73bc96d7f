"""The command line: help, settings from a file and from options, and mistakes in one line."""

import contextlib
import platform
import shlex
from importlib.metadata import version

import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.supervised import run as supervised_run
from untyped import untyped

COMMANDS = "init, train, evaluate, predict, runs, forecasting, gradient-memory, network-sizes"


NOTHING = supervised_run.Plan(*[untyped({})] * len(supervised_run.Plan._fields))


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "usage: liquidjax" in out
    if len(arguments) == 2:
        assert "Example: liquidjax" in out


def test_help_shows_what_the_yaml_says(tmp_path, capsys):
    (tmp_path / "x.yaml").write_text("training: {epochs: 1234}")
    with pytest.raises(SystemExit):
        cli.main(["train", str(tmp_path / "x.yaml"), "--help"])
    assert "1234" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        (
            "model:\n  cel: 8",
            ["train", "x.yaml"],
            "liquidjax: x.yaml: unknown key `model.cel`; did you mean `cell`?",
        ),
        (None, ["train", "x.yaml"], "No such file or directory: 'x.yaml'"),
        (
            "data: {source: 'liquidjax.tasks.co2:years'}",
            ["train", "x.yaml", "--folder", ".", "--training.no-tune-cpu"],
            "is not empty; choose another folder",
        ),
        ("", ["train", "x.txt"], "x.txt must be a .yaml file"),
        ("", ["evaluate", "nowhere"], "liquidjax: nowhere is no run folder"),
        ("", ["predict", "nowhere", "x.csv"], "liquidjax: nowhere is no run folder"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(text, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out, error = capsys.readouterr()
    assert stop.value.code == 2 and message in error and error.count("\n") == 1 and not out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [],
            f"Expected one of {{{COMMANDS}}}; see `liquidjax --help`",
        ),
        (["trian"], "Unrecognized options: trian; see `liquidjax --help`"),
        (["train"], "Missing from liquidjax train: PATH"),
        (["train", "x.yaml", "--training.epoch", "3"], "Unrecognized options: --training.epoch, 3; did you mean"),
        (["train", "x.yaml", "y.yaml"], "Unrecognized options: y.yaml; see `liquidjax train --help`"),
        (["train", "x.yaml", "--training.epochs"], "Missing value for argument '--training.epochs'"),
        (
            ["train", "x.yaml", "--training.epochs", "1_0"],
            "--training.epochs: must be int, got '1_0'; see",
        ),
        (["train", "x.yaml", "--training.epochs", "010"], "--training.epochs: must be int, got '010'"),
        (["train", "x.yaml", "--training.epochs", "٣"], "--training.epochs: must be int, got '٣'"),
        (["train", "x.yaml", "--training.epochs", "0"], "--training: epochs must be an integer of at least 1, got 0"),
        (
            ["train", "x.yaml", "--training.seed=-1"],
            "--training: seed must be an integer from 0 to",
        ),
        (["train", "x.yaml", "--training.learning-rate", "nan"], "--training.learning-rate: must be float, got 'nan'"),
        (
            ["train", "x.yaml", "--training.learning-rate", "1e400"],
            "--training: learning_rate must be above 0 and",
        ),
        (["train", "x.yaml", "--model.cell", "GRU(unit=2)"], "--model: cell: unknown field"),
        (["train", "x.yaml", "--objective.at", "first"], "invalid choice 'first' for argument '--objective.at'"),
        (["train", "x.yaml", "--inputs.step", "-1"], "--inputs: step must be above 0 and finite, got -1"),
        (
            ["forecasting", "x.yaml", "--folder", "x.yaml"],
            "x.yaml must be a folder, and is a file; choose another folder",
        ),
        (["train", "--folder", "bad.yaml", "x.txt"], "x.txt must be a .yaml file"),
        (["train", ".yaml"], ".yaml is no file, and no configuration of the package"),
        (["evaluate"], "Missing from liquidjax evaluate: PATH"),
        (["network-sizes", "--height", "1"], "height must be an integer of at least 53, got 1"),
        (["forecasting", "x.yaml", "--sines.interval", "0"], "--sines: interval must be above 0"),
    ],
)
def test_arguments_that_do_not_exist_end_with_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")
    (tmp_path / "bad.yaml").write_text("training: {epochs: 0}")  # where it is the value of an option, nobody reads it
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out, error = capsys.readouterr()
    assert stop.value.code == 2 and error.startswith(f"liquidjax: {message}") and error.count("\n") == 1 and not out
    assert "tyro" not in error and not (tmp_path / "runs").exists()


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    out = capsys.readouterr().out
    assert stop.value.code == 0 and out == (
        f"liquidjax {version('liquidjax')} (jax {version('jax')}, Python {platform.python_version()})\n"
    )


@pytest.mark.parametrize("name", ["nosuch.yaml", "bad.yaml"])
def test_help_needs_no_file(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("epochs: [")
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", name, "--help"])
    out, error = capsys.readouterr()
    assert stop.value.code == 0 and "--training.epochs" in out and "(default: 100)" in out and not error


def test_the_file_is_the_one_that_is_no_value_of_an_option(tmp_path, monkeypatch, capsys):
    """A folder may be called like a file, and options may come before the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("training: {epochs: 7}")
    (tmp_path / "other.yaml").write_text("training: {epochs: 8}")
    seen = []

    def run(settings, folder, *_):
        seen.append((settings.training.epochs, settings.training.seed, str(folder)))
        return supervised_run.Result(folder, [supervised_run.Row("LTC", 1, {"mse": 0.5}, {"mse": 0.5}, 1.0)])

    monkeypatch.setattr(supervised_run, "run", run)
    monkeypatch.setattr(supervised_run, "plan", lambda settings: NOTHING)
    monkeypatch.setattr(cli, "tune_cpu", lambda: None)
    monkeypatch.setattr(cli, "bars", lambda names, epochs: contextlib.nullcontext())
    cli.main(["train", "--training.seed=3", "--folder", "other.yaml2", "x.yaml"])
    cli.main(["train", "x.yaml", "--folder=my runs/it's"])
    assert seen == [(7, 3, "other.yaml2"), (7, 0, "my runs/it's")]
    out = capsys.readouterr().out
    quoted = shlex.quote("my runs/it's")
    assert f"writing to {quoted}\n" in out and f"all about the run are in {quoted}\n" in out
    assert shlex.split(out.splitlines()[-1]) == [
        "Next:",
        "liquidjax",
        "predict",
        "my runs/it's",
        "my runs/it's/sample.csv",
    ]


def test_an_option_may_be_right_only_with_what_the_file_says(tmp_path, capsys):
    """Two learning rates are right for two cells to compare with, which the file names."""
    (tmp_path / "x.yaml").write_text("model: {compare: [LSTM, GRU]}\ntraining: {tune_cpu: false}")
    arguments = ["train", str(tmp_path / "x.yaml"), "--training.compare-learning-rates", "0.1", "0.2"]
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert "data.source must say what to train on" in capsys.readouterr().err
    (tmp_path / "x.yaml").write_text("")
    with pytest.raises(SystemExit):
        cli.main(arguments)
    assert "compare_learning_rates must be one for each of 0 cells, got 2" in capsys.readouterr().err


def test_a_run_that_fails_leaves_no_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")

    def run(settings, folder, *_):
        raise ImportError("matplotlib is not installed")

    monkeypatch.setattr(supervised_run, "run", run)
    monkeypatch.setattr(supervised_run, "plan", lambda settings: NOTHING)
    monkeypatch.setattr(cli, "tune_cpu", lambda: None)
    monkeypatch.setattr(cli, "bars", lambda names, epochs: contextlib.nullcontext())
    with pytest.raises(SystemExit):
        cli.main(["train", "x.yaml"])
    assert capsys.readouterr().err == "liquidjax: matplotlib is not installed\n"
    assert list((tmp_path / "runs").iterdir()) == []
