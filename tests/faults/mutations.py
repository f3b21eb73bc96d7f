"""Plain data that is nearly right: keys gone, renamed and doubled, values of other kinds and without end."""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1, 2, 10**6, 10**12, 2**63, 10**400, -(10**40)),
    *(0.5, -0.5, 1e-300, 1e300, float("inf"), float("nan")),
    *("", " ", "x", "\0", "\ufeffx", "a\r\nb", "\u202e\u0661", "../../x", "x" * 5000, "1e999", "no.such:thing", "%s{}"),
    *([], [[]], ["a"], ["a", "a"], {}, {"a": 1}, [1, "a", None]),
)
"""What stands in the place of a value."""


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def structured(data: Any, count: int, generator: np.random.Generator, more: tuple[Any, ...] = ()) -> Iterator[Any]:
    """Nested dicts and lists with one or two changes in them.

    Args:
        more: other values for a place.
    """
    values = (*VALUES, deep(15), deep(60), *more)
    for _ in range(count):
        changed = copy.deepcopy(data)
        for _ in range(int(generator.integers(1, 3))):
            place, key = _chosen(changed, generator)
            match generator.integers(6):
                case 0:
                    del place[key]
                case 1 if isinstance(place, dict):
                    place[f"{key}x"] = place.pop(key)
                case 2 if isinstance(place, list):
                    place.append(place[key])
                case _:
                    place[key] = values[int(generator.integers(len(values)))]
            if not changed:
                break
        yield changed


def _chosen(data: Any, generator: np.random.Generator) -> tuple[Any, Any]:
    """A place anywhere in it."""
    found = [*_places(data)]
    return found[int(generator.integers(len(found)))]


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    for key in data if isinstance(data, dict) else range(len(data)):
        yield data, key
        if isinstance(data[key], dict | list) and data[key]:
            yield from _places(data[key])
