"""Series and predictions as tables of text: a row for each step, or for each series."""

import math
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from liquidjax import _files
from liquidjax.experiments.supervised.config import Data
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.model import Model
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Classification, Event, Forecast, Regression

OURS = (Classification, Event, Regression, Forecast)


def write_table(path: Path, data: Data, series: SequenceDataset) -> None:
    """Writes series as a long table, in the columns that the settings name: what `predict` reads again."""
    lines = [_line(*data.places(series.features), *series.features)]
    for i, name in enumerate(series.names):
        for t in range(series.lengths[i]):
            values = series.inputs[i, t]
            lines.append(_line(name, _number(series.times[i, t]), *("" if np.isnan(x) else _number(x) for x in values)))
    _files.write_text(path, "".join(lines))


def write_predictions(
    file: TextIO, model: Model, objective: Objective, data: SequenceDataset, answers: np.ndarray
) -> None:
    """Writes what a model answers as CSV: series, the time where there is an answer for each step, then the answer.

    Of classes it is the most probable one and the probability of each; of an event its probability; of values they. Of
    an objective of the user's it is what that answers, of a function the outputs of the network.
    """
    names = _header(model, objective, math.prod(answers.shape[1 + objective.each_step :]))
    file.write(_line("series", *(["time"] if objective.each_step else []), *names))
    for i, t in _places(data, objective.each_step):
        found = answers[i] if t is None else answers[i, t]
        place = [data.names[i]] if t is None else [data.names[i], _number(data.times[i, t])]
        file.write(_line(*place, *_fields(model, objective, found)))


def _line(*fields: str) -> str:
    """Fields of CSV; Python's writer leaves some line ends within a field without quotes."""
    quoted = ('"' + field.replace('"', '""') + '"' if re.search('[,"\r\n]', field) else field for field in fields)
    return ",".join(quoted) + "\n"


def _header(model: Model, objective: Objective, number: int) -> list[str]:
    if not isinstance(objective, OURS):
        return [f"answer {i + 1}" for i in range(number)]
    if isinstance(objective, Forecast):
        return [f"next {name}" for name in model.features]
    if model.classes is None:
        return [f"predicted {name}" for name in model.outputs or ()]
    named = model.classes[1:] if isinstance(objective, Event) else model.classes
    return ["prediction", *(f"probability of {name}" for name in named)]


def _fields(model: Model, objective: Objective, found: np.ndarray) -> Iterable[str]:
    if not isinstance(objective, OURS) or isinstance(objective, Forecast) or model.classes is None:
        return (_number(x) for x in np.ravel(found))
    if isinstance(objective, Event):
        return (model.classes[int(found > 0.5)], f"{found:.6f}")
    return (model.classes[int(found.argmax())], *(f"{p:.6f}" for p in found))


def _places(data: SequenceDataset, each_step: bool) -> Iterator[tuple[int, int | None]]:
    for i, length in enumerate(data.lengths):
        yield from ((i, t) for t in range(length)) if each_step else ((i, None),)


def _number(value: float) -> str:
    """As short as tells it from its neighbours of the same type."""
    plain = 1e-5 <= abs(value) < 1e16 or value == 0
    return np.format_float_positional(value, trim="-") if plain else np.format_float_scientific(value, trim="-")
