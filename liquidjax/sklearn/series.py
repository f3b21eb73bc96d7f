"""What scikit-learn calls X, as the one form of data that is trained on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from liquidjax._checks import check_integer
from liquidjax.tasks.dataset import SequenceDataset

_ARRAY: dict[str, Any] = {"dtype": (np.float64, np.float32), "ensure_all_finite": "allow-nan"}


class Form(NamedTuple):
    """What of X must be the same again: its channels, the columns where it is a table, whether it has times."""

    channels: int
    table: bool
    timed: bool


class Series(NamedTuple):
    """values: (time_i, features) of each case; times: (time_i,) of each, None for steps 0, 1, ...; form: see `Form`."""

    values: Sequence[np.ndarray]
    times: Sequence[np.ndarray] | None
    form: Form

    def take(self, rows: Sequence[int] | np.ndarray) -> "Series":
        """The cases of these numbers."""
        times = None if self.times is None else [self.times[row] for row in rows]
        return self._replace(values=[self.values[row] for row in rows], times=times)

    def dataset(self, targets: Any = None, **names: Any) -> SequenceDataset:
        """The data set, with what is to be learnt."""
        return SequenceDataset.of(self.values, self.times, targets, **names)


def read(
    estimator: Any, X: Any, times: Any = None, known: Form | None = None, *, cases: int = 1, steps: int = 1
) -> Series:
    """Reads X, and says so in scikit-learn's words where it is none.

    Args:
        estimator: has a `time_channel`; gets `n_features_in_` where nothing is known yet.
        X: (cases, channels, time); a list of (channels, time_i); or (cases, time), a table.
        times: of the steps, (time,) for all cases, (cases, time), or a list of (time_i,).
        known: the form of what was learnt from, which X must have; None where it is learnt from. Who learnt from a
            table gets tables with the same columns.
        cases, steps: how many there must be, and in each.

    Raises:
        ValueError: X or times of another form, infinite or complex numbers, no cases or no steps.
        TypeError: a sparse matrix, or objects that are no numbers.
    """
    found, table = _cases(estimator, X, known, cases, steps)
    for case in found:
        if not len(case) or case.shape[1] < steps:
            raise ValueError(
                f"X must have at least one channel and {steps} steps in each case, got (channels, time) = {case.shape}"
            )
    channels = len(found[0])
    if known is None and not table:
        vars(estimator).pop("feature_names_in_", None)
        estimator.n_features_in_ = channels
    if known is not None and channels != known.channels:
        raise ValueError(f"X must be (cases, channels, time) with {known.channels} channels, as in fit, got {channels}")
    values = [case.T for case in found]
    if estimator.time_channel is not None:
        if times is not None:
            raise ValueError("times must be None where time_channel says which channel of X has them")
        values, times = _times_within(values, estimator.time_channel)
    elif times is not None:
        times = of_each("times", times, len(values))
    if known is not None and known.timed != (times is not None):
        raise ValueError(
            "times must be given as to fit, which had them; a time_channel is another way to say them"
            if known.timed
            else "times must be None, for fit had none: what was learnt is of steps 0, 1, 2, ..."
        )
    return Series(values, times, Form(channels, table, times is not None))


def _cases(estimator: Any, X: Any, known: Form | None, cases: int, steps: int) -> tuple[list[np.ndarray], bool]:
    """(channels, time_i) of each case, and whether X was a table."""
    if _is_list(X):
        return _of_list(estimator, X, cases), False
    if getattr(X, "ndim", None) == 3:
        return list(_checked(estimator, X, allow_nd=True, ensure_min_samples=cases)), False
    least: dict[str, Any] = {"ensure_min_samples": cases, "ensure_min_features": steps}
    if known is None or known.table:
        rows: Any = validate_data(estimator, X, reset=known is None, **least, **_ARRAY)
    else:  # who learnt from series of any length takes a table with any number of columns
        rows = _checked(estimator, X, **least)
    return [row[None] for row in rows], True


def _checked(estimator: Any, X: Any, **how: Any) -> Any:
    return check_array(X, estimator=estimator, input_name="X", **how, **_ARRAY)


def _is_list(X: Any) -> bool:
    """Whether X is a list of series, not of the rows of a table."""
    if isinstance(X, np.ndarray) and (X.dtype != object or X.ndim != 1):
        return False
    if not isinstance(X, list | tuple | np.ndarray) or not len(X):
        return False
    shapes = [_shape(case) for case in X]
    axes = {len(shape) for shape in shapes}
    return bool(axes & {2, 3}) or (axes == {1} and len(set(shapes)) > 1)


def _shape(case: Any) -> tuple[int, ...]:
    try:
        return np.shape(case)
    except ValueError:  # a list of rows that differ
        return (0, 0)


def _of_list(estimator: Any, X: Any, least: int) -> list[np.ndarray]:
    """(channels, time_i) of each case."""
    if any(hasattr(case, "iloc") and np.ndim(case) == 2 for case in X):
        raise ValueError("X must be a list of arrays (channels, time), got one of tables; give table.to_numpy().T")
    if len(X) < least:
        raise ValueError(
            f"Found a list of series with {len(X)} sample(s) while a minimum of {least} is required by "
            f"{type(estimator).__name__}."
        )
    loose = {"ensure_2d": False, "allow_nd": True, "ensure_min_samples": 0, "ensure_min_features": 0}
    cases = [_checked(estimator, case, **loose) for case in X]
    if all(case.ndim == 1 for case in cases):
        cases = [case[None] for case in cases]
    if any(case.ndim != 2 or len(case) != len(cases[0]) for case in cases):
        shapes = [case.shape for case in cases[:5]]
        raise ValueError(f"X must be a list of series (channels, time), all with the same channels, got {shapes}")
    return cases


def _times_within(values: list[np.ndarray], channel: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Values and times, of series (time_i, channels) one channel of which is the times."""
    channels, place = values[0].shape[1], check_integer("time_channel", channel)
    if channels < 2 or not -channels <= place < channels:
        raise ValueError(
            f"time_channel must be one of the channels of X, beside another one at least, got {place} for {channels}"
        )
    return [np.delete(x, place, axis=1) for x in values], [x[:, place].astype(float) for x in values]


def of_each(name: str, times: Any, count: int) -> list[Any]:
    """The times of each case, which may share them; the ValueError where they are those of more or fewer."""
    if not isinstance(times, list | tuple) or all(np.ndim(each) == 0 for each in times):
        times = np.asarray(times)
        if times.ndim == 1 and times.dtype != object:
            return [times] * count
    if np.ndim(times) == 0 or len(times) != count:
        got = times.shape if isinstance(times, np.ndarray) else f"a list of {len(times)}"
        raise ValueError(
            f"{name} must be (time,) for all cases, (cases, time), or a list of (time_i,), of {count} cases, got {got}"
        )
    return list(times)
