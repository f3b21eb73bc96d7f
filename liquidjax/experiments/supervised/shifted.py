"""The test series asked again at another sampling, after the training: with steps lost, or at another rate.

The questions stay those of the test: a step that is gone is not asked about, nor is one that is only in between, and a
forecast is one of the step that would have come next.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from liquidjax._bounds import check_seed, shown
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.models.bidirectional import Bidirectional
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.sampling import lost, refined, thinned
from liquidjax.tasks.splits import Parts
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import Examples, examples
from liquidjax.training.model import Model
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Forecast
from liquidjax.training.precision import computing, precision_of

MOST_PARTS = 100
"""Steps in the place of one, or of which one is left."""
ROUNDING = 0.002
"""By which a rate such as 0.333 may miss one over a whole number."""


class Asked(NamedTuple):
    """The test series at one sampling.

    told: what networks read, the steps that are there with their own times; held: what models without a network read,
    the steps of the test, of which those that are gone have no values; place: int (series, time), which step of `told`
    a step of the test is, -1 where it is gone; room: int (series,), steps for which a batch has room.
    """

    test: SequenceDataset
    told: SequenceDataset
    held: SequenceDataset
    place: np.ndarray
    room: np.ndarray

    def for_networks(self, objective: Objective, preparation: Preparation) -> Examples:
        """What a network reads, and what it should answer."""
        return self._ready(self.told, self.place, objective, preparation)

    def without_network(self, objective: Objective, preparation: Preparation) -> Examples:
        """What a model without a network reads, and what it should answer; the same questions."""
        there = np.where(self.place >= 0, np.arange(self.place.shape[1]), -1)
        return self._ready(self.held, there, objective, preparation)

    def _ready(self, data: SequenceDataset, place: np.ndarray, objective: Objective, preparation: Preparation):
        ready = examples(data, preparation, objective)
        if not isinstance(objective, Forecast):
            return ready
        # Its targets are the features of the step that follows, whether that came or not.
        wanted = objective.targets(self.test, preparation)
        targets = np.full(data.inputs.shape, np.nan, ready.inputs.dtype)
        rows, steps = np.nonzero(place[:, :-1] >= 0)
        targets[rows, place[rows, steps] + 1] = wanted[rows, steps + 1]
        return dataclasses.replace(ready, targets=targets)


@dataclass(frozen=True)
class Shift:
    """Other samplings at which the test series are asked again, each a column of the comparison; none without.

    Networks read the steps that are there, with the times of these. Models without a network read all, and what is gone
    is a missing value to them, for which stands what `inputs.fill` says: the last step held, with carry.
    """

    lost: float | None = None
    """Share of the steps that are lost on the average, each by itself."""
    rate: float | None = None
    """Steps in a unit of time, as a multiple of those of the data: 0.5 is every second one, 2 one more between two."""
    seed: int = 0
    """Seed of what is lost, which is the same for everybody."""

    def __post_init__(self):
        check_fields(self)
        check_seed("seed", self.seed)
        if self.lost is not None and not 0 < self.lost < 1:
            raise ValueError(f"lost must be a share of the steps above 0 and below 1, got {shown(self.lost)}")
        if self.rate is not None and not 2 <= (_parts(self.rate) or 0) <= MOST_PARTS:
            raise ValueError(
                f"rate must be a whole number from 2 to {MOST_PARTS}, for so many times as many steps, or one over it, "
                f"such as 0.5, for fewer; got {shown(self.rate)}"
            )

    @property
    def asks(self) -> bool:
        """Whether anything is asked again."""
        return self.lost is not None or self.rate is not None

    def with_room(self, parts: Parts) -> Parts:
        """The parts with a step of padding in validation and test, if anything is asked again.

        So the programs that answer these have a mask, and answer series that have lost steps as they are compiled.
        """
        if not self.asks:
            return parts
        validation, test = (_padded(part, part.mask.shape[1] + 1) for part in (parts.validation, parts.test))
        return parts._replace(validation=validation, test=test)

    def asked(self, test: SequenceDataset) -> dict[str, Asked]:
        """The test series at each sampling, by its name.

        Example:
            >>> data = SequenceDataset.of([np.arange(5.0)[:, None]])
            >>> {name: each.told.times[each.told.mask].tolist() for name, each in Shift(0.5, 2.0).asked(data).items()}
            {'lost 0.5': [0.0, 4.0], 'rate 2': [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]}
        """
        found = {}
        if self.lost is not None:
            found[f"lost {self.lost:g}"] = _asked(test, lost(test, self.lost, seed=self.seed), test.lengths)
        if self.rate is not None:
            parts = _parts(self.rate)
            finer = refined(test, parts) if self.rate > 1 else None
            other = thinned(test, parts) if finer is None else finer
            found[f"rate {self.rate:g}"] = _asked(test, other, test.lengths if finer is None else finer.lengths)
        return found


def scores(model: Model, asked: Mapping[str, Asked], objective: Objective) -> dict[str, float]:
    """How good the answers of a model are at each sampling, {"accuracy, lost 0.5": ...}."""
    found: dict[str, float] = {}
    for name, other in asked.items():
        assert model.preparation is not None and not isinstance(model.cell, Bidirectional)  # it is of a run
        with computing(precision_of(model.params)):
            ready = other.for_networks(objective, model.preparation)
            answers = evaluate(model.cell, objective, model.params, ready, lengths=other.room).answers
        found |= of_sampling(name, objective.scores(answers, np.asarray(ready.targets)))
    return found


def of_sampling(name: str, found: Mapping[str, float]) -> dict[str, float]:
    """Scores under the name of a sampling.

    Example:
        >>> of_sampling("lost 0.5", {"mse": 0.25})
        {'mse, lost 0.5': 0.25}
    """
    return {f"{score}, {name}": value for score, value in found.items()}


def _asked(test: SequenceDataset, other: SequenceDataset, room: np.ndarray) -> Asked:
    """A sampling of the test series that keeps the times of what it keeps."""
    place = np.full(test.mask.shape, -1)
    for row, (before, now) in enumerate(zip(test.lengths, other.lengths, strict=True)):
        times, stamps = other.times[row, :now], test.times[row, :before]
        at = np.minimum(np.searchsorted(times, stamps), now - 1)
        place[row, :before] = np.where(times[at] == stamps, at, -1)
    there = place >= 0
    told = _padded(other, int(room.max()) + 1)
    known = np.zeros(told.mask.shape, bool)
    rows, steps = np.nonzero(there)
    known[rows, place[rows, steps]] = True
    held = dataclasses.replace(test, inputs=np.where(there[:, :, None], test.inputs, np.nan).astype(test.inputs.dtype))
    return Asked(test, _targets_of(told, known), _targets_of(held, there), place, room)


def _targets_of(data: SequenceDataset, steps: np.ndarray) -> SequenceDataset:
    """The data with the targets of these steps only, bool (series, time), where there are targets of steps."""
    if not data.each_step:
        return data
    targets: Any = data.targets
    chosen = steps if targets.ndim == 2 else steps[:, :, None]
    unknown = np.array(-1 if data.classes is not None else np.nan, targets.dtype)
    return dataclasses.replace(data, targets=np.where(chosen, targets, unknown))


def _padded(data: SequenceDataset, time: int) -> SequenceDataset:
    """The data with padding up to so many steps."""
    more = time - data.mask.shape[1]
    if more <= 0:
        return data

    def wide(values: np.ndarray, filled: Any) -> np.ndarray:
        return np.pad(values, [(0, 0), (0, more), *[(0, 0)] * (values.ndim - 2)], constant_values=filled)

    changed = {"inputs": wide(data.inputs, np.nan), "times": wide(data.times, 0.0), "mask": wide(data.mask, False)}
    if data.each_step:
        changed["targets"] = wide(data.targets, -1 if data.classes is not None else np.nan)
    return dataclasses.replace(data, **changed)


def _parts(rate: float) -> int:
    """How many steps a rate puts in the place of one, or of how many it leaves one; 0 where that is no whole number."""
    if not 1 / (2 * MOST_PARTS) < rate <= MOST_PARTS:
        return 0
    parts = round(rate if rate > 1 else 1 / rate)
    fits = parts == rate if rate > 1 else abs(rate * parts - 1) <= ROUNDING
    return parts if fits else 0
