"""The test series asked again at another sampling: each column against what each series by itself gives."""

import dataclasses
import json
import re
import statistics

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.supervised import evaluate, shifted
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Data, Inputs, SupervisedConfig
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.shifted import Shift
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.sampling import lost
from liquidjax.tasks.splits import Parts
from liquidjax.training import evaluation
from liquidjax.training.examples import examples
from liquidjax.training.fit import fit
from liquidjax.training.model import Model
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from small_data import LENGTHS, series
from small_training import same_bits
from tiny_series import CONFIG, as_csv, rows
from untyped import untyped

SHIFTS = {"lost 0.4": Shift(lost=0.4, seed=3), "rate 0.5": Shift(rate=0.5), "rate 2": Shift(rate=2)}
CASES = {
    "a class": (Classification(), series(classes=2)),
    "the mean over steps": (Regression("mean"), series(outputs=2)),
    "values at each step": (Regression("step"), series(outputs=2, each_step=True)),
    "an event at each step": (Event("step"), series(classes=2, each_step=True)),
    "the next step": (Forecast(), series(gaps=True)),
}


def seen(data, row, sampling):
    """(times, inputs, the numbers of the steps of the data that are among them) of a series at a sampling."""
    length = data.lengths[row]
    times, inputs = data.times[row, :length], data.inputs[row, :length]
    if sampling == "rate 2":
        between = np.arange(2 * length - 1) / 2
        before, after = np.floor(between).astype(int), np.ceil(between).astype(int)
        line = (inputs[before] + inputs[after]) / 2
        line = np.where(np.isnan(line), inputs[before], line)
        return (times[before] + times[after]) / 2, line, {step: 2 * step for step in range(length)}
    kept = np.arange(0, length, 2)
    if sampling == "lost 0.4":
        left = lost(data, 0.4, seed=3)
        kept = np.flatnonzero(np.isin(times, left.times[row, : left.lengths[row]]))
    return times[kept], inputs[kept], {step: place for place, step in enumerate(kept.tolist())}


def by_hand(model, objective, data, sampling):
    """(answers, targets) of every question that is left, a series at a time."""
    clean = objective.targets(data, model.preparation)
    answers, targets = [], []
    for row, length in enumerate(data.lengths):
        times, inputs, places = seen(data, row, sampling)
        one = model.preparation.apply(SequenceDataset.of([inputs], times=[times]))
        outputs = np.asarray(
            lj.unroll(model.cell, model.params, one.inputs[0].astype(float), one.dt[0].astype(float))[1]
        )
        if objective == Classification():
            answers.append(outputs[-1])
            targets.append(clean[row])
        elif objective == Regression("mean"):
            answers.append(outputs.mean(0))
            targets.append(clean[row])
        elif objective == Forecast():
            scaled = (data.inputs[row].astype(float) - model.preparation.mean) / model.preparation.spread
            for step, place in places.items():
                if step + 1 < length:
                    answers.append(outputs[place])
                    targets.append(scaled[step + 1])
        else:
            answers += [outputs[place] for place in places.values()]
            targets += [clean[row, step] for step in places]
    return np.array(answers), np.array(targets)


@pytest.mark.parametrize("sampling", SHIFTS)
@pytest.mark.parametrize("case", CASES)
def test_a_column_is_what_each_series_by_itself_gives(case, sampling, x64):
    objective, data = CASES[case]
    outputs = 1 if objective == Event("step") else 2
    cell = lj.Readout(lj.LeakyIntegrator(2, 3, time_constants=(0.3, 3.0)), outputs)
    model = Model(cell, cell.init(jax.random.key(1)), Preparation.learnt(data), objective, data.features)
    found = shifted.scores(model, SHIFTS[sampling].asked(data), objective)
    answers, targets = by_hand(model, objective, data, sampling)
    if isinstance(objective, Classification):
        expected = {"accuracy": np.mean(answers.argmax(-1) == targets)}
    elif isinstance(objective, Event):
        expected = {"accuracy": np.mean((answers[:, 0] > 0) == (targets == 1))}
    else:
        known = ~np.isnan(targets)
        error = np.mean((answers - targets)[known].astype(float) ** 2)
        mean = np.nanmean(targets.astype(float), axis=0)
        expected = {"mse": error, "r2": 1 - error / np.mean((targets.astype(float) - mean)[known] ** 2)}
    assert found.keys() == {f"{name}, {sampling}" for name in expected}
    for name, value in expected.items():
        assert found[f"{name}, {sampling}"] == pytest.approx(value, rel=1e-6)


