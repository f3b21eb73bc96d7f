"""Training, the run folder, and the command line from end to end, on a tiny budget."""

import dataclasses
import functools
import json
import platform
import re
import shlex
import subprocess
import sys
import time
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import yaml

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.digits import baselines, evaluate
from liquidjax.experiments.digits import run as train
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared import progress, run_folder
from liquidjax.tasks import digits
from liquidjax.training import checkpoint, loop

TINY = ["--model.units", "12", "--model.outputs", "4", "--model.unfolds", "1", "--epochs", "2"]
FILES = {"config.yaml", "metrics.jsonl", "params.npz", "results.json", "overview.png", "sample.csv"}


@functools.cache
def toy(seed=0, samples=40):
    """Two classes: is the last input high or low? inputs (3, samples, 1)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, samples)
    inputs = rng.normal(0, 0.1, (3, samples, 1)).astype(np.float32)
    inputs[-1, :, 0] += labels
    return inputs, labels


def fit(cell: lj.Cell = lj.GRU(inputs=1, units=2), data=None, **settings):
    data = data or toy()
    settings = {"epochs": 3, "batch_size": 16, "learning_rate": 0.05, **settings}
    return loop.train(cell, cell.init(jax.random.key(0)), data, toy(1), **settings)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line."""
    place = tmp_path_factory.mktemp("run")
    (place / "small.yaml").write_text("batch_size: 128\ntask:\n  split_seed: 1\n")
    cli.main(["train", str(place / "small.yaml"), *TINY, "--folder", str(place / "run")])
    return place / "run"


@pytest.fixture
def copy(run, tmp_path):
    """A copy of the run folder to break."""
    for name in FILES:
        (tmp_path / name).write_bytes((run / name).read_bytes())
    return tmp_path


# the loop


def test_learns_and_repeats_itself_exactly():
    trained, again = fit(epochs=30), fit(epochs=30)
    assert trained.history[-1].validation_accuracy > 0.95 > trained.history[0].validation_accuracy
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), trained.params, again.params))
    other = fit(epochs=30, seed=1)
    assert not jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), trained.params, other.params))


def test_leaves_the_given_parameters_alone_and_compiles_one_step():
    cell = lj.GRU(inputs=1, units=3)
    params = cell.init(jax.random.key(0))
    before = jax.tree.map(np.array, params)
    step: Any = loop.train_step
    traces = step._cache_size()
    seen = []
    loop.train(cell, params, toy(), toy(1), epochs=2, batch_size=16, learning_rate=0.1, on_epoch=seen.append)
    assert step._cache_size() == traces + 1  # 40 samples: two batches of 16, and 8 sit out
    assert jax.tree.all(jax.tree.map(np.array_equal, before, params))
    assert [epoch.epoch for epoch in seen] == [1, 2]


def test_smoothing_is_the_best_confidence_and_not_in_the_metrics():
    cell = lj.Readout(lj.GRU(inputs=1, units=1), outputs=2)
    ones = np.ones((1, 16, 1), np.float32), np.ones(16, int)
    trained = fit(cell, ones, epochs=300, learning_rate=0.1, smoothing=0.4)
    # Half of 0.4 goes to the wrong one of two classes, so a probability of 0.8 is best; the loss is that of the label.
    assert trained.history[-1].loss == pytest.approx(-np.log(0.8), abs=0.002)
    assert fit(cell, ones, epochs=300, learning_rate=0.1).history[-1].loss < 0.02


