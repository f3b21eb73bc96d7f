"""The columns of a table as numbers, as texts or as times; every cell is checked, and named where it is wrong."""

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from liquidjax._bounds import shown
from liquidjax.sequences.times import Unit
from liquidjax.tasks.readers.dates import ISO_8601, elapsed_since, since_earliest

DECIMAL = re.compile(r"[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?", re.ASCII)
"""How numbers are written; Python's `float` would also take 1_0, nan and the digits of other scripts."""
_COMMA = re.compile(r"[-+]?[0-9]+,[0-9]+", re.ASCII)
_PLAIN = re.compile(r"[-+.0-9eE \t]*", re.ASCII)
"""Of texts in these characters alone, `float` takes just those that are DECIMAL between blanks."""


@dataclass(frozen=True, eq=False)
class Columns:
    """A table in memory: texts as they are in a CSV file, or columns of the types of a Parquet file.

    Args:
        paths: the files.
        frame: the pandas DataFrame of pyarrow types, its columns in the order of the file.
        file, line: for each row the number of its file, and its line there.
        word: what `line` counts, "line" or "row".
        missing: texts that stand for nothing, besides blank ones.
    """

    paths: Sequence[Path]
    frame: Any
    file: np.ndarray
    line: np.ndarray
    word: str
    missing: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.line)

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return list(self.frame.columns)

    def place(self, row: int) -> str:
        """Where a row is, as an error says it."""
        return f"{self.paths[self.file[row]]}, {self.word} {self.line[row]}"

    def both(self, row: int, other: int) -> str:
        """Where two rows are, as an error says it."""
        same = self.file[row] == self.file[other]
        return f"{self.place(row)} and {f'{self.word} {self.line[other]}' if same else self.place(other)}"

    def kind(self, name: str) -> str:
        """What a column holds: "text", "number", "date", "nothing", or the name of another type."""
        import pyarrow.types as types

        dtype = self.frame[name].dtype.pyarrow_dtype
        if types.is_string(dtype) or types.is_large_string(dtype):
            return "text"
        if types.is_integer(dtype) or types.is_floating(dtype):
            return "number"
        if types.is_timestamp(dtype) or types.is_date(dtype):
            return "date"
        return "nothing" if types.is_null(dtype) else str(dtype)

    def numbers(self, name: str, otherwise: str = "") -> np.ndarray:
        """The column as float64, NaN where a cell is missing.

        Args:
            name: of the column.
            otherwise: what could be meant where it holds no number at all, for the error.

        Raises:
            ValueError: a cell that is no finite decimal number, or a column of another type.
        """
        kind = self._kind_among(name, "numbers", "text", "number", "nothing")
        if kind == "text":
            values = self._parsed(name, otherwise)
        elif kind == "number":
            values = self.frame[name].to_numpy(np.float64, na_value=np.nan)
        else:
            values = np.full(len(self), np.nan)
        for text in filter(DECIMAL.fullmatch, self.missing):
            values = np.where(values == float(text), np.nan, values)
        self._check(name, ~np.isinf(values), "a finite number that float64 holds")
        return values

    def texts(self, name: str) -> np.ndarray:
        """The column as an object array of str without blanks around them, "" where a cell is missing.

        Raises:
            ValueError: a column of another type than text and whole numbers.
        """
        kind = self._kind_among(name, "text or whole numbers", "text", "number", "nothing")
        cells = self.frame[name].to_numpy(object, na_value=None)
        if kind == "number":  # pandas makes whole numbers of which some are missing into floats
            whole = np.array([cell is None or cell != cell or cell % 1 == 0 for cell in cells], bool)
            self._check(name, whole, "text or a whole number")
            cells = [None if cell is None or cell != cell else str(int(cell)) for cell in cells]
        texts = ["" if cell is None else cell.strip(" \t") for cell in cells]
        if self.missing:
            texts = ["" if text in self.missing else text for text in texts]
        return np.array(texts, object)

    def times(self, name: str, unit: Unit | None) -> np.ndarray:
        """The column as times, float64: numbers, or with a unit dates, in that unit since the earliest.

        Raises:
            ValueError: a time that is missing, or is no number, or with a unit no date.
        """
        file = self.paths[0]
        kind = self._kind_among(name, "times", "text", "number", "date")
        if unit is None:
            if kind == "date":
                raise ValueError(
                    f"{file}: column {shown(name)} holds dates, so time_unit must say what to count in, such as 's'"
                )
            times = self.numbers(name)
            self._check(name, ~np.isnan(times), "a time")
            exact = "a time within 2^53, up to which float64 holds each whole number (subtract the first)"
            self._check(name, np.abs(times) < 2**53, exact)
            return times
        if kind == "number":
            raise ValueError(
                f"{file}: column {shown(name)} holds numbers, so time_unit must be left out, got {unit!r}: they are in "
                "the unit they are in"
            )
        if kind == "text":
            texts = self.texts(name)
            self._check(name, texts != "", "a time")

            def refuse(row: int, expected: str) -> NoReturn:
                number = ", or no time_unit where times are numbers" if DECIMAL.fullmatch(texts[row]) else ""
                self.refuse(row, name, expected + number)

            return since_earliest(texts.tolist(), unit, refuse)
        dates = self.frame[name]
        self._check(name, ~dates.isna().to_numpy(bool), "a time")
        if str(dates.dtype).startswith("date"):  # by days
            dates = dates.astype("timestamp[s][pyarrow]")
        return elapsed_since(dates.astype("int64[pyarrow]").to_numpy(np.int64), dates.dtype.pyarrow_dtype.unit, unit)

    def cell(self, row: int, name: str) -> str:
        """A cell as an error repeats it."""
        value = self.frame[name].to_numpy(object, na_value=None)[row]
        if value is None or value != value or (isinstance(value, str) and not value.strip(" \t")):
            return "a blank"
        return shown(value.strip(" \t")) if isinstance(value, str) else str(value)

    def refuse(self, row: int, name: str, expected: str) -> NoReturn:
        """Raises the ValueError for a cell."""
        raise ValueError(f"{self.place(row)}, column {shown(name)}: expected {expected}, got {self.cell(row, name)}")

    def _check(self, name: str, right: np.ndarray, expected: str) -> None:
        if not np.all(right):
            self.refuse(int(np.argmin(right)), name, expected)

    def _kind_among(self, name: str, expected: str, *kinds: str) -> str:
        kind = self.kind(name)
        if kind not in kinds:
            raise ValueError(
                f"{self.paths[0]}: column {shown(name)} must hold {expected}, got the type {kind}; write it as another "
                "type, or leave the column out"
            )
        return kind

    def _parsed(self, name: str, otherwise: str) -> np.ndarray:
        cells = self.frame[name].to_numpy(object, na_value="").tolist()
        if _PLAIN.fullmatch("".join(cells)):
            with contextlib.suppress(ValueError):  # that of a cell such as 1e, or of blanks alone
                return np.array([float(cell) if cell else np.nan for cell in cells], float)
        cells = self.texts(name).tolist()
        for row, cell in enumerate(cells):
            if cell and not DECIMAL.fullmatch(cell):
                words = not any(DECIMAL.fullmatch(other) for other in cells)
                self.refuse(row, name, "a decimal number" + (_hint(cell) or (otherwise if words else "")))
        return np.array([float(cell) if cell else np.nan for cell in cells], float)


def _hint(cell: str) -> str:
    if cell.lower() in ("na", "nan", "n/a", "null", "none", "?", "-", "."):
        return f", or missing=({cell!r},) where that means that there is none"
    if ISO_8601.fullmatch(cell):
        return ", or time_unit where the column holds the times"
    if _COMMA.fullmatch(cell):
        return " with a point"
    return ""
