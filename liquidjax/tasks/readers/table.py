"""Long tables: a row for each step, in CSV or Parquet."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax._checks import described
from liquidjax.sequences.times import Unit
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.assembly import Owners, assemble
from liquidjax.tasks.readers.columns import Columns
from liquidjax.tasks.readers.csv_file import read_csv
from liquidjax.tasks.readers.names import check_known
from liquidjax.tasks.readers.parquet_file import read_parquet
from liquidjax.tasks.readers.roles import Duplicates, Roles, TargetAt, Unsorted, check_column
from liquidjax.tasks.readers.targets import Classes

_READERS = {".csv": lambda path, missing: read_csv([path], missing), ".parquet": read_parquet}


def read_table(
    path: str | os.PathLike,
    series: str | None = None,
    time: str | None = None,
    target: str | tuple[str, ...] | None = None,
    features: tuple[str, ...] | None = None,
    *,
    target_at: TargetAt = "series",
    classes: Classes = None,
    group: str | None = None,
    time_unit: Unit | None = None,
    duplicates: Duplicates = "error",
    unsorted: Unsorted = "error",
    missing: tuple[str, ...] = (),
) -> SequenceDataset:
    """A table with a row for each step of each series, in CSV or Parquet.

    Series are in the order in which they begin in the file; their rows need not stand together. A blank cell is a
    missing value. Numbers are decimal: nan, inf, 1_0, 0x10 and True are none.

    Args:
        path: the file, .csv (in UTF-8, with commas, the names of the columns in its first line) or .parquet.
        series: the column that says whose a row is; the whole file is one series when None.
        time: the column of the times; steps 0, 1, 2, ... in the order of the file when None.
        target: the column of what is to be learnt, or the columns; no targets when None.
        features: the columns that a cell reads; all remaining ones when None.
        target_at: "series" where the target is that of the whole series, and the same in each row or blank; "step"
            where it is that of the row. Where it is blank it is not known.
        classes: whether the target is the name of a class; None means that it is where it holds text that is no
            number, and that a column with both is refused. The names of classes give them an order, and permit no
            other; without, they are sorted, by size where all are numbers.
        group: the column that says to what a series belongs, such as a person.
        time_unit: where times are dates in ISO 8601 or of a date type, what they are counted in since the earliest of
            the file: "ns", "us", "ms", "s", "m" (minutes), "h", "D" or "W". None where times are numbers.
        duplicates: what becomes of rows of a series at the same time: "error", "mean" (of the features that are
            observed; the targets must agree) or "last" of the file.
        unsorted: what becomes of rows of a series whose times go back: "error", or "sort".
        missing: texts that mean a missing value, besides blank ones, such as ("NA", "?"); in a column of numbers, one
            that is a number means each way to write it.

    Returns:
        The data set; inputs and times are float64.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: pandas or pyarrow are not installed.
        ValueError: anything else than this, with the file, the line (of Parquet the row) and the column.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "walks.csv"
        >>> _ = file.write_text("who,t,x,gait\\nann,0,1.5,slow\\nann,2,,slow\\nbob,0,3,fast\\n")
        >>> data = read_table(file, series="who", time="t", target="gait")
        >>> data.inputs[..., 0].tolist(), data.targets.tolist(), data.classes
        ([[1.5, nan], [3.0, nan]], [1, 0], ('fast', 'slow'))
    """
    path = Path(path)
    check_column("series", series)
    roles = Roles(time, target, features, group, target_at, classes, time_unit, duplicates, unsorted)
    read = _READERS.get(path.suffix.lower())
    if read is None:
        raise ValueError(f"{path} must be called .csv or .parquet, to tell how it is read")
    check_installed()
    columns = read(path, missing_texts(missing))
    return assemble(columns, _owners(columns, series), roles, series)


def check_installed() -> None:
    """Raises the ImportError that says how to install what reads tables."""
    try:
        import pandas  # noqa: F401
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise ImportError('tables are read with pandas and pyarrow: pip install "liquidjax[data]"') from error


def missing_texts(missing: Any) -> tuple[str, ...]:
    """The argument in its plain form, or the ValueError for what is no sequence of texts."""
    several = isinstance(missing, Iterable) and not isinstance(missing, str)
    texts = tuple(missing) if several else ()
    if not several or not all(isinstance(text, str) for text in texts):
        raise ValueError(f"missing must be a sequence of texts such as ('NA', '?'), got {described(missing)}")
    return tuple(text.strip(" \t") for text in texts)


def _owners(columns: Columns, series: str | None) -> Owners:
    import pandas

    if series is None:
        return Owners(np.zeros(len(columns), int), (columns.paths[0].stem,))
    check_known(series, columns.names, str(columns.paths[0]), "column")
    names = columns.texts(series)
    if np.any(names == ""):
        columns.refuse(int(np.argmax(names == "")), series, "the name of a series")
    numbers, different = pandas.factorize(names)
    return Owners(numbers, tuple(different))
