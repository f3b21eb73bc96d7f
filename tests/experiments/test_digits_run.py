"""The digits experiment: what is compared, the run folder, and what can be done with it later."""

import dataclasses
import functools
import json
import re
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest
import yaml

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.analysis.parameters import count_parameters
from liquidjax.analysis.trajectory import time_constants
from liquidjax.experiments.digits import evaluate
from liquidjax.experiments.digits import run as digits_run
from liquidjax.experiments.digits.config import DigitsConfig, Model
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared import run_folder
from liquidjax.tasks import digits
from liquidjax.training import checkpoint

TINY = ["--model.units", "12", "--model.outputs", "4", "--model.unfolds", "1", "--epochs", "2"]

FILES = {"config.yaml", "metrics.jsonl", "params.npz", "results.json", "overview.png", "sample.csv"}


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


@pytest.mark.parametrize("cell", ["LTC", "CfC"])
def test_networks_are_matched_in_size(cell):
    compared = digits_run.networks(DigitsConfig(model=Model(cell=cell)))
    liquid, *others = (count_parameters(network) for network, _ in compared.values())
    assert list(compared) == [cell, "LSTM", "GRU"]
    assert all(abs(count / liquid - 1) < 0.05 for count in others)


def test_only_parameters_with_an_effect_are_counted():
    cell = Model(cell="CfC", units=10, outputs=2).build(inputs=3)
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    gradient = jax.jit(jax.grad(lambda p: (lj.unroll(cell, p, inputs)[1] ** 2).sum()))(params)
    assert count_parameters(cell) == sum(int((g != 0).sum()) for g in jax.tree.leaves(gradient))


def test_masked_parameters_are_found_in_every_wrapper():
    sparse, dense = (lj.WiredCfC(2, wiring) for wiring in (lj.AutoNCP(6, 2), lj.FullyConnected(6, 2)))
    masked = sum(int((~mask).sum()) for mask in sparse.masks())
    assert masked > 0 == sum(int((~mask).sum()) for mask in dense.masks())

    def all_of(network):
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))))

    for network, copies in ((sparse, 1), (lj.Readout(sparse, 3), 1), (lj.Stack(2, lj.Block(sparse), layers=3), 3)):
        assert count_parameters(network) == all_of(network) - copies * masked
    velora = lj.LiquidNCPNetwork(4, 10, 1)
    assert count_parameters(velora) == velora.active_parameter_count < velora.parameter_count == all_of(velora)


def test_time_constants_are_those_of_the_cell(x64):
    cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2))
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).uniform(size=(4, 2))
    tau = time_constants(cell, params, inputs, dt=0.5)
    state = cell.initial_state()
    for now, row in zip(inputs, tau, strict=True):
        state, _ = lj.step(cell, params, state, now, dt=0.5)
        assert np.allclose(row, lj.time_constant(cell, params, state, now), rtol=1e-10)


def test_the_run_folder_is_complete(run):
    assert {path.name for path in run.iterdir()} == FILES
    settings = configs.read(run / "config.yaml", DigitsConfig)
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
        one_prediction = jax.tree.map(np.zeros_like, params.linear)._replace(bias=np.eye(10, dtype=np.float32)[digit])
        params = params._replace(linear=one_prediction)
        checkpoint.save(copy / "params.npz", params, digits_run.belongs_to(config, cell))
        cli.main(["evaluate", str(copy)])
        verdicts.append("the same as training recorded: NO" in capsys.readouterr().out)
    assert any(verdicts)


def test_predict_agrees_with_the_network(run, capsys):
    cli.main(["predict", str(run), str(run / "sample.csv")])
    header, *lines = capsys.readouterr().out.splitlines()
    assert header == "row,digit,probability" and len(lines) == 5
    config, cell, params = evaluate.restore(run)
    test = digits.load(config.task).test
    logits = lj.unroll(cell, params, test.inputs[:5].swapaxes(0, 1), config.model.dt)[1][-1]
    for number, (line, row) in enumerate(zip(lines, np.asarray(jax.nn.softmax(logits)), strict=True), start=1):
        expected = (number, row.argmax(), row.max())
        assert [float(field) for field in line.split(",")] == pytest.approx(expected, abs=6e-5)


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

    assert set(keys(dataclasses.asdict(DigitsConfig()))) == EDITS.keys()


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
    checkpoint.save(copy / "params.npz", params, digits_run.belongs_to(other, cell))
    with pytest.raises(ValueError, match="`seed` was 5 and is 0 now"):
        evaluate.restore(copy)
    liquid: Any = cell.cell
    elsewhere = cell.__class__(dataclasses.replace(liquid, epsilon=0.5), cell.outputs)
    checkpoint.save(copy / "params.npz", params, digits_run.belongs_to(config, elsewhere))
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


@pytest.mark.parametrize("name", ["digits", "digits_pixels"])
def test_the_configs_that_are_shipped_can_be_read(name):
    settings = configs.read(f"configs/{name}.yaml", DigitsConfig)
    assert settings.model.build(settings.task.features).inputs * settings.task.steps == 64


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
    config = configs.read("configs/digits.yaml", DigitsConfig)
    rows = {row.network: row for row in digits_run.run(config, tmp_path / "run").rows}
    assert rows["LTC"].test_accuracy >= 0.95
    assert min(rows["LSTM"].test_accuracy, rows["GRU"].test_accuracy) > 0.95
    sizes = [rows[name].parameters for name in ("LTC", "LSTM", "GRU")]
    assert max(sizes) / min(sizes) < 1.03
