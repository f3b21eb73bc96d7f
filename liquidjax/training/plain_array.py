"""Arrays out of plain data."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from liquidjax._bounds import shown

NOT_FINITE = ("inf", "-inf", "nan")
"""Numbers that JSON does not have, as `describe` writes them."""
DTYPES = {str(np.dtype(kind)): np.dtype(kind) for kind in (*"?bBhHiIqQefd", jnp.bfloat16)}


def from_lists(given: Mapping[str, Any], place: str) -> np.ndarray:
    """The array that `describe` wrote as dtype, shape and nested lists.

    Raises:
        ValueError: the lists are not of the shape, or hold what an array of this dtype does not.

    Example:
        >>> from_lists({"class": "array", "dtype": "float32", "shape": [1, 2], "values": [[1, "inf"]]}, "times")
        array([[ 1., inf]], dtype=float32)
    """
    shape, dtype = given.get("shape"), given.get("dtype")
    if given.keys() != {"class", "dtype", "shape", "values"} or not isinstance(dtype, str) or dtype not in DTYPES:
        raise ValueError(f"{place} must be an array with dtype, shape and values, of one of {', '.join(DTYPES)}")
    if not isinstance(shape, list | tuple) or any(type(size) is not int or size < 0 for size in shape):
        raise ValueError(f"{place}.shape must be a list of sizes, got {shown(shape)}")
    level = [given["values"]]
    for size in shape:
        if any(not isinstance(row, list | tuple) or len(row) != size for row in level):
            raise ValueError(f"{place}.values must be nested lists of the shape {shown(shape)}")
        level = [each for row in level for each in row]
    kinds = {"b": (bool,), "i": (int,), "u": (int,)}.get(DTYPES[dtype].kind, (int, float))
    numbers = [float(each) if each in NOT_FINITE and float in kinds else each for each in level]
    try:
        if any(type(number) not in kinds for number in numbers):
            raise TypeError
        return np.array(numbers, DTYPES[dtype]).reshape(shape)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"{place}.values must be numbers that an array {dtype} can hold") from error
