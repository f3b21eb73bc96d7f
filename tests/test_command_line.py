"""The command line: help, settings from a file and from options, and mistakes in one line."""

import platform
import re
import shlex
import shutil
from importlib.metadata import version
from pathlib import Path

import jax.numpy as jnp
import pytest

from liquidjax import __main__ as cli
from liquidjax.commands import beginning
from liquidjax.cpu import tune_cpu
from liquidjax.experiments.shared import arguments
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import SupervisedConfig, Training
from untyped import untyped

COMMANDS = (
    "init, train, evaluate, predict, runs, export, import, forecasting, gradient-memory, network-sizes, "
    "shift, control, sweep"
)


@pytest.fixture(autouse=True)
def no_flags_of_xla(monkeypatch):
    """They would come too late for this process."""
    monkeypatch.setattr(beginning, "tune_cpu", lambda: None)


@pytest.fixture
def runs(monkeypatch):
    """The settings and the folder of each run that `train` is asked for; nothing is read or trained."""
    seen = []

    def run(settings, folder, *_, **__):
        seen.append((settings, str(folder)))
        return supervised_run.Result(folder, [supervised_run.Row("LTC", 1, {"accuracy": 0.5}, {"accuracy": 0.5}, 1.0)])

    monkeypatch.setattr(
        supervised_run, "plan", lambda settings: supervised_run.Plan(untyped(None), untyped(None), {"LTC": (None, 0.1)})
    )
    monkeypatch.setattr(supervised_run, "run", run)
    return seen


@pytest.mark.parametrize("arguments", [["--help"], *([name, "--help"] for name in COMMANDS.split(", "))])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "usage: liquidjax" in out
    if len(arguments) == 2:
        assert "Example: liquidjax" in out