def test_models_without_a_network_hold_the_last_step():
    """A logistic regression of four steps, of which it sees the last that came; before one came, the mean."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    inputs = [rng.normal(size=(4, 1)) + y * np.array([[0], [1], [0], [2]]) for y in labels]
    data = SequenceDataset.of(inputs, targets=labels, classes=("a", "b"))
    config = SupervisedConfig(Data("x"), Inputs(scale=False), shift=Shift(lost=0.5, rate=0.5))
    parts = config.shift.with_room(Parts(data, data, data))
    asked = config.shift.asked(parts.test)
    row = supervised_run.without_network(config, parts, Classification(), asked)[1]
    model = LogisticRegression(max_iter=1000).fit(np.array(inputs)[:, :, 0].astype(np.float32), labels)
    for name, kept in (
        ("lost 0.5", [np.flatnonzero(np.isin(np.arange(4), t[:n])) for t, n in times_left(data)]),
        ("rate 0.5", [np.array([0, 2])] * 40),
    ):
        held = np.zeros((40, 4))
        for i, steps in enumerate(kept):
            for t in range(4):
                before = [step for step in steps if step <= t]
                held[i, t] = inputs[i][before[-1], 0] if before else 0.0
        assert row.test[f"accuracy, {name}"] == pytest.approx(np.mean(model.predict(held) == labels))


def times_left(data):
    left = lost(data, 0.5)
    return zip(left.times, left.lengths, strict=True)


def test_a_forecast_without_a_network_is_asked_the_same_questions():
    """Persistence says the last value that came; it is asked of the step after each that is there."""
    values = np.array([[1.0, 2.0, 4.0, 8.0, 16.0]])[:, :, None]
    data = SequenceDataset(values)
    config = SupervisedConfig(Data("x"), Inputs(scale=False), shift=Shift(rate=0.5))
    parts = Parts(data, data, data)
    row = supervised_run.without_network(config, parts, Forecast(), config.shift.asked(data))[0]
    assert row.name == "persistence"
    assert row.test["mse, rate 0.5"] == pytest.approx(((2 - 1) ** 2 + (8 - 4) ** 2) / 2)  # after steps 0 and 2


def test_models_without_a_network_are_not_asked_about_steps_that_are_gone():
    """The mean of values at each step, 3, is compared with those of steps 0, 2 and 4."""
    values = np.array([0.0, 1.0, 2.0, 4.0, 8.0])
    data = SequenceDataset.of([np.ones((5, 1)), np.ones((3, 1))], targets=[values[:, None], 3 + np.zeros((3, 1))])
    config = SupervisedConfig(Data("x"), Inputs(scale=False), shift=Shift(rate=0.5))
    row = supervised_run.without_network(config, Parts(data, data, data), Regression("step"), config.shift.asked(data))[
        0
    ]
    assert row.name == "mean"
    assert row.test["mse, rate 0.5"] == pytest.approx(((0 - 3) ** 2 + (2 - 3) ** 2 + (8 - 3) ** 2) / 5)


def compiled():
    """Programs that answer."""
    return untyped(evaluation._evaluate)._cache_size()


def test_nothing_is_compiled_anew():
    """Of validation and test as many series of one length; what is lost, and a lower rate, fit into their program."""
    equal = (6,) * 8
    parts = Parts(*(series(equal, classes=2, seed=seed) for seed in range(3)))
    shift = Shift(lost=0.4, rate=0.5)
    parts = shift.with_room(parts)
    cell = lj.Readout(lj.GRU(2, 2), 2)
    fitted = fit(cell, Classification(), parts.training, parts.validation, epochs=1, batch_size=8)
    before = compiled()
    assert before > 0
    row = supervised_run.measured("GRU", fitted.model(), parts, Classification(), 1.0, shift.asked(parts.test))
    assert row.test.keys() == {"accuracy", "accuracy, lost 0.4", "accuracy, rate 0.5"}
    assert compiled() == before
    without_room = shift.asked(series(equal, classes=2, seed=2))
    shifted.scores(fitted.model(), {"": without_room["rate 0.5"]._replace(room=np.full(8, 3))}, Classification())
    assert compiled() == before + 1  # as it would be where batches are by their own lengths


def test_room_changes_no_answer():
    shift, cell = Shift(lost=0.4), lj.Readout(lj.CTRNN(2, 3, lj.Euler(1)), 1)
    parts = Parts(*(series(outputs=1, seed=seed) for seed in range(3)))
    assert Shift().with_room(parts) is parts
    fits = [
        fit(cell, Regression(), some.training, some.validation, epochs=2, batch_size=8)
        for some in (parts, shift.with_room(parts))
    ]
    assert same_bits(*(fitted.params for fitted in fits))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lost": 0.0}, "lost must be a share of the steps above 0 and below 1, got 0.0"),
        ({"lost": 1.0}, "lost must be a share of the steps above 0 and below 1, got 1.0"),
        ({"lost": 30}, "lost must be a share of the steps above 0 and below 1, got 30"),
        ({"lost": float("nan")}, "lost must be a share of the steps above 0 and below 1, got nan"),
        ({"lost": True}, "lost must be float or None, got True"),
        ({"lost": (0.1,)}, "lost must be float or None"),
        ({"rate": 1.0}, "rate must be a whole number from 2 to 100, for so many times as many steps, or one over it"),
        ({"rate": 1.5}, "rate must be a whole number .* got 1.5"),
        ({"rate": 0.4}, "rate must be a whole number .* got 0.4"),
        ({"rate": 0.0}, "rate must be a whole number"),
        ({"rate": -2.0}, "rate must be a whole number"),
        ({"rate": float("inf")}, "rate must be a whole number"),
        ({"rate": float("nan")}, "rate must be a whole number"),
        ({"rate": 1e-300}, "rate must be a whole number"),
        ({"rate": 101}, "rate must be a whole number"),
        ({"rate": 1 / 101}, "rate must be a whole number"),
        ({"seed": -1}, "seed must be an integer from 0"),
    ],
)
def test_what_is_no_other_sampling_is_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Shift(**settings)


@pytest.mark.parametrize(("rate", "lengths"), [(0.333, [2, 1]), (1 / 3, [2, 1]), (100, [301, 1]), (0.01, [1, 1])])
def test_rates_may_be_written_in_decimals(rate, lengths):
    data = SequenceDataset.of([np.ones((4, 1)), np.ones((1, 1))])
    (asked,) = Shift(rate=rate).asked(data).values()
    assert asked.told.lengths.tolist() == lengths


def test_an_objective_of_the_users_is_refused():
    with pytest.raises(ValueError, match=r"shift must be left out with objective\.function"):
        SupervisedConfig(objective=Learning(function="mine:loss"), shift=Shift(lost=0.5))
    SupervisedConfig(objective=Learning(function="mine:loss"), shift=Shift(seed=3))


def test_evaluation_takes_no_lengths_for_which_there_is_no_room():
    data, cell = series(outputs=1), lj.Readout(lj.GRU(2, 2), 1)
    ready = examples(data, Preparation.learnt(data), Regression())
    for lengths in (np.array(LENGTHS) - 1, np.full(8, 6), np.full(7, 5), 5):
        with pytest.raises(ValueError, match=r"lengths must be \(8,\), each from that of its series to the 5 steps"):
            evaluation.evaluate(cell, Regression(), cell.init(jax.random.key(0)), ready, lengths=lengths)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Runs with and without other samplings, and what the first said."""
    place = tmp_path_factory.mktemp("shifted")
    (place / "walks.csv").write_text(as_csv(rows()))
    text = CONFIG.replace("SOURCE", str(place / "walks.csv")).replace("epochs: 2", "epochs: 2, members: {seed: [3, 4]}")
    (place / "plain.yaml").write_text(text)
    (place / "shifted.yaml").write_text(f"{text}shift: {{lost: 0.4, rate: 0.5}}\n")
    for name in ("plain", "shifted"):
        cli.main(["train", str(place / f"{name}.yaml"), "--folder", str(place / name)])
    return place


