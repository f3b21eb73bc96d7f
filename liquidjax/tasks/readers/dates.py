"""Dates in ISO 8601, made into numbers since the earliest of them before anything is rounded."""

import re
from collections.abc import Callable
from typing import NoReturn

import numpy as np

from liquidjax._bounds import shown
from liquidjax.sequences.times import Unit

ISO_8601 = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?", re.ASCII)
"""What is taken for a date; pandas by itself would also take 2026, 20261125 and `now`."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = {"m": 60, "h": 3600, "D": 86400, "W": 604800}


def since_earliest(texts: list[str], unit: Unit, refuse: Callable[[int, str], NoReturn]) -> np.ndarray:
    """The time of each date since the earliest one, float64, in a unit.

    Args:
        texts: such as 2026-11-25, 2026-11-25T10:00 or 2026-11-25 10:00:00.5+01:00; all with a zone, or none.
        unit: "ns", "us", "ms", "s", "m" (minutes), "h", "D" or "W".
        refuse: raises the error for the date of this number, from a sentence of what was expected.

    Example:
        >>> since_earliest(["2026-11-25T12:00+02:00", "2026-11-25T10:45Z"], "h", print)
        array([0.  , 0.75])
    """
    import pandas

    zones = 0
    for number, text in enumerate(texts):
        found = ISO_8601.fullmatch(text)
        if found is None:
            refuse(number, "a date such as 2026-11-25 or 2026-11-25T10:00:00")
        zones += found["zone"] is not None
        if 0 < zones <= number:
            refuse(number, "a time zone for all dates, or for none")
    try:
        dates = pandas.to_datetime(texts, format="ISO8601", utc=True)
    except ValueError:  # a day or an hour that does not exist, or that nanoseconds cannot hold
        for number, text in enumerate(texts):
            try:
                pandas.to_datetime([text], format="ISO8601", utc=True)
            except ValueError:
                refuse(number, "a date that exists")
        refuse(0, "dates within 584 years, where they are in nanoseconds")
    return elapsed_since(dates.asi8, dates.unit, unit)


def elapsed_since(numbers: np.ndarray, resolution: str, unit: Unit) -> np.ndarray:
    """Integers in a resolution ("s", "ms", "us" or "ns"), since the least of them, float64 in a unit.

    Raises:
        ValueError: they are further apart than 64 bits tell.

    Example:
        >>> elapsed_since(np.array([1_500, 3_000]), "ms", "s")
        array([0. , 1.5])
    """
    if not len(numbers):
        return np.zeros(0)
    if int(numbers.max()) - int(numbers.min()) >= 2**63:
        raise ValueError(f"dates must be less than 2^63 {resolution} apart, got {shown(int(numbers.max()))} of them")
    # One of the two is a whole multiple of the other, so one operation rounds once.
    numerator, denominator = _PER_SECOND.get(unit, 1), _PER_SECOND[resolution] * _SECONDS.get(unit, 1)
    gaps = (numbers - numbers.min()).astype(float)
    return gaps * (numerator // denominator) if numerator > denominator else gaps / (denominator // numerator)
