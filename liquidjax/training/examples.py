"""Data as the steps of a training take them: prepared once, cut into batches with time first."""

import functools
from dataclasses import dataclass

import jax
import numpy as np

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objective import Batch, Objective


@dataclass(frozen=True, eq=False)
class Examples:
    """Prepared series, series first; targets as the objective compares them, None where nothing is learnt."""

    inputs: np.ndarray
    dt: np.ndarray
    mask: np.ndarray
    targets: np.ndarray | None

    @functools.cached_property
    def padded(self) -> bool:
        """Whether any series has padding; without it nothing needs a mask."""
        return not self.mask.all()

    @functools.cached_property
    def shared_dt(self) -> np.ndarray | None:
        """dt (time, 1) where it is that of all series, which is cheaper than one for each."""
        return None if self.padded or np.any(self.dt != self.dt[:1]) else self.dt[0][:, None]

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series, int (series,)."""
        return self.mask.sum(1)

    def batch(self, rows: np.ndarray, time: int) -> Batch:
        """The series of these numbers, int (series,) or (members, series), -1 for nothing, with so many steps.

        Time is the first axis then, after that of the members where there is one.
        """
        filled, axis = rows < 0, rows.ndim
        chosen = np.where(filled, 0, rows)

        def cut(values: np.ndarray) -> np.ndarray:
            return np.moveaxis(values[chosen][(*[slice(None)] * axis, slice(time))], axis, axis - 1)

        # What only fills the batch is a copy of some series that counts nothing.
        mask = cut(self.mask) & ~np.expand_dims(filled, axis - 1) if self.padded else None
        dt = cut(self.dt) if self.shared_dt is None else self.shared_dt[:time]
        targets = None if self.targets is None else cut(self.targets) if self.each_step else self.targets[chosen]
        return Batch(cut(self.inputs), dt, mask, targets, (~filled).astype(self.inputs.dtype))

    @property
    def each_step(self) -> bool:
        """Whether there is a target for each step: classes are integers, values floating point with their own axis."""
        return self.targets is not None and self.targets.ndim == (2 if self.targets.dtype.kind in "iu" else 3)


def examples(data: SequenceDataset, preparation: Preparation, objective: Objective | None) -> Examples:
    """What a training reads of a data set; without targets where the objective is None."""
    prepared = preparation.apply(data)
    targets = None if objective is None else objective.targets(data, preparation)
    real = jax.dtypes.canonicalize_dtype(float)  # float64 where JAX computes in it, as parameters do
    if targets is not None and targets.dtype.kind == "f":
        targets = targets.astype(real, copy=False)
    inputs, dt = (x.astype(real, copy=False) for x in prepared)
    return Examples(inputs, dt, data.mask, targets)
