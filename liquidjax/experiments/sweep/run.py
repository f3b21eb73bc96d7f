"""A worker of a sweep: takes up what another has left, draws what is missing, trains it, and reports."""

import contextlib
import dataclasses
import json
import math
import secrets
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax

from liquidjax import _files
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import changed
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.run import plan
from liquidjax.experiments.sweep import drawing, report, space, storage, trial
from liquidjax.experiments.sweep.claims import ALIVE, Claim, Claims
from liquidjax.experiments.sweep.config import Sweep
from liquidjax.experiments.sweep.report import Table
from liquidjax.experiments.sweep.space import Space
from liquidjax.experiments.sweep.trial import Measure, Outcome

JOURNAL = "study.journal"
"""The storage in the folder of the sweep, where none is named."""
BEST = "best.yaml"
SETTINGS, FOLDER = "liquidjax_settings", "liquidjax_folder"
"""Attributes of the study: what was asked for, and what stands in `_MARK` of its folder."""
REASON, PLACE = "reason", "folder"
"""Attributes of a trial."""
_MARK = ".study"
_WAIT = 1.0
"""Seconds between two looks at the trial of a worker of which it is not known whether it has ended."""


Shown = Callable[[str, int], contextlib.AbstractContextManager[Callback]]


class Job(NamedTuple):
    """What all workers of a sweep are asked for.

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
        return str(self.folder / JOURNAL) if self.storage is None else self.storage


class Ready(NamedTuple):
    """A job of which all is known to fit, and nothing is written yet."""

    job: Job
    base: SupervisedConfig
    measure: Measure
    total: int


class Result(NamedTuple):
    """The trials of the study; interrupted: whether this worker was stopped."""

    table: Table
    interrupted: bool = False


class _Taken(NamedTuple):
    """A trial that this worker trains.

    trial: of Optuna; params: its settings, as the storage knows them; before: the scores that it was told of, by epoch;
    again: whether another worker had begun it.
    """

    trial: Any
    params: dict[str, Any]
    claim: Claim
    before: Mapping[int, float]
    again: bool


def ready(job: Job) -> Ready:
    """Looks whether everything fits, before anything is written or asked of a storage.

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


def run(
    ready: Ready,
    shown: Shown,
    stop: Callable[[], bool] = lambda: False,
    say: Callable[[str], None] = lambda line: None,
    notice: Callable[[str], None] = lambda line: None,
) -> Result:
    """Works at a sweep until there is nothing left to begin; any number of processes may do so at once.

    The folder gets a run folder for each trial, base.yaml, space.yaml, best.yaml (the settings to train with),
    report.md and pictures.

    Args:
        ready: what is asked for.
        shown: gives, for the name of a trial and its epochs, what is called after each epoch.
        stop: asked after each batch; when it says True, the trial is saved and can be taken up again.
        say: is told of each trial that ended.
        notice: is told what a person should know.

    Raises:
        ConnectionError: the storage cannot be reached; what was trained is kept.
        OSError: a folder cannot be written.
        ValueError: the study or the folder is another's.
    """
    job = ready.job
    if job.sweep.trials == 0:
        check_begun(job)
    elif job.storage is None:
        job.folder.mkdir(parents=True, exist_ok=True)
    if sentence := storage.warning(job.url):
        notice(sentence)
    store, study = _study(ready)
    claims = Claims(job.folder)
    with claims.turn(lambda: False), storage.reached(job.url):
        _join(ready, study)
    while ready.total and not stop():
        taken = _next(ready, store, study, claims, stop, notice)
        if taken is None:
            break
        with taken.claim:
            _work(ready, study, taken, shown, stop, say, notice)
        jax.clear_caches()  # programs of settings that will not come again
    with claims.turn(lambda: False), storage.reached(job.url):
        table = report.table_of(study, ready.measure, job.space)
        report.write(job.folder, job.study, ready.measure, table, None if stop() else study)
        if table.best is not None:
            settings = space.applied(job.space, job.config, table.best.params)
            _files.write_text(job.folder / BEST, configuration.to_yaml(settings))
    return Result(table, stop())


