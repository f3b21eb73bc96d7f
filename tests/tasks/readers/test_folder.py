"""Folders of series, one a file."""

import numpy as np
import pytest

from liquidjax.tasks.readers.folder import read_folder

TWO = {"10": "t,x\n0,1\n", "2": "x,t\n5,0\n6,1\n"}


def read(tmp_path, files, **options):
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    if "labels" in options:
        options["labels"] = tmp_path / options["labels"]
    return read_folder(tmp_path, **options)


def test_a_file_is_a_series_and_2_comes_before_10(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / ".hidden.csv").write_text("nothing")
    (tmp_path / "B1.CSV").write_text("x,t\n7,3\n")
    data = read(tmp_path, TWO, time="t")
    assert data.names == ("2", "10", "B1") and data.features == ("x",)
    np.testing.assert_array_equal(data.inputs[..., 0], [[5, 6], [1, np.nan], [7, np.nan]])
    assert data.times.tolist() == [[0, 1], [0, 0], [3, 0]]


def test_names_are_in_natural_order(tmp_path):
    names = ["1a", "a", "a1", "a01", "a1b", "a02", "a2", "a10", "a10b2", "a10b10", "b"]
    assert read(tmp_path, dict.fromkeys(sorted(names), "x\n1\n")).names == (
        *("1a", "a", "a01", "a1", "a1b", "a02", "a2", "a10", "a10b2", "a10b10", "b"),
    )


def test_targets_are_in_a_column_or_in_a_table_of_labels(tmp_path):
    data = read(tmp_path, {"a": "y,x\nu,1\n", "b": "y,x\n,1\nt,2\n"}, target="y")
    assert data.classes == ("t", "u") and data.targets is not None and data.targets.tolist() == [1, 0]
    labels = "series,target\nb,2\na,\n"
    data = read(tmp_path, {"labels": labels}, labels="labels.csv", features=("x",))
    assert data.names == ("a", "b") and data.classes is None and data.outputs == ("target",)
    np.testing.assert_array_equal(data.targets, [[np.nan], [2]])
    data = read(tmp_path, {"labels": labels}, labels="labels.csv", features=("x",), classes=("1", "2"))
    assert data.classes == ("1", "2") and data.targets is not None and data.targets.tolist() == [-1, 1]


def test_groups_and_dates_are_those_of_all_files(tmp_path):
    files = {"a": "g,t,x\nu,2026-11-26,1\n", "b": "g,t,x\nu,2026-11-25,1\n,2026-11-27,1\n"}
    data = read(tmp_path, files, time="t", time_unit="D", group="g")
    assert data.groups == ("u", "u") and data.times.tolist() == [[1, 0], [0, 2]]


@pytest.mark.parametrize(
    "files, options, sentence",
    [
        ({}, {}, "DIR must hold files whose names end in .csv, and holds none"),
        ({"3": "t,y\n0,1\n"}, {}, "all files must have the same columns, but DIR/2.csv has 'x' and DIR/3.csv has not"),
        (
            {"3": "series,target\n2,a\n10,b\n"},
            {},
            "all files must have the same columns, but DIR/3.csv has 'series' and DIR/2.csv has not; if DIR/3.csv "
            "holds the targets, name it as labels",
        ),
        ({"3": "t,x\n"}, {}, "DIR/3.csv must hold rows below the names of its columns, and holds none"),
        ({"3": "t,x\n0,1\n1,z\n"}, {}, "DIR/3.csv, line 3, column 'x': expected a decimal number, got 'z'"),
        (
            {"3": "t,x\n0,1\n0,2\n"},
            {},
            "DIR/3.csv, line 2 and line 3: times must increase within a series, got '0' and then '0' in series '3'; "
            "duplicates='mean' or 'last' makes one of them",
        ),
        ({}, {"target": "y"}, "DIR/2.csv has no column 'y'; it has x, t"),
        ({"l": "series,target\n10,u\n"}, {}, "DIR/l.csv must have a row for each series, and has none for '2'"),
        (
            {"l": "series,target\n10,u\n2,v\n22,v\n"},
            {},
            "DIR/l.csv, line 4: DIR has no series '22', did you mean '2'? It has 2, 10",
        ),
        (
            {"l": "series,target\n10,u\n2,v\n\n2,v\n"},
            {},
            "DIR/l.csv, line 3 and line 5: series '2' must have one target, got two rows",
        ),
        (
            {"l": "serie,target\n10,u\n"},
            {},
            "DIR/l.csv has no column 'series', did you mean 'serie'? It has serie, target",
        ),
        (
            {"l": "series,target,z\n10,u,1\n"},
            {},
            "DIR/l.csv must have the columns series and target alone, got series, target, z",
        ),
        (
            {"l": "series,target\n10,u\n2,v\n"},
            {"classes": ("v", "w")},
            "DIR/l.csv, line 2: the data has no class 'u'; it has v, w",
        ),
        (
            {"l": "series,target\n10,u\n2,v\n"},
            {"target": "x"},
            "target and target_at must be left out where the targets are in labels, got 'x' and 'series'",
        ),
    ],
)
def test_refuses_the_rest_in_one_sentence(files, options, sentence, tmp_path):
    labels = {"labels": "l.csv"} if "l" in files else {}
    some = {} if "must hold files" in sentence else TWO
    with pytest.raises(ValueError) as caught:
        read(tmp_path, some | files, **({"time": "t"} | options | labels))
    assert str(caught.value) == sentence.replace("DIR", str(tmp_path))


def test_the_folder_and_the_labels_must_be_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_folder(tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        read(tmp_path, TWO, time="t", labels="labels.csv")
    with pytest.raises(ValueError, match=r"2\.csv must be a folder of CSV files, and is a file$"):
        read_folder(tmp_path / "2.csv")
