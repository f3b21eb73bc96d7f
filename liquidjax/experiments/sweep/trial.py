"""One trial: an ordinary run of `liquidjax train` in its folder, whose score is its value."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import jax
import numpy as np

from liquidjax import _files
from liquidjax._bounds import shown
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import CONFIG, RESULTS, check_sum, interruption, mark_interrupted
from liquidjax.experiments.supervised import run as supervised_run
from liquidjax.experiments.supervised.config import Members, SupervisedConfig
from liquidjax.experiments.sweep.config import Direction, Sweep
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.training.progress import Epoch

LOSS = "loss"
SCORES: Mapping[type, tuple[str, ...]] = {
    Classification: ("accuracy",),
    Event: ("accuracy",),
    Regression: ("mse", "r2"),
    Forecast: ("mse", "r2"),
}
"""The scores of our objectives, the usual one first."""
DIRECTIONS: Mapping[str, Direction] = {LOSS: "minimize", "mse": "minimize", "accuracy": "maximize", "r2": "maximize"}


class Measure(NamedTuple):
    """By which validation score a trial is better than another."""

    name: str
    direction: Direction


class Outcome(NamedTuple):
    """How a trial ended: its value where it is complete, the reason where it is not."""

    state: Literal["complete", "pruned", "failed", "interrupted"]
    value: float = math.nan
    reason: str = ""


def measure(sweep: Sweep, objective: Objective) -> Measure:
    """The score that a sweep asks for.

    Raises:
        ValueError: the objective has no such score, or nobody says whether more or less of it is better.

    Example:
        >>> measure(Sweep(), Regression())
        Measure(name='mse', direction='minimize')
    """
    own = SCORES.get(type(objective))
    name = sweep.metric or (own or (LOSS,))[0]
    if own is not None and name not in (*own, LOSS):
        raise ValueError(
            f"metric must be one of {', '.join((*own, LOSS))} for {type(objective).__name__}, got {shown(name)}"
        )
    usual = DIRECTIONS.get(name)
    if usual is None and sweep.direction is None:
        raise ValueError(
            f"direction must be minimize or maximize with the score {shown(name)}, which is of your objective"
        )
    if usual is not None and sweep.direction not in (None, usual):
        raise ValueError(f"direction must be left out with {name}, of which it is known to be {usual}")
    return Measure(name, usual or sweep.direction or "minimize")


def of_trials(config: SupervisedConfig, seeds: int) -> SupervisedConfig:
    """The configuration that the trials have in common: the first cell alone, trained by so many seeds.

    Raises:
        ValueError: the configuration has members of its own, or no checkpoints to go on from.
    """
    training = config.training
    if training.checkpoint_seconds is None:
        raise ValueError("training.checkpoint_seconds must be a number, so that a trial goes on that was interrupted")
    if training.members.number:
        raise ValueError("training.members must be left out, for the members of a trial are its --seeds")
    members = Members(seed=tuple(range(training.seed, training.seed + seeds))) if seeds > 1 else Members()
    return dataclasses.replace(
        config,
        model=dataclasses.replace(config.model, compare=()),
        training=dataclasses.replace(training, compare_learning_rates=(), members=members),
    )


def train(
    config: SupervisedConfig,
    folder: Path,
    measure: Measure,
    report: Callable[[int, float], bool],
    callback: Callback,
    stop: Callable[[], bool],
    notice: Callable[[str], None],
) -> Outcome:
    """Trains a trial, from where it is, and measures it; its folder says how it ended.

    Args:
        config: its settings.
        folder: of its run; what is there goes on.
        measure: the score by which it is measured.
        report: is told each epoch and its score, where that is finite, of a training that goes on those that were too;
            says whether the trial is to be pruned.
        callback, stop, notice: see `supervised.run.run`.

    Raises:
        ConnectionError: of `report`, after the training has been saved.
        OSError: the data or the folder cannot be read or written.
        ValueError: the folder is that of another run, or another process writes there.
    """
    try:
        planned = supervised_run.plan(config)
    except ValueError as error:
        return Outcome("failed", reason=str(error))
    if not _ended(folder):
        if not (folder / CONFIG).is_file():
            _files.remove_folder(folder)  # of who was killed before there was anything to go on with
        watch = _Watch(report, config.training.epochs, measure)
        try:
            result = supervised_run.run(
                config,
                folder,
                callback,
                lambda: stop() or watch.pruned or watch.lost is not None,
                planned,
                resume=(folder / CONFIG).is_file(),
                notice=notice,
                watch=watch,
            )
        except FloatingPointError as error:
            return _diverged(folder, str(error))
        except (jax.errors.JaxRuntimeError, MemoryError) as error:
            if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in str(error):
                raise
            mark_interrupted(folder, "Failed: the network does not fit into the memory.")
            return Outcome("failed", reason="out of memory")
        if watch.lost is not None:
            raise watch.lost
        if result.interrupted and not watch.pruned:
            return Outcome("interrupted")
        if result.interrupted:
            done = f"after epoch {watch.epoch} of {config.training.epochs}"
            mark_interrupted(folder, f"Pruned {done}: other trials of the sweep were better by then.")
            return Outcome("pruned", reason=done)
    value = value_of(folder, measure.name)
    if not math.isfinite(value):
        return _diverged(folder, f"its {measure.name} is not finite")
    return Outcome("complete", value)


def value_of(folder: Path, name: str) -> float:
    """A validation score of the first network of a run that came to its end: the mean over its members.

    One member that is not finite makes the mean so: settings by which one seed of three diverges are not good ones.

    Raises:
        ValueError: the results are damaged, or have no such score.
    """
    file = folder / RESULTS
    check_sum(file)
    row = json.loads(file.read_text(encoding="utf-8"))[0]
    rows = row["ensemble"]["members"] if row["ensemble"] else [row]
    found = [each["validation"].get(name, each.get("validation_loss") if name == LOSS else None) for each in rows]
    if None in found:
        if name != LOSS:
            raise ValueError(f"the objective has no score {shown(name)}; it has {', '.join(rows[0]['validation'])}")
        return _loss(folder)
    return float(np.mean([float(value) for value in found]))


def _loss(folder: Path) -> float:
    """The validation loss of the parameters that were kept, of a run without members, which its results do not say."""
    file = folder / supervised_run.CURVES
    check_sum(file)
    losses = [json.loads(line)["validation_loss"] for line in file.read_text(encoding="utf-8").splitlines()]
    numbers = [math.nan if loss is None else loss for loss in losses]
    keep = configuration.read(folder / CONFIG, SupervisedConfig).training.keep
    return numbers[-1] if keep == "last" else min((each for each in numbers if math.isfinite(each)), default=math.nan)


class _Watch:
    """Tells the score of each epoch, and remembers whether the trial is to end."""

    def __init__(self, report: Callable[[int, float], bool], epochs: int, measure: Measure):
        self.report, self.epochs, self.measure = report, epochs, measure
        self.epoch, self.pruned = 0, False
        self.lost: ConnectionError | None = None
        """The storage is gone, for which the training ends after it has been saved."""

    def __call__(self, network: str, epoch: Epoch) -> None:
        self.epoch = epoch.epoch
        name, scores = self.measure.name, epoch.validation
        if name not in scores and name != LOSS:
            raise ValueError(f"the objective has no score {shown(name)}; it has {', '.join(scores) or LOSS}")
        value = float(np.mean(np.asarray(scores.get(name, epoch.validation_loss), float)))
        if not math.isfinite(value) or self.lost is not None:
            return
        try:
            self.pruned |= self.report(epoch.epoch, value) and epoch.epoch < self.epochs
        except ConnectionError as error:
            self.lost = error


def _ended(folder: Path) -> bool:
    """Whether a run came to its end there, though its worker may have been killed before it said so."""
    return (folder / RESULTS).is_file() and interruption(folder) is None


def _diverged(folder: Path, why: str) -> Outcome:
    """As bad as can be, and told so: of a trial that has failed, a sampler learns nothing, and draws the like again."""
    if folder.is_dir() and not _ended(folder):
        mark_interrupted(folder, f"Diverged: {why}.")
    return Outcome("pruned", reason=f"diverged: {why}")
