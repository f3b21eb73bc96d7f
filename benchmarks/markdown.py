"""Results as Markdown."""

from collections.abc import Sequence
from typing import Any

from liquidjax.experiments.shared.tables import markdown

COLUMNS = (
    ("contender", "contender"),
    ("milliseconds", "ms (quartiles)"),
    ("ratio", "ratio (quartiles)"),
    ("first call seconds", "first call s"),
    ("temporary memory MB", "compiled temporary memory MB"),
    ("process memory MB", "process memory MB"),
    ("device memory MB", "device memory MB"),
    ("notes", "notes"),
)


def section(result: dict[str, Any]) -> str:
    """A heading, how it was measured, and the parts."""
    machine, load = result["machine"], result["load"]
    packages = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    stopped = "" if result["complete"] else " **The run was stopped before its end.**"
    where = f"{machine['cores']} cores of {machine['processor']}"
    loads = f"load {load['at the start']} at the start and {load['at the end']} at the end"
    how = f"`{result['command']}`: {result['rounds']} rounds on {where}, {loads}; {packages}.{stopped}"
    return "\n".join([f"## {result['question']}\n", f"{how}\n", *map(part, result["results"])])


def part(part: dict[str, Any]) -> str:
    """The table of one setting, with its goals."""
    pieces = [f"**{part['setting']}**: {part['what']}", rows_table(part["rows"])]
    return "\n\n".join(pieces + ([goals_list(part["goals"])] if part["goals"] else [])) + "\n"


def rows_table(rows: Sequence[dict[str, Any]]) -> str:
    """One line for each row; columns that are empty throughout are left out. A failure stands where the time would."""
    own = any("milliseconds" not in row and "failure" not in row for row in rows)
    keys = dict.fromkeys(key for row in rows for key in row if not key.endswith(" quartiles"))
    known = [(key, key) for key in keys] if own else COLUMNS
    columns = [(key, title) for key, title in known if any(row.get(key) not in (None, "") for row in rows)]
    lines = [[cell(row, key) for key, _ in columns] for row in rows]
    align = "".join("l" if isinstance(rows[0].get(key), str) else "r" for key, _ in columns)
    return markdown([title for _, title in columns], lines, align)


def cell(row: dict[str, Any], key: str) -> str:
    """A value with its quartiles, if it has any."""
    value = row.get(key)
    if key == "milliseconds" and "failure" in row:
        return row["failure"].replace("|", "/").replace("\n", " ")
    quartiles = row.get(f"{key} quartiles")
    if quartiles and quartiles[0] == quartiles[1]:
        quartiles = None
    return number(value) + (f" ({number(quartiles[0])} to {number(quartiles[1])})" if quartiles else "")


def number(value: Any) -> str:
    """Three digits for a float, the text of anything else, nothing for None."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def goals_list(goals: Sequence[dict[str, Any]]) -> str:
    """Each goal with what came out and whether that meets it."""
    verdicts = {True: "met", False: "not met", None: "not measured"}
    return "\n".join(
        f"* goal {goal['goal']}: {number(goal['measured']) or 'nothing'}, **{verdicts[goal['met']]}**" for goal in goals
    )
