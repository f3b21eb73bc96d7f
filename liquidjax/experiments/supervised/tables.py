"""Series and predictions as tables of text: a row for each step, or for each series."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from liquidjax import _files
from liquidjax.experiments.supervised.config import Data
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.model import Model


def write_table(path: Path, data: Data, series: SequenceDataset) -> None:
    """Writes series as a long table, in the columns that the settings name: what `predict` reads again."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow([data.series or "series", data.time or "time", *series.features])
    for i, name in enumerate(series.names):
        for t in range(series.lengths[i]):
            values = series.inputs[i, t]
            rows.writerow([name, _number(series.times[i, t]), *("" if np.isnan(x) else _number(x) for x in values)])
    _files.write_text(path, text.getvalue())


def write_predictions(file: TextIO, model: Model, data: SequenceDataset, answers: np.ndarray) -> None:
    """Writes what a model answers as CSV: series, the time where there is an answer for each step, then the answer.

    Of classes it is the most probable one and the probability of each; of an event its probability; of values they.
    """
    each_step = model.objective.each_step
    forecast = model.classes is None and model.outputs is None
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["series", *(["time"] if each_step else []), *_header(model, answers, forecast)])
    for i, t in _places(data, each_step):
        found = answers[i] if t is None else answers[i, t]
        place = [data.names[i]] if t is None else [data.names[i], _number(data.times[i, t])]
        rows.writerow([*place, *_fields(model, found)])


def _header(model: Model, answers: np.ndarray, forecast: bool) -> list[str]:
    if model.classes is not None:
        if _is_event(model, answers):
            return ["prediction", f"probability of {model.classes[1]}"]
        return ["prediction", *(f"probability of {name}" for name in model.classes)]
    names = model.features if forecast else model.outputs or ()
    return [f"next {name}" if forecast else f"predicted {name}" for name in names]


def _fields(model: Model, found: np.ndarray) -> Iterable[str]:
    if model.classes is None:
        return (_number(x) for x in found)
    if found.ndim == 0:
        return (model.classes[int(found > 0.5)], f"{found:.6f}")
    return (model.classes[int(found.argmax())], *(f"{p:.6f}" for p in found))


def _is_event(model: Model, answers: np.ndarray) -> bool:
    return answers.ndim == (2 if model.objective.each_step else 1)


def _places(data: SequenceDataset, each_step: bool) -> Iterator[tuple[int, int | None]]:
    for i, length in enumerate(data.lengths):
        yield from ((i, t) for t in range(length)) if each_step else ((i, None),)


def _number(value: float) -> str:
    """As short as tells it from its neighbours of the same type."""
    plain = 1e-5 <= abs(value) < 1e16 or value == 0
    return np.format_float_positional(value, trim="-") if plain else np.format_float_scientific(value)
