"""`liquidjax sweep`: trials are runs, what was interrupted is taken up again, and nothing is counted twice."""

import contextlib
import dataclasses
import json
import math

import optuna
import pytest
from optuna.trial import TrialState

from liquidjax import __main__ as cli
from liquidjax.commands import sweep as command
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.supervised import figures as supervised_figures
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised import runs
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.sweep import claims, figures, report, space, storage, study, trial
from liquidjax.experiments.sweep.config import Sweep
from liquidjax.experiments.sweep.trial import Measure
from liquidjax.training.objectives import Classification, Regression
from tiny_series import as_csv, rows
from tiny_sweep import SPACE, trials, write
from untyped import untyped

QUICK = ["--training.epochs", "3", "--training.checkpoint-seconds", "0"]


class Killed(BaseException):
    """As nothing catches it."""


def slowly(value):
    return pytest.param(value, marks=pytest.mark.slow)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with data, settings and a space; pictures take as long as a training of this size, and are left out."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervised_figures, "write", lambda *_: None)
    monkeypatch.setattr(figures, "write", lambda *_: [])
    write(tmp_path)
    return tmp_path


def sweep(*options):
    cli.main(["sweep", "tiny.yaml", "--space", "space.yaml", *QUICK, *map(str, options)])


def told_once(found):
    """Every epoch was told once, in its order."""
    return all(list(each.intermediate_values) == [1, 2, 3] for each in found)


def killed_in(monkeypatch, epoch):
    """A worker that ends in this epoch of the first trial that it begins; in epoch 0, when it is trained."""
    run = supervised_run.run

    def dying(*arguments, watch, **named):
        def watched(network, record):
            watch(network, record)
            if record.epoch == epoch:
                raise Killed

        run(*arguments, watch=watched, **named)
        raise Killed

    monkeypatch.setattr(supervised_run, "run", dying)


def test_each_trial_is_a_run_and_its_score_is_its_value(place, capsys):
    sweep("--trials", 2, "--seeds", 2)
    out = capsys.readouterr().out
    found = trials()
    assert [each.state for each in found] == [TrialState.COMPLETE] * 2 and told_once(found)
    assert "up to 2 trials in all, 2 seeds each, for the largest validation accuracy; writing to sweeps/tiny" in out
    assert "2 trials: 2 complete." in out and "Next: liquidjax train sweeps/tiny/best.yaml" in out
    for number, each in enumerate(found):
        folder = place / "sweeps" / "tiny" / f"trial-000{number}"
        assert each.user_attrs["folder"] == f"sweeps/tiny/trial-000{number}"
        members = json.loads((folder / "results.json").read_text())[0]["ensemble"]["members"]
        assert [member["settings"] for member in members] == [{"seed": 0}, {"seed": 1}]
        assert each.value == sum(member["validation"]["accuracy"] for member in members) / 2
        config = configs.read(folder / "config.yaml", SupervisedConfig)
        assert config.training.learning_rate == each.params["training.learning_rate"]
        assert config.inputs.fill == each.params["inputs.fill"] and config.training.epochs == 3
    listed = runs.find(place / "sweeps" / "tiny")
    assert [(run.name, run.state) for run in listed] == [(f"trial-000{number}", "") for number in range(2)]
    best = max(found, key=lambda each: (each.value, -each.number))
    config = configs.read(place / "sweeps" / "tiny" / "best.yaml", SupervisedConfig)
    assert config.training.learning_rate == best.params["training.learning_rate"]
    assert config.training.members.number == 0  # as it was given, in all else
    text = (place / "sweeps" / "tiny" / "report.md").read_text()
    assert text.startswith("# Sweep tiny\n") and text.count("| complete |") == 2
    # Everything else that works on a run.
    cli.main(["evaluate", "sweeps/tiny/trial-0001"])
    cli.main(["predict", "sweeps/tiny/trial-0001", "sweeps/tiny/trial-0001/sample.csv"])
    assert "the same as training recorded: yes" in capsys.readouterr().out


