"""What is in a folder of runs: one line for each, and their curves together."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from liquidjax._bounds import shown
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.run_folder import check_sum, interruption
from liquidjax.experiments.shared.tables import plain
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.ensemble import mean
from liquidjax.experiments.supervised.evaluate import recorded_rows
from liquidjax.experiments.supervised.report import SHOWN, figure
from liquidjax.experiments.supervised.run import Row

LONGEST = 36
"""Characters of a name, a source or a cell in the table."""


class Run(NamedTuple):
    """A run folder.

    config, row: its settings and its first network, None where they are not there or damaged; history: the curves of
    that network by name, (epochs,) each; state: "" for a whole run, or in a word or two what is the matter with it;
    damage: the sentence where it is damaged.
    """

    name: str
    config: SupervisedConfig | None = None
    row: Row | None = None
    history: Mapping[str, np.ndarray] = MappingProxyType({})
    state: str = ""
    damage: str = ""


def find(folder: Path, others: Mapping[str, type] = MappingProxyType({})) -> list[Run]:
    """The runs in a folder, or the one that the folder is, in the order of their names.

    A folder that is damaged, or is none of a run, is listed as such.

    Args:
        folder: such as runs/.
        others: what other commands write, the kind of their settings by the name of the command.

    Raises:
        FileNotFoundError: there is no such folder.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; `liquidjax train` makes runs in the folder runs")
    if (folder / "config.yaml").is_file():
        return [look(folder, others)]
    inside = [each for each in folder.iterdir() if each.is_dir() and not each.name.startswith(".")]
    return [look(each, others) for each in sorted(inside, key=lambda each: each.name)]


def look(folder: Path, others: Mapping[str, type] = MappingProxyType({})) -> Run:
    """What can be said of one folder; nothing in it is trusted."""
    found = Run(folder.name)
    if not (folder / "config.yaml").is_file():
        return found._replace(state="no run", damage="it has no config.yaml")
    try:
        found = found._replace(config=configuration.read(folder / "config.yaml", SupervisedConfig))
        found = found._replace(history=_history(folder / "metrics.jsonl"))
        if not (folder / "results.json").is_file():
            return found._replace(state="not finished")
        found = found._replace(row=recorded_rows(folder)[0])
        return found._replace(state="" if interruption(folder) is None else "interrupted")
    except (ValueError, OSError) as error:
        if found.config is None and (other := _command_of(folder, others)):
            return found._replace(state=f"of {other}")
        return found._replace(state="damaged", damage=_one_line(str(error)))


def table(runs: Sequence[Run]) -> str:
    """The runs as plain text, each with its first network, and below them what is the matter with those damaged.

    Example:
        >>> row = Row("GRU", 71, {"accuracy": 0.5}, {"accuracy": 0.75}, 5.04)
        >>> print(table([Run("a", SupervisedConfig(), row, {"loss": np.ones(9)}), Run("b", state="of forecasting")]))
        run  data  network                     parameters  epochs      validation   test  seconds
        a          LTC(wiring=AutoNCP(32, 8))          71   9/100  accuracy 0.500  0.750      5.0
        b                                                                                          of forecasting
    """
    header = ["run", "data", "network", "parameters", "epochs", "validation", "test", "seconds", ""]
    lines = plain(header, [_line(run) for run in runs], align="lllrrrrrl")
    damage = [f"{_short(run.name)}: {run.state}, {run.damage}" for run in runs if run.damage]
    return "\n".join(line.rstrip() for line in (*lines.splitlines(), *([""] if damage else []), *damage))


def histories(runs: Sequence[Run]) -> dict[str, dict[str, Mapping[str, np.ndarray]]]:
    """The curves that can be drawn, {score: {run: {name: (epochs,)}}}: each score has a scale of its own.

    Example:
        >>> curves = {"loss": np.ones(2), "validation_loss": np.ones(2), "validation_mse": np.ones(2)}
        >>> list(histories([Run("a", history=curves), Run("b", state="not finished")])["mse"])
        ['a']
    """
    found: dict[str, dict[str, Mapping[str, np.ndarray]]] = {}
    for run in runs:
        scores = [name for name in run.history if name.startswith("validation_") and name != "validation_loss"]
        if scores and {"loss", "validation_loss"} <= run.history.keys():
            found.setdefault(scores[0].removeprefix("validation_"), {})[run.name] = run.history
    return found


def _line(run: Run) -> list[str]:
    line = [_short(run.name)]
    if run.config is None:
        return [*line, *[""] * 7, run.state]
    done, planned = len(run.history.get("loss", ())), run.config.training.epochs
    line += [_short(run.config.data.source), _short(run.config.model.cell)]
    epochs = str(done) if done == planned else f"{done}/{planned}"
    if run.row is None:
        return [*line, "", epochs, "", "", "", run.state]
    score = next(iter(run.row.test), "")
    validation, test = (figure(part[score]) if score in part else "" for part in (run.row.validation, run.row.test))
    name = f"{SHOWN.get(score, score)} {validation}".strip()
    return [*line, f"{run.row.parameters:,}", epochs, name, test, f"{run.row.seconds:.1f}", run.state]


def _history(file: Path) -> dict[str, np.ndarray]:
    """The curves of the first network in metrics.jsonl; a last line that is only begun is passed over."""
    if not file.is_file():
        return {}
    check_sum(file)
    columns: dict[str, list[float]] = {}
    try:
        *whole, _ = file.read_text(encoding="utf-8").split("\n")
        first = None
        for line in whole:
            row: dict[str, Any] = json.loads(line)
            first = first or row["network"]
            if row["network"] != first:
                break
            names = [name for name in row if name not in ("network", "epoch", "seconds")]
            if columns and list(columns) != names:
                raise ValueError("it must have the same numbers in every line")
            for name in names:
                columns.setdefault(name, []).append(_as_number(row[name]))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{file} is damaged: {error!r}") from error
    return {name: np.array(column) for name, column in columns.items()}


def _as_number(value: Any) -> float:
    """A number of an epoch, NaN for what was not finite; of members the mean of those that are."""
    numbers = value if isinstance(value, list) else [value]
    for number in numbers:
        if number is not None and (isinstance(number, bool) or not isinstance(number, int | float)):
            raise ValueError(f"it must hold numbers, and holds {shown(number)}")
    return mean([np.nan if number is None else float(number) for number in numbers])


def _command_of(folder: Path, others: Mapping[str, type]) -> str | None:
    """The other command whose settings these are."""
    for command, kind in others.items():
        with contextlib.suppress(ValueError, OSError):
            configuration.read(folder / "config.yaml", kind)
            return command
    return None


def _short(text: str) -> str:
    text = text if text.isprintable() else repr(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}..."


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:297]}..."
