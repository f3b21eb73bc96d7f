"""A checkpoint as text, by which the process that reads it from the disk hands it to the others."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

Found = tuple[dict[str, np.ndarray], dict[str, Any]]
"""The arrays and facts of a checkpoint, as `disk.read` gives them."""


def packed(found: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None) -> str:
    """The text, "null" for no checkpoint.

    Example:
        >>> arrays, facts = unpacked(packed(({"weight": np.arange(3.0)}, {"epoch": 1})))
        >>> arrays["weight"], facts
        (array([0., 1., 2.]), {'epoch': 1})
    """
    if found is None:
        return "null"
    arrays, facts = found
    numbers = {name: (a.dtype.name, a.shape, base64.b64encode(a.tobytes()).decode()) for name, a in arrays.items()}
    return json.dumps([numbers, facts])


def unpacked(text: str) -> Found | None:
    """What was packed, bit for bit."""
    content = json.loads(text)
    if content is None:
        return None
    numbers, facts = content
    arrays = {
        name: np.frombuffer(base64.b64decode(encoded), np.dtype(dtype)).reshape(shape).copy()
        for name, (dtype, shape, encoded) in numbers.items()
    }
    return arrays, facts