@pytest.mark.parametrize("when", [slowly(1), 2, slowly(3), 0])
def test_the_trial_of_a_killed_worker_is_taken_up_again_where_it_was(when, place, monkeypatch, capsys):
    """In its first epoch, in a later one, in its last, and when it was trained and nobody had been told."""
    sweep("--trials", 1, "--study", "whole")
    with monkeypatch.context() as patch:
        killed_in(patch, when)
        with pytest.raises(Killed):
            sweep("--trials", 1)
    (before,) = trials()
    assert before.state == TrialState.RUNNING and before.params == trials("whole")[0].params
    capsys.readouterr()
    sweep("--trials", 1)
    (found,) = trials()
    assert f"trial-0000: taken up again, for its worker has ended; it had told {when or 3} " in capsys.readouterr().out
    assert found.state == TrialState.COMPLETE and told_once([found])
    assert found.params == before.params and found.value == trials("whole")[0].value
    models = [(place / "sweeps" / name / "trial-0000" / "model.safetensors").read_bytes() for name in ("tiny", "whole")]
    assert models[0] == models[1]
    sweep("--trials", 1)  # and once more changes nothing
    assert trials() == [found]


def test_a_worker_that_is_stopped_saves_its_trial_and_the_next_start_goes_on(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr(command, "interruptible", lambda saves: contextlib.nullcontext(Stopping(4)))
        with pytest.raises(SystemExit) as caught:
            sweep("--trials", 1)
    out = capsys.readouterr().out
    assert caught.value.code == 130 and "trial-0000: stopped and saved" in out and "To go on: the same command" in out
    assert runs.look(place / "sweeps" / "tiny" / "trial-0000").state == "interrupted"
    assert [each.state for each in trials()] == [TrialState.RUNNING]
    sweep("--trials", 1)
    assert [each.state for each in trials()] == [TrialState.COMPLETE] and told_once(trials())


class Stopping:
    """Says that a signal has come when it is asked for the n-th time."""

    status = 130

    def __init__(self, asked):
        self.left = asked

    def __call__(self):
        self.left -= 1
        return self.left < 0


def test_a_trial_that_another_worker_trains_is_let_alone(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        killed_in(patch, 1)
        with pytest.raises(Killed):
            sweep("--trials", 1)
    claim = claims.Claims(place / "sweeps" / "tiny").take(0)
    assert claim is not None
    with claim:
        sweep("--trials", 1)
        assert "1 trial: 1 running. None has come to its end yet." in capsys.readouterr().out
        assert [each.state for each in trials()] == [TrialState.RUNNING]
    sweep("--trials", 1)
    assert [each.state for each in trials()] == [TrialState.COMPLETE]


def test_a_study_of_another_program_is_let_alone(place, capsys):
    (place / "sweeps" / "tiny").mkdir(parents=True)
    with storage.quiet():
        store = storage.opened("sweeps/tiny/study.journal")
        optuna.create_study(storage=store, study_name="tiny", direction="maximize").ask()
    assert "the study tiny in the storage is of another program; choose another --study" in refused(capsys)
    assert len(trials()) == 1


def test_the_trial_of_another_machine_is_taken_up_after_a_silence(place, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        killed_in(patch, 2)
        patch.setattr(claims, "machine", lambda: "elsewhere")
        with pytest.raises(Killed):
            sweep("--trials", 1)
    now = [0.0]
    monkeypatch.setattr(study.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + 50))
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    sweep("--trials", 1)
    out, err = capsys.readouterr()
    assert now[0] == 150 and "waiting whether the worker of trial 0, on another machine, is still alive" in err
    assert "taken up again" in out and [each.state for each in trials()] == [TrialState.COMPLETE]


def test_a_word_of_a_worker_begins_the_silence_anew(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(claims.time, "monotonic", lambda: now[0])
    locks = claims.Claims(tmp_path)
    assert locks.silent(3, claims.word()) and not locks.silent(4, None)
    for second, word, silent in ((0, 1, False), (100, 1, False), (119, 2, False), (220, 2, False), (240, 2, True)):
        now[0] = second
        assert locks.silent(5, ["elsewhere", 1, word]) == silent


def test_a_pruned_trial_says_so_and_can_be_trained_on(place, monkeypatch, capsys):
    monkeypatch.setattr(study.drawing, "pruner", lambda name, epochs: optuna.pruners.ThresholdPruner(lower=2))
    sweep("--trials", 1)
    assert "trial-0000: pruned (after epoch 1 of 3); learning_rate" in capsys.readouterr().out
    (found,) = trials()
    assert found.state == TrialState.PRUNED and found.user_attrs["reason"] == "after epoch 1 of 3"
    folder = place / "sweeps" / "tiny" / "trial-0000"
    assert (folder / "interrupted.txt").read_text().startswith("Pruned after epoch 1 of 3: ")
    cli.main(["train", "--resume", "sweeps/tiny/trial-0000"])
    assert runs.look(folder).state == ""
    assert not (place / "sweeps" / "tiny" / "best.yaml").exists()
    assert "None has come to its end yet." in (place / "sweeps" / "tiny" / "report.md").read_text()


def test_settings_that_do_not_go_together_fail_a_trial_and_not_the_sweep(place, capsys):
    (place / "space.yaml").write_text("data.features: [[x], [y]]\nmodel.cell: [GRU(units=3), 'GRU(2, units=3)']\n")
    (place / "walks.csv").write_text(as_csv(rows()).replace('"y, left"', "y"))
    sweep("--trials", 4, "--sampler", "grid", "--pruner", "none")
    found = trials()
    assert sorted(each.state.name for each in found) == ["COMPLETE", "COMPLETE", "FAIL", "FAIL"]
    assert {(each.params["data.features"], each.params["model.cell"]) for each in found} == {
        (features, cell) for features in ("[x]", "[y]") for cell in ("GRU(units=3)", "GRU(2, units=3)")
    }
    failed = next(each for each in found if each.state == TrialState.FAIL)
    assert "the cell must have 1 inputs, as many as are read, got 2" in failed.user_attrs["reason"]
    assert "must have 1 inputs" in (place / "sweeps" / "tiny" / "report.md").read_text()


def test_one_that_diverges_is_as_bad_as_can_be_and_the_next_is_drawn(place, monkeypatch, capsys):
    def diverging(*_, **__):
        raise FloatingPointError("too many steps in a row")

    monkeypatch.setattr(supervised_run, "fit", diverging)
    sweep("--trials", 2)
    assert [each.state for each in trials()] == [TrialState.PRUNED] * 2
    assert capsys.readouterr().out.count("pruned (diverged: too many steps in a row)") == 2


def test_a_storage_that_goes_away_is_one_error_and_the_training_is_saved(place, monkeypatch, capsys):
    report = optuna.trial.Trial.report

    def lost(self, value, step):
        if step == 2:
            raise optuna.exceptions.StorageInternalError("server closed the connection")
        report(self, value, step)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as caught:
        patch.setattr(optuna.trial.Trial, "report", lost)
        sweep("--trials", 1)
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.count("\n") == 1
    assert "cannot be reached: server closed the connection; look whether its folder is there" in error
    assert "nothing is lost, the same command goes on" in error
    assert runs.look(place / "sweeps" / "tiny" / "trial-0000").state == "interrupted"
    sweep("--trials", 1)
    assert [each.state for each in trials()] == [TrialState.COMPLETE] and told_once(trials())


@pytest.mark.parametrize("refused", [False, True])
def test_a_sweep_that_ends_has_let_go_of_its_storage(refused, place, untrained, monkeypatch, capsys):
    opened, gone = [], []
    let_go, door = storage.let_go, storage.opened
    monkeypatch.setattr(storage, "opened", lambda url: opened.append(door(url)) or opened[-1])
    monkeypatch.setattr(storage, "let_go", lambda store: gone.append(store) or let_go(store))
    if refused:
        optuna.create_study(storage=door("sqlite:///study.db"), study_name="tiny").ask()
        with pytest.raises(SystemExit):
            sweep("--trials", 1, "--storage", "sqlite:///study.db")
        assert "is of another program" in capsys.readouterr().err
    else:
        sweep("--trials", 1, "--storage", "sqlite:///study.db")
    assert len(opened) == 1 and gone == opened


@pytest.fixture
def untrained(monkeypatch):
    """Trials that are measured without a training, the first best."""
    values = iter(range(100, 0, -1))
    monkeypatch.setattr(trial, "train", lambda *_: trial.Outcome("complete", next(values) / 100))


def test_what_was_drawn_does_not_depend_on_who_draws(place, untrained):
    sweep("--trials", 3, "--sampler", "random")
    for trials_in_all in (1, 2, 3):  # a worker each
        sweep("--trials", trials_in_all, "--sampler", "random", "--study", "other")
    assert [each.params for each in trials()] == [each.params for each in trials("other")]
    assert len({each.params["training.learning_rate"] for each in trials()}) == 3


@pytest.mark.parametrize("sampler", ["tpe", "qmc"])
def test_any_sampler_draws_and_the_table_begins_with_the_best(sampler, place, untrained, capsys):
    sweep("--trials", 12, "--sampler", sampler, "--storage", "sqlite:///study.db")
    lines = capsys.readouterr().out.splitlines()
    table = lines[next(i for i, line in enumerate(lines) if line.startswith("trial  ")) :]
    assert table[1].split()[:2] == ["0", "1.000"] and table[10].split()[:2] == ["9", "0.910"]
    assert "12 trials: 12 complete." in table
    assert len({each.params["training.learning_rate"] for each in trials(url="sqlite:///study.db")}) == 12


def test_the_pictures_are_those_of_optuna(tmp_path):
    with storage.quiet():
        made = optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0))
        for number in range(4):
            drawn = made.ask()
            drawn.suggest_float("training.learning_rate", 1e-3, 1, log=True)
            drawn.suggest_categorical("model.cell", ["GRU(units=2)", "GRU(units=3)"])
            made.tell(drawn, number / 4)
    drawn = figures.write(tmp_path, made, ("training.learning_rate", "model.cell"), "validation accuracy")
    assert drawn == list(report.PICTURES)
    for name in drawn:
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


def refused(capsys, *options, config=("sweep", "tiny.yaml", "--space", "space.yaml")):
    with pytest.raises(SystemExit) as caught:
        cli.main([*config, *map(str, options)])
    error = capsys.readouterr().err
    assert caught.value.code == 2 and error.startswith("liquidjax: ") and error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--storage", "study.db"], "got 'study.db', a file that does not end in .journal or .log"),
        (["--storage", "nowhere/study.journal"], "the storage nowhere/study.journal cannot be reached: "),
        (["--storage", "sqlite:///nowhere/study.db"], "look whether its folder is there and can be written, or name"),
        (["--storage", "sqlite://"], "got 'sqlite://', which is in memory"),
        (["--storage", "walks.log"], "walks.log is no journal of Optuna; name another file"),
        (["--storage", "nothing://here"], "the storage nothing://here cannot be reached: "),
        (["--study", "../mine"], "--study must be a name of letters, digits, points and dashes, got '../mine'"),
        (["--metric", "mse"], "metric must be one of accuracy, loss for Classification, got 'mse'"),
        (["--direction", "minimize"], "direction must be left out with accuracy, of which it is known to be maximize"),
        (["--sampler", "grid"], "`training.learning_rate` must be a list of choices, or have a step, for the sampler"),
        (["--training.checkpoint-seconds", "null"], "training.checkpoint_seconds must be a number"),
        (["--training.members.seed", "1", "2"], "training.members must be left out"),
        (["--data.source", "no.csv"], "no.csv is no file or folder"),
        (["--trials", "0"], "sweeps/tiny must be the folder of a sweep to report of it"),
        (["--trials", "-1"], "trials must be an integer of at least 0, got -1"),
        (["--sampler", "tpf"], "invalid choice 'tpf' for argument '--sampler'"),
    ],
)
def test_what_cannot_be_is_refused_before_a_trial_begins(options, message, place, capsys):
    (place / "walks.log").write_text("not a journal")
    error = refused(capsys, *options)
    assert message in error
    assert not list(place.glob("sweeps/*/trial-*")) and (place / "walks.log").read_text() == "not a journal"


