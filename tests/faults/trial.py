"""What happened in a trial, and counts of it."""

import collections
from collections.abc import Iterable
from typing import NamedTuple


class Trial(NamedTuple):
    """One fault and what came of it.

    kind: of fault; place: where or what exactly; outcome: in a word or two; fine: whether it is as it should be;
    said: the first words of what the package said.
    """

    kind: str
    place: str
    outcome: str
    fine: bool
    said: str = ""


class Count(NamedTuple):
    """Of the trials of one kind."""

    kind: str
    trials: int
    fine: int
    outcomes: dict[str, int]


def counts(trials: Iterable[Trial]) -> list[Count]:
    """A line for each kind, in the order in which they came."""
    by_kind: dict[str, list[Trial]] = {}
    for trial in trials:
        by_kind.setdefault(trial.kind, []).append(trial)
    return [
        Count(kind, len(found), sum(t.fine for t in found), dict(collections.Counter(t.outcome for t in found)))
        for kind, found in by_kind.items()
    ]


def short(text: str) -> str:
    """The first words of a sentence."""
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:157]}..."
