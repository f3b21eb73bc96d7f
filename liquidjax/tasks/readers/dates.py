"""Dates in ISO 8601, made into numbers since the earliest of them before anything is rounded."""

import re
from collections.abc import Callable
from typing import NoReturn

import numpy as np

from liquidjax.sequences.times import Unit

ISO_8601 = re.compile(
    r"(?!0000)\d{4}-\d{2}-\d{2}"
    r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.(?P<fraction>\d{1,9}))?)?(?P<zone>Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)?)?",
    re.ASCII,
)
"""What is taken for a date; numpy by itself would also take 2026, `now`, and zones, which pandas mixes with none."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = {"m": 60, "h": 3600, "D": 86400, "W": 604800}


def since_earliest(texts: list[str], unit: Unit, refuse: Callable[[int, str], NoReturn]) -> np.ndarray:
    """The time of each date since the earliest one, float64, in a unit.

    Args:
        texts: such as 2026-11-25, 2026-11-25T10:00 or 2026-11-25 10:00:00.5+01:00; all with a zone, or none.
        unit: "ns", "us", "ms", "s", "m" (minutes), "h", "D" or "W".
        refuse: raises the error for the date of this number, from what was expected.

    Example:
        >>> since_earliest(["2026-11-25T12:00+02:00", "2026-11-25T10:45Z"], "h", print)
        array([0.  , 0.75])
    """
    minutes = np.zeros(len(texts), np.int64)
    local, zones, digits = [], 0, 0
    for number, text in enumerate(texts):
        found = ISO_8601.fullmatch(text)
        if found is None:
            refuse(number, "a date such as 2026-11-25 or 2026-11-25T10:00:00")
        zone = found["zone"]
        zones += zone is not None
        if 0 < zones <= number:
            refuse(number, "a time zone for all dates, or for none")
        if zone is not None and zone != "Z":
            minutes[number] = (int(zone[1:3]) * 60 + int(zone[4:])) * (-1 if zone[0] == "-" else 1)
        local.append(text[: found.start("zone")] if zone else text)
        digits = max(digits, len(found["fraction"] or ""))
    resolution = "ns" if digits > 6 else "us"
    try:
        numbers = np.array(local, f"datetime64[{resolution}]").astype(np.int64)
    except ValueError:  # a month, a day or an hour that there is not
        refuse(_first_unknown(local), "a date that exists")
    if resolution == "ns":  # of which 64 bits hold 584 years, and numpy says nothing where they do not
        for number, text in enumerate(local):
            if not "1678" <= text[:4] <= "2261":
                refuse(number, "a date from 1678 to 2261, as there are nanoseconds")
    return elapsed_since(numbers - minutes * 60 * _PER_SECOND[resolution], resolution, unit)


def elapsed_since(numbers: np.ndarray, resolution: str, unit: Unit) -> np.ndarray:
    """Integers of 64 bits in a resolution ("s", "ms", "us" or "ns"), since the least of them, float64 in a unit.

    Example:
        >>> elapsed_since(np.array([1_500, 3_000]), "ms", "s")
        array([0. , 1.5])
    """
    if not len(numbers):
        return np.zeros(0)
    # One of the two is a whole multiple of the other, so one operation rounds once.
    numerator, denominator = _PER_SECOND.get(unit, 1), _PER_SECOND[resolution] * _SECONDS.get(unit, 1)
    gaps = (numbers.view(np.uint64) - numbers.min().view(np.uint64)).astype(float)  # which may be 2^64 - 1
    return gaps * (numerator // denominator) if numerator > denominator else gaps / (denominator // numerator)


def _first_unknown(texts: list[str]) -> int:
    for number, text in enumerate(texts):
        try:
            np.datetime64(text, "us")
        except ValueError:
            return number
    raise AssertionError("numpy must refuse the same dates together as one by one")
