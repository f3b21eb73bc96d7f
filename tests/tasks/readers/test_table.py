"""Long tables: rows become series, and the sentence for each table that is none."""

from typing import Any

import numpy as np
import pytest

from liquidjax.tasks.readers.table import read_table

XS = "id,t,x\n"
YS = "id,t,x,y\n"
OWN: Any = {"series": "id", "time": "t"}
STEP = "target_at='step' where it is that of the row"
OF_Y: Any = {**OWN, "target": "y"}
EXACT = "a time within 2^53, up to which float64 holds each whole number (subtract the first)"


def read(tmp_path, text, **options):
    (tmp_path / "some.csv").write_text(text)
    return read_table(tmp_path / "some.csv", **options)


def test_rows_become_series_in_the_order_in_which_they_begin(tmp_path):
    data = read(tmp_path, "x,id,t,y\n1,b,0,5\n2,a,3,\n,b,0.5,6\n4,a,7,7\n", **OWN)
    assert data.names == ("b", "a") and data.features == ("x", "y")
    np.testing.assert_array_equal(data.inputs, [[[1, 5], [np.nan, 6]], [[2, np.nan], [4, 7]]])
    assert data.times.tolist() == [[0, 0.5], [3, 7]] and data.targets is None and data.groups is None


def test_without_series_and_times_the_file_is_one_series_of_steps(tmp_path):
    data = read(tmp_path, "x\n5\n4\n", features=("x",))
    assert data.names == ("some",) and data.times.tolist() == [[0, 1]] and data.inputs.tolist() == [[[5], [4]]]


@pytest.mark.parametrize(
    "number", ["1", "+1", "-1.", ".5", "1e3", "-1.5E-3", "0001", "9" * 400 + "e-400", "1e-400", " 1\t"]
)
def test_numbers_are_decimal(number, tmp_path):
    assert read(tmp_path, f"{XS}a,0,{number}\n", **OWN).inputs.item() == float(number)


def test_a_column_of_words_may_be_no_feature(tmp_path):
    with pytest.raises(ValueError) as caught:
        read(tmp_path, f"{XS}a,0,\na,1,red\n", **OWN)
    place = f"{tmp_path / 'some.csv'}, line 3, column 'x'"
    assert str(caught.value) == f"{place}: expected a decimal number, or features without this column, got 'red'"


@pytest.mark.parametrize(
    "number, hint",
    [
        *(
            (text, "")
            for text in ("inf", "-Infinity", "1_0", "0x10", "True", "٣", "1e", "1 2", "--1", "1.2.3", "e", "x")
        ),
        *(
            (text, f", or missing=('{text}',) where that means that there is none")
            for text in ("nan", "NA", "?", "None", "-")
        ),
        ("2026-11-25", ", or time_unit where the column holds the times"),
        ("-1,5", " with a point"),
    ],
)
def test_refuses_what_is_no_decimal_number(number, hint, tmp_path):
    with pytest.raises(ValueError) as caught:
        read(tmp_path, f'{XS}a,0,1\n\na,1,"{number}"\n', **OWN)
    place = f"{tmp_path / 'some.csv'}, line 4, column 'x'"
    assert str(caught.value) == f"{place}: expected a decimal number{hint}, got {number!r}"


