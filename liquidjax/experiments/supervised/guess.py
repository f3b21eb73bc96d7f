"""Which column of a table is what, guessed by names and contents: for a person to look at, not for a reader to use."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax.experiments.supervised.config import Data
from liquidjax.sequences.times import Unit
from liquidjax.tasks.readers.columns import DECIMAL, Columns
from liquidjax.tasks.readers.csv_file import read_csv
from liquidjax.tasks.readers.dates import ISO_8601
from liquidjax.tasks.readers.parquet_file import read_parquet
from liquidjax.tasks.readers.table import check_installed

TIMES = ("time", "times", "t", "timestamp", "datetime", "date", "when", "ts", "seconds", "step")
SERIES = (
    *("series", "series_id", "sequence", "sequence_id", "trial", "session", "recording", "record", "id", "who"),
    *("subject", "patient", "person", "participant", "user", "name"),
)
TARGETS = ("target", "label", "labels", "class", "outcome", "event", "activity", "y")
CLASSES = ("label", "labels", "class", "event", "activity")
"""Names of targets of which whole numbers are rather names than values."""
GROUPS = ("group", "subject", "patient", "person", "participant", "user")
MARKERS = ("na", "nan", "n/a", "null", "none", "?", "-", ".")
"""What may stand for a missing number, in small letters."""
UNKNOWN = ("na", "nan", "n/a", "null", "?")
"""What may stand for a class that is not known; "none" may as well be a class."""
MOST_CLASSES = 30
"""Different names in a column that is taken for classes."""
UNITS: tuple[Unit, ...] = ("W", "D", "h", "m", "s", "ms", "us", "ns")
SECONDS = (604800, 86400, 3600, 60, 1, 1e-3, 1e-6, 1e-9)
"""Seconds of each unit, the longest first."""
LABELS = "labels.csv"
WHOLE = re.compile(r"[-+]?[0-9]+", re.ASCII)


class Guess(NamedTuple):
    """data: the settings of a table; columns: for each column, in the order of the file, what it is taken for."""

    data: Data
    columns: dict[str, str]


def is_table(source: str) -> bool:
    """Whether there are columns to guess: in a .csv, a .parquet or a folder."""
    return os.path.isdir(source) or Path(source).suffix.lower() in (".csv", ".parquet")


def guess(source: str) -> Guess:
    """What the columns of a table are.

    Args:
        source: a .csv or .parquet file, or a folder of CSV files.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: pandas or pyarrow are not installed.
        ValueError: it is no such table, or no column holds numbers to read.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "walks.csv"
        >>> _ = file.write_text("who,t,x,gait\\nann,0,1.5,slow\\nann,2,NA,slow\\nbob,0,3,fast\\nbo,0,4,slow\\n")
        >>> data = guess(str(file)).data
        >>> data.series, data.time, data.target, data.missing
        ('who', 't', ('gait',), ('NA',))
    """
    check_installed()
    place, labels = Path(source), None
    if os.path.isdir(place):
        files = sorted(file for file in place.iterdir() if file.suffix.lower() == ".csv" and file.name[0] != ".")
        labels = LABELS if any(file.name == LABELS for file in files) and len(files) > 1 else None
        files = [file for file in files if file.name != labels]
        if not files:
            raise ValueError(f"{place} must hold files whose names end in .csv, and holds none")
        columns = read_csv(files)
    else:
        columns = read_csv([place]) if place.suffix.lower() == ".csv" else read_parquet(place)
    cells, kinds = _cells(columns), {name: columns.kind(name) for name in columns.names}
    missing = _look(cells, kinds)
    _blank(cells, missing)
    left = dict(kinds)
    found: dict[str, str] = {}

    def take(role: str, name: str | None) -> str | None:
        if name is not None:
            found[name] = role
            del left[name]
        return name

    time = take("time", _time(columns, cells, left))
    stamps = None
    if time is not None:
        stamps = columns.times(time, "s") if kinds[time] == "date" else columns.numbers(time)
    series = None if os.path.isdir(place) else take("series", _series(cells, left, stamps))
    owners = columns.file if series is None else _numbers(cells[series])
    group = take("group", _group(cells, left, owners))
    target = None if labels else take("target", _target(cells, left, owners))
    if target is not None:
        missing |= {text for text in _said(cells[target]) if text.lower() in UNKNOWN}
        _blank(cells, missing)
    features = [name for name, kind in left.items() if kind == "number"]
    if not features:
        raise ValueError(f"{source} must have a column of numbers to read, besides {', '.join(found) or 'none'}")
    of_series = target is not None and len(np.unique(owners)) > 1 and _is_constant(cells[target], owners)
    data = Data(
        source=source,
        series=series,
        time=time,
        target=() if target is None else (target,),
        labels=labels,
        features=() if len(features) == len(left) else tuple(features),
        target_at="series" if of_series or target is None else "step",
        classes=True if target is not None and _are_classes(target, cells[target], kinds[target]) else None,
        group=group,
        time_unit=_unit(stamps, owners) if time is not None and kinds[time] == "date" else None,
        missing=tuple(sorted(missing)),
    )
    roles = found | {name: "feature" if kind == "number" else f"left out: {kind}" for name, kind in left.items()}
    return Guess(data, {name: roles[name] for name in columns.names})


def _cells(columns: Columns) -> dict[str, np.ndarray]:
    """The cells of each column of texts or numbers as text, "" where there is none."""
    cells = {}
    for name in columns.names:
        if columns.kind(name) == "text":
            cells[name] = columns.texts(name).astype(str)
        elif columns.kind(name) == "number":
            numbers = columns.numbers(name)
            whole = np.all(np.isnan(numbers) | (numbers % 1 == 0))
            cells[name] = (
                columns.texts(name).astype(str) if whole else np.where(np.isnan(numbers), "", numbers.astype(str))
            )
    return cells


def _look(cells: Mapping[str, np.ndarray], kinds: dict[str, str]) -> set[str]:
    """Corrects the kinds of texts to "number", "date" and "nothing"; and the texts that stand for missing numbers."""
    missing: set[str] = set()
    for name, kind in kinds.items():
        if kind != "text":
            continue
        texts = _said(cells[name])
        odd = {text for text in texts if not DECIMAL.fullmatch(text)}
        if not texts:
            kinds[name] = "nothing"
        elif len(odd) < len(texts) and all(text.lower() in MARKERS for text in odd):
            kinds[name] = "number"
            missing |= odd
        elif all(ISO_8601.fullmatch(text) for text in texts):
            kinds[name] = "date"
    return missing


def _blank(cells: dict[str, np.ndarray], missing: set[str]) -> None:
    """Makes blanks of the texts that mean nothing, as the reader will."""
    for name, texts in cells.items():
        cells[name] = np.where(np.isin(texts, sorted(missing)), "", texts)


def _time(columns: Columns, cells: Mapping[str, np.ndarray], kinds: Mapping[str, str]) -> str | None:
    """A column of dates or numbers that is called like a time, or one of dates; without a gap."""

    def whole(name: str) -> bool:
        return not _has_gaps(cells[name]) if name in cells else not columns.frame[name].isna().any()

    named = _called(TIMES, [name for name, kind in kinds.items() if kind in ("date", "number")])
    dates = [name for name, kind in kinds.items() if kind == "date"]
    return next((name for name in (*named, *dates) if whole(name)), None)


def _series(cells: Mapping[str, np.ndarray], kinds: Mapping[str, str], stamps: np.ndarray | None) -> str | None:
    """A column that is called like a series; or, where times go back, one within which they do not.

    Of numbers only one whose equal numbers stand together, for any feature may have equal values.
    """
    several = [name for name, kind in kinds.items() if kind in ("text", "number") and _names_series(cells[name])]
    if named := _called(SERIES, several):
        return named[0]
    if stamps is None or np.all(np.diff(stamps) > 0):
        return None
    fitting = [
        name
        for name in several
        if _increase(stamps, _numbers(cells[name])) and (kinds[name] == "text" or _stands_together(cells[name]))
    ]
    return min(fitting, key=lambda name: len(_said(cells[name])), default=None)


def _group(cells: Mapping[str, np.ndarray], kinds: Mapping[str, str], owners: np.ndarray) -> str | None:
    """A column that is called like a group, with one text for all rows of a series, and fewer of them than series."""
    for name in _called(GROUPS, [name for name, kind in kinds.items() if kind in ("text", "number")]):
        fitting = _names_series(cells[name]) and _is_constant(cells[name], owners)
        if fitting and 3 <= len(_said(cells[name])) < len(np.unique(owners)):
            return name
    return None


def _target(cells: Mapping[str, np.ndarray], kinds: Mapping[str, str], owners: np.ndarray) -> str | None:
    """A column that is called like a target, or the last one of a few different texts."""
    if named := _called(TARGETS, [name for name, kind in kinds.items() if kind in ("text", "number")]):
        return named[0]
    several = len(np.unique(owners))
    for name in reversed([name for name, kind in kinds.items() if kind == "text" and not _called(GROUPS, [name])]):
        number = len(_said(cells[name]))
        own = number == several and _is_constant(cells[name], owners)  # as another name of the series is
        if 2 <= number <= MOST_CLASSES and not own:
            return name
    return None


def _called(names: Sequence[str], columns: Sequence[str]) -> list[str]:
    """Those of the columns that have one of the names, or end in one behind a _, in the order of the names."""
    words = {column: re.sub(r"[^0-9a-z]+", "_", column.lower()).strip("_") for column in columns}
    exact = [column for name in names for column in columns if words[column] == name]
    ends = [column for name in names for column in columns if len(name) > 1 and words[column].endswith(f"_{name}")]
    return list(dict.fromkeys((*exact, *ends)))


def _unit(stamps: np.ndarray | None, owners: np.ndarray) -> Unit:
    """The longest unit of which a typical step has at least one."""
    assert stamps is not None
    order = np.lexsort((stamps, owners))
    steps = np.diff(stamps[order])[np.diff(owners[order]) == 0]
    typical = float(np.median(steps[steps > 0])) if np.any(steps > 0) else 1.0
    for unit, seconds in zip(UNITS, SECONDS, strict=True):
        if seconds <= typical:
            return unit
    return "ns"


def _increase(stamps: np.ndarray, owners: np.ndarray) -> bool:
    order = np.argsort(owners, kind="stable")
    return bool(np.all((np.diff(stamps[order]) > 0) | (np.diff(owners[order]) != 0)))


def _numbers(cells: np.ndarray) -> np.ndarray:
    """A number for each different text of a column, int (rows,)."""
    return np.unique(cells, return_inverse=True)[1]


def _said(cells: np.ndarray) -> set[str]:
    """The different texts of a column, but the blank one."""
    return set(cells.tolist()) - {""}


def _has_gaps(cells: np.ndarray) -> bool:
    return any(text.lower() in ("", *MARKERS) for text in set(cells.tolist()))


def _names_series(cells: np.ndarray) -> bool:
    """Whether a column may name several series, of which some have several rows: texts or whole numbers, no blanks."""
    names = _said(cells)
    fraction = any(DECIMAL.fullmatch(name) and not WHOLE.fullmatch(name) for name in names)
    return 1 < len(names) < len(cells) and not _has_gaps(cells) and not fraction


def _stands_together(cells: np.ndarray) -> bool:
    return 1 + np.sum(cells[1:] != cells[:-1]) == len(_said(cells))


def _is_constant(cells: np.ndarray, owners: np.ndarray) -> bool:
    """Whether the rows of each series say the same, where they say something."""
    said = cells != ""
    pairs = set(zip(owners[said].tolist(), cells[said].tolist(), strict=True))
    return len(pairs) == len({owner for owner, _ in pairs})


def _are_classes(name: str, cells: np.ndarray, kind: str) -> bool:
    """Whether it must be said that a column names classes: numbers that are called so, and texts with numbers among."""
    texts = _said(cells)
    numbers = {text for text in texts if DECIMAL.fullmatch(text)}
    if kind == "text":
        return 0 < len(numbers) < len(texts)
    return all(map(WHOLE.fullmatch, numbers)) and len(numbers) <= MOST_CLASSES and bool(_called(CLASSES, [name]))