def test_the_first_step_is_the_one_of_the_formula(x64):
    cell = lj.GRU(inputs=1, units=2)
    params = cell.init(jax.random.key(0))
    inputs, labels = toy(samples=16)
    trained = loop.train(cell, params, (inputs, labels), toy(1), epochs=1, batch_size=16, learning_rate=0.01, clip=1e3)

    def loss(params):
        logits = lj.unroll(cell, params, inputs)[1][-1]
        return -jnp.mean(jax.nn.log_softmax(logits)[jnp.arange(16), labels])

    gradient = jax.grad(loss)(params)
    expected = jax.tree.map(lambda p, g: p - 0.01 * g / (abs(g) + 1e-8), params, gradient)  # Adam's first step
    assert jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.allclose(a, b, atol=1e-10)), trained.params, expected))
    assert trained.history[0].loss == pytest.approx(float(loss(params)), rel=1e-10)


def test_a_loss_that_is_not_finite_stops_it():
    with pytest.raises(FloatingPointError, match="the loss is inf at epoch 1, step 2; try a smaller learning rate"):
        fit(lj.Readout(lj.GRU(1, 2), 2), learning_rate=1e38, clip=1e38)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"batch_size": 41}, r"batch_size in \[1, training samples = 40\]"),
        ({"batch_size": 0}, "batch_size"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be above 0"),
        ({"clip": float("nan")}, "clip must be above 0"),
        ({"weight_decay": -1.0}, "weight_decay must be at least 0"),
        ({"smoothing": 1.0}, r"smoothing must be in \[0, 1\)"),
        ({"data": (toy()[0][..., [0, 0]], toy()[1])}, "train must be inputs"),
        ({"data": (toy()[0], toy()[1][:-1])}, "train must be inputs"),
        ({"data": (toy()[0], toy()[1] + 1)}, r"labels of train must be integers in \[0, outputs of the cell = 2\)"),
        ({"data": (toy()[0], toy()[1] * 1.0)}, "labels of train must be integers"),
        ({"data": (toy()[0] * np.nan, toy()[1])}, "inputs must be finite"),
    ],
)
def test_refuses_what_does_not_fit(change, message):
    with pytest.raises(ValueError, match=message):
        fit(**change)


# the comparison


@pytest.mark.parametrize("cell", ["LTC", "CfC"])
def test_networks_are_of_about_one_size(cell):
    compared = train.networks(train.TrainConfig(model=train.Model(cell=cell)))
    liquid, *others = (baselines.parameter_count(network) for network, _ in compared.values())
    assert list(compared) == [cell, "LSTM", "GRU"]
    assert all(abs(count / liquid - 1) < 0.05 for count in others)


def test_only_parameters_with_an_effect_are_counted():
    cell = train.Model(cell="CfC", units=10, outputs=2).build(inputs=3)
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    gradient = jax.jit(jax.grad(lambda p: (lj.unroll(cell, p, inputs)[1] ** 2).sum()))(params)
    assert baselines.parameter_count(cell) == sum(int((g != 0).sum()) for g in jax.tree.leaves(gradient))


def test_time_constants_are_those_of_the_cell(x64):
    cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2))
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).uniform(size=(4, 2)).astype(np.float32)
    tau = train.time_constants(cell, params, inputs, dt=0.5)
    state = cell.initial_state()
    for now, row in zip(inputs, tau, strict=True):
        state, _ = lj.step(cell, params, state, now, dt=0.5)
        assert np.allclose(row, lj.time_constant(cell, params, state, now), rtol=1e-10)


# the run folder


def test_the_run_folder_is_complete(run):
    assert {path.name for path in run.iterdir()} == FILES
    settings = configs.read(run / "config.yaml", train.TrainConfig)
    # the YAML over the defaults, the command line over the YAML
    assert (settings.batch_size, settings.task.split_seed, settings.epochs, settings.model.units) == (128, 1, 2, 12)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    expected = [(name, epoch) for name in ("LTC", "LSTM", "GRU") for epoch in (1, 2)]
    assert [(line["network"], line["epoch"]) for line in lines] == expected
    rows = json.loads((run / "results.json").read_text())
    assert [row["network"] for row in rows] == ["LTC", "LSTM", "GRU", "logistic regression"]
    assert rows[3]["test_accuracy"] > 0.93 and rows[3]["parameters"] == 650
    assert rows[0]["validation_accuracy"] == lines[1]["validation_accuracy"]
    assert (run / "overview.png").read_bytes().startswith(b"\x89PNG")


