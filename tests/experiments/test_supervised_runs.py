"""The runs in a folder: what each was, what is the matter with it, and their curves."""

import dataclasses
import json
from pathlib import Path

import pytest

from liquidjax import __main__ as cli
from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.shared import configuration, run_folder
from liquidjax.experiments.supervised import figures, runs
from liquidjax.experiments.supervised.config import Data, SupervisedConfig, Training
from liquidjax.experiments.supervised.network import Model
from liquidjax.experiments.supervised.run import Row

CONFIG = SupervisedConfig(Data("walks.csv"), model=Model("GRU(units=3)"), training=Training(epochs=2))


def epochs(count, network="GRU", score="accuracy"):
    numbers = [
        {"epoch": epoch, "loss": 1 / epoch, "validation_loss": None, "seconds": 0.5} for epoch in range(1, count + 1)
    ]
    return "".join(
        json.dumps({"network": network, **row, f"validation_{score}": row["epoch"] / 4}) + "\n" for row in numbers
    )


def run(folder, config=CONFIG, count=2, score="accuracy"):
    """A run folder as `train` writes it, but for the model and the picture."""
    run_folder.begin(folder, config)
    (folder / "metrics.jsonl").write_text(epochs(count, score=score) + epochs(2, "LSTM", score))
    rows = [Row("GRU", 1071, {score: 0.5}, {score: 0.25}, 12.34), Row("LSTM", 99, {score: 0.75}, {score: 0.75}, 1.0)]
    run_folder.write_results(folder, rows)
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    """One of each kind: whole, interrupted, not finished, of other commands, damaged, no run; and files."""
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "runs"
    run(place / "b whole", score="mse")
    run_folder.mark_interrupted(run(place / "a stopped", count=1), "Interrupted in epoch 2 of 2 of the GRU.")
    (run(place / "c begun") / "results.json").unlink()
    with (place / "c begun" / "metrics.jsonl").open("w") as file:
        file.write(epochs(1) + '{"network": "GRU", "epo')
    run_folder.begin(place / "d other", dataclasses.replace(ForecastingConfig(), seeds=7))
    (run(place / "e broken") / "results.json").write_text("[")
    (place / "f nothing").mkdir()
    (place / ".hidden").mkdir()
    (place / "notes.txt").write_text("mine")
    return place


def test_every_folder_is_listed_with_what_is_the_matter_with_it(place):
    found = runs.find(place, {"network-sizes": NetworkSizesConfig, "forecasting": ForecastingConfig})
    assert {each.name: each.state for each in found} == {
        "a stopped": "interrupted",
        "b whole": "",
        "c begun": "not finished",
        "d other": "of forecasting",
        "e broken": "damaged",
        "f nothing": "no run",
    }
    whole = found[1]
    assert whole.config == dataclasses.replace(CONFIG) and whole.row is not None and whole.row.parameters == 1071
    assert whole.history["loss"].tolist() == [1, 0.5] and whole.history["validation_mse"].tolist() == [0.25, 0.5]
    assert len(found[2].history["loss"]) == 1  # the line that is only begun is passed over
    assert runs.find(place / "b whole")[0].row == whole.row
    assert runs.find(place / "f nothing") == []


