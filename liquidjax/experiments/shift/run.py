"""The experiment: every design on every task, side by side on the cores; what is finished is kept in the run folder."""

import functools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from liquidjax import _files
from liquidjax.experiments.shared import pairs as of_pairs
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.pairs import Key, Result
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shift import conditions, study, tasks
from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS
from liquidjax.experiments.shift.report import report
from liquidjax.experiments.shift.study import Pair
from liquidjax.experiments.shift.summary import complete

PICTURES = {"rates": "rates.png", "lost": "lost.png", "profiles": "profiles.png"}


def run(
    config: ShiftConfig,
    folder: Path,
    callback: Callback = lambda job, done, seconds, numbers: None,
    stop: Callable[[], bool] = lambda: False,
    resume: bool = False,
) -> Result:
    """Trains and tests whatever is not finished, and writes the run folder.

    The folder gets config.yaml, results.json (every score of every seed), report.md and three pictures, when there is a
    design that is finished on every task. Until the end each finished pair of a design and a task is a file of its own
    in `checkpoints`, and is not computed again where a run goes on.

    Args:
        config: what to do.
        folder: where to write; to begin, it may exist if it is empty.
        callback: called for each finished pair with the task and how many of its designs are finished.
        stop: asked after each batch; when it says True, what is not finished is left.
        resume: whether it goes on in the folder of a run.

    Raises:
        ImportError: matplotlib, scikit-learn or aeon is not installed.
        ValueError: the folder is not empty; or is none that this run can go on in.
        FloatingPointError: a design diverged.
    """
    run_folder.check_ready(folder, resume)
    wanted = [Key(task, design) for design in config.designs for task in config.tasks]
    compute = functools.partial(_computed, config, wanted, folder / run_folder.CHECKPOINTS, callback, stop)
    written = functools.partial(write, folder, config)
    return of_pairs.carried_out(config, folder, resume, wanted, compute, written)


def write(folder: Path, config: ShiftConfig, pairs: list[Pair], interrupted: str | None = None) -> None:
    """results.json, a line for each pair; and what can be said of those designs that are finished on every task."""
    of_pairs.write_pairs(folder / run_folder.RESULTS, pairs)
    if complete(config, pairs):
        from liquidjax.experiments.shift import figures  # with matplotlib

        for name, figure in figures.all_of(config, pairs).items():
            figure.savefig(folder / PICTURES[name])
        _files.write_text(folder / "report.md", report(config, pairs, interrupted))


def read(file: Path) -> list[Pair]:
    """The pairs of a results.json."""
    return of_pairs.read_pairs(Pair, file)


def _computed(
    config: ShiftConfig, wanted: list[Key], kept: Path, callback: Callback, stop: Callable[[], bool]
) -> list[Pair]:
    """All pairs that are finished, in the order of the designs."""
    lock = threading.Lock()

    @functools.cache
    def of_task(name: str):
        grid = config.grid
        task = tasks.load(name, config.series, config.test_series, grid.rates)
        return task, conditions.conditions(task, grid.lost, grid.burst, grid.jitter, grid.noise)

    def compute(key: Key) -> Pair | None:
        with lock:
            task, asked = of_task(key.task)
        return study.compute(task, asked, DESIGNS[key.design], config, stop)

    def say(pair: Pair) -> str:
        return f"{pair.design}: clean accuracy {np.mean(pair.scores['told']['clean 1']):.3f}"

    return of_pairs.computed(Pair, wanted, compute, kept, say, callback, stop)
