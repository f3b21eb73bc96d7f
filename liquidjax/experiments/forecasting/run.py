"""Liquid networks and LSTMs forecast noisy series, two of them chaotic, beside ridge regression and persistence."""

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax import _files
from liquidjax._bounds import check_count, check_positive
from liquidjax._types import Cell
from liquidjax.cells.cfc import CfC
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.forecasting import baselines as forecasters
from liquidjax.experiments.forecasting.baselines import Forecaster, Task
from liquidjax.experiments.forecasting.metrics import Study, judge, spread, table
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted
from liquidjax.integrators import Euler, SemiImplicit
from liquidjax.tasks.series import SYSTEMS, Sampling, add_noise
from liquidjax.wirings import FullyConnected

Show = Callable[[str, int, float, float], None]
"""Called with the job (see `jobs`), its epochs done, the median training error, and its seconds so far."""


@dataclass(frozen=True)
class Networks:
    """The networks, each with a linear readout of all its neurons. All start from the same seeds."""

    units: int = 8
    """Neurons of the liquid layer, the LTC, the CfC and the smaller LSTM."""
    large_units: int = 16
    """Units of the larger LSTM."""
    unfolds: int = 3
    """Solver steps of the LTC within a time step; the liquid layer takes one, of Euler's."""
    backbone_units: int = 27
    """Width of the CfC's backbone."""
    dt: float = 0.1
    """Duration of a time step for the liquid layer, the LTC and the CfC, in the unit of their time constants."""

    def __post_init__(self):
        for name, most in (("units", 1024), ("large_units", 1024), ("unfolds", 1000), ("backbone_units", 1024)):
            check_count(name, getattr(self, name), 1, most)
        check_positive("dt", self.dt)
        if self.large_units == self.units:
            raise ValueError(f"large_units must differ from units, got {self.units} for both")
        self.build(dimensions=1)  # what a cell refuses is refused here

    def build(self, dimensions: int) -> dict[str, Readout]:
        """The networks for a series of so many dimensions.

        Example:
            >>> list(Networks().build(dimensions=1))
            ['liquid layer (8)', 'LTC (8)', 'CfC (8)', 'LSTM (8)', 'LSTM (16)']
        """
        units = self.units
        # The readout is the LTC's output mapping.
        ltc = LTC(dimensions, FullyConnected(units), SemiImplicit(self.unfolds), output_mapping=None)
        cells: dict[str, Cell] = {
            f"liquid layer ({units})": HasaniLTC(dimensions, units, Euler()),
            f"LTC ({units})": ltc,
            f"CfC ({units})": CfC(dimensions, units, backbone_units=self.backbone_units),
            f"LSTM ({units})": LSTM(dimensions, units),
            f"LSTM ({self.large_units})": LSTM(dimensions, self.large_units),
        }
        return {name: Readout(cell, dimensions) for name, cell in cells.items()}


@dataclass(frozen=True)
class LearningRates:
    """What every network chooses its learning rate from: a geometric row."""

    lowest: float = 0.0003
    """The first of them."""
    highest: float = 0.1
    """The last of them."""
    count: int = 6
    """How many there are."""

    def __post_init__(self):
        check_count("count", self.count, 1, 100)
        check_positive("lowest", self.lowest)
        check_positive("highest", self.highest)
        if self.lowest > self.highest:
            raise ValueError(f"highest must be at least lowest = {self.lowest}, got {self.highest}")

    @property
    def values(self) -> np.ndarray:
        """The rates, (count,)."""
        return np.geomspace(self.lowest, self.highest, self.count)


