"""The comparison: for each series, networks, ridge regression and persistence."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax import _files
from liquidjax.experiments.forecasting import metrics, training
from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.forecasting.metrics import Study
from liquidjax.experiments.forecasting.report import report
from liquidjax.experiments.forecasting.task import Forecaster, Task
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted, write_results
from liquidjax.tasks.series import SYSTEMS, Sampling, add_noise


class Result(NamedTuple):
    """The run folder, and a study for each series by its name in the configuration; interrupted: where, if it was."""

    folder: Path
    studies: dict[str, Study]
    interrupted: str | None = None


def jobs(config: ForecastingConfig) -> list[str]:
    """What is trained, in this order: the series and the network.

    Example:
        >>> jobs(ForecastingConfig())[:2]
        ['Sum of sines, liquid layer (8)', 'Sum of sines, LTC (8)']
    """
    return [_job(name, network) for name in SYSTEMS for network in config.networks.build(dimensions=1)]


def _job(name: str, network: str) -> str:
    return f"{SYSTEMS[name].title}, {network}"


def run(
    config: ForecastingConfig,
    folder: Path,
    callback: Callback = lambda job, epoch, seconds, numbers: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Makes the series, trains the networks and writes the run folder.

    The folder gets config.yaml (every setting), results.json (errors and valid times of every seed), report.md (the
    tables) and a picture of each series (sines.png and so on). Where `stop` ended it, they hold the networks trained to
    their end, and interrupted.txt says so.

    Args:
        config: what to do.
        folder: where to write; it may exist if it is empty.
        callback: called now and then during the training.
        stop: asked as often; when it says True, the run ends there.

    Returns:
        The comparisons, as far as they came.

    Raises:
        ImportError: scikit-learn or matplotlib is not installed.
        ValueError: the folder is not empty.
        FloatingPointError: a network diverged.
    """
    from liquidjax.experiments.forecasting import baselines, figures  # with scikit-learn and matplotlib

    begin(folder, config)
    studies, interrupted = {}, None
    for name in SYSTEMS:
        task, truth = realise(config, name)
        forecasters: dict[str, Forecaster] = {}
        for network, cell in config.networks.build(dimensions=truth.shape[2]).items():
            job, rates = _job(name, network), config.learning_rates.values.tolist()
            report_error = functools.partial(_report_error, callback, job)
            try:
                trained = training.train(cell, task, rates, config.epochs, config.networks.dt, report_error, stop)
            except FloatingPointError as error:
                raise FloatingPointError(f"{job}: {error}") from error
            if trained is None:
                interrupted = f"Interrupted in the training of {job}."
                break
            forecasters[network] = trained
        if interrupted and not forecasters:
            break
        forecasters["ridge regression"] = baselines.ridge_regression(task, config.longest_window)
        forecasters["persistence"] = baselines.persistence(task)
        system, interval = SYSTEMS[name], getattr(config, name).interval
        step = interval / system.unit_length
        studies[name] = metrics.evaluate(forecasters, task, truth, config.threshold, system.title, system.unit, step)
        figures.write(folder / f"{name}.png", task, truth, forecasters, studies[name])
        if interrupted:
            break
    if interrupted:
        mark_interrupted(folder, interrupted)
    write_results(folder, studies)
    _files.write_text(folder / "report.md", report(config, studies, interrupted))
    return Result(folder, studies, interrupted)


def _report_error(callback: Callback, job: str, epoch: int, error: float, seconds: float) -> None:
    callback(job, epoch, seconds, f"error {error:.4f}")


def realise(config: ForecastingConfig, name: str) -> tuple[Task, np.ndarray]:
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
