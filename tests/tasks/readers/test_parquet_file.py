"""Parquet files: types that are taken, and the sentence for those that are not."""

import datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from liquidjax.tasks.readers import parquet_file
from liquidjax.tasks.readers.table import read_table

COLUMNS = {"id": ["a", "a", "b"], "t": [0, 1, 0], "x": [1.5, None, float("nan")]}
STAMPS = [datetime.datetime(2026, 11, 25, hour) for hour in range(3)]
OTHER = "write it as another type, or leave the column out"


def written(tmp_path, **columns):
    file = tmp_path / "some.parquet"
    pyarrow.parquet.write_table(pyarrow.table(COLUMNS | columns), file)
    return file


def test_nulls_and_nan_are_missing(tmp_path):
    data = read_table(written(tmp_path), series="id", time="t")
    assert data.names == ("a", "b") and data.lengths.tolist() == [2, 1]
    np.testing.assert_array_equal(data.inputs[..., 0], [[1.5, np.nan], [np.nan, np.nan]])


@pytest.mark.parametrize(
    "ids, names",
    [
        ([2**60 + 1, 2**60 + 1, 2**60], ("1152921504606846977", "1152921504606846976")),
        ([1.0, 1.0, 2.0], ("1", "2")),
        (pyarrow.array(["a", "a", "b"]).dictionary_encode(), ("a", "b")),
        (pyarrow.array([" a", "a ", "b"], pyarrow.large_string()), ("a", "b")),
    ],
    ids=["large integers", "integers of pandas", "categories", "blanks"],
)
def test_names_of_series_are_texts_or_whole_numbers(ids, names, tmp_path):
    assert read_table(written(tmp_path, id=ids), series="id", time="t").names == names


@pytest.mark.parametrize(
    "column",
    [np.array([1, 2, 3], np.float16), np.array([1, 2, 3], np.uint8), ["1", " 2", "3."], pyarrow.array([1, 2, 3])],
)
def test_numbers_of_every_type(column, tmp_path):
    data = read_table(written(tmp_path, x=column), series="id", time="t")
    assert data.inputs.dtype == np.float64 and data.inputs[data.mask][:, 0].tolist() == [1, 2, 3]


def test_a_column_without_a_type_is_missing(tmp_path):
    data = read_table(written(tmp_path, x=[1, 2, 3], y=pyarrow.nulls(3)), series="id", time="t")
    assert data.features == ("x", "y") and not data.observed[..., 1].any()


def test_integers_are_values_unless_they_are_said_to_be_classes_and_text_names_classes(tmp_path):
    options: Any = {"series": "id", "time": "t", "target": "y"}
    data = read_table(written(tmp_path, y=[9, None, 10]), **options)
    assert data.targets is not None and data.targets.tolist() == [[9], [10]] and data.outputs == ("y",)
    data = read_table(written(tmp_path, y=[9, None, 10]), **options, classes=True)
    assert data.targets is not None and data.targets.tolist() == [0, 1] and data.classes == ("9", "10")
    data = read_table(written(tmp_path, y=["9", "9", "10"]), **options)
    assert data.targets is not None and data.targets.tolist() == [0, 1] and data.classes == ("9", "10")


@pytest.mark.parametrize(
    "stamps, unit, expected",
    [
        (pyarrow.array(STAMPS, pyarrow.timestamp("ns")), "h", [0, 1, 2]),
        (pyarrow.array(STAMPS, pyarrow.timestamp("ms", "Europe/Berlin")), "m", [0, 60, 120]),
        (pyarrow.array(STAMPS, pyarrow.timestamp("s")), "ms", [0, 3_600_000, 7_200_000]),
        ([stamp.date() + datetime.timedelta(stamp.hour) for stamp in STAMPS], "D", [0, 1, 2]),
        ([f"{stamp:%Y-%m-%d %H:%M}" for stamp in STAMPS], "h", [0, 1, 2]),
    ],
    ids=["nanoseconds", "zone", "seconds", "days", "text"],
)
def test_dates_of_every_type(stamps, unit, expected, tmp_path):
    data = read_table(written(tmp_path, t=stamps), series="id", time="t", time_unit=unit)
    assert data.times[data.mask].tolist() == expected


