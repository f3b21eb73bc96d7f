"""`liquidjax forecasting`, `gradient-memory`, `network-sizes`, `shift` and `control`: one command an experiment."""

import contextlib
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import tyro

from liquidjax.commands.beginning import folder_of, place_of, tune
from liquidjax.commands.words import count, quoted, say
from liquidjax.experiments.control import report as control_report
from liquidjax.experiments.control import run as control_run
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.forecasting import report as forecasting_report
from liquidjax.experiments.forecasting import run as forecasting_run
from liquidjax.experiments.forecasting.config import ForecastingConfig
from liquidjax.experiments.gradient_memory import report as gradient_memory_report
from liquidjax.experiments.gradient_memory import run as gradient_memory_run
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig
from liquidjax.experiments.network_sizes import report as network_sizes_report
from liquidjax.experiments.network_sizes import run as network_sizes_run
from liquidjax.experiments.network_sizes.config import NetworkSizesConfig
from liquidjax.experiments.shared import arguments as given
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.shared.progress import bars
from liquidjax.experiments.shift import report as shift_report
from liquidjax.experiments.shift import run as shift_run
from liquidjax.experiments.shift.config import ShiftConfig


def network_sizes(
    settings: Annotated[NetworkSizesConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
) -> int:
    """Count the networks of the NCP paper's size table (Lechner et al., 2020), after building and running each.

    Example: liquidjax network-sizes configs/network_sizes.yaml

    Args:
        config: YAML file with the settings, the defaults when left out; the options below override it.
        folder: Where to write the table, the numbers as JSON and a picture; nothing is written when left out.
    """
    with interruptible(saves=False):
        result = network_sizes_run.run(settings, folder)
    print(network_sizes_report.report(settings, result))
    if folder is not None:
        print(f"\nThe table, the numbers and a picture (sizes.png) are in {quoted(folder)}")
    return 0


def forecasting(
    config: tyro.conf.Positional[Path],
    settings: Annotated[ForecastingConfig, given.FLAT],
    folder: Path | None = None,
) -> int:
    """Forecast noisy series (sines, Lorenz, Mackey-Glass) with liquid networks and LSTMs, beside ridge regression.

    Ctrl-C stops it and keeps the networks that are trained.

    Example: liquidjax forecasting configs/forecasting.yaml --epochs 100

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        plan = f"{count(settings.epochs, 'epoch')} to choose learning rates and again"
        print(f"{count(settings.seeds, 'seed')}, {plan}; writing to {quoted(folder)}", flush=True)
        with bars(forecasting_run.jobs(settings), 2 * settings.epochs) as callback:
            result = forecasting_run.run(settings, folder, callback, stop)
    for name, study in result.studies.items():
        print(f"\n{forecasting_report.section(settings, name, study)}")
    if result.interrupted:
        print(f"{result.interrupted} What was finished by then is in {quoted(folder)}")
        print(f"To begin again: liquidjax forecasting {quoted(folder / 'config.yaml')}")
        return stop.status
    print(f"How to read the tables (report.md), every seed (results.json) and pictures are in {quoted(folder)}")
    return stop.status


def gradient_memory(
    config: tyro.conf.Positional[Path],
    settings: Annotated[GradientMemoryConfig, given.FLAT],
    folder: Path | None = None,
) -> int:
    """Measure what a gradient takes by each method (BPTT, Remat, ... Backsolve): memory, time and error.

    Every point is measured in a fresh process; on a machine with an accelerator, on it. Ctrl-C stops it and keeps what
    is measured so far.

    Example: liquidjax gradient-memory configs/gradient_memory.yaml --long-steps 0

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
    """
    with folder_of(config, folder) as folder, interruptible(saves=True) as stop:
        print(f"Writing to {quoted(folder)}", flush=True)
        result = gradient_memory_run.run(settings, folder, say, stop)
    if result.interrupted:
        print(f"\n{result.interrupted} They are in {quoted(folder / 'results.json')}")
        print(f"To begin again: liquidjax gradient-memory {quoted(folder / 'config.yaml')}")
        return stop.status
    print(f"\n{gradient_memory_report.report(settings, result)}")
    print(f"The tables (report.md), every number (results.json) and pictures are in {quoted(folder)}")
    return stop.status


def shift(
    settings: Annotated[ShiftConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
) -> int:
    """Train networks at one sampling of time and test them at others: rates, lost steps, jitter and noise.

    Ctrl-C stops it and keeps the designs that are finished on a task; it goes on with --resume.

    Example: liquidjax shift configs/shift.yaml

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
        resume: Folder of a run that did not come to its end, to go on in it, in the place of a configuration.
    """
    place = place_of("shift", config, folder, resume)
    run = functools.partial(shift_run.run, settings, resume=resume is not None)
    written = "All tables (report.md), every score (results.json) and pictures"
    return _of_designs("shift", settings, place, len(settings.designs), run, shift_report.headline, written)


def control(
    settings: Annotated[ControlConfig, given.FLAT],
    config: tyro.conf.Positional[Path | None] = None,
    folder: Path | None = None,
    resume: Path | None = None,
) -> int:
    """Imitate experts that balance poles and swim, from positions alone, and drive on with late, lost and noisy frames.

    Ctrl-C stops it and keeps the designs that are finished on a task; it goes on with --resume.

    Example: liquidjax control configs/control.yaml

    Args:
        config: YAML file with the settings; the options below override it.
        folder: Where to write the run; runs/<config>-<date>-<time> when left out.
        resume: Folder of a run that did not come to its end, to go on in it, in the place of a configuration.
    """
    place = place_of("control", config, folder, resume)
    run = functools.partial(control_run.run, settings, resume=resume is not None)
    written = "All tables (report.md), all numbers (results.json), pictures and a GIF"
    return _of_designs("control", settings, place, control_run.jobs(settings), run, control_report.headline, written)


def _of_designs(
    command: str,
    settings: Any,
    place: contextlib.AbstractContextManager[Path],
    jobs: Any,
    run: Callable[..., Any],
    headline: Callable[..., str],
    written: str,
) -> int:
    """A run of designs on tasks, with a bar for each task, and what it says at its end."""
    tune()
    with place as folder, interruptible(saves=True) as stop:
        designs = count(len(settings.designs), "design")
        print(f"{designs} on {count(len(settings.tasks), 'task')}; writing to {quoted(folder)}", flush=True)
        with bars(settings.tasks, jobs) as callback:
            result = run(folder, callback, stop)
    if table := headline(settings, result.pairs):
        print(f"\n{table}\n")
    if result.interrupted:
        print(f"{result.interrupted} They are in {quoted(folder)}")
        print(f"To go on: liquidjax {command} --resume {quoted(folder)}")
        return stop.status
    print(f"{written} are in {quoted(folder)}")
    return stop.status
