"""`liquidjax train --resume`: a run goes on in its folder, and ends as if it had not been interrupted."""

import json
import os
import shutil

import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.run_folder import MARK
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised import runs
from liquidjax.experiments.supervised.config import SupervisedConfig
from tiny_series import CONFIG, as_csv, rows

OPTIONS = ["--training.epochs", "3", "--model.compare", "LSTM(units=2)", "--training.checkpoint-seconds", "0"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("resume")
    (place / "walks.csv").write_text(as_csv(rows()))
    (place / "small.yaml").write_text(CONFIG.replace("SOURCE", str(place / "walks.csv")))
    cli.main(["train", str(place / "small.yaml"), *OPTIONS, "--folder", str(place / "whole")])
    return place


def interrupted(folder, config, asked):
    """A run that is stopped when it asks for the n-th time."""
    questions = []
    supervised_run.run(config, folder, stop=lambda: bool(questions.append(1)) or len(questions) >= asked)


@pytest.fixture(params=[1, 2, 5])
def stopped(request, place, tmp_path):
    """In the first epoch, in the second, and in the second network."""
    interrupted(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig), request.param)
    return tmp_path / "run"


def without_seconds(value):
    if isinstance(value, dict):
        return {name: without_seconds(each) for name, each in value.items() if name != "seconds"}
    return [without_seconds(each) for each in value] if isinstance(value, list) else value


def numbers(folder):
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return without_seconds([lines, json.loads((folder / "results.json").read_text())])


def test_it_ends_as_if_it_had_not_been_interrupted(stopped, place, capsys):
    assert (stopped / MARK).is_file() and (stopped / "checkpoints").is_dir()
    cli.main(["train", "--resume", str(stopped)])
    whole = place / "whole"
    assert {path.name for path in stopped.iterdir()} == {path.name for path in whole.iterdir()}
    assert (stopped / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert numbers(stopped) == numbers(whole)
    assert "logistic regression" in capsys.readouterr().out


def test_the_line_that_an_interrupted_run_leaves_is_how_to_go_on(place, tmp_path, capsys, monkeypatch):
    def stopping(config, folder, *arguments, **named):
        questions = []
        stop = lambda: bool(questions.append(1)) or len(questions) >= 2  # noqa: E731
        return run(config, folder, arguments[0], stop, *arguments[2:], **named)

    run = supervised_run.run
    monkeypatch.setattr(supervised_run, "run", stopping)
    cli.main(["train", str(place / "small.yaml"), *OPTIONS, "--folder", str(tmp_path / "my run")])
    assert f"To go on: liquidjax train --resume '{tmp_path / 'my run'}'\n" in capsys.readouterr().out


def refused(capsys, *arguments):
    with pytest.raises(SystemExit) as caught:
        cli.main(["train", *map(str, arguments)])
    assert caught.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("liquidjax: ")
    return error


def test_a_run_that_came_to_its_end_has_nothing_to_go_on_with(place, capsys):
    before = (place / "whole" / "metrics.jsonl").read_bytes()
    assert "came to its end; there is nothing to go on with" in refused(capsys, "--resume", place / "whole")
    assert (place / "whole" / "metrics.jsonl").read_bytes() == before


def test_it_does_not_go_on_with_other_settings(place, tmp_path, capsys):
    interrupted(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig), 2)
    error = refused(capsys, "--resume", tmp_path / "run", "--training.epochs", "9")
    assert (
        "was begun with other settings than these (`training.epochs` was 3 and is 9 now); leave the options out"
        in error
    )
    # Nor with those that were edited behind its back.
    text = (tmp_path / "run" / "config.yaml").read_text()
    (tmp_path / "run" / "config.yaml").write_text(text.replace("epochs: 3", "epochs: 9"))
    assert "with other settings than these (`training.epochs` was 3 and is 9 now)" in refused(
        capsys, "--resume", tmp_path / "run"
    )


def test_it_does_not_go_on_with_other_data(place, tmp_path, capsys):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    (tmp_path / "small.yaml").write_text(CONFIG.replace("SOURCE", str(tmp_path / "walks.csv")))
    interrupted(tmp_path / "run", configs.read(tmp_path / "small.yaml", SupervisedConfig), 2)
    text = (tmp_path / "walks.csv").read_text().splitlines()
    first = text[1].split(",")
    first[2] = "0.123"
    (tmp_path / "walks.csv").write_text("\n".join([text[0], ",".join(first), *text[2:]]))
    assert "are of another training" in refused(capsys, "--resume", tmp_path / "run")


def test_without_checkpoints_it_begins_again(place, tmp_path):
    """As after a kill before the first was written."""
    shutil.copytree(place / "whole", tmp_path / "run")
    for name in ("results.json", "model.safetensors", "overview.png", "sample.csv", "metrics.jsonl"):
        (tmp_path / "run" / name).unlink()
    cli.main(["train", "--resume", str(tmp_path / "run")])
    assert numbers(tmp_path / "run") == numbers(place / "whole")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "train needs a configuration, or --resume with the folder of a run, and not both"),
        (["small.yaml", "--resume", "whole"], "and not both"),
        (["--resume", "whole", "--folder", "elsewhere"], "a run goes on in its own folder"),
        (["--resume", "nowhere"], "nowhere must be the folder of a run, and does not exist"),
        (["--resume", "small.yaml"], "small.yaml must be the folder of a run, and is a file"),
        (["--resume", "."], "must be the folder of a run, and has no config.yaml"),
    ],
)
def test_what_is_no_run_is_refused(arguments, sentence, place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    assert sentence in refused(capsys, *arguments)


def test_settings_that_were_edited_before_the_first_checkpoint_are_noticed_too(place, tmp_path, capsys):
    """Nothing else would know them: it would be another run from the start, in silence."""
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    run_folder.begin(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig))
    text = (tmp_path / "run" / "config.yaml").read_text()
    (tmp_path / "run" / "config.yaml").write_text(text.replace("keep: best", "keep: last"))
    assert '`training.keep` was "best" and is "last" now' in refused(capsys, "--resume", tmp_path / "run")
    (tmp_path / "run" / "config.yaml").write_text(f"# mine\n{text}")  # the same in other words
    run_folder.go_on(tmp_path / "run", configs.read(tmp_path / "run" / "config.yaml", SupervisedConfig))


