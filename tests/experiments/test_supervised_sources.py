"""Train, evaluate and predict by the command line, on every kind of data and for every kind of target."""

import csv
import datetime
import io
import json
import math
import re
import textwrap

import numpy as np
import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.supervised import evaluate
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from tiny_series import as_csv, rows

SETTINGS = """
model: {cell: GRU(units=3)}
training: {epochs: 1, batch_size: 64, tune_cpu: false}
"""
START = datetime.datetime(2026, 3, 29)


def dated(place):
    """A table with dates, gaps and groups, rows in no order and two of them at one time."""
    table = rows()
    for row in table:
        row["when"] = (START + datetime.timedelta(hours=float(row["when"]))).isoformat(timespec="milliseconds")
        row["x"] = row["x"] or "NA"
    (place / "walks.csv").write_text(as_csv([*table[::-1], table[0]]))
    return (
        "data: {source: walks.csv, series: who, time: when, time_unit: m, target: gait, group: person, missing: NA, "
        "unsorted: sort, duplicates: mean}"
    )


def ts(place):
    """A .ts file with two channels, series of unequal lengths and a missing value."""
    lines = [f"1,2,{i % 3}{',?' * (i % 2)}:0.5,{i}.25,-1{',3' * (i % 2)}:{('Slow', 'Fast')[i % 2]}" for i in range(20)]
    header = "@univariate false\n@equalLength false\n@classLabel true Slow Fast\n@data\n"
    (place / "walks.ts").write_text(header + "\n".join(lines) + "\n")
    return "data: {source: walks.ts}"


def npz(place):
    """Series with clocks of their own, a feature that is called time, and two values to learn, some not known."""
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(3 + i % 3, 2)) for i in range(20)]
    times = [np.cumsum(rng.uniform(0.5, 2, len(x))) for x in series]
    targets = np.array([[x[:, 0].mean(), np.nan if i % 4 == 0 else 7 + x[-1, 1]] for i, x in enumerate(series)])
    data = SequenceDataset.of(series, times, targets, features=("a", "time"), outputs=("mean", "last, late"))
    write_npz(place / "walks.npz", data)
    return "data: {source: walks.npz}"


def function(place):
    npz(place)
    lines = "from liquidjax.tasks.readers.arrays import read_npz", "def made():", "    return read_npz('walks.npz')"
    (place / "someones_walks.py").write_text("\n".join(lines) + "\n")
    return "data: {source: 'someones_walks:made'}"


def folder(place):
    """A file for each series, with labels in a table of their own."""
    (place / "walks").mkdir()
    labels = ["series,target"]
    for i in range(20):
        labels.append(f"walk {i},{('slow', 'fast')[i % 2]}")
        lines = ["seconds,x", *(f"{t / 2},{math.sin((1 + i % 2) * t):.3f}" for t in range(3 + i % 3))]
        (place / "walks" / f"walk {i}.csv").write_text("\n".join(lines) + "\n")
    (place / "walks" / "labels.csv").write_text("\n".join(labels) + "\n")
    return "data: {source: walks, time: seconds, labels: labels.csv}"


def forecast(place):
    """One series, cut in time; one of its features has gaps in most places, so no step has all of them twice."""
    lines = ["x,y", *(f"{math.sin(t / 2):.3f},{'' if t % 3 else t % 7}" for t in range(60))]
    (place / "walks.csv").write_text("\n".join(lines) + "\n")
    return "data: {source: walks.csv, split: time}"


def of_steps(place):
    """A value at each step, and some of them not known."""
    lines = ["who,t,x,speed"]
    for i in range(12):
        lines += [f"{i},{t},{(i * t) % 5},{'' if (i + t) % 4 == 0 else i - t}" for t in range(4 + i % 2)]
    (place / "walks.csv").write_text("\n".join(lines) + "\n")
    return "data: {source: walks.csv, series: who, time: t, target: speed, target_at: step}"


def events(place):
    """At each step whether something happens, which is rare; with the numbers 0 and 1 for it."""
    lines = ["who,x,fall"]
    for i in range(12):
        lines += [f"{i},{(i * t) % 5},{int((i + t) % 5 == 0)}" for t in range(5 + i % 2)]
    (place / "walks.csv").write_text("\n".join(lines) + "\n")
    return (
        "data: {source: walks.csv, series: who, target: fall, target_at: step, classes: true}\n"
        "objective: {kind: event, balanced: true}"
    )


