"""The text beside an exported program: what it reads and answers, what is in the archive, and how to run it."""

import textwrap
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from liquidjax.export.archive import DESCRIPTION, EXAMPLE, PROGRAM, README, About

_WIDTH = 100
_MOST_NAMED = 20
MEMBERS = {
    README: "this text",
    PROGRAM: "the program below",
    DESCRIPTION: "names, sizes, the state before the first step, and SHA-256 of the members",
    EXAMPLE: "some readings with the answers of the model",
}
"""What is in every archive."""


def readme(what: About, intro: str, members: Mapping[str, str], program: str) -> bytes:
    """The text, in UTF-8.

    Args:
        what: the description of the program.
        intro: a sentence or two: what it is, and what is needed to run it.
        members: what each member of the archive is.
        program: how it is run.
    """
    missing = " NaN stands for a feature that was not observed." if what.gaps else ""
    paragraphs = (
        f"{intro} Written by liquidjax {version('liquidjax')}, which is not needed to run it.",
        f"A step reads the features {_some(what.features)}, in the units of the data that it was trained on, and dt, "
        f"the time since the step before; {what.first_dt:g} stands for the time before a first step.{missing} It "
        f"answers {what.answers_are}: {_some(what.answers)}. What it has to remember is the state, arrays with a name: "
        f"{_some(tuple(what.state))}.",
        f"It was compared with the trained model when it was written; {EXAMPLE} has answers of that model, to compare "
        "with where it runs. It is as trustworthy as whoever sent it, as any program is.",
    )
    text = "\n\n".join(textwrap.fill(paragraph, _WIDTH, break_on_hyphens=False) for paragraph in paragraphs)
    text += "\n\n" + "\n".join(_member(name, said) for name, said in members.items())
    return f"{text}\n\n{PROGRAM}, which runs the example:\n\n{textwrap.indent(program, '    ')}".encode()


def _member(name: str, said: str) -> str:
    return textwrap.fill(said, _WIDTH, initial_indent=f"{name:<18}", subsequent_indent=" " * 18)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more, see {DESCRIPTION}" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