@pytest.mark.parametrize(
    "text, options, sentence",
    [
        (f"{XS}a,0,1e400\n", OWN, "FILE, line 2, column 'x': expected a finite number that float64 holds, got '1e400'"),
        (f'{XS}"a\nb",0,1\n"a\nb",1,x\n', OWN, "FILE, line 4, column 'x': expected a decimal number, got 'x'"),
        (f"{XS}a,0,1\n ,1,1\n", OWN, "FILE, line 3, column 'id': expected the name of a series, got a blank"),
        (
            f"{XS}NA,0,1\n",
            {**OWN, "missing": ("NA",)},
            "FILE, line 2, column 'id': expected the name of a series, got 'NA'",
        ),
        (f"{XS}a,,1\n", OWN, "FILE, line 2, column 't': expected a time, got a blank"),
        (
            f"{XS}a,0,1\na,9007199254740993,1\n",
            OWN,
            f"FILE, line 3, column 't': expected {EXACT}, got '9007199254740993'",
        ),
        (
            f"{XS}a,0,1\na,0,2\n",
            OWN,
            "FILE, line 2 and line 3: times must increase within a series, got '0' and then '0' in series 'a'; "
            "duplicates='mean' or 'last' makes one of them",
        ),
        (
            f"{XS}a,0,1\nb,0,2\na,0.0,2\n",
            {**OWN, "unsorted": "sort"},
            "FILE, line 2 and line 4: times must increase within a series, got '0' and then '0.0' in series 'a'; "
            "duplicates='mean' or 'last' makes one of them",
        ),
        (
            f"{XS}a,1,1\nb,0,2\na,0,2\n",
            {**OWN, "duplicates": "mean"},
            "FILE, line 2 and line 4: times must increase within a series, got '1' and then '0' in series 'a'; "
            "unsorted='sort' sorts them",
        ),
        (f"{XS}a,0,1\n", {"series": "idd"}, "FILE has no column 'idd', did you mean 'id'? It has id, t, x"),
        (f"{XS}a,0,1\n", {"features": ("y",)}, "FILE has no column 'y'; it has id, t, x"),
        (f"{XS}a,0,1\n", {"series": "id", "time": "id"}, "a column must have one role, but 'id' is series and time"),
        (f"{XS}a,0,1\n", {"features": ("t", "t")}, "a column must have one role, but 't' is features twice"),
        (
            f"{XS}a,0,1\n",
            {"features": ("x",), "target": "x"},
            "a column must have one role, but 'x' is target and features",
        ),
        (f"{XS}a,0,1\n", {**OWN, "target": "x"}, "FILE must have a column that is a feature, besides id, t, x"),
        (
            f"{YS}a,0,1,u\na,1,2,v\n",
            OF_Y,
            f"FILE, line 2 and line 3: expected one target in series 'a', got two; {STEP}",
        ),
        (
            f"{YS}a,0,1,\na,1,2,1\nb,0,0,2\na,2,2,3\n",
            OF_Y,
            f"FILE, line 3 and line 5: expected one target in series 'a', got two; {STEP}",
        ),
        (
            f"{YS}a,0,1,1\nb,0,2,x\n",
            OF_Y,
            "FILE, line 3, column 'y': expected a number as in other rows, or classes=True where these are names, "
            "got 'x'",
        ),
        (
            f"{YS}a,0,1,1\nb,0,2,nan\n",
            OF_Y,
            "FILE, line 3, column 'y': expected a number as in other rows, or classes=True where these are names, "
            "got 'nan'",
        ),
        (
            f"{YS}a,0,1,1\nb,0,2,x\n",
            {**OF_Y, "classes": False},
            "FILE, line 3, column 'y': expected a decimal number, got 'x'",
        ),
        (
            f"{YS}a,0,1,walking\nb,0,2,walkin\n",
            {**OF_Y, "classes": ("idle", "walking")},
            "FILE, line 3: the data has no class 'walkin', did you mean 'walking'? It has idle, walking",
        ),
        (
            f"{YS}a,0,1,1\nb,0,2,1.0\n",
            {**OF_Y, "classes": True},
            "FILE: column 'y' must write each class in one way, got '1' and '1.0'",
        ),
        (
            f"{YS}a,0,1,\n",
            OF_Y,
            "FILE: column 'y' is blank everywhere, so classes must say what it would hold: True, False or the names of "
            "the classes",
        ),
        (
            f"{YS}a,0,1,\n",
            {**OF_Y, "classes": True},
            "FILE: column 'y' must name a class at least once where classes=True, and is blank",
        ),
        (
            f"{YS}a,0,1,u\na,0,2,v\n",
            {**OF_Y, "target_at": "step", "duplicates": "mean"},
            "FILE, line 2 and line 3: expected one target at one time in series 'a', got two",
        ),
        (
            f"{YS}a,1,1,u\na,0,2,u\na,0,2,v\na,1,2,v\n",
            {**OF_Y, "target_at": "step", "duplicates": "mean", "unsorted": "sort"},
            "FILE, line 3 and line 4: expected one target at one time in series 'a', got two",
        ),
        (
            f"{YS}a,0,1,u\na,1,2,v\n",
            {**OWN, "group": "y"},
            "FILE, line 2 and line 3: expected one group in series 'a', got two",
        ),
        (
            f"{YS}a,0,1,u\nb,0,2,\n",
            {**OWN, "group": "y"},
            "FILE, line 3, column 'y': expected a group in one row of series 'b', got a blank",
        ),
        (
            f"{YS}a,0,1,2\n",
            {**OWN, "features": ("x",), "target": ("y", "id")},
            "a column must have one role, but 'id' is series and target",
        ),
        (
            f"{YS}a,0,1,2\n",
            {"series": "id", "target": ("y", "t"), "classes": True},
            "classes must be in one column, got the 2 columns 'y', 't'",
        ),
        (
            f"{XS}a,2026-11-25,1\n",
            OWN,
            "FILE, line 2, column 't': expected a decimal number, or time_unit where the column holds the times, got "
            "'2026-11-25'",
        ),
        (
            f"{XS}a,0,1\n",
            {**OWN, "time_unit": "s"},
            "FILE, line 2, column 't': expected a date such as 2026-11-25 or 2026-11-25T10:00:00, or no time_unit "
            "where times are numbers, got '0'",
        ),
        (
            f"{XS}a,2026-11-25T10:00Z,1\na,2026-11-26,1\n",
            {**OWN, "time_unit": "s"},
            "FILE, line 3, column 't': expected a time zone for all dates, or for none, got '2026-11-26'",
        ),
        (
            f"{XS}a,0,1\n",
            {**OWN, "time_unit": "month"},
            "time_unit must be one of 'ns', 'us', 'ms', 's', 'm', 'h', 'D', 'W', got 'month'",
        ),
        (f"{XS}a,0,1\n", {"time_unit": "s"}, "time_unit must be left out where no column holds the times, got 's'"),
        (f"{XS}a,0,1\n", {"target_at": "row"}, "target_at must be one of 'series', 'step', got 'row'"),
        (f"{XS}a,0,1\n", {"duplicates": True}, "duplicates must be one of 'error', 'mean', 'last', got True"),
        (f"{XS}a,0,1\n", {"unsorted": "sorted"}, "unsorted must be one of 'error', 'sort', got 'sorted'"),
        (f"{XS}a,0,1\n", {"series": 0}, "series must be the name of a column, got 0"),
        (f"{XS}a,0,1\n", {"group": ("a",)}, "group must be the name of a column, got ('a',)"),
        (f"{XS}a,0,1\n", {"features": "x"}, "features must be names of columns, at least one, got 'x'"),
        (f"{XS}a,0,1\n", {"target": ()}, "target must be names of columns, at least one, got ()"),
        (f"{XS}a,0,1\n", {"missing": "NA"}, "missing must be a sequence of texts such as ('NA', '?'), got 'NA'"),
        (f"{XS}a,0,1\n", {"missing": 5}, "missing must be a sequence of texts such as ('NA', '?'), got 5"),
        (f"{XS}a,0,1\n", {"classes": True}, "classes must be left out where there is no target, got True"),
        (
            f"{XS}a,0,1\n",
            {"target": "x", "classes": "ab"},
            "classes must be True, False, None or the names of the classes, got 'ab'",
        ),
        (
            f"{XS}a,0,1\n",
            {"target": "x", "classes": ("a", "")},
            "classes must be different names that are not blank, at least one, got ('a', '')",
        ),
    ],
)
def test_refuses_the_rest_in_one_sentence(text, options, sentence, tmp_path):
    with pytest.raises(ValueError) as caught:
        read(tmp_path, text, **options)
    assert str(caught.value) == sentence.replace("FILE", str(tmp_path / "some.csv"))


