"""How something grows: the exponent, which is the slope of log against log."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def slope(positions: ArrayLike, values: ArrayLike) -> float:
    """The slope of log value against log position, by least squares.

    Example:
        >>> round(slope([1, 2, 4], [5, 20, 80]), 6)
        2.0
    """
    return float(np.polyfit(np.log(positions), np.log(values), 1)[0])


def final_slope(positions: Sequence[float], values: Sequence[float]) -> float:
    """The same on the larger half of the positions, at least two: what does not grow weighs less there.

    Example:
        >>> round(final_slope([1, 10, 100, 1000], [5, 6, 100, 10_000]), 6)
        2.0
    """
    few = _half(len(positions))
    return slope(positions[-few:], values[-few:])


def final_range(positions: Sequence[int]) -> str:
    """The positions `final_slope` is fitted on, in words.

    Example:
        >>> final_range([64, 1024, 16384])
        '1,024-16,384'
    """
    return f"{positions[-_half(len(positions))]:,}-{positions[-1]:,}"


def power(name: str, exponent: float | None) -> str:
    """Such as T^1.00; nothing where it was not measured."""
    return "" if exponent is None else f"{name}^{rounded(exponent)}"


def rounded(exponent: float) -> str:
    """Two digits, without a negative zero."""
    return f"{exponent:.2f}".replace("-0.00", "0.00")


def _half(count: int) -> int:
    return max(2, (count + 1) // 2)
