"""The forecasting experiment from end to end, and its picture."""

import json

import jax
import numpy as np
import pytest
from matplotlib.figure import Figure

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax.analysis.parameters import count_parameters
from liquidjax.experiments.forecasting import figures, metrics, report, training
from liquidjax.experiments.forecasting import run as forecasting_run
from liquidjax.experiments.forecasting.config import ForecastingConfig, Networks
from liquidjax.experiments.shared import configuration as configs
from tiny_forecasting import TINY


def test_t4_sizes_of_the_tutorial():
    """105 parameters of its liquid network; torch's LSTM has a second bias of 4 for each unit: 1,233, and 361."""
    cells = Networks().build(dimensions=1)
    counts = {name: count_parameters(cell) for name, cell in cells.items()}
    assert counts["liquid layer (8)"] == 105
    assert counts["LSTM (16)"] + 4 * 16 == 1233
    assert counts["LSTM (8)"] + 4 * 8 == 361
    for cell in cells.values():
        leaves = jax.tree.leaves(jax.eval_shape(cell.init, jax.random.key(0)))
        assert sum(leaf.size for leaf in leaves) == count_parameters(cell)
    liquid = cells["liquid layer (8)"].cell
    assert isinstance(liquid, lj.HasaniLTC) and liquid.integrator == lj.Euler(unfolds=1)
    assert ForecastingConfig().networks.dt == 0.1 and ForecastingConfig().seeds >= 5


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line, and what it printed."""
    place = tmp_path_factory.mktemp("forecasting")
    (place / "tiny.yaml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        printed, shown = [], []
        patch.setattr("builtins.print", lambda *text, file=None, **_: (shown if file else printed).append(*text))
        cli.main(["forecasting", str(place / "tiny.yaml"), "--seeds", "5", "--folder", str(place / "run")])
    return place / "run", "\n".join(printed), "\n".join(shown)


NAMES = ["liquid layer (2)", "LTC (2)", "CfC (2)", "LSTM (2)", "LSTM (3)", "ridge regression", "persistence"]


def test_t4_the_benchmark_reports_the_errors_of_every_seed(run):
    folder, printed, shown = run
    assert {path.name for path in folder.iterdir()} == {
        "config.yaml",
        "results.json",
        "report.md",
        "sines.png",
        "lorenz.png",
        "mackey_glass.png",
    }
    settings = configs.read(folder / "config.yaml", ForecastingConfig)
    assert (settings.seeds, settings.epochs, settings.networks.units, settings.lorenz.interval) == (5, 3, 2, 0.05)
    results = json.loads((folder / "results.json").read_text())
    assert list(results) == ["sines", "lorenz", "mackey_glass"]
    for name, study in results.items():
        assert [row["network"] for row in study["rows"]] == NAMES
        for row in study["rows"]:
            for values in (row["train_errors"], row["test_errors"], row["valid_times"]):
                assert len(values) == 5 and np.isfinite(values).all() and min(values) >= 0
            assert len(set(row["train_errors"])) == len(set(row["test_errors"])) == 5  # seeds differ
            assert (row["learning_rate"] in (0.003, 0.03)) == (row["network"] in NAMES[:5])
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        text = report.table(metrics.Study(**{**study, "rows": [metrics.Row(**row) for row in study["rows"]]}))
        assert text in printed and text in (folder / "report.md").read_text()
    assert results["lorenz"]["unit"] == "Lyapunov times"
    assert results["lorenz"]["longest"] == pytest.approx(6 * 0.05 * 0.9056)
    assert "Lorenz, LSTM (3)" in shown and "epoch 6/6  error 0." in shown


def test_a_run_repeats_exactly(run, tmp_path):
    folder, _, _ = run
    settings = configs.read(folder / "config.yaml", ForecastingConfig)
    again = forecasting_run.run(settings, tmp_path / "again")
    results = json.loads((folder / "results.json").read_text())
    for name, study in again.studies.items():
        for row, recorded in zip(study.rows, results[name]["rows"], strict=True):
            assert {**row._asdict(), "seconds": 0} == {**recorded, "seconds": 0}


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        ("", ["x.yaml", "--folder", "."], "is not empty; choose another folder"),
        ("", ["x.txt"], "x.txt must be a .yaml file"),
        ("epochz: 3", ["x.yaml"], "unknown key `epochz`; did you mean `epochs`?"),
        ("seeds: 0", ["x.yaml"], "seeds must be an integer of at least 1"),
        ("horizon: 1.0", ["x.yaml"], "horizon must be between 0 and 1"),
        (
            "validation_share: 0.999",
            ["x.yaml"],
            "sines must have more points: of train = 200, 0 are left",
        ),
        ("validation_share: 0.001", ["x.yaml"], "sines must have more points"),
        ("threshold: 0", ["x.yaml"], "threshold must be above 0"),
        (
            "lorenz: {interval: 20.0}",
            ["x.yaml"],
            "lorenz: (train + test) * interval must be at most 10,000",
        ),
        ("lorenz: {train: 1000000}", ["x.yaml"], "lorenz: train must be at most 100000"),
        ("sines: {noise: -.1}", ["x.yaml"], "sines: noise must be at least 0 and finite, got -0.1"),
        (
            "threshold: .inf",
            ["x.yaml"],
            "`threshold` must be float, a decimal number such as 0.5, got str",
        ),
        ("seeds: -1", ["x.yaml"], "seeds must be an integer of at least 1, got -1"),
        ("networks: {units: 100000000}", ["x.yaml"], "networks: units must be at most 1024"),
        ("longest_window: 2000", ["x.yaml"], "longest_window must be at most 1024"),
        ("networks: {large_units: 8}", ["x.yaml"], "large_units must differ from units"),
        ("networks: {dt: 0}", ["x.yaml"], "networks: dt must be above 0"),
        ("networks: {unfolds: 0}", ["x.yaml"], "unfolds must be an integer"),
        ("learning_rates: {lowest: 1}", ["x.yaml"], "highest must be at least lowest = 1.0, got 0.1"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(text, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training, "train", None)  # what is not refused fails here, not after an hour
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        cli.main(["forecasting", *arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_divergence_names_the_network(tmp_path, monkeypatch):
    settings = configs.build(ForecastingConfig, {})

    def diverge(*_):
        raise FloatingPointError("diverged")

    monkeypatch.setattr(training, "train", diverge)
    with pytest.raises(FloatingPointError, match=r"Sum of sines, liquid layer \(8\): diverged"):
        forecasting_run.run(settings, tmp_path / "run")


def test_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit):
        cli.main(["forecasting", "--help"])
    out = capsys.readouterr().out
    assert "Example: liquidjax forecasting configs/forecasting.yaml" in out
    for words in ("--lorenz.interval", "--networks.backbone-units", "Width of the CfC's backbone", "--learning-rates"):
        assert words in out


def test_the_config_that_is_shipped_is_the_default():
    assert configs.read("configs/forecasting.yaml", ForecastingConfig) == ForecastingConfig()


def test_everything_is_drawn():
    rng = np.random.default_rng(0)
    names = ["LTC", "LSTM", "persistence"]
    values = {name: [0.1, 0.3, 0.2] for name in names}
    figure = figures.forecasts(
        title="some series",
        unit="days",
        times=np.arange(-3, 9) * 0.5,
        truth=rng.normal(size=12),
        observed=rng.normal(size=3),
        forecasts={name: np.full((9, 5), number) for number, name in enumerate(names[:2])},
        test_errors=values,
        noise_error=0.01,
        valid_times=values,
    )
    ltc, lstm, errors, valid = figure.axes
    for number, ax in enumerate((ltc, lstm)):
        forecast = ax.lines[-2]  # of the first seed, over the others; the line at 0 comes last
        np.testing.assert_array_equal(forecast.get_xdata(), np.arange(9) * 0.5)
        np.testing.assert_array_equal(forecast.get_ydata(), number)
        assert len(ax.lines) == 2 + 5 + 1 and ax.get_title(loc="left") == names[number]
    assert [label.get_text() for label in errors.get_yticklabels()] == names
    assert valid.get_xlabel() == "days" and errors.get_xscale() == "log"
    ax = figures.plot_spread({"LTC": [0.1, 0.4, 0.2]}, Figure().subplots())
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.2, 0.2])
    np.testing.assert_array_equal(np.asarray(ax.collections[0].get_offsets())[:, 0], [0.1, 0.4, 0.2])