def forecast_beside_a_target(place):
    """The next step of the features, of data that have classes too."""
    ts(place)
    return "data: {source: walks.ts}\nobjective: {kind: forecast}"


CLASSES = ["prediction", "probability of fast", "probability of slow"]
# What is trained on, the columns of predictions, and whether there is one for each step.
CASES = {
    "a table with dates, gaps and groups": (dated, CLASSES, False),
    "a .ts file": (ts, ["prediction", "probability of Fast", "probability of Slow"], False),
    "an .npz file": (npz, ["predicted mean", "predicted last, late"], False),
    "a folder": (folder, CLASSES, False),
    "a function": (function, ["predicted mean", "predicted last, late"], False),
    "a forecast": (forecast, ["next x", "next y"], True),
    "values at each step": (of_steps, ["predicted speed"], True),
    "rare events": (events, ["prediction", "probability of 1"], True),
    "a forecast beside a target": (forecast_beside_a_target, ["next x1", "next x2"], True),
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_trained_on_evaluated_and_predicted(case, tmp_path, monkeypatch, capsys):
    write, columns, each_step = CASES[case]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.yaml").write_text(f"{write(tmp_path)}\n{textwrap.dedent(SETTINGS)}")
    cli.main(["train", "x.yaml", "--folder", "run"])
    assert (tmp_path / "run" / "overview.png").exists()
    results = json.loads((tmp_path / "run" / "results.json").read_text())
    assert len(results) == 3 and all(math.isfinite(value) for row in results for value in row["test"].values())
    capsys.readouterr()
    cli.main(["evaluate", "run"])
    assert "the same as training recorded: yes" in capsys.readouterr().out
    cli.main(["predict", "run", "run/sample.csv"])
    out = capsys.readouterr().out
    header, *lines = list(csv.reader(io.StringIO(out)))
    assert header == ["series", *(["time"] if each_step else []), *columns]
    # what is written is what the model answers to the same series, read from where they come
    config, model = evaluate.restore(tmp_path / "run")
    test = evaluate.sources.load(config.data).test
    test = test.take(range(min(5, len(test))))
    answers = evaluate.predict(model, test).answers
    expected = []
    for name, times, mask, answer in zip(test.names, test.times, test.mask, answers, strict=True):
        if each_step:
            expected += [(name, time, found) for time, found in zip(times[mask], answer[mask], strict=True)]
        else:
            expected.append((name, None, answer))
    assert len(lines) == len(expected)
    for line, (name, time, found) in zip(lines, expected, strict=True):
        *place, _ = line[: 2 + each_step]
        assert place == [name] if time is None else place[0] == name and float(place[1]) == time
        numbers = [float(field) for field in line if re.fullmatch(r"[-+0-9.e]+", field)][-np.size(found) :]
        assert numbers == pytest.approx(np.ravel(found), rel=1e-4, abs=2e-6)


def test_the_same_series_from_an_npz_file_and_from_a_function_train_alike(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = []
    for write in (npz, function):
        (tmp_path / "x.yaml").write_text(f"{write(tmp_path)}\n{SETTINGS}")
        cli.main(["train", "x.yaml", "--folder", write.__name__])
        rows = json.loads((tmp_path / write.__name__ / "results.json").read_text())
        results.append([{**row, "seconds": 0} for row in rows])
    assert results[0] == results[1]


def test_a_score_that_is_not_a_number_is_the_same_when_it_is_measured_again(tmp_path, monkeypatch, capsys):
    """Of features that never change nothing is explained: R2 is 0 of 0."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "still.csv").write_text("x\n" + "1\n" * 40)
    (tmp_path / "x.yaml").write_text(f"data: {{source: still.csv, split: time}}\n{SETTINGS}")
    cli.main(["train", "x.yaml", "--folder", "run"])
    rows = json.loads((tmp_path / "run" / "results.json").read_text())
    assert all(row["test"]["r2"] == "nan" for row in rows) and (tmp_path / "run" / "overview.png").exists()
    assert json.loads((tmp_path / "run" / "metrics.jsonl").read_text())["validation_r2"] is None
    cli.main(["evaluate", "run"])
    out = capsys.readouterr().out
    assert "the same as training recorded: yes" in out and "nan" in out
