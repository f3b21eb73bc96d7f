"""The one form in memory of everything that is trained on: series with their own clocks, gaps and lengths."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from liquidjax._checks import check_array, described
from liquidjax._checks import put as set_fields

MOST_NUMBERS = 2**30
"""Of padded series together, 8 GiB: one very long series among many short ones would take all memory."""


@dataclass(frozen=True, eq=False)
class SequenceDataset:
    """Series (series, time, features) with the time of each step, what was observed, and what is to be learnt.

    Series of unequal length are padded behind their last step, where `mask` is False; what stands in padding, and where
    a feature was not observed, is never read.

    Args:
        inputs: (series, time, features), floating point; NaN where a feature was not observed.
        times: (series, time), strictly increasing within each series, in the unit of the time constants, or in any
            other that a `Preparation` then makes into it; 0, 1, 2, ... when None.
        mask: bool (series, time), False where a step is padding; all steps when None.
        targets: what is to be learnt, None for data without. Classes are integers, numbered as `classes` names them,
            (series,) or for each step (series, time); values are floating point, (series, outputs) or for each step
            (series, time, outputs). Where no target is known it is -1 or NaN, and so it is in padding.
        features: names of the features; x1, x2, ... when left out.
        classes: names of the classes; None for values.
        outputs: names of the values; y1, y2, ... when None.
        names: of the series; 1, 2, ... when left out.
        groups: for each series what it belongs to, such as a person, so that a split can keep them together.

    Raises:
        ValueError: shapes or kinds that do not fit, times that do not increase, a class without a name; the series and
            the step are named.

    Example:
        >>> data = SequenceDataset.of([np.ones((3, 2)), np.zeros((5, 2))], targets=[0, 1], classes=("idle", "walking"))
        >>> data.inputs.shape, data.lengths.tolist(), len(data)
        ((2, 5, 2), [3, 5], 2)
    """

    inputs: np.ndarray
    times: Any = None
    mask: Any = None
    targets: Any = None
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    names: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = None

    def __post_init__(self):
        put: dict[str, Any] = {}
        inputs = check_array("inputs", self.inputs, "iuf", on_host=True)
        if inputs.ndim != 3:
            raise ValueError(f"inputs must be (series, time, features), got shape {inputs.shape}")
        put["inputs"] = inputs = inputs.astype(np.result_type(inputs.dtype, np.float32), copy=False)
        series, time, features = inputs.shape
        mask = np.ones((series, time), bool) if self.mask is None else check_array("mask", self.mask, "b", on_host=True)
        _check_shape("mask", mask, "(series, time)", (series, time))
        if np.any(mask[:, 1:] & ~mask[:, :-1]) or not np.all(mask[:, :1]) or not time:
            raise ValueError(
                "mask must be True for the first steps of every series, at least one, and False behind them"
            )
        put["mask"] = mask
        times = np.arange(time, dtype=float) if self.times is None else check_array("times", self.times, "iuf", True)
        times = np.broadcast_to(times, (series, time)) if times.shape == (time,) else times
        _check_shape("times", times, "(series, time)", (series, time))
        put["times"] = times = np.where(mask, times, 0).astype(float)
        put["names"] = _names("names", self.names, series, "")
        put["features"] = _names("features", self.features, features, "x")
        for name in ("outputs", "classes", "groups"):
            given = getattr(self, name)
            put[name] = None if given is None else _texts(name, given)
        if put["groups"] is not None and len(put["groups"]) != series:
            raise ValueError(f"groups must be one for each of {series} series, got {len(put['groups'])}")
        if put["classes"] is not None and len(set(put["classes"])) < len(put["classes"]):
            raise ValueError(f"classes must have different names, got {put['classes']}")
        _check_times(times, mask, put["names"])
        if np.any(np.isinf(inputs) & mask[:, :, None]):
            i, t, feature = np.argwhere(np.isinf(inputs) & mask[:, :, None])[0]
            raise ValueError(
                f"inputs must be finite, or NaN where nothing was observed, got {inputs[i, t, feature]} in series "
                f"{put['names'][i]!r}, step {t}, feature {put['features'][feature]!r}"
            )
        put["targets"] = None if self.targets is None else _targets(self.targets, put)
        if put["targets"] is not None and put["classes"] is None:
            put["outputs"] = _names("outputs", put["outputs"] or (), put["targets"].shape[-1], "y")
        for name, value in put.items():
            if isinstance(value, np.ndarray):
                put[name] = value.view()  # the array of the caller stays writeable for the caller
                put[name].flags.writeable = False
        set_fields(self, **put)

    @classmethod
    def of(cls, inputs: Sequence[Any], times: Sequence[Any] | None = None, targets: Any = None, **names: Any):
        """The data set of a list of series (time_i, features), with times (time_i,) and targets (series,) or a list.

        Args:
            inputs: the series.
            times: of each series; 0, 1, 2, ... when None.
            targets: for each series one class or its values; or a list of arrays, one for each step of each series,
                (time_i,) or for values (time_i, outputs) too.
            names: as for the class: `classes`, `features`, `outputs`, `names`, `groups`.
        """
        series = [check_array("inputs", x, "iuf", on_host=True) for x in inputs]
        series = [x if x.dtype.kind == "f" else x.astype(float) for x in series]
        if not series or any(x.ndim != 2 or x.shape[1] != series[0].shape[1] for x in series):
            shapes = [x.shape for x in series]
            raise ValueError(f"inputs must be series (time, features), all with the same features, got {shapes[:10]}")
        lengths = [len(x) for x in series]
        mask = np.arange(max(lengths)) < np.array(lengths)[:, None]
        padded_times = None
        if times is not None:
            stamps = [check_array("times", t, "iuf", on_host=True).astype(float) for t in times]
            if [t.shape for t in stamps] != [(length,) for length in lengths]:
                raise ValueError(
                    f"times must be as long as their series, {lengths[:10]}, got {[t.shape for t in stamps][:10]}"
                )
            padded_times = pad(stamps, 0.0)
        steps = isinstance(targets, list) and all(np.ndim(y) for y in targets) and [len(y) for y in targets] == lengths
        if steps:
            targets = _of_steps(targets, lengths, classes=names.get("classes") is not None)
        return cls(pad(series, np.nan), padded_times, mask, targets, **names)

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def lengths(self) -> np.ndarray:
        """Steps of each series, int (series,)."""
        return self.mask.sum(1)

    @property
    def observed(self) -> np.ndarray:
        """bool (series, time, features): where a feature has a value."""
        return self.mask[:, :, None] & ~np.isnan(self.inputs)

    @property
    def target_mask(self) -> np.ndarray:
        """bool (series,) or (series, time): where a target is known."""
        if self.targets is None:
            raise ValueError("the data set must have targets, and has none")
        known = self.targets >= 0 if self.classes is not None else ~np.isnan(self.targets).any(-1)
        return known & self.mask if known.ndim == 2 else known

    @property
    def each_step(self) -> bool:
        """Whether there is a target for each step, and not one for the series."""
        return self.targets is not None and self.targets.ndim == (2 if self.classes is not None else 3)

    def take(self, rows: Any) -> "SequenceDataset":
        """The series of these numbers, in this order; without the time steps that none of them has.

        Example:
            >>> data = SequenceDataset.of([np.ones((3, 2)), np.zeros((5, 2))])
            >>> data.take([0]).inputs.shape
            (1, 3, 2)
        """
        rows = np.asarray(rows)
        kinds = "b" if rows.shape == (len(self),) and rows.dtype == bool else "iu"
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in kinds):
            raise ValueError(
                f"rows must be numbers of series, or a bool for each of {len(self)}, got {described(rows)}"
            )
        rows = np.flatnonzero(rows) if rows.dtype == bool else rows.astype(int)
        time = int(self.lengths[rows].max(initial=1))
        targets = self.targets
        if targets is not None:
            targets = targets[rows, :time] if self.each_step else targets[rows]
        return dataclasses.replace(
            self,
            inputs=self.inputs[rows, :time],
            times=self.times[rows, :time],
            mask=self.mask[rows, :time],
            targets=targets,
            names=tuple(self.names[row] for row in rows),
            groups=None if self.groups is None else tuple(self.groups[row] for row in rows),
        )


def pad(series: Sequence[np.ndarray], value: Any) -> np.ndarray:
    """Arrays (time_i, ...) as one (series, time, ...), with a value behind the end of each.

    Example:
        >>> pad([np.ones(1), np.zeros(2)], -1.0).tolist()
        [[1.0, -1.0], [0.0, 0.0]]
    """
    lengths = [len(x) for x in series]
    shape = (len(series), max(lengths), *series[0].shape[1:])
    check_room(shape)
    padded = np.full(shape, value, np.result_type(*series))
    for row, x in zip(padded, series, strict=True):
        row[: len(x)] = x
    return padded


def check_room(shape: tuple[int, ...]) -> None:
    """Raises the ValueError for padded series that would take more than `MOST_NUMBERS`.

    Example:
        >>> check_room((10**6, 10**6, 3))
        Traceback (most recent call last):
            ...
        ValueError: series must fit into memory, all padded to the longest: 1000000 of up to 1000000 steps with \
