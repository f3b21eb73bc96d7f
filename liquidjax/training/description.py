"""What a cell is, as text that people can read and another process can compare with a cell of its own."""

import dataclasses
import enum
import json
import math
import operator
import sys
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Difference(NamedTuple):
    """place: fields and positions joined by dots, "" for the whole; saved, given: what is there, as text."""

    place: str
    saved: str
    given: str


def describe(value: Any, place: str = "") -> Any:
    """What makes a cell the cell it is: every field of its dataclasses, as nested dicts and lists of plain values.

    A dataclass becomes a dict of its fields with its name under "class"; cells, wirings and integrators are such, and
    so are the solvers of diffrax. A function or a class becomes the name by which another process can import it.

    Args:
        value: a cell, a model or another dataclass; or dicts, tuples and lists of such.
        place: what the message calls it.

    Returns:
        Dicts with text keys, lists, text, numbers, booleans and None.

    Raises:
        ValueError: something in it has no description that another process could compare, such as a lambda.

    Example:
        >>> import liquidjax as lj
        >>> describe(lj.GatedLinear(inputs=2, units=3))
        {'class': 'liquidjax.GatedLinear', 'inputs': 2, 'units': 3, 'integrator': \
{'class': 'liquidjax.Exponential', 'unfolds': 1}}
    """
    if isinstance(value, type) or not dataclasses.is_dataclass(value):
        return _describe_plain(value, place)
    return {"class": _name(type(value), place), **_describe_each(_fields(value), place)}


def to_text(value: Any) -> str:
    """The description of a cell as one line of JSON, the same for equal cells.

    Example:
        >>> import liquidjax as lj
        >>> to_text(lj.SemiImplicit(unfolds=6))
        '{"class": "liquidjax.SemiImplicit", "unfolds": 6}'
    """
    return json.dumps(describe(value))


def differences(saved: Any, given: Any, place: str = "") -> list[Difference]:
    """Where two descriptions are not the same; numbers are compared as Python compares them, so 1 is 1.0.

    Example:
        >>> import liquidjax as lj
        >>> saved, given = (describe(lj.GatedLinear(2, 3, lj.Euler(n))) for n in (6, 3))
        >>> differences(saved, given)
        [Difference(place='integrator.unfolds', saved='6', given='3')]
    """
    if isinstance(saved, dict) and isinstance(given, dict) and saved.get("class") == given.get("class"):
        names = [*saved, *(name for name in given if name not in saved)]
        pairs = [(name, saved.get(name, _NOTHING), given.get(name, _NOTHING)) for name in names]
    elif isinstance(saved, list) and isinstance(given, list) and len(saved) == len(given):
        pairs = [(position, *pair) for position, pair in enumerate(zip(saved, given, strict=True))]
    else:
        return [] if saved == given else [Difference(place, _short(saved), _short(given))]
    return [found for name, old, new in pairs for found in differences(old, new, _below(place, name))]


_NOTHING = object()
_NEW = object().__reduce_ex__(2)[0]
"""The function by which pickle makes an object of its class and nothing else."""


def _describe_plain(value: Any, place: str) -> Any:
    if isinstance(value, enum.Enum):
        return f"{_name(type(value), place)}.{value.name}"
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)  # JSON has no infinity
    if isinstance(value, np.ndarray | jax.Array) and not jnp.issubdtype(value.dtype, jax.dtypes.extended):
        values = describe(np.asarray(value).tolist(), place)
        return {"class": "array", "dtype": str(value.dtype), "shape": list(value.shape), "values": values}
    named = getattr(value, "_asdict", None)
    if isinstance(value, tuple) and named is not None:
        return {"class": _name(type(value), place), **_describe_each(named(), place)}
    if isinstance(value, tuple | list):
        return [describe(each, _below(place, position)) for position, each in enumerate(value)]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return _describe_each(value, place)
    if _has_no_state(value):
        return {"class": _name(type(value), place)}
    return _name(value, place)


def _has_no_state(value: Any) -> bool:
    """Whether its class is all there is to say of an object: then pickle would write down nothing else."""
    try:
        return value.__reduce_ex__(2) == (_NEW, (type(value),), None, None, None)
    except TypeError:  # what pickle refuses
        return False


def _fields(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _describe_each(values: dict[str, Any], place: str) -> dict[str, Any]:
    return {name: describe(value, _below(place, name)) for name, value in values.items()}


def _name(value: Any, place: str) -> str:
    """The shortest name by which a function or class can be imported: `diffrax.Tsit5`, not that of its file."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if isinstance(module, str) and isinstance(name, str):
        for package in (module.split(".")[0], module):
            try:
                found = operator.attrgetter(name)(sys.modules[package])
            except (AttributeError, KeyError):
                continue
            if found is value:
                return f"{package}.{name}"
    raise ValueError(
        f"{place or 'the cell'} must be a plain value, a dataclass, or a function or class that can be "
        f"imported by its name, so that another process can compare it, got {_one_line(value)}; define it "
        "at the top of a module"
    )


def _one_line(value: Any) -> str:
    return " ".join(repr(value).split())[:200]


def _below(place: str, name: str | int) -> str:
    return f"{place}.{name}" if place else str(name)


def _short(described: Any) -> str:
    if described is _NOTHING:
        return "nothing"
    if isinstance(described, dict) and isinstance(described.get("class"), str):
        return described["class"]
    text = json.dumps(described)
    if len(text) <= 60:
        return text
    # Long lists may begin alike.
    return f"{text[:57]}..." + (f" ({len(described)} entries)" if isinstance(described, list) else "")
