"""Random data sets are written in each format and come back equal."""

import csv
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import read_npz, write_npz
from liquidjax.tasks.readers.folder import read_folder
from liquidjax.tasks.readers.table import read_table
from random_data import PLAIN, assert_same, data_sets


def rows_of(data: SequenceDataset) -> list[dict[str, Any]]:
    """A row for each step, None for what is missing."""
    rows = []
    for i, length in enumerate(data.lengths):
        for t in range(length):
            row: dict[str, Any] = {"the series": data.names[i], "the time": float(data.times[i, t])}
            row |= zip(data.features, data.inputs[i, t].tolist(), strict=True)
            if data.groups is not None:
                row["the group"] = data.groups[i]
            if data.targets is not None:
                target = data.targets[i, t] if data.each_step else data.targets[i]
                if data.classes is None:
                    row |= zip(data.outputs or (), target.tolist(), strict=True)
                else:
                    row["the class"] = None if target < 0 else data.classes[target]
            rows.append({name: None if value != value else value for name, value in row.items()})
    return rows


def roles_of(data: SequenceDataset) -> dict[str, Any]:
    target = None if data.targets is None else data.outputs if data.classes is None else "the class"
    return {
        "time": "the time",
        "target": target,
        "features": data.features,
        "group": None if data.groups is None else "the group",
        "target_at": "step" if data.each_step else "series",
        "classes": data.classes or (None if target is None else False),
    }


def write_table(file: Path, rows: list[dict[str, Any]]) -> None:
    if file.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), file)
        return
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.writer(text, quoting=csv.QUOTE_ALL)  # without quotes csv writes \r bare
        writer.writerow(rows[0])
        # repr is the shortest text that is read as the same number
        writer.writerows(
            [["" if v is None else repr(v) if isinstance(v, float) else v for v in r.values()] for r in rows]
        )


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@given(data=data_sets(), shuffle=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_a_table_comes_back_also_with_its_rows_shuffled(suffix, data, shuffle):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"some.{suffix}"
        rows = rows_of(data)
        write_table(file, rows)
        assert_same(read_table(file, "the series", **roles_of(data)), data)
        shuffle.shuffle(rows)
        write_table(file, rows)
        again = read_table(file, "the series", **roles_of(data), unsorted="sort")
        assert_same(again.take([again.names.index(name) for name in data.names]), data)


@given(data=data_sets(names=PLAIN))
@settings(max_examples=60, deadline=None)
def test_a_folder_comes_back_in_the_order_of_its_names(data):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i in range(len(data)):
            rows = rows_of(data.take([i]))
            write_table(
                folder / f"{data.names[i]}.csv", [{k: v for k, v in row.items() if k != "the series"} for row in rows]
            )
        again = read_folder(folder, **roles_of(data))
        assert_same(again.take([again.names.index(name) for name in data.names]), data)


@given(data=data_sets(names=st.text(min_size=1).filter(lambda text: not text.endswith("\0"))))
@settings(max_examples=60, deadline=None)
def test_arrays_come_back_bit_for_bit_padding_included(data):
    with tempfile.TemporaryDirectory() as folder:
        write_npz(Path(folder) / "some.npz", data)
        again = read_npz(Path(folder) / "some.npz")
        first = (Path(folder) / "some.npz").read_bytes()
        write_npz(Path(folder) / "some.npz", again)
        assert (Path(folder) / "some.npz").read_bytes() == first
    assert_same(again, data)
    assert again.inputs.tobytes() == data.inputs.tobytes() and again.times.tobytes() == data.times.tobytes()
    if data.targets is not None:
        assert again.targets is not None and again.targets.dtype == data.targets.dtype
        assert again.targets.tobytes() == data.targets.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_arrays_keep_their_type(dtype, tmp_path):
    data = SequenceDataset(np.ones((2, 3, 1), dtype), targets=np.array([0, 1], np.int8), classes=("a", "b"))
    write_npz(tmp_path / "some.npz", data)
    again = read_npz(tmp_path / "some.npz")
    assert again.inputs.dtype == data.inputs.dtype
    assert again.targets is not None and data.targets is not None and again.targets.dtype == data.targets.dtype
