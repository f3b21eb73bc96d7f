"""`liquidjax sweep`: one configuration, trained many times."""

import contextlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import tyro

from liquidjax.commands.beginning import tune
from liquidjax.commands.words import notice, quoted
from liquidjax.experiments.shared import arguments as given
from liquidjax.experiments.shared.interruption import interruptible
from liquidjax.experiments.shared.progress import Callback, bars
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.sweep import job as sweep_job
from liquidjax.experiments.sweep import report as sweep_report
from liquidjax.experiments.sweep import run as sweep_run
from liquidjax.experiments.sweep import space as sweep_space
from liquidjax.experiments.sweep.config import Sweep


def sweep(
    settings: Annotated[SupervisedConfig, given.FLAT],
    config: tyro.conf.Positional[Path],
    space: Path,
    search: Annotated[Sweep, given.FLAT] = Sweep(),
    storage: str | None = None,
    study: str | None = None,
    folder: Path | None = None,
) -> int:
    """Train a configuration many times, with settings drawn from a space by Optuna, and find the best of them.

    The same command, started once more or on another device, is one more worker of the same study. Ctrl-C stops a
    worker after the step that it is at and saves; so does SIGTERM. What a worker has left, by these or by a kill, is
    taken up again by the next that looks. The networks to compare with are not trained.

    Example: liquidjax sweep configs/digits.yaml --space space.yaml --trials 20

    Args:
        config: YAML file with the settings that all trials have in common; the options below override it.
        space: YAML file of what varies: settings with dots, each with a list of choices or a range such as
            {low: 1e-4, high: 0.1, log: true}.
        storage: A journal file (.journal) on a disk of this machine, or a database that Optuna knows, such as
            postgresql+psycopg://user@host/database; a journal in the folder when left out.
        study: Name of the study in the storage; that of the configuration when left out.
        folder: Where to write the runs of all trials, the same for all workers; sweeps/<study> when left out.
    """
    name = _study_name(config, study)
    place = Path("sweeps") / name if folder is None else folder
    with interruptible(saves=True) as stop:
        job = sweep_job.Job(settings, sweep_space.read(space, settings), search, place, name, storage)
        if settings.training.tune_cpu and search.trials:
            tune()
        ready = sweep_job.ready(job)
        if search.trials:
            plan = sweep_report.plan(ready.total, search.seeds, ready.measure)
            print(f"{plan}; writing to {quoted(place)}", flush=True)
        result = sweep_run.run(ready, _bar, stop, lambda line: print(line, flush=True), notice)
    print(f"\n{sweep_report.table(result.table)}")
    print(f"All trials (report.md) are in {quoted(place)}; liquidjax runs {quoted(place)} lists them as runs")
    if result.interrupted:
        print("To go on: the same command")
    elif result.table.best is not None:
        print(f"Next: liquidjax train {quoted(place / sweep_run.BEST)}")
    return stop.status


def _study_name(config: Path, study: str | None) -> str:
    """The name of a study, which is one of a folder too.

    Raises:
        ValueError: it is none.
    """
    name = config.stem if study is None else study
    if not re.fullmatch(r"[\w][\w.-]{0,99}", name):
        raise ValueError(f"--study must be a name of letters, digits, points and dashes, got {name[:60]!r}")
    return name


@contextlib.contextmanager
def _bar(name: str, epochs: int) -> Iterator[Callback]:
    """A bar on a terminal; elsewhere a trial is a line when it has ended, for there are many."""
    if sys.stderr.isatty():
        with bars([name], epochs) as callback:
            yield callback
    else:
        yield lambda *_: None
