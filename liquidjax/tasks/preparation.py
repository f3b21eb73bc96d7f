"""What is done to data before a cell reads it: it is learnt from the training part, and belongs to the model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from liquidjax._bounds import LARGEST, SMALLEST
from liquidjax._checks import check_choice, check_flag, check_number, described, put, settle
from liquidjax.sequences.times import elapsed
from liquidjax.tasks.dataset import SequenceDataset

Fill = Literal["carry", "mean"]


class Prepared(NamedTuple):
    """inputs (series, time, inputs) without gaps; dt (series, time); both float64, and 0 in padding."""

    inputs: np.ndarray
    dt: np.ndarray


@dataclass(frozen=True)
class Preparation:
    """Scales features and times, and fills gaps: input = (feature - mean) / spread, dt = elapsed time / time_unit.

    Made by `Preparation.learnt`. What is missing enters neither mean nor spread.

    Args:
        mean, spread: of each feature; 0 and 1 leave it as it is.
        time_unit: what counts as one unit of the cell's time constants, in the unit of the times.
        first_step: what passes before the first step of a series, in the unit of the times; nobody knows, so a typical
            step.
        fill: what stands for a missing feature: "carry" its last value, or the mean before there is one; "mean" always
            the mean.
        indicators: whether the cell also reads, for each feature, 1 where it was observed and 0 where it was filled.
        since: whether it also reads the time since each feature was last observed, in units of `time_unit`; since the
            first step where it has not been yet.
        target_mean, target_spread: of each value that is to be learnt; None for classes.

    Raises:
        ValueError: lengths or numbers that do not fit.

    Reference:
        The inputs of Che et al., "Recurrent neural networks for multivariate time series with missing values",
        Scientific Reports 8, 2018 ("GRU-simple").
    """

    mean: tuple[float, ...]
    spread: tuple[float, ...]
    time_unit: float = 1.0
    first_step: float = 1.0
    fill: Fill = "carry"
    indicators: bool = False
    since: bool = False
    target_mean: tuple[float, ...] | None = None
    target_spread: tuple[float, ...] | None = None

    def __post_init__(self):
        settle(self, _numbers, "mean", "spread", "target_mean", "target_spread")
        settle(self, check_flag, "indicators", "since")
        check_choice("fill", self.fill, ("carry", "mean"))
        put(self, time_unit=check_number("time_unit", self.time_unit, 0, float("inf"), above=True))
        put(self, first_step=check_number("first_step", self.first_step, 0, float("inf")))
        for mean, spread in (("mean", "spread"), ("target_mean", "target_spread")):
            means, spreads = getattr(self, mean), getattr(self, spread)
            if (means is None) != (spreads is None) or (means is not None and len(means) != len(spreads)):
                raise ValueError(f"{mean} and {spread} must have the same length, got {means} and {spreads}")
            if spreads is not None and min(spreads, default=1.0) <= 0:
                raise ValueError(f"{spread} must be above 0, got {spreads}")

    @classmethod
    def learnt(
        cls,
        training: SequenceDataset,
        *,
        scale: bool = True,
        time_unit: float | Literal["median"] = "median",
        fill: Fill = "carry",
        indicators: bool = False,
        since: bool = False,
    ) -> "Preparation":
        """From the training part of the data, and from nothing else.

        Args:
            training: the data; a feature that is never observed, or never changes, keeps the spread 1.
            scale: whether features and values are scaled.
            time_unit: a number, or "median": the median of the time from one step to the next.
            fill, indicators, since: see the class.

        Example:
            >>> data = SequenceDataset.of([[[1.0], [np.nan], [5.0]]], times=[[0, 10, 20]])
            >>> made = Preparation.learnt(data, indicators=True)
            >>> made.mean, made.spread, made.time_unit
            ((3.0,), (2.0,), 10.0)
            >>> made.apply(data).inputs.tolist()
            [[[-1.0, 1.0], [-1.0, 0.0], [1.0, 1.0]]]
        """
        values = training.inputs.astype(float)[training.mask]
        mean, spread = _moments(values) if scale else _unscaled(values)
        target_mean, target_spread = None, None
        if training.targets is not None and training.classes is None:
            known = training.targets.astype(float)[training.target_mask]
            target_mean, target_spread = _moments(known) if scale else _unscaled(known)
        steps = np.diff(training.times, axis=1)[training.mask[:, 1:]]
        median = float(np.median(steps)) if steps.size else 1.0
        unit = median if time_unit == "median" else time_unit
        return cls(mean, spread, unit, median, fill, indicators, since, target_mean, target_spread)

    @property
    def inputs(self) -> int:
        """Number of input features of the cell."""
        return len(self.mean) * (1 + self.indicators + self.since)

    def apply(self, data: SequenceDataset) -> Prepared:
        """Inputs and dt for a cell.

        Raises:
            ValueError: another number of features than it was learnt from.
        """
        if data.inputs.shape[2] != len(self.mean):
            raise ValueError(
                f"the data must have {len(self.mean)} features, as in training, got {data.inputs.shape[2]}: "
                f"{', '.join(data.features[:20])}"
            )
        observed, mask = data.observed, data.mask[:, :, None]
        scaled = (np.where(observed, data.inputs, 0).astype(float) - self.mean) / self.spread
        last = _last_observed(observed)
        if self.fill == "carry":
            filled = np.where(last >= 0, np.take_along_axis(scaled, np.maximum(last, 0), axis=1), 0)
        else:
            filled = np.where(observed, scaled, 0)
        parts = [filled]
        if self.indicators:
            parts.append(observed.astype(float))
        if self.since:
            times = np.broadcast_to(data.times[:, :, None], observed.shape)
            parts.append((times - np.take_along_axis(times, np.maximum(last, 0), axis=1)) / self.time_unit)
        inputs = np.where(mask, np.concatenate(parts, axis=2), 0)
        _check_single(inputs, data)
        dt = elapsed(data.times.T, first=self.first_step, mask=data.mask.T).T / self.time_unit
        _check_durations(dt, data)
        return Prepared(inputs, dt)

    def scaled(self, targets: np.ndarray) -> np.ndarray:
        """Values as the cell learns them, float64 (..., outputs)."""
        mean, spread = self._of_values()
        return (targets.astype(float) - mean) / spread

    def unscaled(self, outputs: Any) -> np.ndarray:
        """The outputs of a cell in the unit of the values, float64 (..., outputs)."""
        mean, spread = self._of_values()
        return np.asarray(outputs, float) * spread + mean

    def _of_values(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        if self.target_mean is None or self.target_spread is None:
            raise ValueError("the preparation must have been learnt from data with values to learn, and knows none")
        return self.target_mean, self.target_spread


def _numbers(name: str, given: Any) -> tuple[float, ...] | None:
    if given is None and name.startswith("target"):
        return None
    if not isinstance(given, Iterable) or isinstance(given, str):
        raise ValueError(f"{name} must be a number for each feature, got {described(given)}")
    return tuple(check_number(name, number) for number in given)


def _moments(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column, of what is not NaN."""
    count = np.maximum(np.sum(~np.isnan(values), axis=0), 1)
    mean = np.nansum(values, axis=0) / count
    spread = np.sqrt(np.nansum((values - mean) ** 2, axis=0) / count)
    # Of a column of equal numbers rounding may leave a spread of 1e-17, by which nothing should be divided.
    varies = spread > 1e-9 * np.max(np.abs(np.nan_to_num(values)), axis=0, initial=0)
    return tuple(mean.tolist()), tuple(np.where(varies, spread, 1.0).tolist())