def test_help_shows_what_the_yaml_says(tmp_path, capsys):
    (tmp_path / "x.yaml").write_text("training: {epochs: 1234}\ndata: {target: [speed, height]}")
    with pytest.raises(SystemExit):
        cli.main(["train", str(tmp_path / "x.yaml"), "--help"])
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "--training.epochs" in out and "(default: 1234)" in out and "(default: speed height)" in out


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        (
            "model:\n  compar: 8",
            ["train", "x.yaml"],
            "liquidjax: x.yaml: unknown key `model.compar`; did you mean `compare`?",
        ),
        (None, ["train", "x.yaml"], "No such file or directory: 'x.yaml'"),
        ("", ["train", "x.yaml"], "liquidjax: data.source must say what to train on"),
        ("data: {source: x.yaml}", ["train", "x.yaml"], "x.yaml must be a folder, or end in .csv, .parquet, .npz, .ts"),
        ("data: {source: no.csv}", ["train", "x.yaml"], "no.csv is no file or folder, as seen from "),
        ("data: {source: 'no.such:thing'}", ["train", "x.yaml"], "no.such:thing: there is no module no"),
        ("data: {source: no.csv, test: [a]}", ["train", "x.yaml"], "x.yaml: `data.test` must be str, got list"),
        ("", ["train", "x.txt"], "x.txt must be a .yaml file"),
        ("", ["train", "x"], "x is no file, and no configuration of the package: these are co2, control, digits"),
        ("", ["init", "nowhere.csv"], "liquidjax: nowhere.csv is no file or folder"),
        ("", ["init", "x.yaml"], "x.yaml is there already, and is not written over; name another file with --config"),
        ("", ["init", "no.csv", "--config", "out.txt"], "out.txt must be a .yaml file"),
        ("", ["runs", "nowhere"], "nowhere is no folder; `liquidjax train` makes runs in the folder runs"),
        ("", ["runs", ".", "--picture", "x.png"], "must hold a run with an epoch to draw, and holds none"),
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
        (
            ["train", "x.yaml", "--processes", "2"],
            "--coordinator, --process-id and --processes are for --distributed, which is left out",
        ),
        (["train"], "train needs a configuration, or --resume with the folder of a run, and not both"),
        (
            ["train", "x.yaml", "--epochs", "3"],
            "Unrecognized options: --epochs 3; did you mean --training.epochs?; see",
        ),
        (
            ["train", "x.yaml", "--training.epoch", "3"],
            "Unrecognized options: --training.epoch, 3; did you mean --training.e",
        ),
        (["train", "x.yaml", "y.yaml"], "Unrecognized options: y.yaml; see `liquidjax train --help`"),
        (["train", "x.yaml", "--training.epochs"], "Missing value for argument '--training.epochs'"),
        (
            ["train", "x.yaml", "--training.epochs", "1_0"],
            "--training.epochs: must be int, got '1_0'; see `liquidjax tr",
        ),
        (["train", "x.yaml", "--training.epochs", "010"], "--training.epochs: must be int, got '010'"),
        (["train", "x.yaml", "--training.epochs", "٣"], "--training.epochs: must be int, got '٣'"),
        (["train", "x.yaml", "--training.patience", "1_0"], "--training.patience: must be int, got '1_0'; see"),
        (["train", "x.yaml", "--training.epochs", "0"], "--training: epochs must be an integer of at least 1, got 0"),
        (
            ["train", "x.yaml", "--training.seed=-1"],
            "--training: seed must be an integer from 0 to 4294967295 (32 bits)",
        ),
        (["train", "x.yaml", "--training.clip", "nan"], "--training.clip: must be float, got 'nan'"),
        (["train", "x.yaml", "--training.clip", "1e400"], "--training: clip must be above 0 and finite, got inf"),
        (
            ["train", "x.yaml", "--model.cell", "GRU(unit=2)"],
            "--model: cell: unknown field 'unit' of GRU; did you mean",
        ),
        (["train", "x.yaml", "--model.compare", "LTC"], "--model: compare: expected a call such as LTC(wiring="),
        (["train", "x.yaml", "--inputs.fill", "zero"], "invalid choice 'zero' for argument '--inputs.fill'"),
        (["train", "x.yaml", "--objective.at", "first"], "invalid choice 'first' for argument '--objective.at'"),
        (["train", "x.yaml", "--inputs.step", "-1"], "--inputs: step must be above 0 and finite, got -1"),
        (["train", "x.yaml", "--training.learning-rate", "-1"], "--training: learning_rate must be "),
        (["train", "x.yaml", "--folder", "x.yaml"], "x.yaml must be a folder, and is a file; choose another folder"),
        (["train", "x.yaml", "--folder", "."], ". is not empty; choose another folder"),
        (["train", "--folder", "bad.yaml", "x.txt"], "x.txt must be a .yaml file"),
        (["train", ".yaml"], ".yaml is no file, and no configuration of the package: these are co2, control, digits"),
        (["evaluate"], "Missing from liquidjax evaluate: PATH"),
        (["init"], "Missing from liquidjax init: STR"),
        (["network-sizes", "--height", "1"], "height must be an integer of at least 53, got 1"),
        (["forecasting", "empty.yaml", "--sines.interval", "0"], "--sines: interval must be above 0"),
    ],
)
def test_arguments_that_do_not_exist_end_with_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "walks.csv").write_text("x\n" + "1\n2\n" * 20)
    (tmp_path / "x.yaml").write_text("data: {source: walks.csv, split: time}")
    (tmp_path / "bad.yaml").write_text("epochs: 0")  # where it is the value of an option, nobody reads it
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


@pytest.mark.parametrize(
    "file", sorted((Path(__file__).parents[1] / "configs").glob("*.yaml")), ids=lambda file: file.stem
)
def test_every_configuration_of_the_package_can_be_trained(file, tmp_path):
    """Those of another experiment by its command, which its first lines name; so can its run go on."""
    (command,) = re.findall(rf"`liquidjax ([a-z-]+) (?:configs/{file.name}|{file.stem})`", file.read_text())
    shutil.copy(file, tmp_path / "config.yaml")
    for rest in ([str(file), "--folder", "x"], [file.stem], ["--resume", str(tmp_path)]):
        assert list(arguments.experiment(["train", *rest], cli.COMMANDS)) == [command, *rest]


@pytest.mark.parametrize(
    "text", ["", "epochs: [", "seeds: 2", "tasks: [sines]\ndata: walks.csv", "12", "[1, 2]", "? [1]\n: 2"]
)
def test_what_is_nobodys_or_of_several_experiments_stays_with_train(text, tmp_path):
    """Which says what is wrong with it."""
    (tmp_path / "x.yaml").write_text(text)
    for rest in ([str(tmp_path / "x.yaml")], [], ["nosuch"], ["--resume", "nosuch"], ["--nosuch"]):
        assert arguments.experiment(["train", *rest], cli.COMMANDS) == ["train", *rest]
        assert arguments.experiment(["shift", *rest], cli.COMMANDS) == ["shift", *rest]