def test_evaluate_finds_what_training_recorded(run, capsys):
    result = evaluate.evaluate(run)
    assert result.accuracy == result.recorded
    assert result.confusion.sum() == 359 and np.trace(result.confusion) == round(result.accuracy * 359)
    cli.main(["evaluate", str(run)])
    out = capsys.readouterr().out
    assert f"test accuracy {result.accuracy:.4f} on 359 images" in out
    assert "the same as training recorded: yes" in out


def test_evaluate_notices_other_parameters(copy, capsys):
    """A network that takes everything for a 0 or for a 3: 36 or 37 of the 359 images are, so one of them stands out."""
    config, cell, params = evaluate.restore(copy)
    assert config.epochs == 2
    verdicts = []
    for digit in (0, 3):
        one_answer = jax.tree.map(np.zeros_like, params.linear)._replace(bias=np.eye(10, dtype=np.float32)[digit])
        params = params._replace(linear=one_answer)
        checkpoint.save(copy / "params.npz", params, train.belongs_to(config, cell))
        cli.main(["evaluate", str(copy)])
        verdicts.append("the same as training recorded: NO" in capsys.readouterr().out)
    assert any(verdicts)


def test_predict_agrees_with_the_network(run, capsys):
    cli.main(["predict", str(run), str(run / "sample.csv")])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "row,digit,probability" and len(lines) == 5
    config, cell, params = evaluate.restore(run)
    test = digits.load(config.task).test
    logits = lj.unroll(cell, params, test.inputs[:, :5], config.model.dt)[1][-1]
    for number, (line, row) in enumerate(zip(lines, np.asarray(jax.nn.softmax(logits)), strict=True), start=1):
        expected = (number, row.argmax(), row.max())
        assert [float(field) for field in line.split(",")] == pytest.approx(expected, abs=6e-5)


ROW = ",".join(["0"] * 64)
HEADER = ",".join(f"p{number}" for number in range(64))