def test_a_database_that_is_not_there_is_told_without_its_password(place, capsys):
    pytest.importorskip("psycopg")
    error = refused(capsys, "--storage", "postgresql+psycopg://me:secret@127.0.0.1:1/none")
    assert "the storage postgresql+psycopg://***@127.0.0.1:1/none cannot be reached: " in error
    assert "look whether it runs, or name another with --storage" in error and "secret" not in error
    assert not (place / "sweeps").exists()


def test_a_driver_that_is_not_installed_is_named(place, capsys):
    error = refused(capsys, "--storage", "mysql+nodriver://me:secret@127.0.0.1/none")
    assert "secret" not in error and not (place / "sweeps").exists()


def test_a_study_goes_on_with_the_settings_and_the_folder_that_it_was_begun_with(place, capsys):
    sweep("--trials", 1)
    capsys.readouterr()
    error = refused(capsys, *QUICK, "--trials", 2, "--training.batch-size", 8)
    assert "was begun with other settings than these (`config.training.batch_size` was 64 and is 8 now)" in error
    (place / "space.yaml").write_text(SPACE.replace("0.3", "0.4"))
    assert "`space.training.learning_rate` was " in refused(capsys, *QUICK)
    (place / "space.yaml").write_text(SPACE)
    error = refused(capsys, *QUICK, "--storage", "sweeps/tiny/study.journal", "--folder", "elsewhere")
    assert "the study tiny was begun in another folder than elsewhere; all workers must see one" in error
    error = refused(capsys, *QUICK, "--storage", "other.journal")
    assert "sweeps/tiny holds trials of another study than that of the storage; choose another" in error
    assert len(trials()) == 1


