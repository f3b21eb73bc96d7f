"""The data that a configuration names, in three parts."""

import contextlib
import csv
import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax._bounds import shown
from liquidjax.experiments.shared.configuration import DECIMAL
from liquidjax.experiments.supervised.config import Data, Inputs
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.tasks.readers.parquet_file import read_parquet
from liquidjax.tasks.readers.reader import read
from liquidjax.tasks.readers.table import check_installed
from liquidjax.tasks.splits import Parts, section, split, split_in_time

OF_TARGETS = ("target", "target_at", "classes", "labels")
"""Options of the readers of tables that say what is to be learnt."""


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
    return parts(data, source(data, data.source))


def source(data: Data, path: str) -> SequenceDataset:
    """One source, read as the settings say."""
    return read(path, **data.columns | _labels(data, path))


def parts(data: Data, whole: SequenceDataset) -> Parts:
    """The parts of what `source` has read; test series that are apart are read here.

    Raises:
        ValueError: there are too few series or steps, or the test series are of another kind.
    """
    test = None if data.test is None else _test(data, data.test, whole)
    with _named("data"):
        if data.split == "time":
            if test is not None:
                return Parts(*_two_sections(whole, data.validation_share), test)
            return split_in_time(whole, data.validation_share, data.test_share)
        found = split(whole, data.validation_share, data.test_share, data.split_seed, data.stratified)
        if test is None:
            return found
        # Its own test share goes back to the training part.
        kept = {*found.training.names, *found.test.names}
        return Parts(whole.take([row for row, name in enumerate(whole.names) if name in kept]), found.validation, test)


def unlabelled(data: Data, path: str, features: tuple[str, ...]) -> SequenceDataset:
    """Series of any file, read as the settings say but for the target, of which there may be none, and the group.

    A table is read with the columns of the settings; where these name none, with `series` and `time`, if it has them,
    as `tables.write_table` writes them.

    Args:
        data: the settings.
        path: the file, or what else can be trained on.
        features: the columns that are read, in whatever order they stand in a table.
    """
    place = Path(path)
    if not _is_table(path):
        return dataclasses.replace(read(path), targets=None, classes=None, outputs=None)
    options: dict[str, Any] = {k: v for k, v in data.columns.items() if k not in (*OF_TARGETS, "group")}
    columns = _beginning(place, data.labels)
    for role, name in zip(("series", "time"), data.places(features), strict=True):
        if name in columns and not (role == "series" and os.path.isdir(place)):
            options.setdefault(role, name)
    if DECIMAL.fullmatch(columns.get(options.get("time", ""), "")):
        options.pop("time_unit", None)  # times that have been made numbers already
    if os.path.isdir(place) and data.labels is not None and (place / data.labels).is_file():
        options["labels"] = place / data.labels  # so that it is not taken for a series
    return dataclasses.replace(read(path, **options | {"features": features}), targets=None, classes=None, outputs=None)


def preparation(inputs: Inputs, training: SequenceDataset) -> Preparation:
    """What is done to the data, learnt from the training part."""
    made = Preparation.learnt(
        training, scale=inputs.scale, fill=inputs.fill, indicators=inputs.indicators, since=inputs.since
    )
    return dataclasses.replace(made, time_unit=made.time_unit / inputs.step)


def _test(data: Data, path: str, whole: SequenceDataset) -> SequenceDataset:
    """The test series, of the features of the others in their order, and of their classes."""
    options = data.columns | _labels(data, path)
    if _is_table(path):
        options |= {"features": whole.features} | ({} if whole.classes is None else {"classes": whole.classes})
    test = read(path, **options)
    if (whole.features, whole.classes, whole.outputs) != (test.features, test.classes, test.outputs):
        raise ValueError(
            f"data.test must have the features and classes of data.source, {whole.features} and {whole.classes}, got "
            f"{test.features} and {test.classes}"
        )
    if (test.targets is None, test.each_step) != (whole.targets is None, whole.each_step):
        raise ValueError("data.test must have targets where data.source has some: for series, or for each step")
    return test


def _two_sections(whole: SequenceDataset, share: float) -> tuple[SequenceDataset, SequenceDataset]:
    """The first part of each series, and a share of its steps at its end."""
    if whole.targets is not None and not whole.each_step:
        raise ValueError("split must be series where each series has one target: a section has no target")
    ends = whole.lengths
    cuts = ends - np.rint(share * ends).astype(int)
    short = np.flatnonzero(np.minimum(cuts, ends - cuts) < 2)
    if short.size:
        raise ValueError(
            f"each section must have at least 2 steps, and the {ends[short[0]]} of series "
            f"{shown(whole.names[short[0]])} are too few for a validation_share of {share:g}"
        )
    return section(whole, np.zeros_like(cuts), cuts), section(whole, cuts, ends)


def _labels(data: Data, path: str) -> dict[str, Any]:
    """The option of a folder for the file of its labels, which may be in it."""
    if data.labels is None:
        return {}
    inside = Path(path) / data.labels
    return {"labels": inside if inside.is_file() else data.labels}


def _is_table(path: str) -> bool:
    return Path(path).suffix.lower() in (".csv", ".parquet") or os.path.isdir(path)


def _beginning(place: Path, labels: str | None = None) -> dict[str, str]:
    """The columns of a table with what stands first in each, as far as it can be read; the reader says what is wrong.

    Of a folder of tables, those of one of its files.
    """
    if os.path.isdir(place):
        files = [file for file in place.iterdir() if file.suffix.lower() == ".csv" and not file.name.startswith(".")]
        files = [file for file in files if labels is None or file != place / labels]
        return _beginning(min(files)) if files else {}
    if not place.is_file():
        return {}
    if place.suffix.lower() == ".parquet":
        check_installed()
        columns = read_parquet(place)
        return {name: "0" if columns.kind(name) == "number" else columns.cell(0, name) for name in columns.names}
    with place.open(newline="", encoding="utf-8-sig", errors="replace") as lines, contextlib.suppress(csv.Error):
        rows = ([field.strip(" \t") for field in row] for row in csv.reader(lines))
        rows = (row for row in rows if any(row) or len(row) > 1)  # as the reader does, which passes over blank lines
        header = next(rows, [])
        return dict(zip(header, next(rows, []) + [""] * len(header), strict=False))
    return {}


@contextlib.contextmanager
def _named(section: str) -> Iterator[None]:
    """Errors that are about the settings of a section say so, in the words of its file."""
    try:
        yield
    except ValueError as error:
        text = str(error).replace("stratified=False", "stratified: false")
        raise ValueError(f"{section}: {text}") from error
