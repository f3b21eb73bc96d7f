"""One function for all formats, told by their names."""

import os
import subprocess
import sys

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.reader import read
from untyped import untyped

OPTIONS = "time_unit, duplicates, unsorted, missing"


def test_each_format_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "table.CSV").write_text("id,x\na,1\n")
    pyarrow.parquet.write_table(pyarrow.table({"id": ["a"], "x": [1]}), tmp_path / "table.parquet")
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "folder.npz" / "a.csv").write_text("x\n1\n")
    np.savez(tmp_path / "arrays.npz", inputs=[[[1.0]]], names=["a"], features=["x"])
    for name in ("table.CSV", "table.parquet", "folder.npz", "arrays.npz"):
        data = read(tmp_path / name, **({"series": "id"} if name.startswith("table") else {}))
        assert (data.inputs.tolist(), data.names, data.features) == ([[[1]]], ("a",), ("x",)), name
    (tmp_path / "some.ts").write_text("@classLabel true a\n@data\n1:a\n")
    assert read(str(tmp_path / "some.ts")).classes == ("a",)
    (tmp_path / "data_of_mine.py").write_text("def load():\n    return DATA\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NameError, match="DATA"):
        read("data_of_mine:load")
    sys.modules["data_of_mine"].__dict__["DATA"] = data = SequenceDataset(np.ones((1, 1, 1)))
    assert read("data_of_mine:load") is data
    sys.modules.pop("data_of_mine")


@pytest.mark.parametrize(
    "name, options, sentence",
    [
        (
            "some.csv",
            {"serie": "a"},
            "read_table for NAME has no option 'serie', did you mean 'series'? It has series, time, target, features, "
            f"target_at, classes, group, {OPTIONS}",
        ),
        (
            "folder",
            {"series": "a"},
            "read_folder for NAME has no option 'series'; it has time, target, features, labels, target_at, classes, "
            f"group, {OPTIONS}",
        ),
        ("some.npz", {"time": "t"}, "read_npz for NAME has no option 'time'; it has none"),
        ("some.txt", {}, "NAME must be a folder, or end in .csv, .parquet, .npz, .ts, to tell how it is read"),
    ],
)
def test_refuses_options_and_endings_that_are_not_known(name, options, sentence, tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "some.txt").write_text("")
    with pytest.raises(ValueError) as caught:
        read(tmp_path / name, **options)
    assert str(caught.value) == sentence.replace("NAME", str(tmp_path / name))


def test_what_is_not_there(tmp_path):
    for name in ("some.csv", "some.parquet", "some.npz", "some.ts", "folder", "some:thing.csv"):
        with pytest.raises(FileNotFoundError):
            read(str(tmp_path / name))
    with pytest.raises(ValueError, match=r"path must be that of a file or a folder, or package.module:function, got 3"):
        read(untyped(3))
    with pytest.raises(ValueError, match=r"path must be that of a file or a folder"):
        read("some\0.csv")


def test_the_folder_is_named_where_a_file_is_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        read("no.csv")
    assert str(caught.value) == f"no.csv is no file or folder, as seen from {os.getcwd()}"
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    with pytest.raises(FileNotFoundError, match=r"loop\.csv is no file or folder"):
        read("loop.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match=r"pipe\.csv must be a file or a folder, and is neither"):
        read(tmp_path / "pipe.csv")


def test_importing_the_readers_loads_none_of_the_packages_that_they_need():
    heavy = ["aeon", "numba", "pandas", "pyarrow", "sklearn"]
    modules = "liquidjax.tasks.readers.reader, liquidjax.tasks.splits"
    code = f"import sys, {modules}; print(*[m for m in {heavy!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []
