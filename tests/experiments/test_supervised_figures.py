"""The picture of a run: for cells with and without wiring or time constants, for every kind of target."""

import json

import numpy as np
import pytest
from matplotlib.colors import to_hex

from liquidjax.experiments.supervised import figures
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Data, Inputs, SupervisedConfig, Training
from liquidjax.experiments.supervised.network import Model
from liquidjax.plots.style import NETWORKS
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import write_npz
from untyped import untyped


def titles(figure):
    return [ax.get_title() for ax in figure.axes]


@pytest.fixture
def drawn(monkeypatch):
    """Every figure that is made of a run."""
    made, overview = [], figures.overview

    def keep(**arguments):
        made.append(overview(**arguments))
        return made[-1]

    monkeypatch.setattr(figures, "overview", keep)
    return made


@pytest.mark.parametrize(
    ("cell", "panels"),
    [
        ("LTC(wiring=AutoNCP(6, 2), integrator=SemiImplicit(1))", ["Wiring", "Time constants"]),
        ("WiredCfC(wiring=AutoNCP(6, 2))", ["Wiring"]),
        ("CTRNN(units=3, integrator=Euler(1))", ["Time constants"]),
        ("LSTM(units=2)", []),
        ("WithTime(CTRNN(units=3, integrator=Euler(1)))", []),
    ],
)
def test_a_run_is_drawn_with_what_its_cell_has(cell, panels, drawn, tmp_path):
    """Of regression at each step, with gaps in inputs and targets."""
    rng = np.random.default_rng(0)
    series = [rng.normal(size=(3 + i % 3, 6)) for i in range(12)]
    targets = [np.where(np.arange(len(x)) % 3 == 1, np.nan, x[:, 0])[:, None] for x in series]
    series[0][1, 2] = np.nan
    write_npz(tmp_path / "x.npz", SequenceDataset.of(series, targets=targets))
    config = SupervisedConfig(
        Data(str(tmp_path / "x.npz")), Inputs(), Model(cell), training=Training(epochs=2, batch_size=64)
    )
    result = supervised_run.run(config, tmp_path / "run")
    assert (tmp_path / "run" / "overview.png").read_bytes().startswith(b"\x89PNG")
    (figure,) = drawn
    found = titles(figure)
    assert [any(title.startswith(name) for title in found) for name in ("Wiring", "Time constants")] == [
        name in panels for name in ("Wiring", "Time constants")
    ]
    losses, scores = (figure.axes[found.index(title)] for title in ("Loss", "On the validation data"))
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert losses.lines[0].get_ydata().tolist() == [line["loss"] for line in lines]
    assert losses.lines[1].get_ydata().tolist() == [line["validation_loss"] for line in lines]
    assert scores.get_ylabel() == "mse" and scores.lines[0].get_ydata().tolist() == [x["validation_mse"] for x in lines]
    (example,) = [ax for ax in figure.axes if ax.get_title().startswith("Series ")]
    test = supervised_run.plan(config).parts.test
    assert example.get_title() == f"Series {test.names[0]} as the network reads it"
    assert example.images[0].get_array().shape == (6, test.lengths[0])
    results = figure.axes[-1]
    assert results.get_xlabel() == "MSE"
    scores_of = {row.name: row.test["mse"] for row in result.rows if row.name != "mean"}
    assert [label.get_text() for label in results.get_yticklabels()] == list(scores_of)
    assert np.array(results.collections[0].get_offsets())[:, 0] == pytest.approx(list(scores_of.values()))


def overview(**change):
    curve = {"loss": [1.0, 0.5], "validation_loss": [1.0, 0.7], "validation_mse": [0.5, 0.4]}
    arguments = {
        "title": "GRU",
        "graph": None,
        "histories": {"GRU": curve},
        "results": {"GRU": 0.4, "mean": 1.0},
        "score": "MSE",
        "inputs": np.ones((1, 2)),
        "tau": None,
        "example": "Series 1",
    }
    return figures.overview(**(arguments | change))


