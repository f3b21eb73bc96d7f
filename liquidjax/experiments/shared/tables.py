"""Tables of text: Markdown that can be read as it is, and plain columns."""

import textwrap
from collections.abc import Sequence

from tabulate import DataRow, TableFormat, tabulate

PIPES = TableFormat(None, None, None, None, DataRow("| ", " | ", " |"), DataRow("| ", " | ", " |"), 0, None)
Rows = Sequence[Sequence[str]]


def markdown(header: Sequence[str], rows: Rows, align: str = "l") -> str:
    """A Markdown table.

    Args:
        header: the names of the columns.
        rows: their texts.
        align: for each column l (left) or r (right); r for those it does not reach.

    Example:
        >>> print(markdown(["method", "MB"], [["BPTT", "12.8"]]))
        | method |   MB |
        | ------ | ---: |
        | BPTT   | 12.8 |
    """
    sides = align.ljust(len(header), "r")
    widths = [max(3, *(len(row[column]) for row in (header, *rows))) for column in range(len(header))]
    ruler = ["-" * width if side == "l" else "-" * (width - 1) + ":" for side, width in zip(sides, widths, strict=True)]
    return _aligned([header, ruler, *rows], sides, PIPES)


def plain(header: Sequence[str], rows: Rows, align: str = "l") -> str:
    """The same without lines, for a terminal.

    Example:
        >>> print(plain(["network", "parameters"], [["LTC", "6,454"]]))
        network  parameters
        LTC           6,454
    """
    return _aligned([header, *rows], align.ljust(len(header), "r"), "plain")


def wrapped(text: str, width: int = 110) -> str:
    """A paragraph, or an item of a list, in lines of at most so many characters."""
    return textwrap.fill(text, width, subsequent_indent="  " if text.startswith("* ") else "", break_long_words=False)


def megabytes(count: int | None) -> str:
    """Bytes in 10^6 bytes, three digits; a dash for what is not known.

    Example:
        >>> megabytes(12_345_678), megabytes(123_456_789_000), megabytes(None)
        ('12.3', '123,457', '-')
    """
    if count is None:
        return "-"
    return f"{count / 1e6:,.0f}" if count >= 1e8 else f"{count / 1e6:.3g}"


def _aligned(lines: Rows, sides: str, style: str | TableFormat) -> str:
    # The header is a row like the others: as a header tabulate would make its column wider.
    align = [{"l": "left", "r": "right"}[side] for side in sides]
    return tabulate(lines, tablefmt=style, colalign=align, disable_numparse=True)
