"""What a type hint says of plain values: which of them belong there, and what a text may stand for."""

import collections.abc
import inspect
import types
import typing
from typing import Any, Literal

import numpy as np

_SCALARS = (bool, int, float, str, type(None))


def takes_text(hint: Any) -> bool:
    """Whether text may stand there as it is.

    Example:
        >>> takes_text(str | None), takes_text(Any), takes_text(Literal["a"]), takes_text(float)
        (True, True, True, False)
    """
    return any(
        choice is str or _says_nothing(choice) or any(isinstance(option, str) for option in _options(choice))
        for choice in _choices(hint)
    )


def takes_objects(hint: Any) -> bool:
    """Whether something may stand there that is neither text, number, boolean nor None.

    Example:
        >>> takes_objects(Any), takes_objects(collections.abc.Callable | None), takes_objects(Literal["a"] | None)
        (True, True, False)
    """
    return any(choice not in _SCALARS and not _options(choice) for choice in _choices(hint))


def takes_functions(hint: Any) -> bool:
    """Whether the hint asks for functions.

    Example:
        >>> takes_functions(Any), takes_functions(collections.abc.Callable[[int], int] | None)
        (False, True)
    """
    return any(_kind(choice) is collections.abc.Callable for choice in _choices(hint))


def takes_floats(hint: Any) -> bool:
    """Whether the hint asks for floating point numbers.

    Example:
        >>> takes_floats(Any), takes_floats(float | None)
        (False, True)
    """
    return float in _choices(hint)


def of_items(hint: Any, count: int) -> tuple[Any, ...]:
    """The hint of each of so many items of a tuple, Any where nothing is said of them.

    Example:
        >>> of_items(tuple[float, ...] | None, 2), of_items(tuple[int, str], 2), of_items(Any, 1)
        ((<class 'float'>, <class 'float'>), (<class 'int'>, <class 'str'>), (typing.Any,))
    """
    for choice in _choices(hint):
        items = typing.get_args(choice)
        if typing.get_origin(choice) is tuple and items[1:] == (...,):
            return items[:1] * count
        if typing.get_origin(choice) is tuple and len(items) == count:
            return items
    return (Any,) * count


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what the hint asks for. An integer is a floating point number too, and True is no number.

    Example:
        >>> fits(1, float), fits(True, int | None), fits("lax", Literal["lax"]), fits(1, str), fits(1, Any)
        (True, False, True, False, True)
    """
    return any(_is(value, choice) for choice in _choices(hint))


def named(hint: Any) -> str:
    """What the hint asks for, in words.

    Example:
        >>> named(float | None), named(Literal["lax", 3]), named(collections.abc.Callable[[int], int] | int)
        ('float or None', "'lax' or 3", 'Callable or int')
    """
    words: list[str] = []
    for choice in _choices(hint):
        kind = "array" if hasattr(choice, "array_type") else getattr(_kind(choice), "__name__", str(choice))
        words += [repr(option) for option in _options(choice)] or ["None" if choice is type(None) else kind]
    return " or ".join(dict.fromkeys(words))


def _is(value: Any, choice: Any) -> bool:
    if _says_nothing(choice):
        return True
    if _options(choice):
        return any(type(value) is type(option) and value == option for option in _options(choice))
    if choice in _SCALARS or isinstance(value, _SCALARS):
        return type(value) is choice or (choice is float and type(value) is int)
    if isinstance(value, np.ndarray):
        return hasattr(choice, "array_type")  # an array of jaxtyping
    kind = _kind(choice)
    return callable(value) if kind is collections.abc.Callable else isinstance(kind, type) and isinstance(value, kind)


def _kind(choice: Any) -> Any:
    return typing.get_origin(choice) or choice


def _choices(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _options(choice: Any) -> tuple[Any, ...]:
    return typing.get_args(choice) if typing.get_origin(choice) is Literal else ()


def _says_nothing(choice: Any) -> bool:
    """Also of a hint that is a name in quotes, which nobody looks up here."""
    return choice in (Any, inspect.Parameter.empty, object) or isinstance(choice, str | typing.TypeVar)
