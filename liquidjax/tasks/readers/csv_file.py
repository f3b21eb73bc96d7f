"""CSV files as columns of text, read strictly.

The rows are cut by Python's csv, not by pandas, which fills short rows, forgives quotes, and knows no lines.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax._bounds import shown
from liquidjax.tasks.readers.columns import DECIMAL, Columns
from liquidjax.tasks.readers.names import check_header, listed

_CHUNK = 2000
"""Rows that are lists of str at a time: more of them are slower, and take ten times the memory of columns."""
_LINE_END = re.compile(r"\r\n|\r|\n")


def read_csv(paths: Sequence[Path], missing: tuple[str, ...] = ()) -> Columns:
    """CSV files with the same columns, one below the other.

    A file is in UTF-8, with or without a byte order mark, has commas between its columns, and their names in its first
    line. Blank lines are passed over.

    Args:
        paths: the files, at least one.
        missing: texts that stand for nothing, besides blank ones.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a file that is no such CSV, or has other columns than the first; with the line.
    """
    import pandas
    import pyarrow

    names: list[str] = []
    chunks: dict[str, list[Any]] = {}
    files, lines = [], []
    for number, path in enumerate(paths):
        records = _records(path)
        header = _header(path, records)
        names = names or header
        if sorted(header) != sorted(names):
            odd = min(set(header) ^ set(names))
            one, other = (path, paths[0]) if odd in header else (paths[0], path)
            hint = f"; if {one} holds the targets, name it as labels" if odd in ("series", "target") else ""
            raise ValueError(
                f"all files must have the same columns, but {one} has {shown(odd)} and {other} has not{hint}"
            )
        count = 0
        for starts, rows in _checked(path, len(header), records):
            for name, cells in zip(header, zip(*rows, strict=True), strict=True):
                if "\0" in "".join(cells):
                    line = starts[next(row for row, cell in enumerate(cells) if "\0" in cell)]
                    raise ValueError(f"{path}, line {line}: holds a NUL byte, so it is no CSV in UTF-8; save it as one")
                chunks.setdefault(name, []).append(pyarrow.array(cells, pyarrow.string()))
            lines.append(np.array(starts))
            count += len(rows)
        if not count:
            raise ValueError(f"{path} must hold rows below the names of its columns, and holds none")
        files.append(np.full(count, number))
    table = pyarrow.table({name: pyarrow.chunked_array(chunks[name]) for name in names})
    frame = table.to_pandas(types_mapper=pandas.ArrowDtype)
    return Columns(paths, frame, np.concatenate(files), np.concatenate(lines), "line", missing)


def _records(path: Path) -> Iterator[tuple[list[int], list[list[str]]]]:
    """The lines, from 1, on which records begin, and the records, many at a time; up to the header one by one."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            size, start = 1, 1
            while records := list(itertools.islice(reader, size)):
                starts = list(range(start, start + len(records)))
                if reader.line_num != starts[-1]:  # there are line ends within quotes
                    ends = [1 + sum(len(_LINE_END.findall(field)) for field in record) for record in records]
                    starts = list(itertools.accumulate(ends[:-1], initial=start))
                yield starts, records
                size = 1 if size == 1 and _is_blank(records[0]) else _CHUNK
                start = reader.line_num + 1
    except csv.Error as error:
        hint = "; a quote may not be closed" if "unexpected end" in str(error) else ""
        raise ValueError(f"{path}, line {_broken(path)}: not CSV: {error}{hint}") from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}, line {_undecodable(path)}: must be CSV in UTF-8, and is not; save it as one"
        ) from error


def _header(path: Path, records: Iterator[tuple[list[int], list[list[str]]]]) -> list[str]:
    """The names of the columns, in the first record that is not blank."""
    for starts, (fields,) in records:
        if _is_blank(fields):
            continue
        place = f"{path}, line {starts[0]}"
        names = [field.strip(" \t") for field in fields]
        if "\0" in "".join(names):
            raise ValueError(f"{place}: holds a NUL byte, so it is no CSV in UTF-8; save it as one")
        if len(names) == 1 and (found := next((sign for sign in ";\t|" if sign in names[0]), None)):
            raise ValueError(f"{place}: expected commas between the columns, got {found!r}; save it with commas")
        check_header(place, names)
        if all(DECIMAL.fullmatch(name) for name in names):
            raise ValueError(
                f"{place}: expected names of columns, got numbers: {listed(names)}; write names above them"
            )
        return names
    raise ValueError(f"{path} must hold the names of its columns and rows below them, and is empty")


def _checked(
    path: Path, width: int, records: Iterator[tuple[list[int], list[list[str]]]]
) -> Iterator[tuple[list[int], list[list[str]]]]:
    """Records as wide as the header, without the blank ones."""
    blank = 0
    for starts, rows in records:
        if set(map(len, rows)) == {width} and width > 1:
            yield starts, rows
            continue
        kept = []
        for number, (start, fields) in enumerate(zip(starts, rows, strict=True)):
            if _is_blank(fields) and not (width == 1 and fields == [""]):  # which is written ""
                blank = start
            elif blank and width == 1:
                raise ValueError(
                    f'{path}, line {blank}: expected a value, got a blank line; write "" where a value is missing, or '
                    "remove the line"
                )
            elif len(fields) != width:
                hint = "" if fields[-1].strip() else "; the last of them is blank: leave out the last comma"
                raise ValueError(
                    f"{path}, line {start}: expected {width} values as in the header, got {len(fields)}{hint}"
                )
            else:
                kept.append(number)
        if kept:
            yield [starts[number] for number in kept], [rows[number] for number in kept]


def _is_blank(fields: list[str]) -> bool:
    return len(fields) < 2 and not "".join(fields).strip(" \t")


def _broken(path: Path) -> int:
    """The line on which the first record begins that is not CSV."""
    start = 1
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file, strict=True)
        try:
            for _ in reader:
                start = reader.line_num + 1
        except csv.Error:
            pass
    return start


def _undecodable(path: Path) -> int:
    """The first line that is not UTF-8."""
    content = path.read_bytes()
    try:
        content.decode()
        return 1
    except UnicodeDecodeError as error:
        return len((content[: error.start] + b"x").splitlines())
