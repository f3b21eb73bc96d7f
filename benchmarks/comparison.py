"""A setting, its contenders and its goals: from rounds to rows of a table."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import results
from contenders import OTHER_NETWORKS
from rounds import Entry, Record, measure
from setting import QUESTIONS, Setting

TOLERANCE = 1e-4
"""How far, relative, the results of contenders with the same weights may be apart in float32."""


class Goal(NamedTuple):
    """What a ratio is hoped to be. Goals are reported, never asserted.

    kind: "faster": the contender takes at least `wanted` times as long as the first one; "leaner": it needs as many
        times the temporary memory; "within": the first one takes at most `wanted` times as long as the contender;
        "costs": the contender takes at most `wanted` times as long as the first one.
    """

    contender: str
    wanted: float
    kind: Literal["faster", "leaner", "within", "costs"] = "faster"


class Comparison(NamedTuple):
    """What is run in the same rounds. The first entry is what the others are compared with."""

    setting: Setting
    entries: Sequence[Entry]
    goals: Sequence[Goal] = ()


def of(setting: Setting, contenders: Sequence[str], goals: Sequence[Goal] = ()) -> Comparison:
    """One setting for all."""
    return Comparison(setting, [Entry(name, name, setting) for name in contenders], goals)


def run(name: str, question: str, comparisons: Sequence[Comparison], description: str | None) -> None:
    """A whole script: reads the command line, measures, writes the JSON and prints the tables."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rounds(parser)
    rounds = parser.parse_args().rounds
    with results.collected(name, question, rounds) as add:
        for comparison in comparisons:
            add(measured(comparison, rounds))


def add_rounds(parser: argparse.ArgumentParser) -> None:
    """The option every script has."""
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds after the warm-up (default 15)")


def measured(comparison: Comparison, rounds: int, cap_seconds: float = 600.0) -> dict[str, Any]:
    """The part of a result that belongs to one comparison."""
    records = measure(comparison.entries, rounds, cap_seconds)
    refuse_different(comparison.entries, records)
    rows = [row(record, records[0]) for record in records]
    return {
        "setting": str(comparison.setting),
        "what": QUESTIONS[comparison.setting.what],
        "rows": rows,
        "goals": [goal._asdict() | evaluate_goal(goal, rows) for goal in comparison.goals],
    }


def refuse_different(entries: Sequence[Entry], records: Sequence[Record]) -> None:
    """Ends the program when contenders with the same weights and data do not compute the same."""
    values = {
        record.label: record.facts["value"]
        for entry, record in zip(entries, records, strict=True)
        if entry.contender not in OTHER_NETWORKS and "value" in record.facts
    }
    if not values:
        return
    low, high = np.min(list(values.values())), np.max(list(values.values()))  # which let no NaN pass
    if not high - low <= TOLERANCE * abs(high):
        sys.exit(
            f"the contenders do not compute the same: mean squared outputs {values} are {high - low:.2g} apart, "
            f"at most {TOLERANCE:g} of the largest is expected"
        )


def row(record: Record, first: Record) -> dict[str, Any]:
    """A contender's line of the table: medians, and quartiles in brackets of JSON."""
    facts = record.facts
    memory = facts.get("memory", {})
    line: dict[str, Any] = {"contender": record.label}
    if record.failure:
        return line | {"failure": record.failure}
    line |= spread("milliseconds", [1e3 * seconds for seconds in record.seconds])
    if not first.failure:
        line |= spread("ratio", ratios(record.seconds, first.seconds))
    return line | {
        "compile seconds": facts["compile seconds"],
        "first call seconds": facts["first call seconds"],
        "temporary memory MB": megabytes(facts["temporary bytes"]),
        "process memory MB": megabytes(memory.get("process")),
        "device memory MB": megabytes(memory.get("device")),
        "value": facts["value"],
        "device": facts["device"],
        "notes": facts["notes"],
    }


def ratios(theirs: Sequence[float], ours: Sequence[float]) -> list[float]:
    """Round by round, how many times as long they took."""
    return [their / our for their, our in zip(theirs, ours, strict=True)]


def spread(name: str, values: Sequence[float]) -> dict[str, Any]:
    """Median, and both quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {name: float(middle), f"{name} quartiles": [float(low), float(high)]}


def megabytes(count: int | None) -> float | None:
    """10^6 bytes."""
    return None if count is None else count / 1e6


def evaluate_goal(goal: Goal, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Whether a goal is met, from the rows."""
    first, other = rows[0], next(line for line in rows if line["contender"] == goal.contender)
    ratio = other.get("ratio")
    if goal.kind == "leaner":
        ours, theirs = first.get("temporary memory MB"), other.get("temporary memory MB")
        text = f"1/{goal.wanted:g} of the temporary memory of {goal.contender}"
        return verdict(text, theirs / ours if ours and theirs else None, goal.wanted)
    if goal.kind == "faster":
        return verdict(f"{goal.wanted:g} times as fast as {goal.contender}", ratio, goal.wanted)
    if goal.kind == "within":
        text = f"at most {goal.wanted:g} times as long as {goal.contender}"
        return verdict(text, 1 / ratio if ratio else None, goal.wanted, at_most=True)
    text = f"{goal.contender} at most {goal.wanted:g} times as long as {first['contender']}"
    return verdict(text, ratio, goal.wanted, at_most=True)


def verdict(text: str, measured: float | None, wanted: float, at_most: bool = False) -> dict[str, Any]:
    """A goal with what came out; `met` is None where nothing did."""
    met = None if measured is None else measured <= wanted if at_most else measured >= wanted
    return {"goal": text, "wanted": wanted, "measured": measured, "met": met}
