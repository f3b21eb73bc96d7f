"""The command line: help, settings from a file and from options, and mistakes in one line."""

import platform
import shlex
from importlib.metadata import version

import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.digits import run as digits_run
from liquidjax.experiments.digits.config import DigitsConfig

COMMANDS = "train, evaluate, predict, forecasting, gradient-memory, network-sizes"


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["evaluate", "--help"], ["predict", "--help"]])
def test_help(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    out = capsys.readouterr().out
    assert stop.value.code == 0 and "usage: liquidjax" in out
    if len(arguments) == 2:
        assert "Example: liquidjax" in out


def test_help_shows_what_the_yaml_says(tmp_path, capsys):
    (tmp_path / "x.yaml").write_text("epochs: 1234")
    with pytest.raises(SystemExit):
        cli.main(["train", str(tmp_path / "x.yaml"), "--help"])
    assert "1234" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        (
            "model:\n  unts: 8",
            ["train", "x.yaml"],
            "liquidjax: x.yaml: unknown key `model.unts`; did you mean `units`?",
        ),
        (None, ["train", "x.yaml"], "No such file or directory: 'x.yaml'"),
        ("", ["train", "x.yaml", "--folder", "."], "is not empty; choose another folder"),
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
        (["train", "x.yaml", "--epoch", "3"], "Unrecognized options: --epoch, 3; did you mean --epochs?; see"),
        (["train", "x.yaml", "y.yaml"], "Unrecognized options: y.yaml; see `liquidjax train --help`"),
        (["train", "x.yaml", "--epochs"], "Missing value for argument '--epochs'"),
        (["train", "x.yaml", "--epochs", "1_0"], "--epochs: must be int, got '1_0'; see `liquidjax train --help`"),
        (["train", "x.yaml", "--epochs", "010"], "--epochs: must be int, got '010'"),
        (["train", "x.yaml", "--epochs", "٣"], "--epochs: must be int, got '٣'"),
        (["train", "x.yaml", "--epochs", "0"], "epochs must be an integer of at least 1, got 0"),
        (["train", "x.yaml", "--seed=-1"], "seed must be an integer from 0 to 4294967295 (32 bits), got -1"),
        (["train", "x.yaml", "--clip", "nan"], "--clip: must be float, got 'nan'"),
        (["train", "x.yaml", "--clip", "1e400"], "clip must be above 0 and finite, got inf"),
        (["train", "x.yaml", "--model.units", "2"], "--model: units must be at least 4 (one motor and three other"),
        (["train", "x.yaml", "--model.cell", "GRU"], "invalid choice 'GRU' for argument '--model.cell'"),
        (["train", "x.yaml", "--learning-rates.gru", "-1"], "--learning-rates: gru must be above 0 and finite, got -1"),
        (["train", "x.yaml", "--folder", "x.yaml"], "x.yaml must be a folder, and is a file; choose another folder"),
        (["train", "--folder", "bad.yaml", "x.txt"], "x.txt must be a .yaml file"),
        (["train", ".yaml"], "[Errno 2] No such file or directory: '.yaml'"),
        (["evaluate"], "Missing from liquidjax evaluate: PATH"),
        (["network-sizes", "--height", "1"], "height must be an integer of at least 53, got 1"),
        (["forecasting", "x.yaml", "--sines.interval", "0"], "--sines: interval must be above 0"),
    ],
)
def test_arguments_that_do_not_exist_end_with_one_line_and_status_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")
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


@pytest.mark.parametrize("name", ["nosuch.yaml", "bad.yaml"])
def test_help_needs_no_file(name, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.yaml").write_text("epochs: [")
    with pytest.raises(SystemExit) as stop:
        cli.main(["train", name, "--help"])
    out, error = capsys.readouterr()
    assert stop.value.code == 0 and "--epochs" in out and "(default: 100)" in out and not error


def test_the_file_is_the_one_that_is_no_value_of_an_option(tmp_path, monkeypatch, capsys):
    """A folder may be called like a file, and options may come before the file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("epochs: 7")
    (tmp_path / "other.yaml").write_text("epochs: 8")
    seen = []

    def run(settings, folder, *_):
        seen.append((settings.epochs, settings.seed, str(folder)))
        return digits_run.Result(folder, [digits_run.Row("LTC", 1, 0.5, 0.5, 1.0)])

    monkeypatch.setattr(digits_run, "run", run)
    cli.main(["train", "--seed=3", "--folder", "other.yaml2", "x.yaml"])
    cli.main(["train", "x.yaml", "--folder=my runs/it's"])
    assert seen == [(7, 3, "other.yaml2"), (7, 0, "my runs/it's")]
    out = capsys.readouterr().out
    quoted = shlex.quote("my runs/it's")
    assert f"writing to {quoted}\n" in out and f"overview.png), is in {quoted}\n" in out
    assert shlex.split(out.splitlines()[-1]) == [
        "Next:",
        "liquidjax",
        "predict",
        "my runs/it's",
        "my runs/it's/sample.csv",
    ]


def test_an_option_may_be_right_only_with_what_the_file_says(tmp_path, monkeypatch):
    """1,169 images in a batch are more than the training images, unless the file holds fewer of them out."""
    (tmp_path / "x.yaml").write_text("task: {validation_share: 0.1}")
    seen = []

    def run(settings, folder, *_):
        seen.append(settings.batch_size)
        return digits_run.Result(folder, [digits_run.Row("LTC", 1, 0.5, 0.5, 1.0)])

    monkeypatch.setattr(digits_run, "run", run)
    with pytest.raises(ValueError, match="batch_size must be at most"):
        DigitsConfig(batch_size=1169)
    cli.main(["train", "--batch-size", "1169", str(tmp_path / "x.yaml"), "--folder", str(tmp_path / "run")])
    assert seen == [1169]


def test_a_run_that_fails_leaves_no_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")

    def run(settings, folder, *_):
        raise ImportError("matplotlib is not installed")

    monkeypatch.setattr(digits_run, "run", run)
    with pytest.raises(SystemExit):
        cli.main(["train", "x.yaml"])
    assert capsys.readouterr().err == "liquidjax: matplotlib is not installed\n"
    assert list((tmp_path / "runs").iterdir()) == []
