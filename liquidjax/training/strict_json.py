"""JSON, read more strictly than Python reads it."""

import json
import math
from typing import Any

from liquidjax.training.stored_zip import shown


def parse(text: bytes | str) -> Any:
    """The value of a JSON text in UTF-8, more strictly than Python reads it.

    Raises:
        ValueError: it is no JSON, a key stands twice in one object, a number is not finite, or it is nested too deep.

    Example:
        >>> parse('{"a": [1, 2.5]}')
        {'a': [1, 2.5]}
        >>> parse('{"a": 1, "a": 2}')
        Traceback (most recent call last):
        ...
        ValueError: the key a stands twice
    """
    try:
        decoded = text if isinstance(text, str) else text.decode()
        return json.loads(decoded, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shown(key)} stands twice")
        found[key] = value
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _finite(number: str) -> float:
    value = float(number)
    return value if math.isfinite(value) else _refuse(shown(number))