def _unscaled(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    return (0.0,) * values.shape[-1], (1.0,) * values.shape[-1]


def _last_observed(observed: np.ndarray) -> np.ndarray:
    """For each step and feature the step at which it was last observed, that one included; -1 where there is none."""
    steps = np.arange(observed.shape[1])[:, None]
    return np.maximum.accumulate(np.where(observed, steps, -1), axis=1)


def _check_durations(dt: np.ndarray, data: SequenceDataset) -> None:
    bad = data.mask & ~((dt >= SMALLEST) & (dt <= LARGEST))  # what is 0 in float32 leaves the state as it is
    bad[:, :1] &= dt[:, :1] != 0  # as a first step may
    if bad.any():
        i, t = np.argwhere(bad)[0]
        raise ValueError(
            f"dt must be within float32, {SMALLEST} to {LARGEST}, got {dt[i, t]:g} of time_unit in series "
            f"{data.names[i]!r}, step {t}"
        )


def _check_single(inputs: np.ndarray, data: SequenceDataset) -> None:
    large = np.abs(inputs) > np.finfo(np.float32).max
    if large.any():
        i, t, _ = np.argwhere(large)[0]
        raise ValueError(
            f"inputs must be within float32 after scaling, got {inputs[large][0]:g} in series {data.names[i]!r}, "
            f"step {t}"
        )
