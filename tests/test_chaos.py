"""Forecasts of noisy series: the series, the training, the floors, and the command line from end to end."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import yaml
from matplotlib.figure import Figure

import liquidjax as lj
from liquidjax import __main__ as cli
from liquidjax import plots
from liquidjax.experiments.digits.baselines import parameter_count
from liquidjax.experiments.forecasting import baselines as forecasters
from liquidjax.experiments.forecasting import metrics as scores
from liquidjax.experiments.forecasting import ridge
from liquidjax.experiments.forecasting import run as chaos
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared import progress
from liquidjax.tasks import series
from liquidjax.training import next_step

SECTIONS = "{train: 24, test: 10, interval: %s, noise: 0.05}"
TINY = f"""
sines: {SECTIONS % 0.1}
lorenz: {SECTIONS % 0.05}
mackey_glass: {SECTIONS % 2}
networks: {{units: 2, large_units: 3, unfolds: 1, backbone_units: 2}}
learning_rates: {{lowest: 0.003, highest: 0.03, count: 2}}
epochs: 3
longest_window: 4
starts: 3
"""


# the series


def test_the_sines_are_those_of_the_formula():
    assert series.sines(np.array([0.0, 0.7]))[:, 0] == pytest.approx(
        [0, np.sin(0.7) + 0.5 * np.sin(1.61) + 0.3 * np.sin(2.59)], abs=1e-15
    )


def test_lorenz_slope_vanishes_at_the_three_fixed_points():
    away = np.sqrt(8 / 3 * 27)
    for point in ([0, 0, 0], [away, away, 27], [-away, -away, 27]):
        np.testing.assert_allclose(series.lorenz_slope(0.0, jnp.array(point)), 0, atol=1e-4)
    np.testing.assert_allclose(series.lorenz_slope(0.0, jnp.array([1.0, 2.0, 3.0])), [10, 23, -6], rtol=1e-6)


def test_lorenz_obeys_its_equation_and_converges_with_the_tolerance():
    step = 1e-3
    times = np.arange(2000) * step
    states = series.lorenz(times)
    slope = (states[2:] - states[:-2]) / (2 * step)
    x, y, z = states[1:-1].T
    expected = np.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z], axis=1)
    assert np.abs(slope - expected).max() < 1e-2 and np.abs(slope).max() > 50  # h^2 / 6 times the third derivative
    best = series.lorenz(times, tolerance=1e-13)
    errors = [np.abs(series.lorenz(times, tolerance) - best).max() for tolerance in (1e-7, 1e-9, 1e-11)]
    assert errors[0] > 10 * errors[1] > 100 * errors[2] and errors[2] < 1e-3


def test_lorenz_is_on_its_attractor():
    states = series.lorenz(np.arange(2000) * 0.05)
    assert states.shape == (2000, 3) and states.dtype == np.float64
    assert np.all(np.abs(states[:, 0]) < 22) and np.all((states[:, 2] > 0) & (states[:, 2] < 50))
    assert states[:, 0].min() < -10 and states[:, 0].max() > 10  # it visits both wings
    np.testing.assert_allclose(states[:, 2].mean(), 23.5, atol=0.5)
    np.testing.assert_allclose(states[:40], series.lorenz(np.arange(2000) * 1e-3)[::50], atol=1e-3)


@pytest.fixture(scope="module")
def mackey_glass():
    """At every 0.05 of 200 units of time, after the transient."""
    return series.mackey_glass(np.arange(4000) * 0.05)


def test_mackey_glass_obeys_its_equation(mackey_glass):
    values, delay = mackey_glass[:, 0], 340
    slope = (values[2:] - values[:-2])[delay:] / 0.1
    now, delayed = values[1 + delay : -1], values[1 : -1 - delay]
    residual = slope - (0.2 * delayed / (1 + delayed**10) - 0.1 * now)
    assert np.abs(residual).max() < 3e-5 and np.abs(slope).max() > 0.05
    assert series.mackey_glass_slope(jnp.array(1.0), jnp.array(1.0)) == 0  # its fixed point


def test_mackey_glass_oscillates_within_its_range(mackey_glass):
    assert mackey_glass.shape == (4000, 1) and mackey_glass.dtype == np.float64
    assert 0.2 < mackey_glass.min() < 0.6 and 1.2 < mackey_glass.max() < 1.4
    assert 3 <= np.sum((mackey_glass[1:] > 0.9) & (mackey_glass[:-1] <= 0.9)) <= 6  # a period is about 50


def test_mackey_glass_starts_with_the_closed_form(monkeypatch):
    """Over the first delay the delayed value is 1.2, and dx/dt = b - 0.1 x is solved by hand."""
    monkeypatch.setitem(series.TRANSIENT, "mackey_glass", 0.0)
    times = np.arange(0, 40, 0.5)
    values = series.mackey_glass(times)[:, 0]
    rest = 0.2 * 1.2 / (1 + 1.2**10) / 0.1
    first = times <= 17
    np.testing.assert_allclose(values[first], rest + (1.2 - rest) * np.exp(-0.1 * times[first]), atol=1e-9)
    assert np.abs(series.mackey_glass(times, tolerance=1e-6)[:, 0] - values).max() < 1e-4


def test_series_repeat_exactly_whatever_the_sampling(mackey_glass):
    times = configs.build(chaos.ChaosConfig, yaml.safe_load(TINY)).mackey_glass.times
    values = series.mackey_glass(times)
    np.testing.assert_array_equal(values, series.mackey_glass(times))
    np.testing.assert_allclose(values, mackey_glass[: 40 * len(times) : 40], atol=1e-7)
    assert jnp.ones(1).dtype == jnp.float32  # float64 was for the solver only


def correlation(a, b):
    return np.mean((a - a.mean()) * (b - b.mean())) / (a.std() * b.std())


def test_the_noise_is_as_strong_as_asked_and_belongs_to_its_seed():
    values = np.random.default_rng(9).normal(size=(20000, 2)) * [1.0, 50.0]
    noisy = series.add_noise(values, 0.3, seed=1)
    np.testing.assert_allclose((noisy - values).std(axis=0) / values.std(axis=0), 0.3, rtol=0.02)
    np.testing.assert_array_equal(noisy, series.add_noise(values, 0.3, seed=1))
    assert np.abs(correlation(*(noisy - values).T)) < 0.03
    other = series.add_noise(values, 0.3, seed=2)
    assert np.abs(correlation((noisy - values)[:, 0], (other - values)[:, 0])) < 0.03
    np.testing.assert_array_equal(series.add_noise(values, 0.0, seed=1), values)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"train": 0}, "train must be an integer of at least 1"),
        ({"test": 0}, "test must be"),
        ({"interval": 0.0}, "interval must be above 0"),
        ({"noise": -0.1}, "noise must be at least 0"),
        ({"noise": float("nan")}, "noise must be at least 0"),
    ],
)
def test_samplings_that_do_not_exist_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        series.Sampling(**{"train": 3, "test": 3, "interval": 1.0, "noise": 0.0, **change})


# the training


CELL = lj.Readout(lj.LSTM(1, 3), 1)  # its state is more than one array


def waves(copies=3, time=20):
    phases = np.arange(copies)
    return np.sin(0.5 * np.arange(time)[:, None] + phases)[..., None]


def copy_of(params, copy):
    return jax.tree.map(lambda leaf: leaf[copy], params)


def test_training_is_the_plain_loop_for_each_copy(x64):
    data, rates, params = waves(), np.array([0.01, 0.02, 0.0]), next_step.init(CELL, 3)
    reports = []
    trained = next_step.train(
        CELL, params, data, rates, epochs=45, dt=0.5, on_chunk=lambda epoch, errors, _: reports.append((epoch, errors))
    )
    assert [epoch for epoch, _ in reports] == [*range(2, 45, 2), 45]

    @jax.jit
    def epoch(params, memory, data, rate):
        def loss(params):
            return jnp.mean((lj.unroll(CELL, params, data[:-1], 0.5)[1] - data[1:]) ** 2)

        error, gradient = jax.value_and_grad(loss)(params)
        updates, memory = optax.adam(rate).update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory, error

    for copy in range(3):
        expected = CELL.init(jax.random.key(copy))
        memory, error = optax.adam(0.0).init(expected), jnp.nan
        for _ in range(45):
            expected, memory, error = epoch(expected, memory, data[:, copy], rates[copy])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), copy_of(trained, copy), expected)
        assert reports[-1][1][copy] == pytest.approx(float(error), rel=1e-9)
    assert reports[-1][1][0] < 0.5 * reports[0][1][0]
    jax.tree.map(np.testing.assert_array_equal, copy_of(trained, 2), copy_of(params, 2))  # a rate of 0


def test_a_stopped_training_ends_after_the_chunk(x64):
    data, rates, epochs, asked = waves(), np.full(3, 0.01), [], []

    def stop():
        return asked.append(1) or len(asked) == 3

    stopped = next_step.train(
        CELL,
        next_step.init(CELL, 3),
        data,
        rates,
        epochs=2000,
        dt=0.5,
        stop=stop,
        on_chunk=lambda epoch, *_: epochs.append(epoch),
    )
    assert epochs == [50, 100, 150]  # and not a twentieth of any number of epochs
    whole = next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=150, dt=0.5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), stopped, whole)


def test_a_copy_that_diverges_leaves_the_others_alone(x64):
    data, rates = waves(3), np.array([0.01, 0.01, 1e308])
    alone = next_step.train(CELL, next_step.init(CELL, 2), data[:, :2], rates[:2], epochs=4, dt=1.0)
    beside = next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=4, dt=1.0)
    assert np.isnan(copy_of(beside, 2).linear.bias).all()
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b[:2], atol=1e-10), alone, beside)


@pytest.mark.parametrize("cell", [CELL, lj.Readout(lj.HasaniLTC(1, 3, lj.Euler()), 1)])
def test_a_free_running_forecast_is_the_loop_over_its_own_predictions(cell, x64):
    data, params, starts = waves(), next_step.init(cell, 3), np.array([2, 11, 20])
    forecasts = next_step.free_run(cell, params, data, starts, 6, 0.3)
    predicted = next_step.predict(cell, params, data, 0.3)
    assert forecasts.shape == (6, 3, 3, 1) and predicted.shape == (19, 3, 1)
    for copy in range(3):
        own = copy_of(params, copy)
        for number, start in enumerate(starts):
            state, output = cell.initial_state(), data[0, copy]
            for point in data[:start, copy]:
                state, output = lj.step(cell, own, state, point, 0.3)
            for step in range(6):
                np.testing.assert_allclose(forecasts[step, number, copy], output, atol=1e-10)
                state, output = lj.step(cell, own, state, output, 0.3)
            if start < len(data):  # the first point of a forecast is the prediction of the next point
                np.testing.assert_allclose(forecasts[0, number, copy], predicted[start - 1, copy], atol=1e-10)


@pytest.mark.parametrize(
    "data, rates, message",
    [
        (waves(2), np.ones(3), r"series must be \(time >= 2, copies = 3, inputs of the cell = 1 = its outputs = 1\)"),
        (waves()[:1], np.ones(3), "series must be"),
        (waves()[..., 0], np.ones(3), "series must be"),
        (waves()[..., [0, 0]], np.ones(3), "series must be"),
        (waves(), np.ones(2), r"learning_rates must be \(copies,\) = \(3,\)"),
        (
            np.where(np.arange(60).reshape(20, 3, 1) == 31, np.nan, 1.0),
            np.ones(3),
            "got nan at time step 10, sample 1, 0",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(data, rates, message):
    with pytest.raises(ValueError, match=message):
        next_step.train(CELL, next_step.init(CELL, 3), data, rates, epochs=1, dt=1.0)


# the floors


def task_of(values, train, fit, starts, horizon):
    """A task with one seed and one dimension."""
    return forecasters.Task(np.array(values, float)[:, None, None], train, fit, np.array(starts), horizon)


def test_ridge_is_the_minimum_of_its_cost():
    rng = np.random.default_rng(0)
    features, targets = rng.normal(size=(30, 4)) + 2, rng.normal(size=(30, 2)) - 1
    for penalty, model in zip((0.1, 10.0), ridge.fit(features, targets, (0.1, 10.0)), strict=True):

        def cost(weight, bias, penalty=penalty):
            return ((features @ weight + bias - targets) ** 2).sum() + penalty * (weight**2).sum()

        least = cost(*model)
        for _ in range(20):
            assert cost(model.weight + 1e-3 * rng.normal(size=(4, 2)), model.bias) > least
            assert cost(model.weight, model.bias + 1e-3 * rng.normal(size=2)) > least


def test_windows_hold_the_past_and_nothing_else():
    values = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0], [4.0, 40.0]])
    np.testing.assert_array_equal(ridge.windows(values, 3), [[1, 10, 2, 20, 3, 30], [2, 20, 3, 30, 4, 40]])


def test_ridge_finds_a_linear_recurrence_and_goes_on_with_it():
    values = np.cos(0.7 * np.arange(60))  # x(t) = 2 cos 0.7 x(t - 1) - x(t - 2)
    task = task_of(values, train=30, fit=20, starts=[30, 33], horizon=20)
    made = forecasters.ridge_regression(task, longest_window=9)
    assert made.parameters in (3, 5, 10)  # windows of 2, 4 and 9; one point is not enough
    window = made.parameters - 1
    assert np.isnan(made.predicted[: window - 1]).all()
    np.testing.assert_allclose(made.predicted[window - 1 :, 0, 0], values[window:], atol=1e-4)
    np.testing.assert_allclose(made.forecasts[:, 0, 0, 0], values[30:50], atol=1e-3)
    np.testing.assert_allclose(made.forecasts[:, 1, 0, 0], values[33:53], atol=1e-3)
    row = scores.judge({"ridge": made}, task, task.series, 0.4, "some", "points", 1).rows[0]
    assert row.train_errors[0] < 1e-8 and row.valid_times == [20]


def test_the_window_is_chosen_on_the_held_out_part():
    rng = np.random.default_rng(0)
    values = np.zeros(400)
    for now in range(3, 400):
        values[now] = 0.9 * values[now - 3] + 0.1 * rng.normal()
    assert forecasters.ridge_regression(task_of(values, 300, 200, [300], 5), longest_window=3).parameters == 4
    assert forecasters.ridge_regression(task_of(np.tile([1.0, -1.0], 20), 30, 20, [30], 5), 1).parameters == 2


def test_scores_by_hand():
    """Persistence on 0, 1, 3, 3, 5, 4 with 3 points to train: every number of the table can be counted."""
    task = task_of([0, 1, 3, 3, 5, 4], train=3, fit=2, starts=[3, 4], horizon=2)
    truth = task.series + 0.5
    made = {"persistence": forecasters.persistence(task)}
    study = scores.judge(made, task, truth, threshold=1.0, title="some", unit="days", units_per_step=10)
    row = study.rows[0]
    assert row.train_errors == [(1 + 4) / 2]
    assert row.test_errors == [(0 + 4 + 1) / 3]
    # From point 3 on 3, 3 against 3.5, 5.5: one point is right; from point 4 on 3, 3 against 5.5, 4.5: none.
    assert row.valid_times == [10 * 0.5]
    assert study.noise_errors == [0.25] and study.longest == 20
    assert "| 2.5000 (2.5000-2.5000) | 1.6667 (1.6667-1.6667) |" in scores.table(study)
    assert "| 5.0 (5.0-5.0) |" in scores.table(study).replace("  ", "")


def test_a_forecast_that_is_lost_is_not_found_again():
    errors = np.array([[0.1, 0.1, 0.9, np.nan], [0.1, 0.9, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1]])[..., None]
    np.testing.assert_array_equal(scores.valid_steps(errors, 0 * errors, threshold=0.4), [3, 1, 0, 0])
    both = np.array([[[0.6, 0.0]]])  # root mean square 0.42 over two dimensions
    assert scores.valid_steps(both, 0 * both, 0.4) == 0 and scores.valid_steps(both, 0 * both, 0.43) == 1


def test_the_lowest_median_wins_and_divergence_never():
    errors = np.array([[1.0, 1.0, 9.0], [2.0, 2.0, 2.0], [0.0, np.nan, np.nan], [0.5, 0.6, np.nan]])
    assert forecasters._ranking(errors) == [3, 0, 1]
    assert forecasters._ranking(errors[2:3]) == []


# the networks


def test_nothing_is_learnt_from_the_test_section():
    values = np.concatenate([waves(2, 30), 100 + 0 * waves(2, 10)]).astype(float)
    other = values.copy()
    other[30:] = -7

    def made(series):
        task = forecasters.Task(series, train=30, fit=20, starts=np.array([30]), horizon=4)
        return forecasters.network(CELL, task, [0.001, 0.03], 10, 0.1, lambda epoch, error, seconds: None)

    first, second = made(values), made(other)
    assert first is not None and second is not None
    assert first.learning_rate == second.learning_rate == 0.03
    np.testing.assert_array_equal(first.predicted[:30], second.predicted[:30])
    np.testing.assert_array_equal(first.forecasts, second.forecasts)
    assert np.abs(first.predicted[30:] - second.predicted[30:]).max() > 1e-3


@pytest.mark.parametrize("diverging", [(0.03,), (0.03, 0.001)])
def test_a_rate_that_diverges_on_the_whole_section_is_passed_over(diverging, monkeypatch):
    train = next_step.train

    def spoilt(cell, params, series, learning_rates, **options):
        trained = train(cell, params, series, learning_rates, **options)
        spoil = len(series) == 30 and learning_rates[0] in diverging
        return jax.tree.map(lambda leaf: leaf * np.nan, trained) if spoil else trained

    monkeypatch.setattr(next_step, "train", spoilt)
    task = forecasters.Task(waves(2, 40), train=30, fit=20, starts=np.array([30]), horizon=4)
    arguments = CELL, task, [0.001, 0.03], 10, 0.1, lambda epoch, error, seconds: None
    if len(diverging) == 1:
        made = forecasters.network(*arguments)
        assert made is not None and made.learning_rate == 0.001
    else:
        with pytest.raises(FloatingPointError, match=r"diverged with all learning rates from 0\.001; try lower ones"):
            forecasters.network(*arguments)


def test_t4_sizes_of_the_tutorial():
    """105 parameters of its liquid network; torch's LSTM has a second bias of 4 for each unit: 1,233, and 361."""
    cells = chaos.Networks().build(dimensions=1)
    counts = {name: parameter_count(cell) for name, cell in cells.items()}
    assert counts["liquid layer (8)"] == 105
    assert counts["LSTM (16)"] + 4 * 16 == 1233
    assert counts["LSTM (8)"] + 4 * 8 == 361
    for cell in cells.values():
        leaves = jax.tree.leaves(jax.eval_shape(cell.init, jax.random.key(0)))
        assert sum(leaf.size for leaf in leaves) == parameter_count(cell)
    liquid = cells["liquid layer (8)"].cell
    assert isinstance(liquid, lj.HasaniLTC) and liquid.integrator == lj.Euler(unfolds=1)
    assert chaos.ChaosConfig().networks.dt == 0.1 and chaos.ChaosConfig().seeds >= 5


