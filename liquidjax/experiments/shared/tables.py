"""What the tables of the memory experiment are made of: Markdown, names of cells, fitted exponents."""

import textwrap
from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.gradient_memory.measurement import Network


def markdown(lines: Sequence[Sequence[str]], names: int = 1) -> str:
    """A Markdown table that can be read as it is; the first line is its header, the first `names` columns are text.

    Example:
        >>> print(markdown([["method", "MB"], ["BPTT", "12.8"]]))
        | method |   MB |
        | ------ | ---: |
        | BPTT   | 12.8 |
    """
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust if place < names else str.rjust for place in range(len(widths))]
    first, *others = (
        "| " + " | ".join(side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True)) + " |"
        for line in lines
    )
    ruler = ["-" * width if place < names else "-" * (width - 1) + ":" for place, width in enumerate(widths)]
    return "\n".join([first, "| " + " | ".join(ruler) + " |", *others])


def title(network: Network) -> str:
    """The cell in words.

    Example:
        >>> title(Network())
        'fully connected LTC: 64 neurons, 8 inputs, batch 32, 6 unfolds, float32'
    """
    return (
        f"{network.neurons}: {network.units} neurons, {network.inputs} inputs, batch {network.batch}, "
        f"{network.unfolds} unfolds, float32"
    )


def slope(times: Sequence[int], values: Sequence[float]) -> float:
    """Slope of log value against log time, by least squares on the longest half of the times, at least two.

    Example:
        >>> round(slope([1, 10, 100, 1000], [5, 6, 100, 10_000]), 6)
        2.0
    """
    few = longest_half(len(times))
    return fit(times[-few:], values[-few:])


def wrapped(text: str) -> str:
    """A paragraph, or an item of a list, in lines of 110."""
    return textwrap.fill(text, 110, subsequent_indent="  " if text.startswith("* ") else "", break_long_words=False)


def fit(positions: Sequence[float], values: Sequence[float]) -> float:
    """Slope of log value against log position, by least squares."""
    return float(np.polyfit(np.log(positions), np.log(values), 1)[0])


def longest_half(count: int) -> int:
    """How many points a slope is fitted on."""
    return max(2, (count + 1) // 2)


def fitted_range(times: Sequence[int]) -> str:
    """The times a slope is fitted on, in words."""
    return f"{times[-longest_half(len(times))]:,}-{times[-1]:,}"


def power(name: str, exponent: float | None) -> str:
    """Such as T^1.00; nothing where it was not measured."""
    return "" if exponent is None else f"{name}^{rounded(exponent)}"


def rounded(exponent: float) -> str:
    """Two digits, without a negative zero."""
    return f"{exponent:.2f}".replace("-0.00", "0.00")
