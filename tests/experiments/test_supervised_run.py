"""Trained on what a configuration names: what is compared, the run folder, and what can be done with it later."""

import dataclasses
import functools
import json
import re
import subprocess
import sys
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import yaml

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised import evaluate, runs
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Data, Inputs, SupervisedConfig
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.network import Model
from tiny_series import CONFIG, as_csv, rows
from untyped import untyped

FILES = {
    "config.yaml",
    "metrics.jsonl",
    "model.safetensors",
    "results.json",
    "SHA256SUMS",
    "overview.png",
    "sample.csv",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line."""
    place = tmp_path_factory.mktemp("run")
    (place / "walks.csv").write_text(as_csv(rows()))
    (place / "small.yaml").write_text(CONFIG.replace("SOURCE", str(place / "walks.csv")))
    arguments = ["--training.epochs", "3", "--model.compare", "LSTM(units=2)", "--data.split-seed", "1"]
    cli.main(["train", str(place / "small.yaml"), *arguments, "--folder", str(place / "run")])
    return place / "run"


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run folder to break."""
    for name in FILES:
        (tmp_path / name).write_bytes((run / name).read_bytes())
    return tmp_path


@pytest.mark.parametrize("cell", ["LTC(wiring=AutoNCP(20, 4))", "CfC(units=8, backbone_units=16)"])
def test_networks_are_matched_in_size(cell):
    compared = Model(cell, compare=("LSTM", "GRU", "CTRNN", "HasaniLTC")).networks(inputs=3, outputs=2)
    liquid, *others = map(count_parameters, compared.values())
    assert list(compared) == [cell.partition("(")[0], "LSTM", "GRU", "CTRNN", "HasaniLTC"]
    assert all(abs(count / liquid - 1) < 0.06 for count in others)


def test_cells_of_one_kind_are_told_apart_and_readouts_are_for_the_targets():
    compared = Model("GRU(units=3)", compare=("GRU(units=4)", "CfC(units=2)", "GRU")).networks(inputs=2, outputs=5)
    assert list(compared) == ["GRU 1", "GRU 2", "CfC", "GRU 3"]
    assert compared["GRU 1"] == lj.Readout(lj.GRU(2, 3), 5) == compared["GRU 3"]
    bare = Model("GRU(units=3)", readout=False, compare=("LSTM(units=3)",)).networks(inputs=2, outputs=3)
    assert bare == {"GRU": lj.GRU(2, 3), "LSTM": lj.LSTM(2, 3)}


def test_cells_that_count_their_inputs_in_another_way_may_leave_them_out_too():
    compared = Model("GRUD(units=3)", compare=("WithTime(LSTM(units=3))",)).networks(inputs=4, outputs=2)
    timed = lj.WithTime(lj.LSTM(5, 3))
    assert compared == {"GRUD": lj.Readout(lj.GRUD(4, 3), 2), "WithTime": lj.Readout(timed, 2)}


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"cell": "GRU"}, "cell: expected a call such as LTC"),
        ({"cell": "AutoNCP(8, 2)"}, "cell must be a call of a cell such as CfC"),
        ({"cell": "GRU(unitz=3)"}, "cell: unknown field 'unitz' of GRU; did you mean units"),
        ({"compare": ("LTC",)}, "compare: expected a call"),
        ({"compare": ("SemiImplicit()",)}, "compare must be a call of a cell"),
        ({"compare": ("LSTM",), "readout": False}, "compare must be calls such as LSTM.units=3. without a readout"),
    ],
)
def test_what_is_no_cell_is_refused_before_the_data_are_read(model, message):
    with pytest.raises(ValueError, match=message):
        Model(**model)


def test_a_cell_of_other_inputs_or_outputs_is_refused():
    with pytest.raises(ValueError, match="the cell must have 3 inputs, as many as are read, got 2; leave them out"):
        Model("GRU(inputs=2, units=3)").networks(inputs=3, outputs=2)
    with pytest.raises(ValueError, match="the cell must have 2 outputs without a readout, got 3"):
        Model("GRU(units=3)", readout=False).networks(inputs=3, outputs=2)