def test_the_value_is_the_mean_of_all_seeds_one_that_is_not_finite_included(place):
    sweep("--trials", 1, "--seeds", 2, "--metric", "loss")
    folder = place / "sweeps" / "tiny" / "trial-0000"
    results = json.loads((folder / "results.json").read_text())
    losses = [member["validation_loss"] for member in results[0]["ensemble"]["members"]]
    assert trials()[0].value == trial.value_of(folder, "loss") == sum(losses) / 2
    results[0]["ensemble"]["members"][1]["validation"]["accuracy"] = "nan"
    (folder / "results.json").write_text(json.dumps(results))
    with pytest.raises(ValueError, match="damaged, or was changed"):
        trial.value_of(folder, "accuracy")
    (folder / "SHA256SUMS").unlink()
    assert math.isnan(trial.value_of(folder, "accuracy"))
    with pytest.raises(ValueError, match="the objective has no score 'f1'; it has accuracy"):
        trial.value_of(folder, "f1")


@pytest.mark.parametrize("keep", ["best", "last"])
def test_the_loss_of_a_single_network_is_that_of_the_parameters_that_are_kept(keep, place):
    sweep("--trials", 1, "--metric", "loss", "--training.keep", keep)
    lines = [json.loads(line) for line in (place / "sweeps/tiny/trial-0000/metrics.jsonl").read_text().splitlines()]
    losses = [line["validation_loss"] for line in lines]
    assert trials()[0].value == (min(losses) if keep == "best" else losses[-1])


