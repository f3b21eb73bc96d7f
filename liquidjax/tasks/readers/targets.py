"""What is to be learnt, out of columns: classes by their names, or values."""

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from liquidjax._bounds import shown
from liquidjax._checks import described
from liquidjax.tasks.readers.columns import DECIMAL, Columns
from liquidjax.tasks.readers.names import check_known

Classes = bool | tuple[str, ...] | None
"""Whether targets are classes; their names in the order of a model that knows them; None asks the column."""


class Targets(NamedTuple):
    """Of each row: classes int (rows, 1), -1 where it is not known, or values float64 (rows, outputs), NaN there."""

    values: np.ndarray
    classes: tuple[str, ...] | None
    outputs: tuple[str, ...] | None


def read_targets(columns: Columns, names: Sequence[str], classes: Classes) -> Targets:
    """The targets in these columns; see `table.read_table`."""
    if classes is None:
        classes = len(names) == 1 and _are_classes(columns, names[0])
    if classes is False:
        return Targets(np.stack([columns.numbers(name) for name in names], axis=1), None, tuple(names))
    if len(names) > 1:
        raise ValueError(f"classes must be in one column, got the {len(names)} columns {', '.join(map(shown, names))}")
    texts = columns.texts(names[0])
    if classes is True:
        classes = class_names(set(texts.tolist()) - {""}, f"{columns.paths[0]}: column {shown(names[0])}")
    return Targets(numbered(texts, classes, columns.place)[:, None], classes, None)


def checked_classes(classes: Any) -> Classes:
    """The argument in its plain form, or the ValueError for what is none."""
    if classes is None or isinstance(classes, bool):
        return classes
    if isinstance(classes, str) or not isinstance(classes, Iterable):
        raise ValueError(f"classes must be True, False, None or the names of the classes, got {described(classes)}")
    names = tuple(map(str, classes))
    if not names or len(set(names)) < len(names) or "" in names:
        raise ValueError(f"classes must be different names that are not blank, at least one, got {described(names)}")
    return names


def class_names(names: Iterable[str], owner: str) -> tuple[str, ...]:
    """Names in the order in which classes are numbered: by size where all are numbers, else as text.

    Raises:
        ValueError: no names, or two that are the same number.

    Example:
        >>> class_names({"10", "9"}, "walks.csv"), class_names({"b", "10", "a"}, "walks.csv")
        (('9', '10'), ('10', 'a', 'b'))
    """
    names = sorted(names)
    if not names:
        raise ValueError(f"{owner} must name a class at least once where classes=True, and is blank")
    if not all(DECIMAL.fullmatch(name) for name in names):
        return tuple(names)
    names.sort(key=float)
    for one, other in itertools.pairwise(names):
        if float(one) == float(other):
            raise ValueError(f"{owner} must write each class in one way, got {shown(one)} and {shown(other)}")
    return tuple(names)


def numbered(texts: np.ndarray, classes: tuple[str, ...], place: Callable[[int], str]) -> np.ndarray:
    """The number of each class, -1 for a blank; the ValueError for one that is not among the classes.

    Example:
        >>> numbered(np.array(["b", "", "a"], object), ("a", "b"), str).tolist()
        [1, -1, 0]
    """
    numbers = {"": -1} | {name: number for number, name in enumerate(classes)}
    found = np.array([numbers.get(text, -2) for text in texts], int)
    if np.any(found == -2):
        row = int(np.argmax(found == -2))
        check_known(texts[row], classes, f"{place(row)}: the data", "class")
    return found


def constant(values: np.ndarray, owners: np.ndarray, count: int, refuse: Callable[[int, int], str]) -> np.ndarray:
    """What all rows of one owner have in common, (count, ...), where a row that knows nothing (-1 or NaN) agrees.

    Args:
        values: (rows, columns), int or float64.
        owners: int (rows,), the owner of each row.
        count: how many owners there are.
        refuse: the sentence for two rows of one owner that differ.

    Example:
        >>> constant(np.array([[3], [-1], [-1]]), np.array([0, 0, 1]), 2, "{} {}".format).tolist()
        [[3], [-1]]
    """
    unknown = -1 if values.dtype.kind == "i" else np.nan
    common = np.full((count, values.shape[1]), unknown, values.dtype)
    for number, column in enumerate(values.T):
        rows = np.flatnonzero(~np.isnan(column) if column.dtype.kind == "f" else column >= 0)
        first = np.zeros(count, int)
        first[owners[rows[::-1]]] = rows[::-1]  # the earliest row is written last
        differ = rows[column[rows] != column[first[owners[rows]]]]
        if differ.size:
            raise ValueError(refuse(int(first[owners[differ[0]]]), int(differ[0])))
        common[owners[rows], number] = column[rows]
    return common


def _are_classes(columns: Columns, name: str) -> bool:
    """Whether a column names classes; one of numbers and other texts may be either, so it is refused."""
    if columns.kind(name) != "text" or columns.word == "row":  # numbers in a Parquet file have a type of their own
        return columns.kind(name) == "text"
    texts = columns.texts(name)
    known = texts[texts != ""]
    if not known.size:
        raise ValueError(
            f"{columns.paths[0]}: column {shown(name)} is blank everywhere, so classes must say what it would hold: "
            "True, False or the names of the classes"
        )
    numbers = np.array([DECIMAL.fullmatch(text) is not None for text in known])
    if numbers.any() and not numbers.all():
        row = int(np.flatnonzero(texts != "")[np.argmin(numbers)])
        columns.refuse(row, name, "a number as in other rows, or classes=True where these are names")
    return not numbers.any()