@dataclass(frozen=True)
class ChaosConfig:
    """Which series are forecast by whom, and how that is judged."""

    sines: Sampling = Sampling(train=200, test=100, interval=0.1, noise=0.05)
    """sin t + 0.5 sin 2.3 t + 0.3 sin 3.7 t."""
    lorenz: Sampling = Sampling(train=600, test=400, interval=0.05, noise=0.05)
    """The Lorenz system, all three coordinates."""
    mackey_glass: Sampling = Sampling(train=600, test=400, interval=2.0, noise=0.05)
    """The Mackey-Glass equation with a delay of 17."""
    networks: Networks = Networks()
    learning_rates: LearningRates = LearningRates()
    validation_share: float = 0.25
    """Last share of the training section, by which learning rates and the penalty of ridge regression are chosen."""
    epochs: int = 1000
    """Steps of Adam, each on the whole training section, for the choice and again for the training after it."""
    seeds: int = 5
    """How many times everything is repeated; a seed draws the initial parameters and the noise."""
    longest_window: int = 64
    """Past points ridge regression sees at most; it chooses from this, half of it, a quarter and so on to 1."""
    horizon: float = 0.6
    """Length of a free-running forecast, as a share of the test section."""
    starts: int = 10
    """Points where such forecasts start, evenly spread from the first of the test section to the last possible one."""
    threshold: float = 0.4
    """Error that ends a valid forecast, in standard deviations of the series."""

    def __post_init__(self):
        most = {"epochs": 1_000_000, "seeds": 100, "longest_window": 1024, "starts": 1000}
        for name, largest in most.items():
            check_count(name, getattr(self, name), 1, largest)
        for name in ("validation_share", "horizon", "threshold"):
            check_positive(name, getattr(self, name))
        for name in ("validation_share", "horizon"):
            if getattr(self, name) >= 1:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        for name in SYSTEMS:
            sampling: Sampling = getattr(self, name)
            fit, horizon = self.sections(sampling)
            if not 2 * self.longest_window <= fit < sampling.train or horizon < 1:
                raise ValueError(
                    f"{name} must have more points: of train = {sampling.train}, {fit} are left to fit, "
                    f"at least {2 * self.longest_window} for the longest window, and "
                    f"{sampling.train - fit} to validate; of test = {sampling.test}, {horizon} are the "
                    "horizon"
                )

    def sections(self, sampling: Sampling) -> tuple[int, int]:
        """(points of the training section before its validation part, points of a free-running forecast)."""
        fit = sampling.train - round(self.validation_share * sampling.train)
        return fit, round(self.horizon * sampling.test)


class Result(NamedTuple):
    """The run folder, and a study for each series by its name in the configuration; interrupted: where, if it was."""

    folder: Path
    studies: dict[str, Study]
    interrupted: str | None = None


def jobs(config: ChaosConfig) -> list[str]:
    """What is trained, in this order: the series and the network.

    Example:
        >>> jobs(ChaosConfig())[:2]
        ['Sum of sines, liquid layer (8)', 'Sum of sines, LTC (8)']
    """
    return [_job(name, network) for name in SYSTEMS for network in config.networks.build(dimensions=1)]


def _job(name: str, network: str) -> str:
    return f"{SYSTEMS[name].title}, {network}"