@pytest.mark.parametrize(
    "text, message",
    [
        (f"{ROW}\n1,2\n", "line 2: expected 64 pixel values, got 2"),
        (f"{ROW}\n{ROW},\n", "line 2: expected 64 pixel values, got 65"),
        (f"{ROW}\n17{ROW[1:]}\n", "line 2, column 1: expected a number from 0 to 16, got '17'"),
        (f"{ROW[:-1]}-1\n", "line 1, column 64: expected a number from 0 to 16, got '-1'"),
        (f"{ROW}\nnan{ROW[1:]}\n", "line 2, column 1: expected a number from 0 to 16, got 'nan'"),
        (f"{ROW}\n\n{ROW[:-1]}x\n", "line 3, column 64: expected a number from 0 to 16, got 'x'"),
        *(
            (f"{number}{ROW[1:]}\n", f"line 1, column 1: expected a number .*, got {number!r}")
            for number in ("1_0", "inf", "-inf", "1e400", "NaN", "٣", "0x1", "1e", "None", "")
        ),
        ("a,b\nc,d\n", "line 1: expected 64 pixel values, got 2"),
        ("", "holds no images"),
        ("\n \n\r\n", "holds no images"),
        (HEADER, "holds no images"),
        ("a,b\n", "line 1: expected 64 pixel values, got 2"),
        (f"{HEADER}\n{HEADER}", "line 2, column 1: expected a number from 0 to 16, got 'p0'"),
        (",".join(["nan"] * 64), "line 1, column 1: expected a number from 0 to 16, got 'nan'"),  # no names
        (",".join(["x"] * 63), "line 1: expected 64 pixel values, got 63"),
        ("," * 63, "line 1, column 1: expected a number from 0 to 16, got ''"),
        (f"{ROW},\n", "got 65; the last of them is empty"),
        (ROW.replace(",", ";"), "got 1 with a comma between them"),
        (f"{HEADER}\n\n0.5,1{ROW[3:]}\n", "line 3: no pixel of the image is above 1, so it seems to be scaled to 0..1"),
        (f"{ROW}\n\n{'0' * 200_000}", "line 3: not CSV: field larger than field limit"),
        (f'{ROW}\n"0{ROW[1:]}\n{ROW}\n', "line 2: not CSV: unexpected end of data"),
        (f'"0"0{ROW[1:]}\n', "line 1: not CSV: "),
        (f'{ROW}\n"0\n"{ROW[1:]}\n17{ROW[1:]}\n', "line 2, column 1"),
        (f"\0{ROW[1:]}\n", "line 1: holds a NUL byte"),
        (f"{ROW}\n".encode("utf-16-le"), "line 1: holds a NUL byte"),
        (f"{ROW}\n".encode("utf-16"), "must be CSV in UTF-8"),
        (HEADER.replace("p0", "größe").encode("latin-1"), "must be CSV in UTF-8"),
    ],
)
def test_predict_names_the_row_that_is_no_image(text, message, tmp_path):
    (tmp_path / "some.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=message) as caught:
        evaluate.read_images(tmp_path / "some.csv")
    assert len(str(caught.value)) < len(str(tmp_path)) + 300 and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f"{HEADER}\n{ROW}\n\n{ROW[:-1]}16\n",
        f"\ufeff{HEADER}\r\n{ROW}\r\n   \r\n{ROW[:-1]}16",
        f"\ufeff{ROW}\r{ROW[:-1]}16\r",
        ROW.replace("0", '"0"') + "\n" + ROW.replace(",", " ,\t")[:-1] + "+1.6e1\n",
        f"\n\n{ROW}\n{ROW[:-1]}16.",
    ],
    ids=["header", "windows", "old mac", "quotes and spaces", "empty lines"],
)
def test_a_header_and_empty_lines_are_passed_over(text, tmp_path):
    (tmp_path / "some.csv").write_bytes(text.encode())
    images = evaluate.read_images(tmp_path / "some.csv")
    assert images.shape == (2, 64) and images[1, 63] == 16 and images.sum() == 16


def test_rows_count_images_and_not_lines(run, tmp_path):
    header, first, second = (run / "sample.csv").read_text().splitlines()[:3]
    (tmp_path / "some.csv").write_text(f"\n{header}\n\n{first}\n\n{second}\n")
    predictions = evaluate.predict(run, tmp_path / "some.csv")
    assert predictions == evaluate.predict(run, run / "sample.csv")[:2]
    assert [prediction.row for prediction in predictions] == [1, 2]


def test_damage_is_noticed(copy):
    contents = (copy / "params.npz").read_bytes()
    for position in range(0, len(contents), 211):
        damaged = bytearray(contents)
        damaged[position] ^= 1 << position % 8
        (copy / "params.npz").write_bytes(damaged)
        with pytest.raises(ValueError, match="is damaged"):
            evaluate.restore(copy)
    (copy / "params.npz").write_bytes(contents[:-1])
    with pytest.raises(ValueError, match="is damaged"):
        evaluate.restore(copy)


EDITS = {
    "task.split_seed": "2",
    "task.steps": "16",
    "task.test_share": "0.3",
    "task.validation_share": "0.2",
    "model.cell": "CfC",
    "model.units": "14",
    "model.outputs": "5",
    "model.sparsity": "0.5",
    "model.wiring_seed": "1",
    "model.unfolds": "2",
    "model.dt": "0.5",
    "learning_rates.liquid": "0.5",
    "learning_rates.lstm": "0.5",
    "learning_rates.gru": "0.5",
    "epochs": "3",
    "batch_size": "32",
    "weight_decay": "0.5",
    "clip": "2.0",
    "smoothing": "0.5",
    "seed": "7",
}


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
    was, now = json.dumps(before), json.dumps(yaml.safe_load(EDITS[key]))
    said = re.escape(f"config.yaml was changed after the training: `{key}` was {was} and is {now} now; change it back")
    with pytest.raises(ValueError, match=said):
        evaluate.restore(copy)
    for arguments in (["evaluate", str(copy)], ["predict", str(copy), str(copy / "sample.csv")]):
        with pytest.raises(SystemExit):
            cli.main(arguments)
        out = capsys.readouterr()
        assert f"`{key}` was {was}" in out.err and not out.out