def results(folder):
    return json.loads((folder / "results.json").read_text())


NAMES = {"accuracy", "accuracy, lost 0.4", "accuracy, rate 0.5"}


def test_the_columns_are_in_the_results_of_everybody_and_nothing_else_changes(place):
    plain, found = (results(place / name) for name in ("plain", "shifted"))
    for row, before in zip(found, plain, strict=True):
        assert row["test"].keys() == NAMES and before["test"].keys() == {"accuracy"}
        assert row["validation"] == before["validation"] and row["test"]["accuracy"] == before["test"]["accuracy"]
    ensemble = found[0]["ensemble"]
    for name in NAMES:
        numbers = [member["test"][name] for member in ensemble["members"]]
        assert ensemble["mean"]["test"][name] == pytest.approx(statistics.mean(numbers))
        assert ensemble["spread"]["test"][name] == pytest.approx(statistics.stdev(numbers))
    assert same_bits(*(lj.load(place / name / "model.safetensors").params for name in ("plain", "shifted")))


def test_the_table_says_what_its_columns_are(place, tmp_path, capsys):
    cli.main(["train", str(place / "shifted.yaml"), "--training.epochs", "1", "--folder", str(tmp_path / "run")])
    out = capsys.readouterr().out
    header, *lines = out[out.index("network  ") :].splitlines()
    titles = ["network", "parameters", "validation accuracy", "test accuracy", *sorted(NAMES)[1:], "training"]
    assert re.split(r" {2,}", header) == titles
    rows_of = {line.split("  ")[0]: re.split(r" {2,}", line)[1:] for line in lines[:7]}
    last = results(tmp_path / "run")[-1]
    assert rows_of[last["name"]][3:5] == [f"{last['test'][name]:.3f}" for name in sorted(NAMES)[1:]]
    assert "\nlost 0.4: the test series again with 40 % of their steps lost\nrate 0.5: the test series again" in out
    assert "For models without a network the last step that came stands for what is gone." in out


