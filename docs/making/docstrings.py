"""Docstrings, which are plain text to be read in a terminal, as reStructuredText.

Sections become fields, aligned lines (equations, tables of options) literal blocks, and what is in backticks a link
where it is a public name. Everything else is escaped, so that |w| and 2 *batch mean what they say.
"""

import re
from collections.abc import Callable, Iterator, Sequence

Link = Callable[[str], str | None]
"""The documented path of a name in backticks, or None."""

SECTION = re.compile(r"(Args|Returns|Raises|Yields|Examples?|References?):$")
FIELDS = {"Args": "Parameters", "References": "References", "Reference": "Reference"}
ITEM = re.compile(r"(\*{0,2}[A-Za-z_][\w.]*(?:, \*{0,2}[A-Za-z_][\w.]*)*): (.*)")
ALIGNED = re.compile(r"\S {2,}(?=\S)")


def restructured(lines: Sequence[str], link: Link) -> list[str]:
    """The docstring in reStructuredText.

    Example:
        >>> print(*restructured(["Gain of `LTC`.", "", "Args:", "    x: a *state*."], {"LTC": "lj.LTC"}.get), sep="|")
        Gain of :py:obj:`LTC <lj.LTC>`.||:Parameters:|   ``x``|      a \\*state\\*.|
    """
    out: list[str] = []
    for title, body in _sections(lines):
        if title is None:
            out += _prose(body, link)
        elif title.startswith("Example"):
            out += [f".. rubric:: {title}", "", *body, ""]
        else:
            inner = _items(body, link) if title in ("Args", "Raises") else _prose(body, link)
            out += [f":{FIELDS.get(title, title)}:", *(f"   {line}".rstrip() for line in inner)]
    return out


def _sections(lines: Sequence[str]) -> Iterator[tuple[str | None, list[str]]]:
    """(title, its lines without their indentation), the text before the first section under None."""
    title, body = None, []
    for line in lines:
        if found := SECTION.match(line):
            yield title, body
            title, body = found[1], []
        elif title and line and not line.startswith(" "):  # text goes on after a section
            yield title, body
            title, body = None, [line]
        else:
            body.append(line[4:] if title else line)
    yield title, body


def _items(body: Sequence[str], link: Link) -> list[str]:
    """`name: what it is` as a list of definitions."""
    out: list[str] = []
    for block in _split(body, lambda line: line and not line.startswith(" ")):
        found = ITEM.match(block[0])
        if found is None:
            out += _prose(block, link)
            continue
        text = [found[2], *(line[4:] if line.startswith("    ") else line for line in block[1:])]
        out += [f"``{found[1]}``", *(f"   {line}".rstrip() for line in _prose(text, link))]
    return out


def _prose(body: Sequence[str], link: Link) -> list[str]:
    """Paragraphs; runs of aligned or indented lines in them as they stand."""
    out: list[str] = []
    for paragraph in _split(body, lambda line: not line):
        for display, run in _runs([line for line in paragraph if line]):
            if display:
                indent = min(len(line) - len(line.lstrip()) for line in run)
                out += [".. code-block:: none", "   :class: as-written", "", *(f"   {line[indent:]}" for line in run)]
            else:
                out += _escaped(run, link)
            out.append("")
    return out


def _runs(paragraph: Sequence[str]) -> Iterator[tuple[bool, list[str]]]:
    """Neighbours that are both to be shown as they stand, or both not."""
    formulas = (
        bool(paragraph)
        and all("=" in line or "<-" in line or ALIGNED.search(line) for line in paragraph)
        and any(ALIGNED.search(line) for line in paragraph)
    )
    runs: list[tuple[bool, list[str]]] = []
    listed = False
    for line in paragraph:
        listed = line.startswith("* ") or (listed and line.startswith("  "))
        indented = line.startswith(" ") and not listed
        display = formulas or indented or (bool(ALIGNED.search(line)) and not listed)
        if runs and runs[-1][0] == display:
            runs[-1][1].append(line)
        else:
            runs.append((display, [line]))
    return iter(runs)


def _escaped(lines: Sequence[str], link: Link) -> list[str]:
    """Text with its code and its links; code may go over the end of a line."""
    pieces = re.split(r"(`[^`]+`)", "\n".join(lines))
    out = []
    for piece in pieces:
        if piece.startswith("`") and piece.endswith("`") and len(piece) > 2:
            code = " ".join(piece[1:-1].split())
            path = link(code)
            out.append(f":py:obj:`{code} <{path}>`" if path else f"``{code}``")
        else:
            piece = re.sub(r"([\\*|`])", r"\\\1", piece)
            piece = re.sub(r"(^|\n)\\\* ", r"\1* ", piece)
            out.append(re.sub(r"(?<=\w)_(?!\w)", r"\\_", piece))
    # Code needs something that is no letter on both sides.
    text = "".join(out)
    text = re.sub(r"(``[^`]+``|:py:obj:`[^`]+`)(?=\w)", r"\1\\ ", text)
    return text.split("\n")


def _split(lines: Sequence[str], at: Callable[[str], object]) -> list[list[str]]:
    """Lines cut before each of those `at` says, those that are blank left out at either end."""
    blocks: list[list[str]] = [[]]
    for line in lines:
        if at(line):
            blocks.append([])
        blocks[-1].append(line)
    return [block for block in blocks if any(block)]