class Killed(BaseException):
    """As nothing catches it."""


def test_an_interrupted_run_that_is_killed_when_it_goes_on_is_no_whole_one(place, tmp_path, monkeypatch):
    """There are results of its first part, and `runs` would list them as those of the run."""
    interrupted(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig), 2)
    with monkeypatch.context() as patch:
        patch.setattr(supervised_run, "fit", lambda *_, **__: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            cli.main(["train", "--resume", str(tmp_path / "run")])
    assert runs.look(tmp_path / "run").state == "interrupted"
    cli.main(["train", "--resume", str(tmp_path / "run")])
    assert runs.look(tmp_path / "run").state == "" and numbers(tmp_path / "run") == numbers(place / "whole")


@pytest.mark.parametrize("last", ["write_results", "write_sums", "write_table", "end"])
def test_killed_while_the_results_are_written_it_is_no_whole_run(last, place, tmp_path, monkeypatch):
    def killed(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(supervised_run, last, killed)
        with pytest.raises(Killed):
            cli.main(["train", str(place / "small.yaml"), *OPTIONS, "--folder", str(tmp_path / "run")])
    assert runs.look(tmp_path / "run").state != ""
    cli.main(["train", "--resume", str(tmp_path / "run")])
    assert {path.name for path in (tmp_path / "run").iterdir()} == {path.name for path in (place / "whole").iterdir()}
    assert numbers(tmp_path / "run") == numbers(place / "whole")


def test_what_is_left_of_a_run_that_ended_is_removed(place, tmp_path, capsys):
    """It was killed while it removed its checkpoints, of which some were damaged by that."""
    shutil.copytree(place / "whole", tmp_path / "run")
    (tmp_path / "run" / "checkpoints" / "0" / "step-00000001").mkdir(parents=True)
    (tmp_path / "run" / ".liquidjax-0123.tmp").write_text("half a file")
    assert "came to its end" in refused(capsys, "--resume", tmp_path / "run")
    assert {path.name for path in (tmp_path / "run").iterdir()} == {path.name for path in (place / "whole").iterdir()}


def test_a_disk_that_is_full_at_the_end_is_told_with_how_to_go_on(place, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    interrupted(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig), 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        error = refused(capsys, "--resume", tmp_path / "run")
    assert "No space left on device" in error and f"train --resume {tmp_path / 'run'}" in error
    cli.main(["train", "--resume", str(tmp_path / "run")])
    assert numbers(tmp_path / "run") == numbers(place / "whole")


def test_two_that_begin_in_one_empty_folder(place, tmp_path):
    """Both have seen that it is empty; the one without the lock must not write its settings over those of the other."""
    config = configs.read(place / "whole" / "config.yaml", SupervisedConfig)
    run_folder.check_ready(tmp_path, resume=False)
    with supervised_run.alone(tmp_path / "checkpoints"):
        run_folder.begin(tmp_path, config)
    with pytest.raises(ValueError, match="is not empty"), supervised_run.alone(tmp_path / "checkpoints"):
        run_folder.begin(tmp_path, config)


def test_two_do_not_go_on_in_one_folder(place, tmp_path, capsys):
    interrupted(tmp_path / "run", configs.read(place / "whole" / "config.yaml", SupervisedConfig), 2)
    with supervised_run.alone(tmp_path / "run" / "checkpoints"):
        assert "another training is writing to" in refused(capsys, "--resume", tmp_path / "run")


def test_curves_for_tensorboard_are_those_of_the_whole_run(place, tmp_path):
    """An interrupted part has written some already."""
    config = configs.read(place / "whole" / "config.yaml", SupervisedConfig)
    questions = []
    stop = lambda: bool(questions.append(1)) or len(questions) >= 2  # noqa: E731
    supervised_run.run(config, tmp_path / "run", stop=stop, tensorboard=True)
    cli.main(["train", "--resume", str(tmp_path / "run"), "--tensorboard"])
    found = {folder.name: list(folder.iterdir()) for folder in (tmp_path / "run" / "tensorboard").iterdir()}
    assert found.keys() == {"GRU", "LSTM"} and all(len(files) == 1 for files in found.values())
    cli.main(["evaluate", str(tmp_path / "run")])


def test_debug_nans_names_the_operation(place, tmp_path, capsys):
    options = ["--training.learning-rate", "3e38", "--training.optimizer", "sgd", "--training.clip", "null"]
    folder = ["--folder", tmp_path / "run"]
    error = refused(capsys, place / "small.yaml", "--debug-nans", *options, *folder, "--training.epochs", "3")
    assert "the first operation that was not finite is " in error