def test_evaluate_finds_the_same(place, capsys):
    found = evaluate.evaluate(place / "shifted")
    assert evaluate.same(found.scores, found.recorded) and found.recorded.keys() == NAMES
    assert found.baselines == {row["name"]: row["test"] for row in results(place / "shifted")[1:]}
    cli.main(["evaluate", str(place / "shifted")])
    out = capsys.readouterr().out
    assert "the same as training recorded: yes" in out and "accuracy, lost 0.4" in out and "lost 0.4: the test" in out


def test_a_run_that_goes_on_ends_with_the_same_columns(place, tmp_path):
    config = configs.read(place / "shifted.yaml", SupervisedConfig)
    config = dataclasses.replace(config, training=dataclasses.replace(config.training, checkpoint_seconds=0.0))
    questions = []
    stop = lambda: bool(questions.append(1)) or len(questions) >= 2  # noqa: E731
    supervised_run.run(config, tmp_path / "run", stop=stop)
    cli.main(["train", "--resume", str(tmp_path / "run")])
    tests = [[row["test"] for row in results(folder)] for folder in (tmp_path / "run", place / "shifted")]
    assert tests[0] == tests[1]


def test_a_run_from_before_there_were_other_samplings_can_be_evaluated(place, tmp_path):
    for file in (place / "plain").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    config, model = evaluate.restore(tmp_path)
    notes = {name: each for name, each in dataclasses.asdict(config).items() if name != "shift"}
    dataclasses.replace(model, notes={"config": json.dumps(notes)}).save(tmp_path / "model.safetensors")
    assert evaluate.restore(tmp_path).config == config
    text = (tmp_path / "config.yaml").read_text()
    (tmp_path / "config.yaml").write_text(text.replace("lost: null", "lost: 0.5"))
    with pytest.raises(ValueError, match=r"`shift\.lost` was null and is 0\.5 now"):
        evaluate.restore(tmp_path)
