"""The experiment: every design on every task, side by side on the cores; what is finished is kept in the run folder."""

import functools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from liquidjax import _files
from liquidjax.experiments.control import study, summary, tasks
from liquidjax.experiments.control.config import TOGETHER, ControlConfig
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS
from liquidjax.experiments.control.faults import Faults
from liquidjax.experiments.control.report import report
from liquidjax.experiments.control.study import Pair
from liquidjax.experiments.shared import pairs as of_pairs
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.pairs import Key, Result
from liquidjax.experiments.shared.progress import Callback
from liquidjax.training.model import Model, load

MODEL = "balancing.safetensors"
"""The trained LTC-NCP that imitates best on the cart-pole."""
ANIMATION = "balancing.gif"


def run(
    config: ControlConfig,
    folder: Path,
    callback: Callback = lambda job, done, seconds, numbers: None,
    stop: Callable[[], bool] = lambda: False,
    resume: bool = False,
) -> Result:
    """Trains and drives whatever is not finished, and writes the run folder.

    The folder gets config.yaml, results.json (what every seed did in every condition), report.md, three pictures, and a
    trained LTC-NCP as a model file and at work as a GIF. Until the end each finished pair of a design and a task is a
    file of its own in `checkpoints`, and is not computed again where a run goes on.

    Args:
        config: what to do.
        folder: where to write; to begin, it may exist if it is empty.
        callback: called for each finished pair with the task and how many of its designs are finished.
        stop: asked after each batch; when it says True, what is not finished is left.
        resume: whether it goes on in the folder of a run.

    Raises:
        ImportError: matplotlib, gymnasium or mujoco is not installed.
        ValueError: the folder is not empty; or is none that this run can go on in.
        FloatingPointError: a design diverged.
    """
    run_folder.check_ready(folder, resume)
    for task in config.tasks:
        tasks.plants()[task]()  # what it needs is missed here, not after the work
    wanted = keys(config)
    compute = functools.partial(_computed, config, folder, wanted, callback, stop)
    written = functools.partial(write, folder, config)
    return of_pairs.carried_out(config, folder, resume, wanted, compute, written)


def keys(config: ControlConfig) -> list[Key]:
    """All pairs, in the order in which they are computed: first those without a training, which are the anchors."""
    engineers = [Key(task, name) for task in config.tasks for name in ENGINEERS]
    return engineers + [Key(*each) for each in config.wanted()]


def jobs(config: ControlConfig) -> dict[str, int]:
    """How many designs there are on each task."""
    return {task: sum(key.task == task for key in keys(config)) for task in config.tasks}


def write(folder: Path, config: ControlConfig, pairs: list[Pair], interrupted: str | None = None) -> None:
    """results.json, a line for each pair; and what can be said of those that are finished."""
    of_pairs.write_pairs(folder / run_folder.RESULTS, pairs)
    if any(summary.complete(config, pairs, [task]) for task in config.tasks) and _anchored(config, pairs):
        from liquidjax.experiments.control import animation, figures  # with matplotlib

        for name, figure in figures.all_of(config, pairs).items():
            figure.savefig(folder / f"{name}.png")
        if (folder / MODEL).is_file():
            jitter, noise, lost = config.grid.together or (0.0, 0.0, 0.0)
            animation.animate(load(folder / MODEL), folder / ANIMATION, Faults(jitter=jitter, noise=noise, lost=lost))
        _files.write_text(folder / "report.md", report(config, pairs, interrupted))


def read(file: Path) -> list[Pair]:
    """The pairs of a results.json."""
    return of_pairs.read_pairs(Pair, file)


def _anchored(config: ControlConfig, pairs: list[Pair]) -> bool:
    done = {(pair.task, pair.design) for pair in pairs}
    return all((task, name) in done for task in config.tasks for name in ENGINEERS)


def _computed(
    config: ControlConfig, folder: Path, wanted: list[Key], callback: Callback, stop: Callable[[], bool]
) -> list[Pair]:
    """All pairs that are finished, in their order."""
    locks = {task: threading.Lock() for task in config.tasks}

    @functools.cache
    def of_task(name: str):
        return tasks.load(name, config)

    def compute(key: Key) -> Pair | None:
        with locks[key.task]:
            task = of_task(key.task)
        if key.design in ENGINEERS:
            return study.engineer(task, key.design)
        pictured = key == Key("cart-pole", "LTC-NCP")

        def keep(model: Model) -> None:
            if pictured:
                model.save(folder / MODEL)

        return study.compute(task, DESIGNS[key.design], config, stop, keep)

    def say(pair: Pair) -> str:
        told = pair.survival["told"]
        worst = f"{TOGETHER} 1"
        faulty = f", all faults {np.mean(told[worst]):.2f}" if worst in told else ""
        return f"{pair.design}: survives clean {np.mean(told['clean 1']):.2f}{faulty}"

    return of_pairs.computed(Pair, wanted, compute, folder / run_folder.CHECKPOINTS, say, callback, stop)