@pytest.mark.parametrize("name", ["nosuch.yaml", "bad.yaml"])
def test_help_needs_no_file(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("epochs: [")
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", name, "--help"])
    out, error = capsys.readouterr()
    assert stop.value.code == 0 and "--training.epochs" in out and "(default: 100)" in out and not error


def test_the_file_is_the_one_that_is_no_value_of_an_option(tmp_path, monkeypatch, runs, capsys):
    """A folder may be called like a file, and options may come before the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("training: {epochs: 7}")
    (tmp_path / "other.yaml").write_text("training: {epochs: 8}")
    cli.main(["train", "--training.seed=3", "--folder", "other.yaml2", "x.yaml"])
    cli.main(["train", "x.yaml", "--folder=my runs/it's"])
    seen = [(settings.training.epochs, settings.training.seed, folder) for settings, folder in runs]
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


def test_lists_and_nothing_can_be_options(tmp_path, runs):
    (tmp_path / "x.yaml").write_text("data: {target: speed, features: [a, b]}\ntraining: {patience: 3}")
    options = ["--data.target", "height", "speed", "--data.features", "--data.test", "it's a test.csv"]
    options += ["--model.compare", "LSTM", "GRU(units=3)", "--training.compare-learning-rates", "1e-3", "2"]
    options += [
        "--training.patience",
        "null",
        "--training.clip",
        "None",
        "--data.classes",
        "False",
        "--data.time-unit",
        "h",
        "--data.time",
        "t",
    ]
    cli.main(["train", str(tmp_path / "x.yaml"), *options, "--folder", str(tmp_path / "run")])
    ((settings, _),) = runs
    assert settings.data.target == ("height", "speed") and settings.data.features == ()
    assert settings.data.test == "it's a test.csv" and settings.data.classes is False and settings.data.time_unit == "h"
    assert settings.model.compare == ("LSTM", "GRU(units=3)")
    assert (
        settings.training.compare_learning_rates == (0.001, 2.0)
        and settings.training.patience is None is settings.training.clip
    )


def test_an_option_may_be_right_only_with_what_the_file_says(tmp_path, runs):
    """Two rates need two cells to compare with, which the file names; and adam has no weight decay, but adamw has."""
    (tmp_path / "x.yaml").write_text("model: {compare: [LSTM, GRU]}\ntraining: {optimizer: adamw}")
    options = ["--training.compare-learning-rates", "0.1", "0.2", "--training.weight-decay", "0.5"]
    with pytest.raises(ValueError, match="weight_decay must be 0 with adam"):
        Training(weight_decay=0.5)
    with pytest.raises(ValueError, match="must be one for each of 0 cells, got 2"):
        SupervisedConfig(training=Training(compare_learning_rates=(0.1, 0.2)))
    cli.main(["train", *options, str(tmp_path / "x.yaml"), "--folder", str(tmp_path / "run")])
    ((settings, _),) = runs
    assert settings.training == Training("adamw", compare_learning_rates=(0.1, 0.2), weight_decay=0.5)


def test_a_run_that_fails_leaves_no_empty_folder(tmp_path, monkeypatch, runs, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")

    def run(settings, folder, *_, **__):
        raise ImportError("matplotlib is not installed")

    monkeypatch.setattr(supervised_run, "run", run)
    with pytest.raises(SystemExit):
        cli.main(["train", "x.yaml"])
    assert capsys.readouterr().err == "liquidjax: matplotlib is not installed\n"
    assert list((tmp_path / "runs").iterdir()) == []


def test_the_processor_is_only_tuned_for_who_wants_it(tmp_path, monkeypatch, runs):
    tuned = []
    monkeypatch.setattr(beginning, "tune_cpu", lambda: tuned.append(True))
    (tmp_path / "x.yaml").write_text("")
    cli.main(["train", str(tmp_path / "x.yaml"), "--training.no-tune-cpu", "--folder", str(tmp_path / "a")])
    assert len(runs) == 1 and not tuned
    cli.main(["train", str(tmp_path / "x.yaml"), "--folder", str(tmp_path / "b")])
    assert len(runs) == 2 and tuned


def test_where_it_is_too_late_to_tune_the_processor_the_run_goes_on(tmp_path, monkeypatch, runs, capsys):
    """As in a notebook: JAX no longer reads its settings."""
    monkeypatch.setattr(beginning, "tune_cpu", tune_cpu)
    jnp.ones(1).block_until_ready()
    (tmp_path / "x.yaml").write_text("")
    cli.main(["train", str(tmp_path / "x.yaml"), "--folder", str(tmp_path / "a")])
    note = "liquidjax: JAX has computed in this process already, so XLA is not tuned, and training takes longer\n"
    assert len(runs) == 1 and capsys.readouterr().err == note