@pytest.mark.parametrize(
    "columns, options, sentence",
    [
        ({"y": [True, False, None]}, {}, f"FILE: column 'y' must hold numbers, got the type bool; {OTHER}"),
        (
            {"y": [Decimal("1.5")] * 3},
            {},
            f"FILE: column 'y' must hold numbers, got the type decimal128(2, 1); {OTHER}",
        ),
        ({"y": [b"a"] * 3}, {}, f"FILE: column 'y' must hold numbers, got the type binary; {OTHER}"),
        ({"y": [[1]] * 3}, {}, f"FILE: column 'y' must hold numbers, got the type list<element: int64>; {OTHER}"),
        ({"y": STAMPS}, {}, f"FILE: column 'y' must hold numbers, got the type date; {OTHER}"),
        (
            {"y": [True, False, None]},
            {"target": "y", "classes": True},
            f"FILE: column 'y' must hold text or whole numbers, got the type bool; {OTHER}",
        ),
        ({"x": [1, np.inf, 2]}, {}, "FILE, row 2, column 'x': expected a finite number that float64 holds, got inf"),
        ({"x": ["1", "2", "True"]}, {}, "FILE, row 3, column 'x': expected a decimal number, got 'True'"),
        ({"id": [1.5, 1.0, 2.0]}, {}, "FILE, row 1, column 'id': expected text or a whole number, got 1.5"),
        ({"id": [1.0, np.inf, 2.0]}, {}, "FILE, row 2, column 'id': expected text or a whole number, got inf"),
        ({"id": ["a", None, "b"]}, {}, "FILE, row 2, column 'id': expected the name of a series, got a blank"),
        ({"t": [0, None, 0]}, {}, "FILE, row 2, column 't': expected a time, got a blank"),
        ({"t": STAMPS}, {}, "FILE: column 't' holds dates, so time_unit must say what to count in, such as 's'"),
        (
            {"t": [STAMPS[0], None, STAMPS[1]]},
            {"time_unit": "s"},
            "FILE, row 2, column 't': expected a time, got a blank",
        ),
        (
            {},
            {"time_unit": "s"},
            "FILE: column 't' holds numbers, so time_unit must be left out, got 's': they are in the unit they are in",
        ),
        (
            {"t": pyarrow.array([0, 1, 2], pyarrow.duration("s"))},
            {},
            f"FILE: column 't' must hold times, got the type duration[s]; {OTHER}",
        ),
        (
            {"t": [0, 0, 0]},
            {},
            "FILE, row 1 and row 2: times must increase within a series, got 0 and then 0 in series 'a'; "
            "duplicates='mean' or 'last' makes one of them",
        ),
        (
            {"__index_level_0__": [0, 2, 1]},
            {},
            "FILE holds the index of pandas as column '__index_level_0__'; name the features, or write it with "
            "index=False",
        ),
        ({" ": [0, 2, 1]}, {}, "FILE: column 4 has no name; name it, or remove it"),
    ],
)
def test_refuses_the_rest(columns, options, sentence, tmp_path):
    file = written(tmp_path, **columns)
    with pytest.raises(ValueError) as caught:
        read_table(file, series="id", time="t", **options)
    assert str(caught.value) == sentence.replace("FILE", str(file))


def test_refuses_files_without_rows_of_two_equal_columns_or_that_are_no_parquet(tmp_path):
    file = tmp_path / "some.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"x": pyarrow.array([], pyarrow.float64())}), file)
    with pytest.raises(ValueError, match=r"must hold rows, and holds none$"):
        read_table(file)
    pyarrow.parquet.write_table(pyarrow.table([pyarrow.array([1])] * 2, names=["x", "x"]), file)
    with pytest.raises(ValueError, match=r"columns 1 and 2 have the same name 'x'; give each its own$"):
        read_table(file)
    for content in (b"", b"PAR1", b"PAR1 something else PAR1", b"x\n1\n"):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"some\.parquet must be a Parquet file, and cannot be read.*: "):
            read_table(file)


def test_a_number_is_missing_however_it_is_written(tmp_path):
    data = read_table(written(tmp_path, x=[-999, 1, 2]), series="id", time="t", missing=("-999.0",))
    assert data.observed[data.mask][:, 0].tolist() == [False, True, True]


def test_names_of_folders_are_no_columns(tmp_path):
    (tmp_path / "year=2026").mkdir()
    assert read_table(written(tmp_path / "year=2026"), series="id", time="t").features == ("x",)


def test_a_file_that_unpacks_to_more_than_memory_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_file, "MOST_NUMBERS", 8)
    with pytest.raises(ValueError, match=r"must hold at most 8 numbers, got 9; cut it into smaller files$"):
        read_table(written(tmp_path), series="id", time="t")
