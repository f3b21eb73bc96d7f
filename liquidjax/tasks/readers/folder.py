"""Folders of CSV files, each of them a series."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax._bounds import shown
from liquidjax._checks import described
from liquidjax.sequences.times import Unit
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.assembly import Owners, assemble
from liquidjax.tasks.readers.columns import Columns
from liquidjax.tasks.readers.csv_file import read_csv
from liquidjax.tasks.readers.names import check_known, listed
from liquidjax.tasks.readers.roles import Duplicates, Roles, TargetAt, Unsorted
from liquidjax.tasks.readers.table import check_installed, missing_texts
from liquidjax.tasks.readers.targets import Classes, Targets, checked_classes, read_targets


def read_folder(
    path: str | os.PathLike,
    time: str | None = None,
    target: str | tuple[str, ...] | None = None,
    features: tuple[str, ...] | None = None,
    *,
    labels: str | os.PathLike | None = None,
    target_at: TargetAt = "series",
    classes: Classes = None,
    group: str | None = None,
    time_unit: Unit | None = None,
    duplicates: Duplicates = "error",
    unsorted: Unsorted = "error",
    missing: tuple[str, ...] = (),
) -> SequenceDataset:
    """A folder of CSV files with the same columns, each of them a series that has the name of its file.

    Series are in the order of their names, in which 2 comes before 10. Other files in the folder are passed over, and
    so are those whose names begin with a dot.

    Args:
        path: the folder.
        labels: a CSV file with the columns `series` and `target`, and a row for each file of the folder; in the place
            of a target in the files. It may be in the folder.
        time, target, features, target_at, classes, group, time_unit, duplicates, unsorted, missing: as for
            `table.read_table`; dates are counted since the earliest of all files.

    Raises:
        FileNotFoundError: there is no such folder, or no such file of labels.
        ImportError: pandas or pyarrow are not installed.
        ValueError: anything else than this, with the file, the line and the column.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "10.csv").write_text("x\\n1\\n"), (folder / "2.csv").write_text("x\\n3\\n4\\n")
        >>> _ = (folder / "labels.csv").write_text("series,target\\n10,a\\n2,b\\n")
        >>> data = read_folder(folder, labels=folder / "labels.csv")
        >>> data.names, data.lengths.tolist(), data.targets.tolist()
        (('2', '10'), [2, 1], [1, 0])
    """
    folder = Path(path)
    given = None if labels is None else Path(labels)
    if given is not None and (target is not None or target_at != "series"):
        raise ValueError(
            "target and target_at must be left out where the targets are in labels, got "
            f"{described(target)} and {described(target_at)}"
        )
    roles = Roles(time, target, features, group, target_at, None if given else classes, time_unit, duplicates, unsorted)
    if folder.is_file():
        raise ValueError(f"{folder} must be a folder of CSV files, and is a file")
    if given is not None and not given.is_file():
        raise FileNotFoundError(f"{given} is no file, so there are no labels for the series of {folder}")
    check_installed()
    texts = missing_texts(missing)
    files = [file for file in folder.iterdir() if file.suffix.lower() == ".csv" and not file.name.startswith(".")]
    files = [file for file in files if given is None or not given.exists() or not file.samefile(given)]
    files.sort(key=lambda file: _natural(file.stem))
    if not files:
        raise ValueError(f"{folder} must hold files whose names end in .csv, and holds none")
    columns = read_csv(files, texts)
    owners = Owners(columns.file, tuple(file.stem for file in files))
    targets = None if given is None else _labels(read_csv([given], texts), owners.names, folder, classes)
    return assemble(columns, owners, roles, None, targets)


def _labels(columns: Columns, names: tuple[str, ...], folder: Path, classes: Classes) -> Targets:
    """The targets of the series, in their order."""
    table = columns.paths[0]
    for name in ("series", "target"):
        check_known(name, columns.names, str(table), "column")
    if len(columns.names) > 2:
        raise ValueError(f"{table} must have the columns series and target alone, got {listed(columns.names)}")
    known, rows = set(names), {}
    for row, name in enumerate(columns.texts("series")):
        if name not in known:
            check_known(name, names, f"{columns.place(row)}: {folder}", "series")
        if rows.setdefault(name, row) != row:
            raise ValueError(
                f"{columns.both(rows[name], row)}: series {shown(name)} must have one target, got two rows"
            )
    for name in names:
        if name not in rows:
            raise ValueError(f"{table} must have a row for each series, and has none for {shown(name)}")
    targets = read_targets(columns, ("target",), checked_classes(classes))
    return targets._replace(values=targets.values[np.array([rows[name] for name in names])])


def _natural(name: str) -> tuple[list[Any], str]:
    """Text and numbers by turns, so that 2 comes before 10."""
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], name
