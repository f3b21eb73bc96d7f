"""Members that a run trains side by side: what is said of them, and which one is the model."""

import json
import math
import statistics

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised import evaluate, runs
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.ensemble import compared, each, mean
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.splits import Parts
from liquidjax.training.model import Model
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.predict import predict
from small_training import GRU, same_bits, trained, values
from tiny_series import CONFIG, as_csv, rows

MEMBERS = {"seed": (3, 4, 5), "learning_rate": (0.01, 0.1, 0.3)}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line, and what it said."""
    place = tmp_path_factory.mktemp("run")
    (place / "walks.csv").write_text(as_csv(rows()))
    text = CONFIG.replace("SOURCE", str(place / "walks.csv"))
    (place / "small.yaml").write_text(text.replace("epochs: 2", "epochs: 3, members: {seed: [3, 4, 5]}"))
    rates = ["--training.members.learning-rate", "0.01", "0.1", "0.3"]
    cli.main(["train", str(place / "small.yaml"), *rates, "--folder", str(place / "run")])
    return place / "run"


def results(folder):
    first, *others = json.loads((folder / "results.json").read_text())
    assert all(other["ensemble"] is None for other in others)
    return first, first["ensemble"]


def test_every_member_and_their_mean_and_spread_are_in_the_results(run):
    first, ensemble = results(run)
    assert [member["settings"] for member in ensemble["members"]] == [
        {name: values[m] for name, values in MEMBERS.items()} for m in range(3)
    ]
    for part in ("validation", "test"):
        numbers = [member[part]["accuracy"] for member in ensemble["members"]]
        assert ensemble["mean"][part] == {"accuracy": pytest.approx(statistics.mean(numbers))}
        assert ensemble["spread"][part] == {"accuracy": pytest.approx(statistics.stdev(numbers))}
        assert first[part] == ensemble["members"][ensemble["best"]][part]


def test_the_model_is_the_best_member_by_validation_loss(run):
    _, ensemble = results(run)
    losses = [member["validation_loss"] for member in ensemble["members"]]
    assert ensemble["best"] == losses.index(min(losses)) and len(set(losses)) == 3
    parts = sources.load(configuration.read(run / "config.yaml", SupervisedConfig).data)
    found = predict(lj.load(run / "model.safetensors"), parts.validation)
    assert found.loss == pytest.approx(min(losses), rel=1e-6)
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    least = np.min([line["validation_loss"] for line in lines], axis=0)
    assert losses == pytest.approx(least.tolist(), rel=1e-5) and len(lines) == 3


def test_what_is_made_of_a_run_is_of_the_best_member(run, capsys):
    result = evaluate.evaluate(run)
    assert evaluate.same(result.scores, result.recorded)
    cli.main(["predict", str(run), str(run / "sample.csv")])
    assert len(capsys.readouterr().out.splitlines()) > 1
    (found,) = runs.find(run)
    (line, *_) = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert not found.damage and found.history["loss"][0] == pytest.approx(statistics.mean(line["loss"]))


def test_the_output_says_which_member_the_model_is(tmp_path, capsys):
    (tmp_path / "walks.csv").write_text(as_csv(rows()))
    (tmp_path / "small.yaml").write_text(CONFIG.replace("SOURCE", str(tmp_path / "walks.csv")))
    members = ["--training.members.seed", "3", "4"]
    cli.main(["train", str(tmp_path / "small.yaml"), *members, "--folder", str(tmp_path / "run")])
    out = capsys.readouterr().out
    _, ensemble = results(tmp_path / "run")
    best = ensemble["members"][ensemble["best"]]["settings"]["seed"]
    assert f"stands for its network: GRU with seed {best}; the model is that of GRU." in out
    for name in ("GRU, seed 3", "GRU, seed 4", "GRU, mean of 2", "GRU, spread of 2"):
        assert f"\n{name} " in out


def test_each_member_is_a_training_of_its_own():
    fitted = trained(validation=values(1), members={"learning_rate": [0.05, 0.5]})
    for m, single in enumerate(each(fitted, 2)):
        assert same_bits(single.params, fitted.member(m)) and same_bits(
            single.last.opt_state, jax.tree.map(lambda leaf, m=m: leaf[m], fitted.last.opt_state)
        )
        assert single.best_epoch == fitted.best_epoch[m]
        assert [e.validation_loss for e in single.history] == [e.validation_loss[m] for e in fitted.history]
        assert [e.validation["mse"] for e in single.history] == [e.validation["mse"][m] for e in fitted.history]
        assert single.model().cell == GRU


def test_each_member_says_how_many_of_its_own_steps_were_taken_back():
    rates = {"learning_rate": [0.05, 1e30]}
    fitted = trained(validation=values(1), members=rates, optimizer=Optimizer("sgd", clip=None))
    first, second = ([epoch.skipped for epoch in single.history] for single in each(fitted, 2))
    assert first == [0, 0, 0] and second == [1, 2, 2]  # two batches an epoch; the first of all is still finite


def models(*scales):
    """Models whose answers are the larger, the larger the number; NaN where it is."""
    data = values()
    params = GRU.init(jax.random.key(0))
    made = [jax.tree.map(lambda leaf, s=scale: leaf * s, params) for scale in scales]
    return [Model(GRU, p, Preparation.learnt(data), Regression(), data.features, outputs=data.outputs) for p in made]


def test_members_that_diverged_are_neither_the_model_nor_in_the_mean():
    parts = Parts(values(), values(1), values(2))
    ensemble = compared({"seed": (0, 1, 2)}, models(math.nan, 30.0, 0.0), parts, Regression())
    assert ensemble.best == 2 and ensemble.finite == 2 and math.isnan(ensemble.members[0].validation_loss)
    others = ensemble.members[1:]
    assert ensemble.mean.test["mse"] == pytest.approx(statistics.mean(m.test["mse"] for m in others))
    assert ensemble.spread.validation["r2"] == pytest.approx(statistics.stdev(m.validation["r2"] for m in others))
    alone = compared({"seed": (0, 1)}, models(math.nan, 1.0), parts, Regression())
    assert alone.best == 1 and math.isnan(alone.spread.test["mse"])
    with pytest.raises(FloatingPointError, match="no member has a finite validation loss"):
        compared({"seed": (0, 1)}, models(math.nan, math.nan), parts, Regression())


def test_the_spread_of_equal_members_is_zero():
    ensemble = compared({"seed": (0, 1, 2)}, models(0.3, 0.3, 0.3), Parts(values(), values(1), values(2)), Regression())
    assert set(ensemble.spread.test.values()) == {0.0} and ensemble.best == 0


def test_the_mean_leaves_out_what_is_not_finite():
    assert mean([math.inf, 1.0, math.nan, 4.0]) == 2.5 and math.isnan(mean([math.nan]))