def test_scores_know_which_of_them_are_better():
    assert trial.measure(Sweep(), Classification()) == Measure("accuracy", "maximize")
    assert trial.measure(Sweep(metric="r2"), Regression()) == Measure("r2", "maximize")
    assert trial.measure(Sweep(metric="loss"), Regression()) == Measure("loss", "minimize")
    assert trial.measure(Sweep(), untyped(object())) == Measure("loss", "minimize")
    assert trial.measure(Sweep(metric="f1", direction="maximize"), untyped(object())) == Measure("f1", "maximize")
    with pytest.raises(ValueError, match="direction must be minimize or maximize with the score 'f1'"):
        trial.measure(Sweep(metric="f1"), untyped(object()))


def test_trials_train_the_first_cell_alone():
    base = configs.build(
        SupervisedConfig, {"model": {"compare": ["LSTM"]}, "training": {"compare_learning_rates": [0.1]}}
    )
    found = trial.of_trials(base, 3)
    assert found.model.compare == () and found.training.members.seed == (0, 1, 2)
    assert dataclasses.replace(found.training, members=base.training.members) == dataclasses.replace(
        base.training, compare_learning_rates=()
    )


def test_what_the_samplers_and_pruners_are_called():
    asked = space.of({"training.epochs": [1, 2]}, SupervisedConfig())
    for name in ("tpe", "random", "qmc", "grid"):
        study.drawing.check(name, asked)
        with storage.quiet():
            assert isinstance(study.drawing.sampler(name, 0, 1, asked), optuna.samplers.BaseSampler)
    for name in ("median", "hyperband", "successive-halving", "none"):
        assert isinstance(study.drawing.pruner(name, 10), optuna.pruners.BasePruner)
