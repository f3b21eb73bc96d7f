"""Sections of series: windows to learn from, and the end of each."""

from collections.abc import Sequence

from liquidjax.sklearn.series import Series


def cut(given: Series, window: int | None) -> Series:
    """Sections of so many steps, half of which overlap, of the cases that are longer; all as they are for None.

    Example:
        >>> import numpy as np
        >>> from liquidjax.sklearn.series import Form
        >>> cases = cut(Series([np.arange(9.0)[:, None]], None, Form(1, True, False)), window=4).values
        >>> [case[:, 0].tolist() for case in cases]
        [[0.0, 1.0, 2.0, 3.0], [2.0, 3.0, 4.0, 5.0], [4.0, 5.0, 6.0, 7.0], [5.0, 6.0, 7.0, 8.0]]
    """
    if window is None:
        return given
    places = [(case, start) for case, x in enumerate(given.values) for start in _starts(len(x), window)]
    times = None if given.times is None else [given.times[case][start : start + window] for case, start in places]
    return given._replace(values=[given.values[case][start : start + window] for case, start in places], times=times)


def split_off(given: Series, ends: Sequence[int], least: int) -> tuple[Series, Series]:
    """What is before so many steps at the end of each case, and these.

    Raises:
        ValueError: a case that has fewer than `least` steps before them.
    """
    for x, end in zip(given.values, ends, strict=True):
        if len(x) - end < least:
            raise ValueError(
                f"each case must have at least {least + end} steps, of which {end} are held out, got {len(x)}"
            )
    before, after = (
        given._replace(
            values=[x[part] for x, part in zip(given.values, parts, strict=True)],
            times=None if given.times is None else [t[part] for t, part in zip(given.times, parts, strict=True)],
        )
        for parts in ([slice(None, -end) for end in ends], [slice(-end, None) for end in ends])
    )
    return before, after


def _starts(length: int, window: int) -> list[int]:
    last = max(length - window, 0)
    return sorted({*range(0, last, window // 2), last})
