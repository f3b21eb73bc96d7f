"""The study as one of its workers sees it: which trial is next, and what is told of it."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from liquidjax import _files
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.run_folder import changed
from liquidjax.experiments.sweep import drawing, space, storage
from liquidjax.experiments.sweep.claims import ALIVE, Claim, Claims
from liquidjax.experiments.sweep.job import Ready
from liquidjax.experiments.sweep.trial import Outcome

MARK = ".study"
"""File in the folder of a sweep with a number of its own, so that it is known to be the one of the study."""
REASON, PLACE = "reason", "folder"
"""Attributes of a trial: why it was pruned or failed, and its run."""
_FOLDER, _ASKED = "liquidjax_folder", "liquidjax_asked"
"""Attributes of the study: what stands in `MARK`, and what was asked for."""
_WAIT = 1.0
"""Seconds between two looks at a trial of which it is not known whether its worker has ended."""


class Taken(NamedTuple):
    """A trial that this worker trains.

    number: of it; params: its settings, as the storage knows them; claim: by which nobody else takes it; again: whether
    another worker had begun it.
    """

    number: int
    params: dict[str, Any]
    claim: Claim
    again: bool
    trial: Any
    before: Mapping[int, float]
    """Scores that the trial was told of by then, by epoch."""


class Study:
    """The study in the storage; it is made where it is not there.

    Args:
        ready: what is asked for.

    Raises:
        ConnectionError: the storage cannot be reached.
        ImportError: the driver of the database is not installed.
        ValueError: the study, or the folder, is another's; or there is none, and none is to be begun.
    """

    def __init__(self, ready: Ready):
        self.ready, job = ready, ready.job
        begins = job.sweep.trials > 0
        if not begins and not (job.folder / MARK).is_file():
            raise ValueError(f"{job.folder} must be the folder of a sweep to report of it; with trials one is begun")
        if begins and job.storage is None:
            job.folder.mkdir(parents=True, exist_ok=True)
        self._storage = storage.opened(job.url)
        try:
            self._begin(begins)
        except BaseException:
            self.close()
            raise

    def _begin(self, begins: bool) -> None:
        import optuna

        ready, job = self.ready, self.ready.job
        with self._reached(), storage.undamaged(job.url):
            self._study = optuna.create_study(
                storage=self._storage,
                study_name=job.study,
                direction=ready.measure.direction,
                pruner=drawing.pruner(job.sweep.pruner, ready.epochs),
                load_if_exists=True,
            )
        with self._reached():
            self._join(begin=False)
        self.claims = Claims(job.folder)
        with self.claims.turn(lambda: False), self._reached():
            _files.remove_unfinished(job.folder)
            self._join(begin=begins)

    def close(self) -> None:
        """Lets go of the storage."""
        storage.let_go(self._storage)

    def next(self, stop: Callable[[], bool], notice: Callable[[str], None]) -> Taken | None:
        """A trial that another worker has left, or a new one; None where there is nothing left to begin.

        Args:
            stop: whether to look no longer.
            notice: is told that another worker has to be waited for.

        Raises:
            ConnectionError: the storage cannot be reached.
        """
        told = False
        while not stop():
            with self.claims.turn(stop) as mine, self._reached():
                if not mine:
                    return None
                self._check_folder()
                found, waiting = self._left_behind()
                found = found or self._new()
            if found is not None or not waiting:
                return found
            if not told:
                notice(f"waiting whether the worker of trial {waiting[0]}, on another machine, is still alive")
                told = True
            time.sleep(_WAIT)
        return None

    def note(self, taken: Taken, name: str, value: Any) -> None:
        """Keeps an attribute of a trial."""
        with self._reached():
            taken.trial.set_user_attr(name, value)

    def report(self, taken: Taken, epoch: int, value: float) -> bool:
        """Tells a trial the score of an epoch; whether it is to be pruned.

        Raises:
            ConnectionError: the storage cannot be reached.
        """
        if epoch in taken.before:
            return False
        with self._reached():
            taken.trial.report(value, epoch)
            return taken.trial.should_prune()

    def tell(self, taken: Taken, outcome: Outcome) -> None:
        """Tells how a trial ended."""
        from optuna.trial import TrialState

        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}[outcome.state]
        value = outcome.value if outcome.state == "complete" else None
        if outcome.reason:
            self.note(taken, REASON, outcome.reason[:500])
        with self._reached():
            try:
                self._study.tell(taken.trial, value, state)
            except RuntimeError:
                # With its last point a grid ends Optuna's own loop, when the state is kept; there is no such loop here.
                if not self._study.get_trials(deepcopy=False)[taken.number].state.is_finished():
                    raise

    def looked_at(self, look: Callable[[Any], None]) -> None:
        """Calls look(study of Optuna) while no other worker does."""
        with self.claims.turn(lambda: False), self._reached():
            look(self._study)

    def _reached(self) -> Any:
        return storage.reached(self.ready.job.url)

    def _join(self, begin: bool) -> None:
        """Whether study and folder belong together and to what is asked for; the first worker says to what."""
        job, attributes = self.ready.job, self._study.user_attrs
        if _ASKED in attributes:
            self._check_folder()
            if found := changed(json.loads(attributes[_ASKED]), self.ready.asked()):
                raise ValueError(
                    f"the study {job.study} was begun with other settings than these ({found}); change them back, or "
                    "choose another --study"
                )
            return
        if self._study.get_trials(deepcopy=False):
            raise ValueError(f"the study {job.study} in the storage is of another program; choose another --study")
        if any(job.folder.glob("trial-*")):
            raise ValueError(f"{job.folder} holds trials of another study than that of the storage; choose another")
        if not begin:
            return
        own = secrets.token_hex(8)
        _files.write_text(job.folder / MARK, own)
        _files.write_text(job.folder / "base.yaml", configuration.to_yaml(self.ready.base))
        _files.write_text(job.folder / "space.yaml", "".join(f"{space.as_yaml(each)}\n" for each in job.space))
        self._study.set_user_attr(_FOLDER, own)
        self._study.set_user_attr(_ASKED, json.dumps(self.ready.asked()))

    def _check_folder(self) -> None:
        job, mark = self.ready.job, self.ready.job.folder / MARK
        if not mark.is_file() or self._study.user_attrs.get(_FOLDER) != mark.read_text(encoding="utf-8"):
            raise ValueError(
                f"the study {job.study} was begun in another folder than {job.folder}; all workers must see one, "
                "on a cluster one on a shared disk (--folder), or choose another --study"
            )

    def _left_behind(self) -> tuple[Taken | None, list[int]]:
        """A trial whose worker has ended; or the numbers of those of which that is not known."""
        from optuna.trial import Trial, TrialState

        waiting = []
        own = self._storage.get_study_id_from_name(self.ready.job.study)
        for found in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            claim = self.claims.take(found.number)
            if claim is None:
                continue
            key = self._storage.get_trial_id_from_study_id_trial_number(own, found.number)
            now = self._storage.get_trial(key)
            if now.state == TrialState.RUNNING:  # it may have ended since it was looked up
                if self.claims.silent(found.number, now.user_attrs.get(ALIVE)):
                    self._study.sampler = self._sampler(found.number)
                    return self._taken(Trial(self._study, key), claim, now.intermediate_values, True), []
                waiting.append(found.number)
            claim.release()
        return None, waiting

    def _new(self) -> Taken | None:
        """A trial that nobody has had; None where there are as many as are asked for."""
        from optuna.trial import TrialState

        trials = self._study.get_trials(deepcopy=False)
        if sum(each.state != TrialState.WAITING for each in trials) >= self.ready.total:
            return None
        self._study.sampler = self._sampler(len(trials))
        drawn = self._study.ask()
        claim = self.claims.take(drawn.number)
        # Nobody else looks now, if locks are what they should be.
        assert claim is not None, f"the lock of trial {drawn.number} is held before it was there"
        return self._taken(drawn, claim, {}, False)

    def _taken(self, drawn: Any, claim: Claim, before: Mapping[int, float], again: bool) -> Taken:
        return Taken(drawn.number, drawing.draw(drawn, self.ready.job.space), claim, again, drawn, before)

    def _sampler(self, number: int) -> Any:
        sweep = self.ready.job.sweep
        return drawing.sampler(sweep.sampler, sweep.sampler_seed, number, self.ready.job.space)