def test_every_setting_is_among_those_that_are_edited():
    def keys(settings, above=""):
        for key, value in settings.items():
            yield from keys(value, f"{above}{key}.") if isinstance(value, dict) else [f"{above}{key}"]

    assert set(keys(dataclasses.asdict(train.TrainConfig()))) == EDITS.keys()


def test_a_line_that_was_taken_out_is_noticed(copy):
    lines = (copy / "config.yaml").read_text().splitlines()
    (copy / "config.yaml").write_text("\n".join(line for line in lines if "split_seed" not in line))
    with pytest.raises(ValueError, match=r"`task\.split_seed` was 1 and is 0 now"):
        evaluate.restore(copy)


def test_a_config_that_says_the_same_in_other_words_will_do(copy):
    text = (copy / "config.yaml").read_text()
    (copy / "config.yaml").write_text("# my best run\n" + text.replace("dt: 1.0", "dt: 1"))
    assert "dt: 1\n" in (copy / "config.yaml").read_text()
    evaluate.restore(copy)


def test_the_parameters_of_another_run_are_noticed(copy):
    config, cell, params = evaluate.restore(copy)
    other = dataclasses.replace(config, seed=5)
    checkpoint.save(copy / "params.npz", params, train.belongs_to(other, cell))
    with pytest.raises(ValueError, match="`seed` was 5 and is 0 now"):
        evaluate.restore(copy)
    liquid: Any = cell.cell
    elsewhere = cell.__class__(dataclasses.replace(liquid, epsilon=0.5), cell.outputs)
    checkpoint.save(copy / "params.npz", params, train.belongs_to(config, elsewhere))
    with pytest.raises(ValueError, match=r"cell\.cell\.epsilon: saved 0\.5, given 1e-08"):
        evaluate.restore(copy)
    checkpoint.save(copy / "params.npz", params)
    with pytest.raises(ValueError, match=r"params\.npz does not say what it was trained with"):
        evaluate.restore(copy)


@pytest.mark.parametrize("text", ["", "[]", "[{}]", "nothing", '[{"test_accuracy": "high"}]', "[" * 100_000])
def test_results_that_are_damaged_are_named(text, copy):
    (copy / "results.json").write_text(text)
    with pytest.raises(ValueError, match=r"results\.json is damaged"):
        evaluate.evaluate(copy)


def test_runs_get_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = {run_folder.fresh_folder("digits") for _ in range(3)}
    assert len(folders) == 3 and all(folder.is_dir() for folder in folders)
    assert all(re.match(r"runs/digits-\d{8}-\d{6}", folder.as_posix()) for folder in folders)


# the command line


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
        ([], "Expected one of {train, evaluate, predict, chaos, memory, sizes}; see `liquidjax --help`"),
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
        (["sizes", "--height", "1"], "height must be an integer of at least 53, got 1"),
        (["chaos", "x.yaml", "--sines.interval", "0"], "--sines: interval must be above 0"),
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
        return train.Result(folder, [train.Row("LTC", 1, 0.5, 0.5, 1.0)])

    monkeypatch.setattr(train, "run", run)
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