def check_begun(job: Job) -> None:
    """Raises the ValueError where there is no folder of this sweep to report of."""
    if not (job.folder / _MARK).is_file():
        raise ValueError(f"{job.folder} must be the folder of a sweep to report of; with --trials 50 one is begun")


def _study(ready: Ready) -> tuple[Any, Any]:
    """The storage and the study in it, which is made where it is not there."""
    job = ready.job
    store = storage.opened(job.url)
    import optuna

    with storage.reached(job.url), storage.quiet(), storage.undamaged(job.url):
        study = optuna.create_study(
            storage=store,
            study_name=job.study,
            direction=ready.measure.direction,
            pruner=drawing.pruner(job.sweep.pruner, _most_epochs(ready)),
            load_if_exists=True,
        )
        return store, study


def _most_epochs(ready: Ready) -> int:
    varied = [max(setting.values) for setting in ready.job.space if setting.place == "training.epochs"]
    return int(max(varied, default=ready.base.training.epochs))


def _join(ready: Ready, study: Any) -> None:
    """Whether study and folder belong together and to these settings; the first worker says to what.

    Raises:
        ValueError: they do not.
    """
    job, mark = ready.job, ready.job.folder / _MARK
    attributes, own = study.user_attrs, mark.read_text(encoding="utf-8") if mark.is_file() else None
    now = {
        "config": dataclasses.asdict(ready.base),
        "space": {setting.place: _as_text(setting) for setting in job.space},
        "metric": ready.measure.name,
        "seeds": job.sweep.seeds,
    }
    now = json.loads(json.dumps(now))
    if SETTINGS not in attributes:
        if study.get_trials(deepcopy=False):
            raise ValueError(f"the study {job.study} is in the storage, and of another program; choose another --study")
        if any(job.folder.glob("trial-*")):
            raise ValueError(f"{job.folder} holds trials of another study; choose another --folder")
        job.folder.mkdir(parents=True, exist_ok=True)
        own = secrets.token_hex(8)
        _files.write_text(mark, own)
        _files.write_text(job.folder / "base.yaml", configuration.to_yaml(ready.base))
        _files.write_text(job.folder / "space.yaml", report.space_yaml(job.space))
        study.set_user_attr(FOLDER, own)
        study.set_user_attr(SETTINGS, json.dumps(now))
        return
    if attributes.get(FOLDER) != own:
        raise ValueError(
            f"the study {job.study} was begun in another folder than {job.folder}; all workers must see one folder, on "
            "a cluster one on a shared disk (--folder), or choose another --study"
        )
    if found := changed(json.loads(attributes[SETTINGS]), now):
        raise ValueError(
            f"the study {job.study} was begun with other settings than these ({found}); change them back, or choose "
            "another --study"
        )


def _as_text(setting: Any) -> Any:
    return configuration.one_line(tuple(setting.values)) + (
        f" log {setting.log} step {setting.step}" if isinstance(setting, space.Span) else ""
    )