def run(
    config: ChaosConfig,
    folder: Path,
    show: Show = lambda job, epoch, error, seconds: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Makes the series, trains the networks and writes the run folder.

    The folder gets config.yaml (every setting), results.json (errors and valid times of every seed), report.md (the
    tables) and a picture of each series (sines.png and so on). Where `stop` ended it, they hold the networks trained to
    their end, and interrupted.txt says so.

    Args:
        config: what to do.
        folder: where to write; it may exist if it is empty.
        show: called now and then during the training.
        stop: asked as often; when it says True, the run ends there.

    Returns:
        The comparisons, as far as they came.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the folder is not empty.
        FloatingPointError: a network diverged.
    """
    # What is not installed is noticed here, not after the training.
    import liquidjax.plots  # noqa: F401

    begin(folder)
    _files.write_text(folder / "config.yaml", configs.to_yaml(config))
    studies, interrupted = {}, None
    for name in SYSTEMS:
        task, truth = realise(config, name)
        made: dict[str, Forecaster] = {}
        for network, cell in config.networks.build(dimensions=truth.shape[2]).items():
            job, rates = _job(name, network), config.learning_rates.values.tolist()
            on_chunk = functools.partial(show, job)
            try:
                trained = forecasters.network(cell, task, rates, config.epochs, config.networks.dt, on_chunk, stop)
            except FloatingPointError as error:
                raise FloatingPointError(f"{job}: {error}") from error
            if trained is None:
                interrupted = f"Interrupted in the training of {job}."
                break
            made[network] = trained
        if interrupted and not made:
            break
        made["ridge regression"] = forecasters.ridge_regression(task, config.longest_window)
        made["persistence"] = forecasters.persistence(task)
        system, interval = SYSTEMS[name], getattr(config, name).interval
        step = interval / system.unit_length
        studies[name] = study = judge(made, task, truth, config.threshold, system.title, system.unit, step)
        _draw(folder / f"{name}.png", task, truth, made, study)
        if interrupted:
            break
    if interrupted:
        mark_interrupted(folder, interrupted)
    plain = {
        name: {**study._asdict(), "rows": [row._asdict() for row in study.rows]} for name, study in studies.items()
    }
    _files.write_text(folder / "results.json", json.dumps(plain, indent=2) + "\n")
    _files.write_text(folder / "report.md", report(config, studies, interrupted))
    return Result(folder, studies, interrupted)


def realise(config: ChaosConfig, name: str) -> tuple[Task, np.ndarray]:
    """The task of a series, and the series without noise; both standardised by the training section of each seed."""
    sampling: Sampling = getattr(config, name)
    fit, horizon = config.sections(sampling)
    clean = SYSTEMS[name].solve(sampling.times)
    noisy = np.stack([add_noise(clean, sampling.noise, seed) for seed in range(config.seeds)], axis=1)
    mean, deviation = noisy[: sampling.train].mean(axis=0), noisy[: sampling.train].std(axis=0)
    last = sampling.train + sampling.test - horizon
    starts = np.linspace(sampling.train, last, config.starts).astype(int)
    task = Task((noisy - mean) / deviation, sampling.train, fit, starts, horizon)
    return task, (clean[:, None] - mean) / deviation


def section(config: ChaosConfig, name: str, study: Study) -> str:
    """The table of one series, with a heading and what has to be known to read it."""
    sampling: Sampling = getattr(config, name)
    horizon = config.sections(sampling)[1]
    return f"""## {study.title}

{sampling.train} points to train, {sampling.test} to test, one every {sampling.interval:g} units of time; noise of \
{sampling.noise:g} standard deviations.

{table(study)}

The noise alone makes a test error of {spread(study.noise_errors, 4)}. Forecasts have {horizon} points, so at most \
{study.longest:.1f} {study.unit} can be valid.
"""


def report(config: ChaosConfig, studies: dict[str, Study], interrupted: str | None = None) -> str:
    """The whole comparison as Markdown."""
    heading = "# Forecasts of noisy series\n\n"
    if interrupted:
        heading += f"{interrupted} What was not finished by then is missing.\n\n"
    rates = ", ".join(f"{rate:.2g}" for rate in config.learning_rates.values)
    text = f"""\
The numbers are medians over {config.seeds} seeds (lowest-highest); a seed draws the initial parameters and the noise.

* Errors: mean squared error of the prediction of the next point, noise included, from all points before it; in \
variances of the training section. The state goes from the training section into the test section.
* Valid: how long a network that is fed its own predictions stays within {config.threshold:g} standard deviations of \
the series without noise (root mean square over the dimensions); for each seed the median over {config.starts} starts.
* Training: Adam, full batch, {config.epochs} epochs, mean squared error. Each network chooses its learning rate from \
{rates}, by the median over all seeds of the error on the last {config.validation_share:.0%} of the training section, \
and is then trained from the start on all of it. Ridge regression chooses its penalty and its window, of up to \
{config.longest_window} points, in the same way; it is fitted and its train error counted where the window is full.
* A time step lasts {config.networks.dt:g} for the liquid layer, the LTC and the CfC. torch counts 4 more parameters \
for each unit of an LSTM, a second bias.
* Seconds: choice of the learning rate and training, all seeds at once, compilation included.

"""
    return (
        heading
        + text
        + "\n".join(
            f"{section(config, name, study)}\n![Forecasts of {study.title}]({name}.png)\n"
            for name, study in studies.items()
        )
    )


def _draw(path: Path, task: Task, truth: np.ndarray, made: dict[str, Forecaster], study: Study) -> None:
    """Draws the first dimension in the forecasts from the first start, and seed 0 of what was given before it."""
    from liquidjax import plots

    before = min(task.train, task.horizon // 4)
    shown = slice(task.train - before, task.train + task.horizon)
    figure = plots.forecasts(
        title=f"{study.title}: forecasts that are fed their own predictions",
        unit=study.unit,
        times=np.arange(-before, task.horizon) * study.longest / task.horizon,
        truth=truth[shown, 0, 0],
        observed=task.series[task.train - before : task.train, 0, 0],
        forecasts={
            name: forecaster.forecasts[:, 0, :, 0] for name, forecaster in made.items() if name != "persistence"
        },
        test_errors={row.network: row.test_errors for row in study.rows},
        noise_error=float(np.median(study.noise_errors)),
        valid_times={row.network: row.valid_times for row in study.rows},
    )
    figure.savefig(path)
