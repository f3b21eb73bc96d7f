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
from liquidjax.training.checkpoints import parcel
from liquidjax.training.checkpoints.keeper import Keeper
from liquidjax.training.first_operation import first_operation
from liquidjax.training.identity import check_same
from liquidjax.training.progress import Epoch, Progress
from liquidjax.training.shares import Shares
from liquidjax.training.state import SharedInfo, StepInfo, TrainState

LAG = 8
"""Steps that are under way before the numbers of the first are looked at: waiting for each would hold up the next."""
SAVE, STOP = 1, 2
"""What a process may wish after a step, 0 for nothing. Of several that train together each says so within a step, and
all do so after the same one: the step whose numbers are looked at when the wish is seen in them, `LAG` steps later."""
Info = StepInfo | SharedInfo


@dataclass(frozen=True, eq=False)
class Epochs:
    """What is done in a training, and when it ends.

    Args:
        batches: of the data.
        number: of epochs.
        advance: (state, rows, time, wish) -> (state, info): one step.
        alone: the same of one device, with all of the batch, to look for an operation in it.
        validate: params -> (loss, scores), (None, {}) where there is nothing to validate with.
        after_first: called with the losses of the first epoch.
        series_of: rows of a batch -> the series they are in the data.
        learning_rate: for the message.
        callback, stop: see `fit`.
        keeper: of the checkpoints, None without.
        identity: of the training, which the checkpoints must have.
        debug_nans: whether the operation is looked for that was the first not to be finite.
        shares: of several devices, None of one.
    """

    batches: Batches
    number: int
    advance: Callable[[TrainState, np.ndarray, int, int], tuple[TrainState, Info]]
    alone: Callable[[TrainState, np.ndarray, int, int], tuple[TrainState, Info]]
    validate: Callable[[Params], tuple[Any, dict[str, Any]]]
    after_first: Callable[[np.ndarray], None]
    series_of: Callable[[np.ndarray], np.ndarray]
    learning_rate: Any
    callback: Callable[[Epoch], None]
    stop: Callable[[], bool]
    keeper: Keeper | None
    identity: dict[str, Any]
    debug_nans: bool
    shares: Shares | None = None

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
        others = self.shares is not None and self.shares.others
        while not progress.done:
            under_way: deque[tuple[int, Info]] = deque()
            for rows, steps, place in self.batches.epoch(progress.epoch - 1, start=progress.batch):
                progress.state, info = self.advance(progress.state, rows, steps, self._wish() if others else 0)
                progress.batch = place + 1
                under_way.append((progress.batch, info))
                wish = self._look(progress, under_way, LAG) if others else self._wish()
                wish = max(wish, self._look(progress, under_way, 0 if wish else LAG))
                if wish:
                    progress.seconds = time.perf_counter() - begun
                    self._save(progress)
                if wish == STOP:
                    return
            wish = self._look(progress, under_way, 0)
            if progress.epoch == 1:
                self.after_first(np.array(progress.losses))
            loss, scores = self.validate(progress.state.params)
            progress.seconds = time.perf_counter() - begun
            record = progress.end_epoch(loss, scores)
            params = progress.state.params if self.shares is None else self.shares.here(progress.state.params)
            ended = progress.best.update(record.epoch, loss, params)
            progress.done = ended or record.epoch == self.number
            self.callback(record)
            if wish and not progress.done:  # of any process, in the last steps of the epoch
                self._save(progress)
                if wish == STOP:
                    return
        if np.isnan(progress.history[-1].loss).all():  # no step of the last epoch was good
            self._fail(progress)
        self._save(progress)

    def _wish(self) -> int:
        if self.stop():
            return STOP
        return SAVE if self.keeper is not None and self.keeper.due() else 0

    def _look(self, progress: Progress, under_way: deque[tuple[int, Info]], leave: int) -> int:
        """Takes notice of the steps but the last few; what any other process wished in them."""
        wish = 0
        while len(under_way) > leave:
            batch, info = under_way.popleft()
            loss, bad = jax.device_get((info.loss, info.bad))
            progress.look(batch, loss, bad)
            if progress.guard.too_many:
                self._fail(progress)
            if isinstance(info, SharedInfo):
                wish = max(wish, int(np.max(np.asarray(info.wish))))
        return wish

    def _fail(self, progress: Progress) -> None:
        state, first = progress.state, progress.guard.first
        rows, steps, _ = next(self.batches.epoch(first["epoch"] - 1, start=first["batch"] - 1))
        series = self.series_of(rows[rows >= 0]).tolist()
        sentence = progress.guard.sentence(series, state.params, np.ravel(self.learning_rate)[0])
        if self.keeper is not None:
            sentence += f"; {self.keeper.standing}"
        if self.debug_nans:  # the steps since then were taken back, so the parameters are those before it
            state = state if self.shares is None else self.shares.here(state)
            found = first_operation(lambda state: self.alone(state, rows, steps, 0), state)
            sentence += f"; the first operation that was not finite is {found or 'none when they are run one by one'}"
        raise FloatingPointError(sentence)

    def _go_on(self, progress: Progress) -> None:
        found = None if self.keeper is None else self.keeper.last()
        if self.shares is not None and self.shares.others:
            # A start is that of process 0 too: what other processors draw may differ in its last digits, and then the
            # networks would for ever.
            word = parcel.packed(found or self._now(progress)) if self.shares.writes else ""
            found = parcel.unpacked(self.shares.of_first("the reading of where it starts", word))
        if found is not None:
            arrays, facts = found
            check_same(facts["identity"], self.identity, "the folder" if self.keeper is None else self.keeper.folder)
            progress.restore(arrays, facts["progress"])
        if self.shares is not None:
            progress.state = self.shares.everywhere(progress.state)

    def _save(self, progress: Progress) -> None:
        if self.keeper is not None:
            self.keeper.save(progress.steps, *self._now(progress))

    def _now(self, progress: Progress) -> parcel.Found:
        """What a checkpoint holds."""
        state = progress.state if self.shares is None else self.shares.here(progress.state)
        return progress.arrays(state), {"identity": self.identity, "progress": progress.facts()}