def test_a_file_must_be_there_and_have_a_known_ending(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"some\.txt must be called \.csv or \.parquet, to tell how it is read$"):
        read_table(tmp_path / "some.txt")


def test_one_target_for_the_series_stands_in_some_rows_or_none(tmp_path):
    rows = "a,0,1,\nb,0,1,fast\na,1,2,slow\nc,0,1,\na,2,2,slow\n"
    data = read(tmp_path, YS + rows, **OF_Y)
    assert data.classes == ("fast", "slow") and data.targets is not None and data.targets.tolist() == [1, 0, -1]
    values = read(tmp_path, YS + rows.replace("fast", "2").replace("slow", "1.50"), **OF_Y)
    assert values.classes is None and values.outputs == ("y",)
    np.testing.assert_array_equal(values.targets, [[1.5], [2], [np.nan]])


def test_targets_for_each_step_are_unknown_where_they_are_blank(tmp_path):
    data = read(tmp_path, f"{YS}a,0,1,u\na,1,2,\nb,0,2,v\n", **OF_Y, target_at="step")
    assert data.each_step and data.targets is not None and data.targets.tolist() == [[0, -1], [1, -1]]
    data = read(tmp_path, f"{YS}a,0,1,5\na,1,2,\nb,0,2,-1\n", **OF_Y, target_at="step")
    np.testing.assert_array_equal(data.targets, [[[5], [np.nan]], [[-1], [np.nan]]])