def test_the_run_folder_is_complete(run):
    assert {path.name for path in run.iterdir()} == FILES
    settings = configs.read(run / "config.yaml", SupervisedConfig)
    # the YAML over the defaults, the command line over the YAML
    assert (settings.training.batch_size, settings.data.split_seed, settings.training.epochs) == (64, 1, 3)
    assert settings.model == Model("GRU(units=3)", compare=("LSTM(units=2)",)) and settings.inputs == Inputs()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    expected = [(name, epoch) for name in ("GRU", "LSTM") for epoch in (1, 2, 3)]
    assert [(line["network"], line["epoch"]) for line in lines] == expected
    results = json.loads((run / "results.json").read_text())
    assert [row["name"] for row in results] == ["GRU", "LSTM", "most frequent class", "logistic regression"]
    assert all(row[part].keys() == {"accuracy"} for row in results for part in ("validation", "test"))
    cell = lj.Readout(lj.GRU(2, 3), 2)
    assert results[0]["parameters"] == count_parameters(cell) and lj.load(run / "model.safetensors").cell == cell
    best = min(lines[:3], key=lambda line: line["validation_loss"])
    assert results[0]["validation"]["accuracy"] == best["validation_accuracy"]
    assert (run / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_groups_are_not_torn_apart(run):
    parts = sources.load(configs.read(run / "config.yaml", SupervisedConfig).data)
    people = [set(part.groups or ()) for part in parts]
    assert sum(map(len, people)) == len(set.union(*people)) == 7 and min(map(len, people)) > 0


def test_evaluate_finds_what_training_recorded(run, capsys):
    result = evaluate.evaluate(run)
    assert result.recorded.keys() == {"accuracy"} and result.scores.keys() == {"accuracy", "auroc", "auprc"}
    assert result.scores["accuracy"] == result.recorded["accuracy"]
    assert result.confusion is not None and result.confusion.sum() == result.series
    assert np.trace(result.confusion) == round(result.scores["accuracy"] * result.series)
    results = json.loads((run / "results.json").read_text())
    assert result.baselines == {row["name"]: row["test"] for row in results[2:]}
    cli.main(["evaluate", str(run)])
    out = capsys.readouterr().out
    assert out.startswith(f"{result.series} test series\n") and "AUROC" in out and "Confusion matrix" in out
    assert "the same as training recorded: yes" in out


def test_evaluate_notices_other_parameters(copy, capsys):
    """A network that takes everything for one class, and then for the other: one of them has another accuracy."""
    config, model = evaluate.restore(copy)
    assert config.training.epochs == 3
    verdicts = []
    for one in (0, 1):
        constant = jax.tree.map(np.zeros_like, model.params.linear)
        constant = constant._replace(bias=np.eye(2, dtype=np.float32)[one])
        other = dataclasses.replace(model, params=model.params._replace(linear=constant))
        other.save(copy / "model.safetensors")
        cli.main(["evaluate", str(copy)])
        verdicts.append("the same as training recorded: NO, it recorded {'accuracy': " in capsys.readouterr().out)
    assert any(verdicts)


def test_predict_agrees_with_the_network(run, capsys):
    cli.main(["predict", str(run), str(run / "sample.csv")])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "series,prediction,probability of fast,probability of slow"
    config, model = evaluate.restore(run)
    test = sources.load(config.data).test
    test = test.take(range(min(5, len(test))))
    assert len(lines) == len(test)
    assert model.preparation is not None
    for i, line in enumerate(lines):
        one = test.take([i])
        inputs, dt = model.preparation.apply(one)
        logits = lj.unroll(untyped(model.cell), model.params, inputs[0], dt[0])[1][-1]
        expected = np.asarray(jax.nn.softmax(logits))
        *name, prediction, fast, slow = line.split(",")
        assert ",".join(name) == '"' + test.names[i].replace('"', '""') + '"'
        assert [float(fast), float(slow)] == pytest.approx(expected, abs=2e-6)
        assert prediction == ("fast", "slow")[expected.argmax()]


def test_blank_lines_are_no_series(run, tmp_path):
    lines = (run / "sample.csv").read_text().splitlines()
    (tmp_path / "some.csv").write_text("\n" + "\n\n".join(lines) + "\n")
    model, _, data, answers = evaluate.answer(run, str(tmp_path / "some.csv"))
    _, _, same, again = evaluate.answer(run, str(run / "sample.csv"))
    assert data.names == same.names and np.array_equal(answers, again) and model.classes == ("fast", "slow")


def test_damage_is_noticed(copy):
    contents = (copy / "model.safetensors").read_bytes()
    for position in range(0, len(contents), len(contents) // 60):
        damaged = bytearray(contents)
        damaged[position] ^= 1 << position % 8
        (copy / "model.safetensors").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model\.safetensors"):
            evaluate.restore(copy)
    (copy / "model.safetensors").write_bytes(contents[:-1])
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        evaluate.restore(copy)


EDITS = {
    "data.source": "other.csv",
    "data.test": "other.csv",
    "data.series": "x",
    "data.time": "x",
    "data.target": "[x, gait]",
    "data.labels": "labels.csv",
    "data.features": "[x]",
    "data.target_at": "step",
    "data.classes": "true",
    "data.group": "who",
    "data.time_unit": "h",
    "data.duplicates": "mean",
    "data.unsorted": "sort",
    "data.missing": "[NA]",
    "data.split": "time",
    "data.validation_share": "0.2",
    "data.test_share": "0.3",
    "data.split_seed": "2",
    "data.stratified": "false",
    "inputs.scale": "false",
    "inputs.step": "0.5",
    "inputs.fill": "mean",
    "inputs.indicators": "true",
    "inputs.since": "true",
    "model.cell": "GRU(units=4)",
    "model.readout": "false",
    "model.compare": "[LSTM(units=3)]",
    "objective.kind": "event",
    "objective.at": "mean",
    "objective.smoothing": "0.5",
    "objective.balanced": "true",
    "objective.function": "my_losses:squares",
    "objective.outputs": "3",
    "training.optimizer": "adamw",
    "training.learning_rate": "0.5",
    "training.compare_learning_rates": "[0.5]",
    "training.schedule": "cosine",
    "training.warmup": "2",
    "training.weight_decay": "0.5",
    "training.clip": "null",
    "training.accumulate": "2",
    "training.epochs": "4",
    "training.batch_size": "32",
    "training.patience": "7",
    "training.keep": "last",
    "training.seed": "7",
    "training.precision": "bfloat16",
    "training.calibrate": "true",
    "training.coarse_unfolds": "1",
    "training.coarse_share": "0.5",
    "training.members.seed": "[1, 2]",
    "training.members.learning_rate": "[0.5, 0.1]",
    "training.members.weight_decay": "[0.5, 0.1]",
    "training.members.clip": "[0.5, 0.1]",
    "training.most_skipped": "2",
    "training.checkpoint_seconds": "5.0",
    "training.tune_cpu": "true",
    "shift.lost": "0.5",
    "shift.rate": "2.0",
    "shift.seed": "3",
}
TOGETHER = {
    "objective.outputs": {"objective.function": "my_losses:squares"},
    "training.weight_decay": {"training.optimizer": "adamw"},
    "training.members.weight_decay": {"training.optimizer": "adamw"},
}
"""What may be edited only with something else."""


def edited(folder, key, value):
    """Writes another value into config.yaml: what stood there."""
    settings = yaml.safe_load((folder / "config.yaml").read_text())
    *above, last = key.split(".")
    part = functools.reduce(dict.__getitem__, above, settings)
    before, part[last] = part[last], yaml.safe_load(value)
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return before


@pytest.mark.parametrize("key", EDITS)
def test_a_config_that_was_edited_after_the_training_is_noticed(key, copy, capsys):
    before = edited(copy, key, EDITS[key])
    for other, value in TOGETHER.get(key, {}).items():
        edited(copy, other, value)
    was, now = yaml.safe_load(json.dumps(before)), yaml.safe_load(EDITS[key])
    if isinstance(was, list) and len(was) == len(now):  # of lists of one length the place is named
        key, was, now = f"{key}.0", was[0], now[0]
    was, now = json.dumps(was), json.dumps(now)
    with pytest.raises(ValueError, match=re.escape("config.yaml was changed after the training: ")) as caught:
        evaluate.restore(copy)
    assert f"`{key}` was {was} and is {now} now" in str(caught.value) and "; change it back" in str(caught.value)
    for arguments in (["evaluate", str(copy)], ["predict", str(copy), str(copy / "sample.csv")]):
        with pytest.raises(SystemExit):
            cli.main(arguments)
        out = capsys.readouterr()
        assert f"`{key}` was {was}" in out.err and not out.out


def test_every_setting_is_among_those_that_are_edited():
    def keys(settings, above=""):
        for key, value in settings.items():
            yield from keys(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"]

    assert set(keys(dataclasses.asdict(SupervisedConfig()))) == EDITS.keys()


def test_a_line_that_was_taken_out_is_noticed(copy):
    lines = (copy / "config.yaml").read_text().splitlines()
    (copy / "config.yaml").write_text("\n".join(line for line in lines if "split_seed" not in line))
    with pytest.raises(ValueError, match=r"`data\.split_seed` was 1 and is 0 now"):
        evaluate.restore(copy)


def test_a_config_that_says_the_same_in_other_words_will_do(copy):
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text("# my best run\n" + text.replace("step: 1.0", "step: 1"))
    assert "step: 1\n" in (copy / "config.yaml").read_text()
    evaluate.restore(copy)


def test_the_model_of_another_run_is_noticed(copy):
    config, model = evaluate.restore(copy)
    other = dataclasses.replace(config, training=dataclasses.replace(config.training, seed=5))
    dataclasses.replace(model, notes={"config": supervised_run.as_json(other)}).save(copy / "model.safetensors")
    with pytest.raises(ValueError, match=r"`training\.seed` was 5 and is 0 now"):
        evaluate.restore(copy)
    later = {**dataclasses.asdict(config), "objective": {"kind": "auto", "margin": 0.5}}
    dataclasses.replace(model, notes={"config": json.dumps(later)}).save(copy / "model.safetensors")
    with pytest.raises(ValueError, match=r"`objective\.margin` was 0\.5 and is nothing now"):
        evaluate.restore(copy)


@pytest.mark.parametrize("notes", [{}, {"config": "no JSON"}, {"config": "[" * 100_000}, {"data": "made up"}])
def test_a_model_that_is_not_of_a_run_is_noticed(notes, copy):
    model = evaluate.restore(copy).model
    dataclasses.replace(model, notes=notes).save(copy / "model.safetensors")
    with pytest.raises(
        ValueError, match=r"model\.safetensors does not say what it was trained with: it is not of a run"
    ):
        evaluate.restore(copy)


@pytest.mark.parametrize("name", ["results.json", "metrics.jsonl"])
def test_another_digit_in_the_results_is_noticed(name, copy):
    """Which nobody would see: it is a score like any other."""
    text = (copy / name).read_text()
    digit = next(place for place, letter in enumerate(text) if letter.isdigit() and text[place - 1] == ".")
    (copy / name).write_text(f"{text[:digit]}{(int(text[digit]) + 1) % 10}{text[digit + 1 :]}")
    assert "SHA256SUMS says was written" in runs.look(copy).damage
    if name == "results.json":
        with pytest.raises(ValueError, match=r"results\.json is damaged, or was changed"):
            evaluate.evaluate(copy)


def test_the_sums_are_such_that_others_read_them(run):
    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=run, capture_output=True, text=True)
    assert done.stdout == "metrics.jsonl: OK\nresults.json: OK\n"


RESULT = {"name": "GRU", "parameters": 1, "validation": {"accuracy": 0.5}, "test": {"accuracy": 0.5}, "seconds": 1.0}
DAMAGED = [{**RESULT, "test": value} for value in ("high", {}, {"accuracy": "high"}, {"mse": 1.0}, {"accuracy": None})]
DAMAGED += [{**RESULT, "parameters": 1e400}, {**RESULT, "seconds": None}, {}, 3, None]


@pytest.mark.parametrize("text", ["", "[]", "nothing", "[" * 100_000, "{}", *(json.dumps([row]) for row in DAMAGED)])
def test_results_that_are_damaged_are_named(text, copy):
    (copy / "results.json").write_text(text)
    with pytest.raises(ValueError, match=r"results\.json is damaged"):
        evaluate.evaluate(copy)


@pytest.mark.parametrize(
    ("missing", "said"), [("config.yaml", "is no run folder"), ("model.safetensors", "has no model")]
)
def test_a_folder_that_is_not_complete_is_named(missing, said, copy):
    (copy / missing).unlink()
    with pytest.raises(FileNotFoundError, match=said):
        evaluate.restore(copy)


def test_a_run_repeats_exactly_and_keeps_what_it_is_told_to_keep(run, tmp_path):
    config = configs.read(run / "config.yaml", SupervisedConfig)
    config = dataclasses.replace(config, model=Model("GRU(units=3)"))
    seen = []
    again = supervised_run.run(config, tmp_path / "again", callback=lambda *said: seen.append(said[:2]))
    assert seen == [("GRU", 1), ("GRU", 2), ("GRU", 3)] and again.folder == tmp_path / "again"
    first, second = (lj.load(folder / "model.safetensors").params for folder in (run, tmp_path / "again"))
    assert all(np.array_equal(one, other) for one, other in zip(*map(jax.tree.leaves, (first, second)), strict=True))


def test_the_last_parameters_are_kept_where_they_are_asked_for(run):
    config = configs.read(run / "config.yaml", SupervisedConfig)
    model = lj.load(run / "model.safetensors")
    last = jax.tree.map(np.zeros_like, model.params)
    fitted = untyped(SimpleNamespace(model=lambda: model, params=model.params, last=SimpleNamespace(params=last)))
    for keep, expected in (("best", model.params), ("last", last)):
        asked = dataclasses.replace(config, training=dataclasses.replace(config.training, keep=keep))
        kept = supervised_run.model_of(asked, fitted)
        jax.tree.map(np.testing.assert_array_equal, kept.params, expected)
        assert json.loads(kept.notes["config"])["training"]["keep"] == keep


def test_runs_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = {run_folder.fresh_folder("digits") for _ in range(3)}
    assert len(folders) == 3 and all(folder.is_dir() for folder in folders)
    assert all(re.match(r"runs/digits-\d{8}-\d{6}", folder.as_posix()) for folder in folders)


def test_networks_that_can_be_are_calibrated_where_that_is_asked_for(tmp_path, monkeypatch):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    (tmp_path / "small.yaml").write_text(CONFIG.replace("SOURCE", str(tmp_path / "walks.csv")))
    config = configs.read(str(tmp_path / "small.yaml"), SupervisedConfig)
    told = {}

    def fit(cell, *given, calibrate, **settings):
        told[type(cell.cell).__name__] = calibrate
        return trained_for(cell, *given, calibrate=calibrate, **settings)

    trained_for = supervised_run.fit
    monkeypatch.setattr(supervised_run, "fit", fit)
    training = dataclasses.replace(config.training, calibrate=True, epochs=1, checkpoint_seconds=None)
    model = Model("LTC(wiring=FullyConnected(2))", compare=("GRU(units=2)",))
    asked = dataclasses.replace(config, training=training, model=model)
    supervised_run.run(asked, tmp_path / "run")
    assert told == {"LTC": True, "GRU": False}
    nobody = dataclasses.replace(asked, model=Model("GRU(units=2)"))
    with pytest.raises(ValueError, match=r"training.calibrate must be false, for none .* got GRU; an LTC can"):
        supervised_run.plan(nobody)


@pytest.mark.parametrize(("name", "inputs", "steps"), [("digits", 8, 8), ("digits_pixels", 1, 64), ("co2", 1, 53)])
def test_the_configs_that_are_shipped_can_be_read(name, inputs, steps):
    planned = supervised_run.plan(configs.read(f"configs/{name}.yaml", SupervisedConfig))
    assert list(planned.networks) == ["LTC", "LSTM", "GRU"]
    assert {cell.inputs for cell, _ in planned.networks.values()} == {inputs}
    assert max(part.lengths.max() for part in planned.parts) == steps
    rates = [rate for _, rate in planned.networks.values()]
    assert rates == ([0.02, 0.02, 0.02] if name == "co2" else [0.02, 0.04, 0.01])


@pytest.mark.parametrize(
    ("learning", "message"),
    [
        (
            Learning("classification"),
            "objective.kind must be regression, for the targets are values, got classification",
        ),
        (Learning("event"), "objective.kind must be regression"),
        (Learning("auto", at="step"), "the data have a target for each series, so `at` must be 'last' or 'mean'"),
        (Learning(smoothing=0.1), "objective.smoothing must be 0 for regression, it is for classes, got 0.1"),
        (Learning(balanced=True), "objective.balanced must be false for regression"),
        (Learning("forecast", at="mean"), "objective.at must be step for forecast"),
    ],
)
def test_an_objective_that_does_not_suit_the_data_is_refused_before_a_folder_is_made(learning, message, tmp_path):
    lines = ["who,x,speed", *(f"{who},{step},{who}.5" for who in range(8) for step in range(3))]
    (tmp_path / "walks.csv").write_text("\n".join(lines) + "\n")
    data = Data(str(tmp_path / "walks.csv"), series="who", target=("speed",))
    with pytest.raises(ValueError, match=re.escape(message)):
        supervised_run.plan(SupervisedConfig(data, model=Model("GRU(units=3)"), objective=learning))


HUGE = (
    *("GRU(units=1000000000)", "LTC(wiring=FullyConnected(1000000))", "LTC(wiring=AutoNCP(100000, 4))"),
    *("CfC(units=3, backbone_layers=1000000)", "Readout(GRU(units=2), 10000000)"),
)


@pytest.mark.parametrize("cell", HUGE)
def test_a_cell_that_is_too_large_for_any_memory_is_refused_before_it_is_drawn(cell):
    with pytest.raises(ValueError, match=r"must (be at most 32768, for its matrices|have at most 1000 layers)"):
        Model(cell).networks(inputs=2, outputs=2)


def test_kinds_that_need_a_target_are_refused_without_one(tmp_path):
    (tmp_path / "walks.csv").write_text("x\n" + "1\n2\n" * 20)
    data = Data(str(tmp_path / "walks.csv"), split="time")
    with pytest.raises(ValueError, match=r"objective\.kind must be forecast where data\.target names nothing to learn"):
        supervised_run.plan(SupervisedConfig(data, objective=Learning("regression")))


@pytest.mark.parametrize("part", ["training", "validation", "test"])
def test_a_part_without_a_known_target_is_refused(part, tmp_path, monkeypatch):
    """By validation data without targets the first epoch would be the best for ever."""
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    data = Data(str(tmp_path / "walks.csv"), series="who", time="when", target=("gait",), features=("x",))
    parts = sources.load(data)
    blank = dataclasses.replace(getattr(parts, part), targets=np.full(len(getattr(parts, part)), -1))
    monkeypatch.setattr(sources, "load", lambda data: parts._replace(**{part: blank}))
    with pytest.raises(ValueError, match=f"the {part} data must have a known target, and have none"):
        supervised_run.plan(SupervisedConfig(data, model=Model("GRU(units=3)")))


def test_a_forecast_needs_a_step_that_follows_another(tmp_path):
    (tmp_path / "walks.csv").write_text("who,x\n" + "".join(f"{who},1\n" for who in range(9)))
    with pytest.raises(ValueError, match="the training data must have a known target, and have none"):
        supervised_run.plan(SupervisedConfig(Data(str(tmp_path / "walks.csv"), series="who")))


def test_the_digits_are_one_of_what_can_be_named(tmp_path, capsys):
    """As `make demo`, but one network of four neurons, for an epoch."""
    arguments = ["--model.cell", "GRU(units=4)", "--model.compare", "--training.compare-learning-rates"]
    arguments += ["--training.epochs", "1", "--training.no-tune-cpu", "--training.batch-size", "512"]
    cli.main(["train", "configs/digits.yaml", *arguments, "--folder", str(tmp_path / "run")])
    assert re.findall(r"^(\S.*?)  +[\d,]+  ", capsys.readouterr().out, re.M) == [
        "GRU",
        "most frequent class",
        "logistic regression",
    ]
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert results[2]["test"]["accuracy"] > 0.93 and results[2]["parameters"] == 650
    result = evaluate.evaluate(tmp_path / "run")
    assert result.series == 359 and result.confusion is not None and result.confusion.sum() == 359
    assert result.scores["accuracy"] == result.recorded["accuracy"]


def test_importing_the_package_brings_no_extras():
    code = (
        "import sys, liquidjax\n"
        "extras = {'matplotlib', 'networkx', 'sklearn', 'rich', 'tyro', 'yaml'} & set(sys.modules)\n"
        "assert not extras, extras"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
@pytest.mark.trains
def test_the_demo_reaches_its_accuracy(tmp_path):
    config = configs.read("configs/digits.yaml", SupervisedConfig)
    rows = {row.name: row for row in supervised_run.run(config, tmp_path / "run").rows}
    assert rows["LTC"].test["accuracy"] >= 0.95
    assert min(rows["LSTM"].test["accuracy"], rows["GRU"].test["accuracy"]) > 0.95
    sizes = [rows[name].parameters for name in ("LTC", "LSTM", "GRU")]
    assert max(sizes) / min(sizes) < 1.03
