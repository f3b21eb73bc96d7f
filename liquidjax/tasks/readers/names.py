"""Names that must be among others, and the nearest one where they are not."""

import difflib
from collections.abc import Iterable, Sequence

from liquidjax._bounds import shown

_MOST = 12
"""Names that an error lists."""


def check_known(name: str, known: Iterable[str], owner: str, kind: str) -> None:
    """Raises the ValueError for a name that is not among the known ones, with the nearest of them.

    Example:
        >>> check_known("tme", ["time", "x1"], "walks.csv", "column")
        Traceback (most recent call last):
            ...
        ValueError: walks.csv has no column 'tme', did you mean 'time'? It has time, x1
    """
    known = list(known)
    if name not in known:
        near = difflib.get_close_matches(str(name)[:60], known, 1)
        guess = f", did you mean {shown(near[0])}? It" if near else "; it"
        raise ValueError(f"{owner} has no {kind} {shown(name)}{guess} has {listed(known)}")


def check_header(place: str, names: Sequence[str]) -> None:
    """Raises the ValueError for columns without a name, and for two of the same name.

    Example:
        >>> check_header("walks.csv, line 1", ["time", "x1", "time"])
        Traceback (most recent call last):
            ...
        ValueError: walks.csv, line 1: columns 1 and 3 have the same name 'time'; give each its own
    """
    for number, name in enumerate(names, start=1):
        if not name.strip(" \t"):
            raise ValueError(f"{place}: column {number} has no name; name it, or remove it")
        if (first := names.index(name) + 1) < number:
            raise ValueError(
                f"{place}: columns {first} and {number} have the same name {shown(name)}; give each its own"
            )


def listed(names: Iterable[str]) -> str:
    """The first names of many, on one line.

    Example:
        >>> listed("abc"), listed([]), listed("x" * 20)
        ('a, b, c', 'none', 'x, x, x, x, x, x, x, x, x, x, x, x and 8 more')
    """
    names = list(names)
    texts = [name if name.isprintable() and 0 < len(name) <= 60 else shown(name) for name in names[:_MOST]]
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return (", ".join(texts) or "none") + more