def test_several_values_may_be_learnt(tmp_path):
    data = read(tmp_path, "x,y,z\n1,2,\n4,2,3\n", target=("y", "z"))
    assert data.outputs == ("y", "z") and data.targets is not None and data.targets.tolist() == [[2, 3]]


@pytest.mark.parametrize(
    "cells, classes, names, numbers",
    [
        ("b a c", None, ("a", "b", "c"), [1, 0, 2]),
        ("10 9 -1", True, ("-1", "9", "10"), [2, 1, 0]),
        ("10 9 x", True, ("10", "9", "x"), [0, 1, 2]),
        ("10 9 x", ("x", "y", "10", "9"), ("x", "y", "10", "9"), [2, 3, 0]),
        ("1 1 2", ["2", "1"], ("2", "1"), [1, 1, 0]),
    ],
)
def test_classes_are_numbered_by_size_or_as_text_or_as_given(cells, classes, names, numbers, tmp_path):
    rows = "".join(f"{number},0,0,{cell}\n" for number, cell in enumerate(cells.split()))
    data = read(tmp_path, YS + rows, **OF_Y, classes=classes)
    assert data.classes == names and data.targets is not None and data.targets.tolist() == numbers


def test_known_classes_stay_with_data_that_have_no_targets(tmp_path):
    assert read(tmp_path, f"{XS}a,0,1\n", **OWN, classes=("a", "b")).classes == ("a", "b")


def test_duplicates_become_their_mean_without_gaps_or_the_last(tmp_path):
    text = f"{YS}a,0,1,2\na,0,,\nb,0,7,7\na,0,4,\na,1,,\na,1,,\n"
    data = read(tmp_path, text, **OWN, duplicates="mean")
    np.testing.assert_array_equal(data.inputs, [[[2.5, 2], [np.nan, np.nan]], [[7, 7], [np.nan, np.nan]]])
    data = read(tmp_path, text, **OWN, duplicates="last")
    np.testing.assert_array_equal(data.inputs, [[[4, np.nan], [np.nan, np.nan]], [[7, 7], [np.nan, np.nan]]])
    data = read(tmp_path, text, **OF_Y, target_at="step", duplicates="mean")
    np.testing.assert_array_equal(data.targets, [[[2], [np.nan]], [[7], [np.nan]]])
    data = read(tmp_path, text, **OF_Y, target_at="step", duplicates="last")
    np.testing.assert_array_equal(data.targets, [[[np.nan], [np.nan]], [[7], [np.nan]]])


def test_sorting_leaves_rows_of_one_time_in_the_order_of_the_file(tmp_path):
    text = f"{XS}a,5,1\nb,0,9\na,-1,2\na,5,3\na,5,4\n"
    data = read(tmp_path, text, **OWN, unsorted="sort", duplicates="last")
    assert data.times[0].tolist() == [-1, 5] and data.inputs[0, :, 0].tolist() == [2, 4]


def test_groups_stand_in_one_row_of_their_series(tmp_path):
    assert read(tmp_path, f"{YS}a,0,1,u\na,1,1,\nb,0,1,u\nc,0,1,v\n", **OWN, group="y").groups == ("u", "u", "v")


def test_dates_are_counted_since_the_earliest_of_the_file(tmp_path):
    text = f"{XS}a,2026-11-26,1\na,2026-11-26T12:00:00,2\nb,2026-11-25,3\n"
    assert read(tmp_path, text, **OWN, time_unit="D").times.tolist() == [[1, 1.5], [0, 0]]


def test_missing_values_are_blank_or_said_to_be(tmp_path):
    data = read(
        tmp_path, f"{YS}a,0, ,u\na,1,NA,?\na,2,-999,u\na,3,-9.99e2,u\na,4,0,u\n", **OF_Y, missing=("NA", "?", "-999")
    )
    np.testing.assert_array_equal(data.inputs[0, :, 0], [np.nan] * 4 + [0])
    assert data.classes == ("u",)


def test_one_long_series_among_many_short_ones_does_not_take_all_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("liquidjax.tasks.dataset.MOST_NUMBERS", 11)
    with pytest.raises(
        ValueError, match="2 of up to 6 steps with 1 numbers each are more than 11 numbers; cut the long"
    ):
        read(tmp_path, "id,x\na,1\n" + "b,2\n" * 6, series="id")
