"""The .ts files of the UCR and UEA archives, read by aeon and checked before.

aeon 1.6 takes much for what it is not: it makes all text lower case (so two classes may become one), writes NaN for
each "nan" and "?" also within the name of a class, takes the last channel for the class where no line of the header
says that there is one, passes over lines of the header that it does not know, misspelt or after a byte order mark, and
rows before @data, asks of no class whether the header names it, and drops signs, exponents and whole numbers where
series have time stamps. So the header and each row are looked at here, and aeon makes the numbers.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from liquidjax._bounds import shown
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.columns import DECIMAL
from liquidjax.tasks.readers.names import check_known
from liquidjax.tasks.readers.targets import class_names, numbered

_FLAGS = ("timestamps", "missing", "univariate", "equallength", "targetlabel")
_KEYS = ("problemname", *_FLAGS, "serieslength", "dimension", "dimensions", "classlabel", "data")
_MISSING = ("?", "nan")
_PLAIN = re.compile(r"[-+.0-9eEnaNA?, \t]*")
"""Of numbers in these characters alone, `float` takes just those that are decimal, and nan."""


class _Header(NamedTuple):
    """What is before @data: flags and numbers by their names; and the classes, None where there are none."""

    values: dict[str, int]
    classes: tuple[str, ...] | None


class _Expected(NamedTuple):
    """Of each row: its channels, their steps (None where series differ), and what its target is, "" for none."""

    channels: int
    length: int | None
    target: str


def read_ts(path: str | os.PathLike) -> SequenceDataset:
    """A .ts file: series of equal or unequal lengths, with classes, values or nothing to be learnt, and missing values.

    Times are steps 0, 1, 2, ...; features are called x1, x2, ... A missing value or target is written ? or NaN. Classes
    are those of the header, sorted by size where all are numbers, else as text.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        ImportError: aeon is not installed.
        ValueError: anything else than this, or series with time stamps of their own, with the line.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "walks.ts"
        >>> _ = file.write_text("@equalLength false\\n@classLabel true Slow Fast\\n@data\\n1,2,3:Fast\\n4,?:Slow\\n")
        >>> data = read_ts(file)
        >>> data.inputs[..., 0].tolist(), data.targets.tolist(), data.classes
        ([[1.0, 2.0, 3.0], [4.0, nan, nan]], [0, 1], ('Fast', 'Slow'))

    Reference:
        Middlehurst et al., "aeon: a Python toolkit for learning from time series", JMLR 25, 2024.
    """
    path = Path(path)
    if path.suffix.lower() != ".ts":
        raise ValueError(f"{path} must be called .ts, to tell how it is read")
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = enumerate(file, start=1)
            header = _header(path, lines)
            rows = list(lines)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} must be text in UTF-8, and is not; save it as one") from error
    if not rows:
        raise ValueError(f"{path} must hold series below @data, and holds none")
    has_target = header.classes is not None or header.values["targetlabel"] == 1
    first = rows[0][1].strip().split(":")
    channels = 1 if header.values["univariate"] else len(first) - has_target
    expected = _Expected(
        header.values.get("dimensions", header.values.get("dimension", channels)),
        header.values.get("serieslength", first[0].count(",") + 1) if header.values["equallength"] else None,
        "a number" if has_target and header.classes is None else "a class" if has_target else "",
    )
    labels = [_checked_row(f"{path}, line {line}", row, expected) for line, row in rows]
    series, targets = _by_aeon(path, rows, has_target)
    if header.classes is not None:
        unknown = {label for label in labels if label.lower() in _MISSING}.difference(header.classes)
        known = np.array(["" if label in unknown else label for label in labels], object)
        targets = numbered(known, header.classes, lambda row: f"{path}, line {rows[row][0]}")
    elif not has_target:
        targets = None
    try:
        return SequenceDataset.of([channels.T for channels in series], targets=targets, classes=header.classes)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _header(path: Path, lines: Iterator[tuple[int, str]]) -> _Header:
    """What the lines up to @data say, each of which must be known."""
    values, classes = {}, None
    for line, text in lines:
        words = text.split()
        if not words or words[0].startswith("#"):
            continue
        place = f"{path}, line {line}"
        key = words[0].removeprefix("@").lower()
        if not words[0].startswith("@"):
            raise ValueError(f"{place}: expected a line with @ or # first before @data, got {shown(text.strip())}")
        check_known(key, _KEYS, f"{place}: the header", "line")
        if key in values:
            raise ValueError(f"{place}: @{key} comes twice; leave one out")
        values[key] = 0
        if key == "data":
            if len(words) > 1:
                raise ValueError(f"{place}: expected @data by itself, got {shown(text.strip())}")
            break
        if key in (*_FLAGS, "classlabel"):
            flag = words[1].lower() if len(words) > 1 else ""
            if flag not in ("true", "false") or (len(words) > 2 and (key, flag) != ("classlabel", "true")):
                raise ValueError(f"{place}: expected @{key} true or false, got {shown(text.strip())}")
            values[key] = int(flag == "true")
            if key == "classlabel" and flag == "true":
                if len(set(words[2:])) < max(len(words) - 2, 1):
                    raise ValueError(f"{place}: expected the names of classes, each once, got {shown(text.strip())}")
                classes = class_names(words[2:], place)
        elif key == "problemname" and len(words) < 2:
            raise ValueError(f"{place}: expected @problemName and a name, got {shown(text.strip())}")
        elif key in ("serieslength", "dimension", "dimensions"):
            if len(words) != 2 or not re.fullmatch(r"[0-9]{1,9}", words[1], re.ASCII):
                raise ValueError(f"{place}: expected @{key} and a number, got {shown(text.strip())}")
            values[key] = int(words[1])
    if "data" not in values:
        raise ValueError(f"{path} must hold a line @data, and series below it")
    if values.get("timestamps"):
        raise ValueError(f"{path}: series with time stamps are not read; write them as a table in CSV")
    if "classlabel" not in values and "targetlabel" not in values:
        raise ValueError(
            f"{path}: the header must say what is to be learnt: @classLabel or @targetLabel, true or false"
        )
    if values.get("univariate", 1) and max(values.get("dimension", 1), values.get("dimensions", 1)) > 1:
        raise ValueError(f"{path}: the header must say @univariate false where there are several dimensions")
    if classes is not None and values.get("targetlabel"):
        raise ValueError(f"{path}: @classLabel or @targetLabel must be true, got both")
    defaults = {"univariate": 1, "equallength": 1, "targetlabel": 0}
    return _Header(defaults | values, classes)


def _checked_row(place: str, row: str, expected: _Expected) -> str:
    """The target of a row as it is written, "" where there is none; the ValueError for what aeon takes wrongly."""
    channels = row.strip().split(":")
    label = channels.pop().strip() if expected.target else ""
    if not "".join(channels).strip():
        form = f"a series, a colon and {expected.target}" if expected.target else "a series"
        raise ValueError(f"{place}: expected {form}, got {shown(row.strip())}")
    if len(channels) != expected.channels:
        raise ValueError(
            f"{place}: expected {expected.channels} channels as in the header or before, got {len(channels)}"
        )
    lengths = [channel.count(",") + 1 for channel in channels]
    length = lengths[0] if expected.length is None else expected.length
    for other in lengths:
        if other != length:
            raise ValueError(f"{place}: expected {length} steps as in the header or before, got {other}")
    for number, channel in enumerate(channels, start=1):
        if not _PLAIN.fullmatch(channel):
            for cell in channel.split(","):
                _check_cell(f"{place}, channel {number}", cell)
    if expected.target == "a number":
        _check_cell(f"{place}, target", label)
    elif expected.target and not label:
        raise ValueError(f"{place}: expected a class, or ? where it is not known, got a blank")
    return label


def _check_cell(place: str, cell: str) -> None:
    text = cell.strip(" \t\r\n")
    if not DECIMAL.fullmatch(text) and text.lower() not in _MISSING:
        raise ValueError(f"{place}: expected a decimal number or ?, got {shown(text)}")


def _by_aeon(path: Path, rows: list[tuple[int, str]], has_target: bool) -> tuple[Any, np.ndarray]:
    """Series (channels, time) and targets as text or numbers, one for each row."""
    try:
        from aeon.datasets import load_from_ts_file
    except ImportError as error:
        raise ImportError('files that end in .ts are read by aeon: pip install "liquidjax[ts]"') from error
    try:
        series, targets = load_from_ts_file(str(path), encoding="utf-8-sig")[:2]
    except MemoryError:
        raise
    except Exception as error:  # it raises OSError, ValueError, IndexError and others
        for line, row in rows:  # most often a cell such as 1e or 1,,2
            channels = row.strip().split(":")
            for cell in ",".join(channels[:-1] if has_target else channels).split(","):
                _check_cell(f"{path}, line {line}", cell)
        raise ValueError(f"{path} cannot be read by aeon: {shown(' '.join(str(error).split()))}") from error
    if len(series) != len(rows):
        raise ValueError(f"{path} must hold {len(rows)} series, one a line, but aeon reads {len(series)}")
    return series, targets
