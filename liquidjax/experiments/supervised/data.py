"""The data that a configuration names, in three parts."""

import contextlib
import csv
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from liquidjax.experiments.shared.configuration import DECIMAL
from liquidjax.experiments.supervised.config import Data, Inputs
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.readers.reader import read
from liquidjax.tasks.splits import Parts, split, split_in_time


def load(data: Data) -> Parts:
    """Reads the data and splits them; the same settings always give the same parts.

    Raises:
        FileNotFoundError: a source is not there.
        ValueError: it holds something else than the settings say.
    """
    if not data.source:
        raise ValueError(
            "data.source must say what to train on: a file such as walks.csv, a folder, or package.module:function"
        )
    whole = source(data, data.source)
    test = None if data.test is None else source(data, data.test)
    with _named("data"):
        if test is not None:
            return _with_test(whole, test, data)
        if data.split == "time":
            return split_in_time(whole, data.validation_share, data.test_share)
        return split(whole, data.validation_share, data.test_share, data.split_seed)


def source(data: Data, path: str) -> SequenceDataset:
    """One source, read as the settings say."""
    return read(path, **data.columns)


def unlabelled(data: Data, path: str, features: tuple[str, ...]) -> SequenceDataset:
    """Series of any file, read as the settings say but for the target, of which there may be none.

    A table is read with the columns of the settings; where these name none, with `series` and `time`, if it has them,
    as `tables.write_table` writes them.
    """
    place = Path(path)
    if place.suffix.lower() not in (".csv", ".parquet") and not place.is_dir():
        return dataclasses.replace(read(path), targets=None, classes=None, outputs=None)
    options: dict[str, Any] = {k: v for k, v in data.columns.items() if k not in ("target", "target_at", "classes")}
    if place.suffix.lower() == ".csv" and place.is_file():
        header, first = _beginning(place)
        for name in ("series", "time"):
            if name in header:
                options.setdefault(name, name)
        time = options.get("time")
        if time in header and DECIMAL.fullmatch(first[header.index(time)] if header.index(time) < len(first) else ""):
            options.pop("time_unit", None)  # times that have been made numbers already
    return read(path, **options | {"features": features})


def _beginning(file: Path) -> tuple[list[str], list[str]]:
    """The header and the first record of a CSV file, as far as they can be read; what is wrong the reader will say."""
    with file.open(newline="", encoding="utf-8-sig", errors="replace") as lines:
        rows = csv.reader(lines)
        with contextlib.suppress(csv.Error):
            return next(rows, []), next(rows, [])
    return [], []


def preparation(inputs: Inputs, training: SequenceDataset) -> Preparation:
    """What is done to the data, learnt from the training part."""
    made = Preparation.learnt(
        training, scale=inputs.scale, fill=inputs.fill, indicators=inputs.indicators, since=inputs.since
    )
    return dataclasses.replace(made, time_unit=made.time_unit / inputs.step)


def _with_test(whole: SequenceDataset, test: SequenceDataset, data: Data) -> Parts:
    if (whole.features, whole.classes, whole.outputs) != (test.features, test.classes, test.outputs):
        raise ValueError(
            f"test must have the features and classes of source, {whole.features} and {whole.classes}, got "
            f"{test.features} and {test.classes}"
        )
    # Its own test share goes back to the training part.
    share = data.validation_share
    parts = split(whole, share / 2, share / 2, data.split_seed)
    held_out = [name for part in (parts.validation, parts.test) for name in part.names]
    rows = {name: row for row, name in enumerate(whole.names)}
    kept = sorted(set(range(len(whole))) - {rows[name] for name in held_out})
    return Parts(whole.take(kept), whole.take(sorted(rows[name] for name in held_out)), test)


@contextlib.contextmanager
def _named(section: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{section}: {error}") from error
