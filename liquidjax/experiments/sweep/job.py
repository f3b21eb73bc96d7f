"""What all workers of a sweep are asked for, and whether it fits, before anything is written."""

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.run import plan
from liquidjax.experiments.sweep import drawing, space, storage, trial
from liquidjax.experiments.sweep.config import Sweep
from liquidjax.experiments.sweep.space import Space
from liquidjax.experiments.sweep.trial import Measure

JOURNAL = "study.journal"
"""The storage in the folder of the sweep, where none is named."""


class Job(NamedTuple):
    """What is asked for.

    config: of which the settings in `space` vary; study: the name in the storage; storage: its URL, or None for a
    journal in the folder.
    """

    config: SupervisedConfig
    space: Space
    sweep: Sweep
    folder: Path
    study: str
    storage: str | None = None

    @property
    def url(self) -> str:
        """The storage."""
        return str(self.folder / JOURNAL) if self.storage is None else self.storage


class Ready(NamedTuple):
    """A job that fits.

    base: the configuration that the trials have in common; measure: by which they are compared; total: their number.
    """

    job: Job
    base: SupervisedConfig
    measure: Measure
    total: int

    @property
    def epochs(self) -> int:
        """The most that a trial has."""
        varied = [max(setting.values) for setting in self.job.space if setting.place == "training.epochs"]
        return int(max(varied, default=self.base.training.epochs))

    def config(self, params: dict[str, Any]) -> SupervisedConfig:
        """The settings of a trial.

        Raises:
            ValueError: they do not go together.
        """
        return space.applied(self.job.space, self.base, params)

    def asked(self) -> dict[str, Any]:
        """All that must be the same for all trials of a study, as JSON has it."""
        what = {
            "config": dataclasses.asdict(self.base),
            "space": {setting.place: space.as_yaml(setting) for setting in self.job.space},
            "metric": self.measure.name,
        }
        return json.loads(json.dumps(what))


def ready(job: Job) -> Ready:
    """Looks whether everything fits; nothing is written, and no storage is asked.

    Raises:
        ImportError: a package is not installed.
        OSError: the data are not there.
        ValueError: settings, space and data do not fit.
    """
    storage.check_installed()
    base = trial.of_trials(job.config, job.sweep.seeds)
    drawing.check(job.sweep.sampler, job.space)
    planned = plan(space.applied(job.space, base, space.first(job.space)))
    total = job.sweep.trials
    if job.sweep.sampler == "grid":
        total = min(total, math.prod(map(len, space.points(job.space).values())))
    return Ready(job, base, trial.measure(job.sweep, planned.objective), total)


def best_yaml(job: Job, params: dict[str, Any]) -> str:
    """The settings of a trial as a configuration to train with, in all else the one that was given."""
    return configuration.to_yaml(space.applied(job.space, job.config, params))