@pytest.mark.parametrize(
    ("change", "dots"),
    [
        ({}, 2),
        ({"results": {"GRU": float("nan"), "mean": 1.0}}, 1),
        ({"results": {"GRU": float("nan"), "mean": float("nan")}}, 0),
        ({"histories": {"GRU": {"loss": [np.nan], "validation_loss": [np.nan], "validation_r2": [np.nan]}}}, 2),
    ],
)
def test_what_cannot_be_measured_is_left_out(change, dots, tmp_path):
    figure = overview(**change)
    figure.savefig(tmp_path / "x.png")
    collections = figure.axes[-1].collections
    assert sum(len(untyped(each.get_offsets())) for each in collections) == dots


def test_scores_at_other_samplings_are_drawn_hollow():
    others = {"lost 0.5": {"GRU": 0.7, "mean": float("nan")}, "rate 2": {"GRU": 0.9, "mean": 1.25}}
    results = overview(others=others).axes[-1]
    dots, lost, _, rate, _ = untyped(results.collections)
    assert np.asarray(dots.get_offsets()).tolist() == [[0.4, 0], [1.0, 1]]
    assert np.asarray(lost.get_offsets()).tolist() == [[0.7, 0]]
    assert np.asarray(rate.get_offsets()).tolist() == [[0.9, 0], [1.25, 1]]
    assert len(dots.get_facecolors()) == 2 and not len(lost.get_facecolors()) and not len(rate.get_facecolors())
    assert [text.get_text() for text in untyped(results.get_legend()).get_texts()] == list(others)
    assert results.get_xlim()[0] < 0.4 and results.get_xlim()[1] > 1.25


def test_few_inputs_are_lines_and_many_an_image():
    for number, (lines, images) in {figures.MOST_LINES: (4, 0), figures.MOST_LINES + 1: (0, 1)}.items():
        (example,) = [ax for ax in overview(inputs=np.ones((3, number))).axes if ax.get_title() == "Series 1"]
        assert (len(example.lines), len(example.images)) == (lines, images)


def test_the_liveliest_neurons_of_each_role_are_chosen():
    tau = np.ones((2, 40))
    tau[1] = np.arange(1, 41)
    roles = ["motor"] * 20 + ["inter"] * 20
    figure = overview(inputs=np.ones((2, 2)), tau=tau)
    (ax,) = [ax for ax in figure.axes if ax.get_title().startswith("Time constants")]
    ends = [np.asarray(line.get_ydata()) for line in ax.lines]
    drawn = sorted(end[-1] for end in ends if len(end) == 2)
    assert drawn == list(range(41 - figures.MOST_NEURONS, 41))
    assert sorted(figures._liveliest(tau, roles)) == [16, 17, 18, 19, 36, 37, 38, 39]


def test_curves_of_runs_with_one_score_are_side_by_side():
    curve = {"loss": [1.0, 0.5], "validation_loss": [1.0, np.nan], "validation_mse": [0.5, 0.4]}
    other = {"loss": [1.0], "validation_loss": [1.0], "validation_accuracy": [0.5]}
    figure = figures.curves({"mse": {"a": curve, "b": curve}, "accuracy": {"c": other}})
    assert [ax.get_ylabel() for ax in figure.axes] == ["loss", "mse", "loss", "accuracy"]
    assert [len(ax.lines) for ax in figure.axes] == [4, 2, 2, 1]
    assert to_hex(figure.axes[1].lines[1].get_color()) == to_hex(NETWORKS[1])
    labels = [text.get_text() for text in untyped(figure.axes[1].get_legend()).get_texts()]
    assert labels == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "drawn"), [("$a_$ $", r"\$a_\$ \$"), ("_x", " _x"), ("a\nb", "a b"), ("a\\frac", "a\\frac")]
)
def test_names_are_drawn_as_they_are(name, drawn, tmp_path):
    """Between dollars stands mathematics to matplotlib, or an error; what begins with _ has no label."""
    curve = {"loss": [1.0], "validation_loss": [1.0], "validation_mse": [0.5]}
    figure = figures.curves({"mse": {name: curve}})
    figure.savefig(tmp_path / "x.png")
    labels = [text.get_text() for text in untyped(figure.axes[1].get_legend()).get_texts()]
    assert labels == [drawn]
    overview(example=f"Series {name}").savefig(tmp_path / "x.png")
