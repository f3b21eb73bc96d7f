"""The loop of a training: epochs of batches, looked after by a guard, saved, and stopped in time."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from liquidjax._types import Params
from liquidjax.training.batches import Batches
from liquidjax.training.checkpoints.keeper import Keeper
from liquidjax.training.first_operation import first_operation
from liquidjax.training.identity import check_same
from liquidjax.training.progress import Epoch, Progress
from liquidjax.training.state import StepInfo, TrainState

LAG = 8
"""Steps that are under way before the numbers of the first are looked at: waiting for each would hold up the next."""


@dataclass(frozen=True, eq=False)
class Epochs:
    """What is done in a training, and when it ends.

    Args:
        batches: of the data.
        number: of epochs.
        advance: (state, rows, time) -> (state, info): one step.
        validate: params -> (loss, scores), (None, {}) where there is nothing to validate with.
        after_first: called with the losses of the first epoch.
        series_of: rows of a batch -> the series they are in the data.
        learning_rate: for the message.
        callback, stop: see `fit`.
        keeper: of the checkpoints, None without.
        identity: of the training, which the checkpoints must have.
        debug_nans: whether the operation is looked for that was the first not to be finite.
    """

    batches: Batches
    number: int
    advance: Callable[[TrainState, np.ndarray, int], tuple[TrainState, StepInfo]]
    validate: Callable[[Params], tuple[Any, dict[str, Any]]]
    after_first: Callable[[np.ndarray], None]
    series_of: Callable[[np.ndarray], np.ndarray]
    learning_rate: Any
    callback: Callable[[Epoch], None]
    stop: Callable[[], bool]
    keeper: Keeper | None
    identity: dict[str, Any]
    debug_nans: bool

    def run(self, progress: Progress) -> None:
        """Goes on from where the training is, to its end or until it is stopped.

        Raises:
            FloatingPointError: too many steps in a row were not finite, or all of them.
            ValueError: the checkpoints are of another training.
        """
        self._go_on(progress)
        for record in progress.history:
            self.callback(record)
        if progress.done:
            return
        begun = time.perf_counter() - progress.seconds
        while not progress.done:
            under_way: deque[tuple[int, StepInfo]] = deque()
            for rows, steps, place in self.batches.epoch(progress.epoch - 1, start=progress.batch):
                progress.state, info = self.advance(progress.state, rows, steps)
                progress.batch = place + 1
                under_way.append((progress.batch, info))
                stopped = self.stop()
                save = stopped or (self.keeper is not None and self.keeper.due())
                self._look(progress, under_way, 0 if save else LAG)
                if save:
                    progress.seconds = time.perf_counter() - begun
                    self._save(progress)
                if stopped:
                    return
            self._look(progress, under_way, 0)
            if progress.epoch == 1:
                self.after_first(np.array(progress.losses))
            loss, scores = self.validate(progress.state.params)
            progress.seconds = time.perf_counter() - begun
            record = progress.end_epoch(loss, scores)
            ended = progress.best.update(record.epoch, loss, progress.state.params)
            progress.done = ended or record.epoch == self.number
            self.callback(record)
        if np.isnan(progress.history[-1].loss).all():  # no step of the last epoch was good
            self._fail(progress)
        self._save(progress)

    def _look(self, progress: Progress, under_way: deque[tuple[int, StepInfo]], leave: int) -> None:
        while len(under_way) > leave:
            batch, info = under_way.popleft()
            loss, bad = jax.device_get((info.loss, info.bad))
            progress.look(batch, loss, bad)
            if progress.guard.too_many:
                self._fail(progress)

    def _fail(self, progress: Progress) -> None:
        state, first = progress.state, progress.guard.first
        rows, steps, _ = next(self.batches.epoch(first["epoch"] - 1, start=first["batch"] - 1))
        series = self.series_of(rows[rows >= 0]).tolist()
        sentence = progress.guard.sentence(series, state.params, np.ravel(self.learning_rate)[0])
        if self.keeper is not None:
            sentence += f"; {self.keeper.standing}"
        if self.debug_nans:  # the steps since then were taken back, so the parameters are those before it
            found = first_operation(lambda state: self.advance(state, rows, steps), state)
            sentence += f"; the first operation that was not finite is {found or 'none when they are run one by one'}"
        raise FloatingPointError(sentence)

    def _go_on(self, progress: Progress) -> None:
        found = None if self.keeper is None else self.keeper.last()
        if self.keeper is not None and found is not None:
            arrays, facts = found
            check_same(facts["identity"], self.identity, self.keeper.folder)
            progress.restore(arrays, facts["progress"])

    def _save(self, progress: Progress) -> None:
        if self.keeper is not None:
            facts = {"identity": self.identity, "progress": progress.facts()}
            self.keeper.save(progress.steps, progress.arrays(), facts)