# the command line


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run folder made by the command line, and what it printed."""
    place = tmp_path_factory.mktemp("chaos")
    (place / "tiny.yaml").write_text(TINY)
    with pytest.MonkeyPatch.context() as patch:
        printed, shown = [], []
        patch.setattr("builtins.print", lambda *text, file=None, **_: (shown if file else printed).append(*text))
        cli.main(["chaos", str(place / "tiny.yaml"), "--seeds", "5", "--folder", str(place / "run")])
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
    settings = configs.read(folder / "config.yaml", chaos.ChaosConfig)
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
        text = scores.table(scores.Study(**{**study, "rows": [scores.Row(**row) for row in study["rows"]]}))
        assert text in printed and text in (folder / "report.md").read_text()
    assert results["lorenz"]["unit"] == "Lyapunov times"
    assert results["lorenz"]["longest"] == pytest.approx(6 * 0.05 * 0.9056)
    assert "Lorenz, LSTM (3)" in shown and "epoch 6/6  error 0." in shown


def test_a_run_repeats_exactly(run, tmp_path):
    folder, _, _ = run
    settings = configs.read(folder / "config.yaml", chaos.ChaosConfig)
    again = chaos.run(settings, tmp_path / "again")
    results = json.loads((folder / "results.json").read_text())
    for name, study in again.studies.items():
        for row, recorded in zip(study.rows, results[name]["rows"], strict=True):
            assert {**row._asdict(), "seconds": 0} == {**recorded, "seconds": 0}


@pytest.mark.parametrize(
    "text, arguments, message",
    [
        ("", ["chaos", "x.yaml", "--folder", "."], "is not empty; choose another folder"),
        ("", ["chaos", "x.txt"], "x.txt must be a .yaml file"),
        ("epochz: 3", ["chaos", "x.yaml"], "unknown key `epochz`; did you mean `epochs`?"),
        ("seeds: 0", ["chaos", "x.yaml"], "seeds must be an integer of at least 1"),
        ("horizon: 1.0", ["chaos", "x.yaml"], "horizon must be between 0 and 1"),
        ("validation_share: 0.999", ["chaos", "x.yaml"], "sines must have more points: of train = 200, 0 are left"),
        ("validation_share: 0.001", ["chaos", "x.yaml"], "sines must have more points"),
        ("threshold: 0", ["chaos", "x.yaml"], "threshold must be above 0"),
        ("lorenz: {interval: 20.0}", ["chaos", "x.yaml"], "lorenz: (train + test) * interval must be at most 10,000"),
        ("lorenz: {train: 1000000}", ["chaos", "x.yaml"], "lorenz: train must be at most 100000"),
        ("sines: {noise: -.1}", ["chaos", "x.yaml"], "sines: noise must be at least 0 and finite, got -0.1"),
        ("threshold: .inf", ["chaos", "x.yaml"], "`threshold` must be float, a decimal number such as 0.5, got str"),
        ("seeds: -1", ["chaos", "x.yaml"], "seeds must be an integer of at least 1, got -1"),
        ("networks: {units: 100000000}", ["chaos", "x.yaml"], "networks: units must be at most 1024"),
        ("longest_window: 2000", ["chaos", "x.yaml"], "longest_window must be at most 1024"),
        ("networks: {large_units: 8}", ["chaos", "x.yaml"], "large_units must differ from units"),
        ("networks: {dt: 0}", ["chaos", "x.yaml"], "networks: dt must be above 0"),
        ("networks: {unfolds: 0}", ["chaos", "x.yaml"], "unfolds must be an integer"),
        ("learning_rates: {lowest: 1}", ["chaos", "x.yaml"], "highest must be at least lowest = 1.0, got 0.1"),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(text, arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(forecasters, "network", None)  # what is not refused fails here, not after an hour
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(SystemExit) as stop:
        cli.main(arguments)
    error = capsys.readouterr().err
    assert stop.value.code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_divergence_names_the_network(tmp_path, monkeypatch):
    settings = configs.build(chaos.ChaosConfig, {})

    def diverge(*_):
        raise FloatingPointError("diverged")

    monkeypatch.setattr(forecasters, "network", diverge)
    with pytest.raises(FloatingPointError, match=r"Sum of sines, liquid layer \(8\): diverged"):
        chaos.run(settings, tmp_path / "run")


def test_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit):
        cli.main(["chaos", "--help"])
    out = capsys.readouterr().out
    assert "Example: liquidjax chaos configs/forecasting.yaml" in out
    for words in ("--lorenz.interval", "--networks.backbone-units", "Width of the CfC's backbone", "--learning-rates"):
        assert words in out


def test_the_config_that_is_shipped_is_the_default():
    assert configs.read("configs/forecasting.yaml", chaos.ChaosConfig) == chaos.ChaosConfig()


def test_bars_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress.bars(["Lorenz, LTC", "Lorenz, CfC"], epochs=10) as tick:
        tick("Lorenz, LTC", 5, 1.0, "error 0.1234")
    out, err = capsys.readouterr()
    assert "50%" in err and "error 0.1234" in err and "Lorenz, CfC" in err and not out


# the picture


def test_everything_is_drawn():
    rng = np.random.default_rng(0)
    names = ["LTC", "LSTM", "persistence"]
    values = {name: [0.1, 0.3, 0.2] for name in names}
    figure = plots.forecasts(
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
    ax = plots.plot_spread({"LTC": [0.1, 0.4, 0.2]}, Figure().subplots())
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [0.2, 0.2])
    np.testing.assert_array_equal(np.asarray(ax.collections[0].get_offsets())[:, 0], [0.1, 0.4, 0.2])