3 numbers each are more than 1073741824 numbers; cut the long series into shorter ones
    """
    if math.prod(shape) > MOST_NUMBERS:
        raise ValueError(
            f"series must fit into memory, all padded to the longest: {shape[0]} of up to {shape[1]} steps with "
            f"{math.prod(shape[2:])} numbers each are more than {MOST_NUMBERS} numbers; cut the long series into "
            "shorter ones"
        )


def _of_steps(targets: list[Any], lengths: list[int], classes: bool) -> np.ndarray:
    """Targets for each step of each series, padded."""
    steps = [check_array("targets", y, "iuf", on_host=True) for y in targets]
    if any(y.ndim != steps[0].ndim for y in steps):
        raise ValueError(f"targets must all have the same axes, got {[y.shape for y in steps][:10]}")
    if classes:
        return pad([y.astype(np.int64) if y.dtype.kind == "u" else y for y in steps], -1)
    if steps[0].ndim == 1:
        if len(set(lengths)) == 1:
            raise ValueError(
                f"targets must say whether they are for each series or for each step, got {len(steps)} of as many "
                f"numbers as there are steps: one array (series, outputs), or a list of arrays (time, outputs)"
            )
        steps = [y[:, None] for y in steps]
    return pad([y.astype(np.result_type(y.dtype, np.float32)) for y in steps], np.nan)


def _targets(given: Any, put: dict[str, Any]) -> np.ndarray:
    series, time = put["mask"].shape
    targets = check_array("targets", given, "iuf", on_host=True)
    if put["classes"] is None:
        targets = targets.astype(np.result_type(targets.dtype, np.float32))
        if targets.shape == (series,):
            targets = targets[:, None]
        if targets.ndim not in (2, 3) or targets.shape[:-1] != (series, time)[: targets.ndim - 1]:
            raise ValueError(
                f"targets must be (series, outputs) = ({series}, outputs) or (series, time, outputs) = ({series}, "
                f"{time}, outputs) where there are no classes, got shape {targets.shape}"
            )
        if targets.ndim == 3:
            targets = np.where(put["mask"][:, :, None], targets, np.array(np.nan, targets.dtype))
        if np.any(np.isinf(targets)):
            raise ValueError(
                "targets must be finite, or NaN where they are not known, got an infinite one in series "
                f"{put['names'][np.argwhere(np.isinf(targets))[0, 0]]!r}"
            )
        return targets
    number = len(put["classes"])
    if targets.dtype.kind not in "iu" or targets.shape not in ((series,), (series, time)):
        raise ValueError(
            f"targets must be integers (series,) = ({series},) or (series, time) = {(series, time)} where there are "
            f"classes, got {targets.dtype} {targets.shape}"
        )
    valid = np.broadcast_to(put["mask"] if targets.ndim == 2 else True, targets.shape)
    used = targets[valid]
    if used.size and not -1 <= used.min() <= used.max() < number:
        raise ValueError(
            f"targets must be in [0, {number}), the number of classes, or -1 where they are not known, got "
            f"{used.min()} to {used.max()}"
        )
    signed = np.int64 if targets.dtype.kind == "u" else targets.dtype
    return np.where(valid, targets.astype(signed), np.array(-1, signed))


def _check_times(times: np.ndarray, mask: np.ndarray, names: tuple[str, ...]) -> None:
    bad = ~np.isfinite(times)
    bad[:, 1:] |= ~(times[:, 1:] > times[:, :-1])
    bad &= mask
    if bad.any():
        i, t = np.argwhere(bad)[0]
        before = f" after {times[i, t - 1]}" if t else ""
        raise ValueError(
            f"times must be finite and increase within a series, got {times[i, t]}{before} in series {names[i]!r}, "
            f"step {t}"
        )


def _check_shape(name: str, array: np.ndarray, form: str, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} must be {form} = {shape}, got shape {array.shape}")


def _names(name: str, given: Any, count: int, letter: str) -> tuple[str, ...]:
    names = _texts(name, () if given is None else given) or tuple(f"{letter}{i + 1}" for i in range(count))
    if len(names) != count or len(set(names)) < count:
        raise ValueError(f"{name} must be {count} different names, got {described(names)}")
    return names


def _texts(name: str, given: Any) -> tuple[str, ...]:
    """What may be iterated over as texts; one text is not a sequence of its letters."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{name} must be a sequence of names, got {described(given)}")
    return tuple(map(str, given))
