"""Texts that users chose, as comments and strings of JavaScript, in which they do no harm; in a page of HTML too."""

import json

from liquidjax.export.c.words import comment as comment_of_c


def comment(text: str) -> str:
    r"""Text that ends no comment and no script, and is ASCII on one line.

    Example:
        >>> comment("a */ </script>\u2028é")
        'a * / < /script>\\u2028\\xe9'
    """
    return comment_of_c(text).replace("<", "< ")


def literal(text: str) -> str:
    r"""A string with this text, in ASCII.

    Example:
        >>> print(literal('"</script>\u2028'))
        "\"\u003c/script>\u2028"
    """
    return json.dumps(text).replace("<", r"\u003c")