def test_the_table_has_a_line_for_each(place, capsys):
    cli.main(["runs"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in lines[:7]] == ["run", *(f"{x}" for x in sorted(lines_of(place)))]
    cells = {line[:10].strip(): line[10:].split() for line in lines[1:7]}
    assert cells["a stopped"] == [
        "walks.csv",
        "GRU(units=3)",
        "1,071",
        "1/2",
        "accuracy",
        "0.500",
        "0.250",
        "12.3",
        "interrupted",
    ]
    assert cells["b whole"] == ["walks.csv", "GRU(units=3)", "1,071", "2", "MSE", "0.500", "0.250", "12.3"]
    assert cells["c begun"] == ["walks.csv", "GRU(units=3)", "1/2", "not", "finished"]
    assert cells["d other"] == ["of", "forecasting"]
    assert lines[7] == "" and lines[8].startswith("e broken: damaged, runs/e broken/results.json is damaged: ")
    assert lines[9:] == ["f nothing: no run, it has no config.yaml"]


def lines_of(place):
    return [each.name for each in place.iterdir() if each.is_dir() and not each.name.startswith(".")]


def test_curves_of_one_score_are_drawn_together(place, tmp_path, monkeypatch, capsys):
    made, curves = [], figures.curves
    monkeypatch.setattr(figures, "curves", lambda found: made.append(curves(found)) or made[-1])
    cli.main(["runs", str(place), "--picture", str(tmp_path / "my curves.png")])
    assert (tmp_path / "my curves.png").read_bytes().startswith(b"\x89PNG")
    assert capsys.readouterr().out.endswith(f"The curves are in '{tmp_path}/my curves.png'\n")
    legends = [
        [text.get_text() for text in ax.get_legend().get_texts()] for ax in made[0].axes if ax.get_ylabel() != "loss"
    ]
    assert legends == [["a stopped", "c begun", "e broken"], ["b whole"]]
    (line,) = made[0].axes[3].lines
    assert line.get_ydata().tolist() == [0.25, 0.5]


BROKEN = {
    "config.yaml": ["data: 3", "\0", "[", "training: {epochs: 0}", b"\xff"],
    "metrics.jsonl": [
        "nothing\n",
        "[]\n",
        "{}\n",
        '{"network": "GRU"}\n{}\n',
        '{"network": "a", "loss": [1, "low"]}\n',
        '{"network": "a", "loss": [[1, 2]]}\n',
        b"\xff\n",
    ],
    "results.json": ["", "[]", "{}", "3", '[{"name": "GRU"}]', "[" * 100_000, b"\xff"],
}
BROKEN["metrics.jsonl"] += [
    '{"network": "a", "loss": "low"}\n',
    '{"network": "a", "loss": {"b": 1}}\n',
    "[" * 100_000 + "\n",
]


@pytest.mark.parametrize(("name", "content"), [(name, content) for name in BROKEN for content in BROKEN[name]])
def test_a_damaged_file_is_named_and_does_no_harm_to_the_others(name, content, tmp_path):
    run(tmp_path / "fine")
    folder = run(tmp_path / "broken")
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    found = runs.find(tmp_path)
    assert [each.state for each in found] == ["damaged", ""] and name in found[0].damage
    text = runs.table(found)
    assert text.splitlines()[1].split()[0] == "broken" and "fine" in text and len(text.splitlines()[-1]) < 400


def test_what_is_not_there_is_not_needed(tmp_path):
    folder = run(tmp_path / "run")
    (folder / "metrics.jsonl").unlink()
    (found,) = runs.find(tmp_path)
    assert found.state == "" and not found.history and not runs.histories([found])
    assert "0/2" in runs.table([found])


def test_long_and_odd_names_do_not_break_the_table(tmp_path):
    config = dataclasses.replace(CONFIG, data=Data("x\ny" + "z" * 100), model=Model(f"GRU({' ' * 80}units=3)"))
    run(tmp_path / "a\nb", config)
    lines = runs.table(runs.find(tmp_path)).splitlines()
    assert len(lines) == 2 and all(len(line) < 200 and line.isprintable() for line in lines)


def test_a_run_that_others_read_is_of_train_first(tmp_path):
    """Where nothing is set, any command could have written it."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.yaml").write_text("")
    (found,) = runs.find(tmp_path, {"forecasting": ForecastingConfig})
    assert found.state == "not finished" and found.config == configuration.read(
        tmp_path / "run" / "config.yaml", SupervisedConfig
    )


def test_a_folder_without_runs(tmp_path, capsys):
    cli.main(["runs", str(tmp_path)])
    assert capsys.readouterr().out == f"There are no runs in {tmp_path}\n"
    with pytest.raises(
        FileNotFoundError, match="nowhere is no folder; `liquidjax train` makes runs in the folder runs"
    ):
        runs.find(Path(tmp_path / "nowhere"))
