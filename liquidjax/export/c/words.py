"""Names that users chose, as comments and strings of C, in which they can do no harm."""

import re
import textwrap

from liquidjax._checks import described

LONGEST_STRING = 4000
"""Bytes of one string: a compiler of C99 must take 4095."""
_IDENTIFIER = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_LONGEST_NAME = 40


def check_name(name: object) -> None:
    """Raises the ValueError for what cannot begin the names of a C file; `__` is for compilers in C++."""
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _IDENTIFIER.fullmatch(name):
        raise ValueError(
            f"name must begin the names in C: letters, digits and single _ between them, a letter first, at most "
            f"{_LONGEST_NAME}; got {described(name)}"
        )


def comment(text: str) -> str:
    r"""Text that ends no comment, begins none, and is ASCII on one line.

    Example:
        >>> comment("a */ b\nc é")
        'a * / b\\nc \\xe9'
    """
    plain = "".join(c if " " <= c <= "~" else c.encode("unicode_escape").decode() for c in text)
    return plain.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def literal(text: str) -> str:
    r"""A string of C with these bytes of UTF-8.

    Example:
        >>> print(literal('"é\\'))
        "\"\303\251\\"
    """
    data = text.encode()
    if len(data) > LONGEST_STRING:
        raise ValueError(f"a name must have at most {LONGEST_STRING} bytes in C, got {len(data)}: {text[:40]!r}...")
    if 0 in data:
        raise ValueError(f"a name must be without the character 0, where a string of C ends, got {text[:40]!r}")
    # An octal escape has three digits, so that a digit behind it is not taken for one of them.
    return '"' + "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else _escaped(b) for b in data) + '"'


def paragraph(text: str, indent: str = " * ", most: int = 12) -> str:
    """Lines of a comment, at most so many."""
    lines = textwrap.wrap(comment(text), 110, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join(lines if len(lines) <= most else [*lines[: most - 1], f"{indent}..."])


def shortened(name: str, most: int = 80) -> str:
    """A name as a comment repeats it."""
    return comment(name if len(name) <= most else f"{name[:most]}...")


def _escaped(byte: int) -> str:
    character = chr(byte)
    return f"\\{character}" if character in '"\\?' else f"\\{byte:03o}"