def test_a_run_that_fails_leaves_no_empty_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text("")

    def run(settings, folder, *_):
        raise ImportError("matplotlib is not installed")

    monkeypatch.setattr(train, "run", run)
    with pytest.raises(SystemExit):
        cli.main(["train", "x.yaml"])
    assert capsys.readouterr().err == "liquidjax: matplotlib is not installed\n"
    assert list((tmp_path / "runs").iterdir()) == []


def test_lines_go_on_while_nothing_is_finished(monkeypatch, capsys):
    monkeypatch.setattr(progress, "SILENCE", 0.05)
    with progress.bars(["LTC", "LSTM"], epochs=1000) as tick:
        time.sleep(0.3)
        tick("LTC", 1, 2.0, "loss 1.0")
        tick("LTC", 11, 22.0, "loss 0.5")
        time.sleep(0.3)
        tick("LTC", 1000, 23.0, "loss 0.1")
    lines = capsys.readouterr().err.splitlines()
    assert re.match(r"LTC: compiling, \d+ s so far", lines[0])
    assert "LTC  epoch 1/1000  loss 1.0" in lines  # that was the compilation
    assert any(line.startswith("LTC: epoch 11/1000  1978 s left, ") for line in lines)  # 2 s for each of 989
    assert lines[-1] == "LTC  epoch 1000/1000  loss 0.1  0 s left"


def test_a_line_for_every_fifth_whatever_the_steps(capsys):
    """Epochs may come in chunks that meet no fifth exactly."""
    with progress.bars(["LTC"], epochs=2060) as tick:
        for epoch in range(51, 2060, 51):
            tick("LTC", epoch, 1.0, "")
        tick("LTC", 2060, 1.0, "")
    assert len(capsys.readouterr().err.splitlines()) == 1 + 4 + 1


# stopping


@pytest.mark.parametrize("batches", [1, 2, 5])
def test_a_stopped_training_returns_what_is_trained_so_far(batches):
    """40 samples are two batches of 16: after 5 of them, two epochs are complete."""
    asked = []
    stopped = fit(epochs=50, stop=lambda: asked.append(1) or len(asked) == batches)
    assert len(asked) == batches and len(stopped.history) == (batches - 1) // 2
    whole = fit(epochs=50)
    assert [epoch[:5] for epoch in stopped.history] == [epoch[:5] for epoch in whole.history[: len(stopped.history)]]
    start = lj.GRU(inputs=1, units=2).init(jax.random.key(0))
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), stopped.params, start)
    assert 0 < max(jax.tree.leaves(moved)) <= batches * 0.05 * 1.01  # Adam's steps are at most about the rate


def test_a_stopped_training_that_diverged_is_no_result():
    asked = []
    with pytest.raises(FloatingPointError, match="the loss is inf at epoch 1, step 2"):
        fit(lj.Readout(lj.GRU(1, 2), 2), learning_rate=1e38, clip=1e38, stop=lambda: asked.append(1) or len(asked) == 2)


@pytest.mark.parametrize("name", ["digits", "digits_pixels"])
def test_the_configs_that_are_shipped_can_be_read(name):
    settings = configs.read(f"configs/{name}.yaml", train.TrainConfig)
    assert settings.model.build(settings.task.features).inputs * settings.task.steps == 64


def test_importing_the_package_brings_no_extras():
    code = (
        "import sys, liquidjax\n"
        "extras = {'matplotlib', 'networkx', 'sklearn', 'rich', 'tyro', 'yaml'} & set(sys.modules)\n"
        "assert not extras, extras"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_demo_reaches_its_accuracy(tmp_path):
    config = configs.read("configs/digits.yaml", train.TrainConfig)
    rows = {row.network: row for row in train.run(config, tmp_path / "run").rows}
    assert rows["LTC"].test_accuracy >= 0.95
    assert min(rows["LSTM"].test_accuracy, rows["GRU"].test_accuracy) > 0.95
    sizes = [rows[name].parameters for name in ("LTC", "LSTM", "GRU")]
    assert max(sizes) / min(sizes) < 1.03
