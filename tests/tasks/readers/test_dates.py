"""Dates: what is one, and how many units passed since the earliest."""

import numpy as np
import pytest

from liquidjax.tasks.readers.dates import elapsed_since, since_earliest


def refuse(number, expected):
    raise ValueError(f"{number}: {expected}")


@pytest.mark.parametrize(
    "texts, unit, expected",
    [
        (["2026-11-25", "2026-11-26", "2026-12-02"], "D", [0, 1, 7]),
        (["2026-11-25", "2026-12-02"], "W", [0, 1]),
        (["2026-11-25 10:00", "2026-11-25T10:45:00"], "h", [0, 0.75]),
        (["2026-11-25T10:00:30", "2026-11-25T10:00:00"], "m", [0.5, 0]),
        (["2024-02-29T23:59:59.5", "2024-03-01T00:00:00"], "s", [0, 0.5]),
        (["2026-11-25T10:00:00.000000001", "2026-11-25T10:00:00"], "ns", [1, 0]),
        (["2026-11-25T10:00:00.001", "2026-11-25T10:00:00"], "us", [1000, 0]),
        (["2026-11-25T10:00Z", "2026-11-25T12:00+02:00", "2026-11-25T10:00-00:30"], "m", [0, 0, 30]),
        (["0001-01-01", "9999-12-31"], "D", [0, 3652058]),
        (["1678-01-01", "2261-12-31T00:00:00.000000000"], "D", [0, 213_300]),
        (["2024-12-31T23:30-01:00", "2025-01-01T00:00:00.25Z"], "s", [1799.75, 0]),
        ([], "D", []),
    ],
)
def test_counts_since_the_earliest(texts, unit, expected):
    assert since_earliest(texts, unit, refuse).tolist() == expected


@pytest.mark.parametrize(
    "texts, sentence",
    [
        *(
            ([text], "0: a date such as 2026-11-25 or 2026-11-25T10:00:00")
            for text in (
                "now",
                "today",
                "2026",
                "20261125",
                "25.11.2026",
                "2026-11-25T10",
                "1.7e9",
                "NaT",
                "0000-01-01",
                "2026-11-25Z",
                "2026-11-25T10:00+24:00",
                "2026-11-25T10:00+0100",
                "٢٠٢٦-11-25",
                "",
            )
        ),
        (["2026-11-25", "2026-02-30"], "1: a date that exists"),
        (["2026-11-25T24:00"], "0: a date that exists"),
        (["2026-11-25T23:59:60"], "0: a date that exists"),
        (["2026-11-25", "2026-00-01"], "1: a date that exists"),
        (["2026-11-25T10:00:00.1234567", "2262-01-01"], "1: a date from 1678 to 2261, as there are nanoseconds"),
        (["2026-11-25T10:00Z", "2026-11-25T10:00"], "1: a time zone for all dates, or for none"),
        (["2026-11-25", "2026-11-25T10:00Z"], "1: a time zone for all dates, or for none"),
    ],
)
def test_refuses_what_is_no_date(texts, sentence):
    with pytest.raises(ValueError, match=r"^[01]: ") as caught:
        since_earliest(texts, "s", refuse)
    assert str(caught.value) == sentence


def test_integers_far_from_zero_are_subtracted_before_they_are_rounded():
    now = 1_764_064_800_000_000_000
    assert elapsed_since(np.array([now + 1, now]), "ns", "ns").tolist() == [1, 0]
    assert elapsed_since(np.array([3, 0]), "s", "ms").tolist() == [3000, 0]
    assert elapsed_since(np.array([2**63 - 1, -(2**63)]), "ns", "ns").tolist() == [2.0**64, 0]