def _next(
    ready: Ready, store: Any, study: Any, claims: Claims, stop: Callable[[], bool], notice: Callable[[str], None]
) -> _Taken | None:
    """A trial that another worker has left, or a new one; None where there is nothing left to begin."""
    from optuna.trial import Trial, TrialState

    told = False
    while not stop():
        waiting = []
        with claims.turn(stop) as mine, storage.reached(ready.job.url), storage.quiet():
            if not mine:
                return None
            if study.user_attrs.get(FOLDER) != (ready.job.folder / _MARK).read_text(encoding="utf-8"):
                raise ValueError(f"the study {ready.job.study} is another's by now; choose another --study")
            study_id = store.get_study_id_from_name(ready.job.study)
            trials = study.get_trials(deepcopy=False)
            for found in trials:
                if found.state != TrialState.RUNNING or (claim := claims.take(found.number)) is None:
                    continue
                number = store.get_trial_id_from_study_id_trial_number(study_id, found.number)
                if store.get_trial(number).state == TrialState.RUNNING:  # it may have ended since it was read
                    if claims.silent(found.number, found.user_attrs.get(ALIVE)):
                        study.sampler = _sampler(ready, found.number)
                        return _taken(ready, Trial(study, number), claim, found.intermediate_values, True)
                    waiting.append(found.number)
                claim.release()
            if sum(each.state != TrialState.WAITING for each in trials) < ready.total:
                study.sampler = _sampler(ready, len(trials))
                drawn = study.ask()
                claim = claims.take(drawn.number)
                if claim is not None:  # else it was taken up before it had begun
                    return _taken(ready, drawn, claim, {}, False)
                continue
        if not waiting:
            return None
        if not told:
            notice(f"waiting whether the worker of trial {waiting[0]}, on another machine, is still alive")
            told = True
        time.sleep(_WAIT)
    return None


def _sampler(ready: Ready, number: int) -> Any:
    sweep = ready.job.sweep
    return drawing.sampler(sweep.sampler, sweep.sampler_seed, number, ready.job.space)


def _taken(ready: Ready, drawn: Any, claim: Claim, before: Mapping[int, float], again: bool) -> _Taken:
    return _Taken(drawn, drawing.draw(drawn, ready.job.space), claim, before, again)


def _work(
    ready: Ready,
    study: Any,
    taken: _Taken,
    shown: Shown,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    notice: Callable[[str], None],
) -> None:
    """Trains a trial and tells the study how it ended."""
    job, name = ready.job, report.trial_name(taken.trial.number)

    def attribute(key: str, value: Any) -> None:
        with storage.reached(job.url):
            taken.trial.set_user_attr(key, value)

    def told(epoch: int, value: float) -> bool:
        if epoch in taken.before:
            return False
        with storage.reached(job.url), storage.quiet():
            taken.trial.report(value, epoch)
            return taken.trial.should_prune()

    attribute(PLACE, str(job.folder / name))
    if taken.again:
        say(f"{name}: taken up again, for its worker has ended; it had told {len(taken.before)} epochs")
    with taken.claim.alive(attribute):
        outcome = _trained(ready, taken, job.folder / name, told, shown, stop, notice)
    if outcome.state == "interrupted":
        say(f"{name}: stopped and saved; the same command, or another worker, takes it up again")
        return
    if outcome.reason:
        attribute(REASON, outcome.reason[:500])
    with storage.reached(job.url), storage.quiet():
        _tell(study, taken.trial, outcome)
    score = f"{ready.measure.name} {report.figure(outcome.value)}" if outcome.state == "complete" else outcome.state
    why = f" ({outcome.reason})" if outcome.reason else ""
    say(f"{name}: {score}{why}; {report.settings(taken.params)}")


def _trained(
    ready: Ready,
    taken: _Taken,
    folder: Path,
    told: Callable[[int, float], bool],
    shown: Shown,
    stop: Callable[[], bool],
    notice: Callable[[str], None],
) -> Outcome:
    try:
        config = space.applied(ready.job.space, ready.base, taken.params)
    except ValueError as error:
        return Outcome("failed", reason=str(error))
    with shown(folder.name, config.training.epochs) as progress:

        def callback(network: str, epoch: int, seconds: float, numbers: str) -> None:
            progress(folder.name, epoch, seconds, numbers)

        return trial.train(config, folder, ready.measure, told, callback, stop, notice)


def _tell(study: Any, drawn: Any, outcome: Outcome) -> None:
    from optuna.trial import TrialState

    state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome.state]
    try:
        study.tell(drawn, outcome.value if outcome.state == "complete" else None, state)
    except RuntimeError:
        # With its last point a grid asks for an end of Optuna's own loop, after the state is kept; there is none here.
        if not study.trials[drawn.number].state.is_finished():
            raise
