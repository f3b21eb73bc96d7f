"""An objective of the user's in a configuration: found by its name, trained for, and used again from the run."""

import csv
import io
import json
import re
import sys

import numpy as np
import pytest

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.supervised import evaluate
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Data, SupervisedConfig
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.network import Model
from liquidjax.training.fit import fit
from liquidjax.training.objective import OfFunction
from liquidjax.training.objectives import Classification
from liquidjax.training.predict import predict
from tiny_series import CONFIG, as_csv, rows
from untyped import untyped

MODULE = """
from dataclasses import dataclass

import jax.numpy as jnp

from liquidjax.training.objectives import Classification, Regression


def hinge(outputs, batch):
    return jnp.maximum(0, 1 - (2 * batch.targets - 1).astype(outputs.dtype) * outputs[-1, :, 0])


smooth = Classification(smoothing=0.2)


@dataclass
class Thawed:
    at: str = "last"
    outputs = targets = losses = answers = in_units = scores = each_step = Regression.losses


class Needs(Classification):
    def __init__(self, something):
        pass


def one(outputs):
    return outputs


def number_of_losses(outputs, batch):
    return jnp.mean(outputs)


def each_step(outputs, batch):
    return outputs[:, :, 0]


def each_output(outputs, batch):
    return outputs[0, 0]


def right(outputs, batch):
    return jnp.argmax(outputs[-1], -1)


def nothing(outputs, batch):
    pass


def breaks(outputs, batch):
    return outputs + jnp.ones(17)


constant = 3
"""


@pytest.fixture(autouse=True)
def current_folder(tmp_path, monkeypatch):
    """With a module that is forgotten behind the test."""
    (tmp_path / "my_losses.py").write_text(MODULE)
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    text = CONFIG.replace("SOURCE", "walks.csv")
    (tmp_path / "small.yaml").write_text(text + "objective: {function: my_losses:hinge, outputs: 1}\n")
    monkeypatch.chdir(tmp_path)
    yield
    sys.modules.pop("my_losses", None)


def test_a_run_for_an_objective_of_the_users(tmp_path, capsys):
    cli.main(["train", "small.yaml", "--folder", "run"])
    assert "validation loss  test loss" in capsys.readouterr().out
    (row,) = json.loads((tmp_path / "run" / "results.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert row["validation"] == {"loss": pytest.approx(min(line["validation_loss"] for line in lines), rel=1e-5)}
    model = lj.load(tmp_path / "run" / "model.safetensors")
    assert model.objective is None and model.cell == lj.Readout(lj.GRU(2, 3), 1)
    assert (tmp_path / "run" / "overview.png").is_file()

    # Later, from the settings of the run.
    cli.main(["evaluate", "run"])
    assert "the same as training recorded: yes" in capsys.readouterr().out
    assert evaluate.evaluate(tmp_path / "run").scores == row["test"]
    cli.main(["predict", "run", "run/sample.csv"])
    header, *found = csv.reader(io.StringIO(capsys.readouterr().out))
    assert header == ["series", "time", "answer 1"]
    answers = evaluate.answer(tmp_path / "run", "run/sample.csv")
    inputs, dt = untyped(model.preparation).apply(answers.data.take([0]))
    length = int(answers.data.lengths[0])
    _, outputs = lj.unroll(untyped(model.cell), model.params, inputs[0, :length], dt[0, :length])
    assert [float(line[2]) for line in found[:length]] == pytest.approx(np.ravel(outputs).tolist(), abs=1e-6)

    (tmp_path / "my_losses.py").unlink()
    sys.modules.pop("my_losses")
    with pytest.raises(SystemExit):
        cli.main(["predict", "run", "run/sample.csv"])
    assert "my_losses:hinge: there is no module my_losses" in capsys.readouterr().err


def planned(name, **settings):
    data = Data("walks.csv", series="who", time="when", target=("gait",), group="person")
    learning = Learning(function=f"my_losses:{name}", **settings)
    return supervised_run.plan(SupervisedConfig(data, model=Model("GRU(units=3)"), objective=learning))


def test_an_objective_may_be_an_object_its_class_or_a_function():
    smooth = planned("smooth")
    assert smooth.objective == Classification(smoothing=0.2)
    assert planned("Classification").objective == Classification()
    assert isinstance(planned("hinge").objective, OfFunction)


def test_a_function_says_no_number_of_outputs_so_the_settings_may():
    for settings, number in (({}, 2), ({"outputs": 5}, 5)):
        ((cell, _),) = planned("hinge", **settings).networks.values()
        assert cell.outputs == number


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("hingge", "my_losses has no objective 'hingge', did you mean 'hinge'? It has "),
        ("constant", "my_losses:constant must be a function (outputs, batch) or an Objective, got 3"),
        ("one", "my_losses:one must be a function (outputs, batch), but too many positional arguments"),
        ("Needs", "my_losses:Needs must be an objective that can be made without arguments, but "),
        ("Thawed", "my_losses:Thawed must be a frozen dataclass, so that it can be compiled, but "),
        ("number_of_losses", "(series,) = (3,), or `Losses`, got an array float32 ()"),
        ("each_step", "(series,) = (3,), or `Losses`, got an array float32 (4, 3)"),
        ("each_output", "(series,) = (3,), or `Losses`, got an array float32 (2,)"),
        ("right", "my_losses:right: an objective must return the loss of each series, floating point"),
        ("nothing", "or `Losses`, got None"),
        ("breaks", "my_losses:breaks: Incompatible shapes for broadcasting"),
    ],
)
def test_what_is_no_objective_is_refused_before_a_folder_is_made(name, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        planned(name)


def test_other_outputs_than_an_objective_says_are_refused():
    message = "objective.outputs must be the 2 that my_losses:smooth says, or left out, got 5"
    with pytest.raises(ValueError, match=re.escape(message)):
        planned("smooth", outputs=5)


def test_data_without_a_target_are_refused():
    data = Data("walks.csv", series="who", time="when", features=("x",))
    learning = Learning(function="my_losses:hinge")
    with pytest.raises(ValueError, match=r"must have something to learn for objective\.function: data\.target names"):
        supervised_run.plan(SupervisedConfig(data, model=Model("GRU(units=3)"), objective=learning))


def test_a_model_of_a_function_is_measured_by_that_function():
    plan = planned("hinge", outputs=1)
    config = SupervisedConfig(objective=Learning(function="my_losses:hinge"))
    ((cell, _),) = plan.networks.values()
    fitted = fit(cell, plan.objective, plan.parts.training, epochs=1)
    model = supervised_run.model_of(config, fitted)
    assert model.objective is None
    with pytest.raises(ValueError, match="must have a preparation and an objective, as `fit` makes it, and has no obj"):
        predict(model, plan.parts.test)
    by_function = predict(model, plan.parts.test, untyped(plan.objective).function)
    assert by_function.loss and by_function.loss == predict(model, plan.parts.test, plan.objective).loss
