"""What a sweep says: its best trials, all of them in report.md, and which settings matter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from liquidjax import _files
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.tables import markdown, plain, wrapped
from liquidjax.experiments.supervised.report import SHOWN
from liquidjax.experiments.supervised.report import figure as of_score
from liquidjax.experiments.sweep.space import Space
from liquidjax.experiments.sweep.trial import Measure

SHOWN_TRIALS = 10
"""Of the table that a command prints."""
LONGEST = 48
"""Characters of a value in a table."""
STATES = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running", "WAITING": "waiting"}
PICTURES = {
    "history.png": "the value of each trial, and the best by then",
    "settings.png": "the settings of each trial as a line, dark where its value is good",
    "importances.png": "how much of the differences in value each setting explains",
}


class Row(NamedTuple):
    """A trial. value: None where it did not come to its end; why: it was pruned, or failed; folder: of its run."""

    number: int
    state: str
    value: float | None
    params: Mapping[str, Any]
    epochs: int
    why: str
    folder: str


class Table(NamedTuple):
    """All trials in their order; best: the complete ones, the best first."""

    places: tuple[str, ...]
    measure: Measure
    rows: list[Row]

    @property
    def ranked(self) -> list[Row]:
        """The complete trials, the best first."""
        sign = 1 if self.measure.direction == "minimize" else -1
        complete = [row for row in self.rows if row.state == "complete" and row.value is not None]
        return sorted(complete, key=lambda row: (sign * (row.value or 0.0), row.number))

    @property
    def best(self) -> Row | None:
        """The best trial; None where none is complete."""
        return next(iter(self.ranked), None)

    def count(self, state: str) -> int:
        """How many trials are in a state."""
        return sum(row.state == state for row in self.rows)


def trial_name(number: int) -> str:
    """The folder of a trial.

    Example:
        >>> trial_name(7)
        'trial-0007'
    """
    return f"trial-{number:04d}"


def plan(trials: int, seeds: int, measure: Measure) -> str:
    """What a worker is about to do.

    Example:
        >>> plan(20, 3, Measure("accuracy", "maximize"))
        'up to 20 trials in all, 3 seeds each, for the largest validation accuracy'
    """
    each = "" if seeds == 1 else f", {seeds} seeds each"
    number = "1 trial" if trials == 1 else f"{trials} trials"
    best = "least" if measure.direction == "minimize" else "largest"
    return f"up to {number} in all{each}, for the {best} {_score(measure)}"


def table_of(study: Any, measure: Measure, space: Space) -> Table:
    """The trials of a study of Optuna."""
    rows = [
        Row(
            found.number,
            STATES[found.state.name],
            found.value if found.state.name == "COMPLETE" else None,
            found.params,
            max(found.intermediate_values, default=0),
            found.user_attrs.get("reason", ""),
            found.user_attrs.get("folder", ""),
        )
        for found in study.get_trials(deepcopy=False)
    ]
    return Table(tuple(setting.place for setting in space), measure, rows)


def table(found: Table) -> str:
    """The best trials as plain text, and how many there are of each kind.

    Example:
        >>> rows = [Row(0, "complete", 0.5, {"training.epochs": 3}, 3, "", "sweeps/a/trial-0000")]
        >>> print(table(Table(("training.epochs",), Measure("accuracy", "maximize"), rows)))
        trial  validation accuracy  epochs  folder
            0                0.500       3  sweeps/a/trial-0000
        <BLANKLINE>
        1 trial: 1 complete.
    """
    lines = [[str(row.number), figure(row.value), *_values(found, row), row.folder] for row in found.ranked]
    header = ["trial", _score(found.measure), *_heads(found.places), "folder"]
    shown = plain(header, lines[:SHOWN_TRIALS], align="rr" + "r" * len(found.places) + "l")
    return f"{shown}\n\n{counts(found)}" if lines else counts(found)


def counts(found: Table) -> str:
    """How many trials there are of each kind, in a sentence.

    Example:
        >>> counts(Table((), Measure("mse", "minimize"), [Row(0, "pruned", None, {}, 2, "", "")]))
        '1 trial: 1 pruned. None has come to its end yet.'
    """
    kinds = [f"{number} {state}" for state in STATES.values() if (number := found.count(state))]
    sentence = f"{len(found.rows)} trial{'' if len(found.rows) == 1 else 's'}: {', '.join(kinds)}." if kinds else ""
    return sentence if found.best else f"{sentence} None has come to its end yet.".strip()


def write(folder: Path, name: str, found: Table, study: Any = None) -> None:
    """Writes report.md, and the pictures of Optuna where the study is given and can be drawn."""
    drawn: list[str] = []
    if study is not None and found.count("complete") > 1:
        from liquidjax.experiments.sweep import figures  # with matplotlib

        drawn = figures.write(folder, study, found.places, _score(found.measure))
    _files.write_text(folder / "report.md", _report(name, found, drawn))


def _report(name: str, found: Table, drawn: list[str]) -> str:
    measure = found.measure
    better = "The least" if measure.direction == "minimize" else "The largest"
    text = [
        f"# Sweep {name}",
        wrapped(
            f"{counts(found)} The value of a trial is its validation {SHOWN.get(measure.name, measure.name)}, the mean "
            f"over its seeds. {better} is best. The validation data chose the best trial, so its value flatters it: "
            "what it is worth, the test data say (results.json in its folder)."
        ),
    ]
    header = ["trial", "state", _score(measure), *_heads(found.places), "epochs", "folder"]
    others = [row for row in found.rows if row.state != "complete"]
    lines = [
        [str(row.number), row.state, figure(row.value), *_values(found, row), str(row.epochs), row.folder]
        for row in (*found.ranked, *others)
    ]
    text.append(markdown(header, lines, align="rlr" + "r" * (len(found.places) + 1) + "l"))
    if reasons := [f"* Trial {row.number}, {row.state}: {' '.join(row.why.split())}" for row in others if row.why]:
        text.append("\n".join(map(wrapped, reasons)))
    if drawn:
        text.append("\n\n".join(f"![{PICTURES[each]}]({each})\n\n{PICTURES[each].capitalize()}." for each in drawn))
    return "\n\n".join(text) + "\n"


def settings(params: Mapping[str, Any]) -> str:
    """The settings of a trial on one line.

    Example:
        >>> settings({"training.learning_rate": 0.0123456, "model.cell": "GRU(units=3)"})
        'learning_rate 0.01235, cell GRU(units=3)'
    """
    heads = _heads(tuple(params))
    return ", ".join(f"{head} {_value(value)}" for head, value in zip(heads, params.values(), strict=True))


def figure(value: float | None) -> str:
    """A value as tables say it."""
    return "" if value is None else of_score(value)


def _score(measure: Measure) -> str:
    return f"validation {SHOWN.get(measure.name, measure.name)}"


def _heads(places: tuple[str, ...]) -> list[str]:
    """The names of the settings, with their sections where two are called alike."""
    names = [place.rpartition(".")[2] for place in places]
    return [name if names.count(name) == 1 else place for name, place in zip(names, places, strict=True)]


def _values(found: Table, row: Row) -> list[str]:
    return [_value(row.params[place]) if place in row.params else "" for place in found.places]


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = value if isinstance(value, str) else configuration.one_line(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."
