"""A worker of a sweep: takes up what another has left, draws what is missing, trains it, and reports."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from liquidjax import _files
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.sweep import job, report, storage, trial
from liquidjax.experiments.sweep.job import Ready
from liquidjax.experiments.sweep.report import Table
from liquidjax.experiments.sweep.study import PLACE, Study, Taken
from liquidjax.experiments.sweep.trial import Outcome

BEST = "best.yaml"
Shown = Callable[[str, int], contextlib.AbstractContextManager[Callback]]
"""Gives, for the name of a trial and its epochs, what is called after each epoch."""


class Result(NamedTuple):
    """The trials of the study; interrupted: whether this worker was stopped."""

    table: Table
    interrupted: bool = False


def run(
    ready: Ready,
    shown: Shown,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda line: None,
    notice: Callable[[str], None] = lambda line: None,
) -> Result:
    """Works at a sweep until there is nothing left to begin; any number of processes may do so at once.

    The folder gets a run folder for each trial, base.yaml and space.yaml (what was asked for), best.yaml (the settings
    to train with), report.md and pictures.

    Args:
        ready: what is asked for; of 0 trials nothing is trained.
        shown: of the progress of a trial.
        stop: asked after each batch; when it says True, the trial is saved and can be taken up again.
        say: is told of each trial that ended.
        notice: is told what a person should know.

    Returns:
        All trials of the study, those of other workers too.

    Raises:
        ConnectionError: the storage cannot be reached; what was trained is kept.
        ImportError: the driver of the database is not installed.
        OSError: the data cannot be read, or a folder cannot be written.
        ValueError: the study or the folder is another's.
    """
    if sentence := storage.warning(ready.job.url):
        notice(sentence)
    with contextlib.closing(Study(ready)) as study:
        while ready.total and (taken := study.next(stop, notice)) is not None:
            with taken.claim:
                _work(ready, study, taken, shown, stop, say, notice)
            jax.clear_caches()  # programs of settings that will not come again
        return Result(_written(ready, study, pictures=not stop()), stop())


def _work(
    ready: Ready,
    study: Study,
    taken: Taken,
    shown: Shown,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    notice: Callable[[str], None],
) -> None:
    """Trains a trial, and tells the study how it ended."""
    name = report.trial_name(taken.number)
    folder = ready.job.folder / name
    study.note(taken, PLACE, str(folder))
    if taken.again:
        say(f"{name}: taken up again, for its worker has ended; it had told {len(taken.before)} epochs")
    with taken.claim.alive(lambda key, value: study.note(taken, key, value)):
        outcome = _trained(ready, study, taken, folder, shown, stop, notice)
    if outcome.state == "interrupted":
        say(f"{name}: stopped and saved; the same command, or another worker, takes it up again")
        return
    study.tell(taken, outcome)
    score = f"{ready.measure.name} {report.figure(outcome.value)}" if outcome.state == "complete" else outcome.state
    why = f" ({outcome.reason})" if outcome.reason else ""
    say(f"{name}: {score}{why}; {report.settings(taken.params)}")


def _trained(
    ready: Ready,
    study: Study,
    taken: Taken,
    folder: Path,
    shown: Shown,
    stop: Callable[[], bool],
    notice: Callable[[str], None],
) -> Outcome:
    try:
        config = ready.config(taken.params)
    except ValueError as error:
        return Outcome("failed", reason=str(error))
    with shown(folder.name, config.training.epochs) as progress:
        return trial.train(
            config,
            folder,
            ready.measure,
            lambda epoch, value: study.report(taken, epoch, value),
            lambda network, epoch, seconds, numbers: progress(folder.name, epoch, seconds, numbers),
            stop,
            notice,
        )


def _written(ready: Ready, study: Study, pictures: bool) -> Table:
    """All trials, and what is said of them in the folder."""
    found: list[Table] = []

    def look(optuna_study: Any) -> None:
        folder = ready.job.folder
        table = report.table_of(optuna_study, ready.measure, ready.job.space)
        report.write(folder, ready.job.study, table, optuna_study if pictures else None)
        if table.best is not None:
            _files.write_text(folder / BEST, job.best_yaml(ready.job, dict(table.best.params)))
        found.append(table)

    study.looked_at(look)
    return found[0]
