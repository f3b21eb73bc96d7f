"""`training: {precision: ...}`: a run in float64 from its data to its exports, and one with products in bfloat16."""

import json

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.supervised import evaluate
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.export.formats import write
from liquidjax.training.checkpoints import disk
from tiny_series import CONFIG, as_csv, rows


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    place = tmp_path_factory.mktemp("precision")
    (place / "walks.csv").write_text(as_csv(rows()))
    (place / "small.yaml").write_text(CONFIG.replace("SOURCE", str(place / "walks.csv")))
    for precision in ("float64", "bfloat16"):
        options = ["--training.precision", precision, "--training.epochs", "1", "--folder", str(place / precision)]
        cli.main(["train", str(place / "small.yaml"), *options])
    return place


def arrays(model):
    return {str(leaf.dtype) for leaf in jax.tree.leaves(model.params)}


def test_a_run_in_float64_is_measured_again_in_it(place, capsys):
    folder = place / "float64"
    restored = evaluate.restore(folder)
    assert arrays(restored.model) == {"float64"} and restored.config.training.precision == "float64"
    found = evaluate.evaluate(folder)
    assert evaluate.same(found.scores, found.recorded)
    loss = json.loads((folder / "metrics.jsonl").read_text().splitlines()[0])["loss"]
    assert loss != float(np.float32(loss))
    answers = evaluate.answer(folder, str(folder / "sample.csv")).answers
    assert answers.dtype == np.float64 and np.any(answers != answers.astype(np.float32))
    assert not jax.config.read("jax_enable_x64")  # nothing of it is left in the process


def test_its_file_says_so_where_jax_would_shorten_it(place):
    with pytest.warns(UserWarning, match=r"model.safetensors is float64, and unroll .* jax.enable_x64\(True\)"):
        model = lj.load(place / "float64" / "model.safetensors")
    assert arrays(model) == {"float64"}


def test_its_export_computes_in_float64_unless_told_otherwise(place, tmp_path):
    model = evaluate.restore(place / "float64").model
    text = {}
    for dtype in (None, "float32"):
        file = tmp_path / f"{dtype}.c"
        write(model, "c", file, {"dtype": dtype}, str(file))
        text[dtype] = file.read_text()
    assert "double" in text[None] and text[None] != text["float32"]


def test_its_checkpoints_hold_float64(place, tmp_path):
    config = configs.read(place / "float64" / "config.yaml", SupervisedConfig)
    asked = []
    supervised_run.run(config, tmp_path / "run", stop=lambda: bool(asked.append(1)) or True)
    newest = max((tmp_path / "run" / "checkpoints" / "0").glob("step-*"))
    found = {str(array.dtype) for array in disk.read(newest)[0].values() if array.dtype.kind == "f"}
    assert found == {"float64"}


def test_a_run_in_bfloat16_keeps_float32_and_is_measured_again_the_same(place):
    folder = place / "bfloat16"
    restored = evaluate.restore(folder)
    assert arrays(restored.model) == {"float32"}
    assert restored.model.cell == lj.Readout(lj.MixedPrecision(lj.GRU(2, 3)), 2)
    found = evaluate.evaluate(folder)
    assert evaluate.same(found.scores, found.recorded)


def test_a_run_from_before_there_were_precisions_was_float32(place, tmp_path):
    said = {"training": {"epochs": 3}, "data": {"source": "a"}}
    usual = {"training": {"epochs": 9, "precision": "float32"}, "data": {"source": ""}, "shift": {"seed": 0}}
    wanted = {"training": {"epochs": 3, "precision": "float32"}, "data": {"source": "a"}, "shift": {"seed": 0}}
    assert evaluate._completed(said, usual) == wanted


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--training.precision", "float16"], "precision must be one of float32, float64, bfloat16, got 'float16'"),
        (["--training.precision", "bfloat16", "--model.cell", "LTC(wiring=AutoNCP(8, 2))"], "nothing to do in LTC"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_folder_is_made(place, options, sentence, tmp_path, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", str(place / "small.yaml"), *options, "--folder", str(tmp_path / "none")])
    error = capsys.readouterr().err
    assert sentence in error and "Traceback" not in error and not (tmp_path / "none").exists()
