"""A first configuration for somebody's data: what they hold in comments, what can be chosen beside it."""

import dataclasses
import itertools
import os
from pathlib import Path
from typing import NamedTuple

from liquidjax import _files
from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised.config import Data, SupervisedConfig, Training
from liquidjax.experiments.supervised.guess import Guess, guess, is_table
from liquidjax.experiments.supervised.learning import Learning
from liquidjax.experiments.supervised.network import Model
from liquidjax.experiments.supervised.summary import class_counts, described
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.names import listed
from liquidjax.tasks.readers.reader import check_there
from liquidjax.tasks.splits import Parts

CELL = "LTC(wiring=AutoNCP(32, 8))"
FEW_BATCHES, LARGEST_BATCH = 4, 32
"""Batches that an epoch should have at least, of at most so many series."""
UNBALANCED = 3.0
"""Times as many series of one class as of another, from which on rare classes are to count as much."""


class Found(NamedTuple):
    """guess: of the columns, without any where there are none; whole: the data; parts: as they are split."""

    guess: Guess
    whole: SequenceDataset
    parts: Parts


def write(source: str, config: Path) -> Found:
    """Looks at data and writes a configuration for them that `liquidjax train` takes as it is.

    Args:
        source: a file, a folder, or package.module:function, as `Data.source`.
        config: the YAML file, which must not be there yet.

    Returns:
        What the data hold.

    Raises:
        FileExistsError: there is such a file already.
        FileNotFoundError: there are no such data.
        ValueError: they cannot be read, or are too few to be split, or the file is not called .yaml.
    """
    if not config.name.endswith(configuration.SUFFIXES):
        raise ValueError(f"{config} must be a .yaml file")
    if config.exists():
        raise _files.there_already(config, "--config")
    found = look(source)
    text = commented(found)
    try:
        with config.open("x", encoding="utf-8") as file:  # nobody else's, if it was made meanwhile
            file.write(text)
    except FileExistsError:
        raise _files.there_already(config, "--config") from None
    return found


def look(source: str) -> Found:
    """What data hold, and the settings by which they can be read and split.

    Raises:
        FileNotFoundError: there are no such data.
        ValueError: they cannot be read, or are too few to be split.
    """
    if is_table(source):
        check_there(source)
    guessed = guess(source) if is_table(source) else Guess(Data(source=source), {})
    data, whole = _readable(guessed.data)
    data, parts = _split(data, whole)
    return Found(guessed._replace(data=data), whole, parts)


def settings(found: Found) -> SupervisedConfig:
    """The configuration that is written for data."""
    whole, series = found.whole, len(found.parts.training)
    batch = min(LARGEST_BATCH, max(1, series // FEW_BATCHES))
    counts = class_counts(whole)
    unbalanced = bool(counts) and max(counts.values()) > UNBALANCED * min(counts.values())
    of_training = class_counts(found.parts.training)
    balanced = unbalanced and bool(of_training) and min(of_training.values()) > 0
    return SupervisedConfig(
        data=found.guess.data,
        model=Model(cell=CELL, compare=("GRU",)),
        objective=Learning(balanced=balanced),
        training=Training(batch_size=batch, patience=30),
    )


def commented(found: Found) -> str:
    """The text of the configuration, with what was found and what can be chosen in comments."""
    config = settings(found)
    data, training = config.data, config.training
    out = configuration.one_line
    name = listed([data.source])
    lines = [
        f"# Written by `liquidjax init` after a look at {name}, for you to change. What it found:",
        *(f"#   {sentence}" for sentence in described(found.whole, data.time_unit)),
        *_of_columns(found.guess),
        "# `liquidjax train` with the name of this file trains on it; `liquidjax train --help` explains every setting.",
        "data:",
        f"  source: {out(data.source)}  # where it is as seen from the folder in which the command runs",
    ]
    if is_table(data.source):
        lines += _lines_of_table(data)
    sizes = ", ".join(str(len(part)) for part in found.parts)
    how = "the last part of each series" if data.split == "time" else "whole series"
    lines += [
        f"  split: {data.split}  # {how} for validation and test; series or time",
        "  validation_share: 0.15  # to choose the best epoch by",
        f"  test_share: 0.2  # {sizes} series to train on, for validation, and for the test",
    ]
    if not data.stratified:
        lines.append("  stratified: false  # a class has too few series to be in every part in the same share")
    elif found.whole.classes is not None and data.split == "series":
        lines.append("  stratified: true  # each part has the same mix of classes")
    lines += [
        "inputs:",
        "  scale: true  # to mean 0 and spread 1",
        "  step: 1.0  # what a typical step from one time to the next is in units of the time constants",
        "  fill: carry  # for a missing value its last one; or mean",
        "  indicators: false  # true tells the network what was observed, since: true how long ago",
        "model:",
        f"  cell: {out(config.model.cell)}  # or CfC(units=32), LSTM(units=32), CTRNN(units=32), ...",
        f"  compare: {out(config.model.compare)}  # by name of about as many parameters; [] for none",
        "objective:  # or one of yours in the place of the section, objective: my_module:my_loss",
        f"  kind: auto  # here {_kind(found)}; {_other_kinds(found)}",
        "  at: auto  # here " + ("each step" if _each_step(found) else "the last step; mean is over all of them"),
    ]
    if found.whole.classes is not None:
        lines.append(f"  balanced: {out(config.objective.balanced)}  # true makes rare classes count as much as others")
    lines += [
        "training:",
        "  optimizer: adam  # or adamw, sgd, rmsprop, lion, adabelief, nadam",
        "  learning_rate: 0.01",
        "  schedule: constant  # or cosine, linear, exponential, cooldown",
        f"  epochs: {training.epochs}",
        f"  patience: {training.patience}  # epochs without a better validation loss after which it stops",
        f"  batch_size: {training.batch_size}",
        "  seed: 0",
        "  # coarse_unfolds: 2  # of an LTC, in most of the training; with schedule: cooldown, no patience and 0.7 of",
        "  # the epochs it learns as well in half of the time",
        "  # members: {seed: [0, 1, 2]}  # trains three side by side, the best by validation loss is the model; also",
        "  # with learning_rate: [0.003, 0.01, 0.03], weight_decay or clip, as many values in each list",
        "# shift: {lost: 0.3}  # asks the test series again with so many steps lost; rate: 0.5 with every second one",
    ]
    text = "\n".join(lines) + "\n"
    if configuration.from_bytes(text.encode(), SupervisedConfig) != config:
        raise AssertionError("what is written must be what was meant")
    return text


def _readable(data: Data) -> tuple[Data, SequenceDataset]:
    """The settings by which a table can be read, where rows are out of order or at the same time; the data."""
    ways = itertools.product(("error", "mean"), ("error", "sort"))
    if data.time is None:
        ways = [("error", "error")]
    refusal: ValueError | None = None
    for duplicates, unsorted in ways:
        tried = dataclasses.replace(data, duplicates=duplicates, unsorted=unsorted)
        try:
            return tried, sources.source(tried, tried.source)
        except ValueError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _split(data: Data, whole: SequenceDataset) -> tuple[Data, Parts]:
    """The settings by which data can be split: whole series if there are enough of them."""
    of_steps = whole.targets is None or whole.each_step
    ways = [{"split": "series"}, {"split": "series", "stratified": False}]
    ways = [{"split": "time"}] if of_steps and len(whole) == 1 else [*ways, *([{"split": "time"}] if of_steps else [])]
    refusal: ValueError | None = None
    for way in ways:
        tried = dataclasses.replace(data, **way)
        try:
            return tried, sources.parts(tried, whole)
        except ValueError as error:
            refusal = refusal or error
    assert refusal is not None
    raise refusal


def _lines_of_table(data: Data) -> list[str]:
    out = configuration.one_line
    lines = []
    if not os.path.isdir(data.source):
        lines.append(f"  series: {out(data.series)}  # the column that says whose a row is; null for one series")
    lines.append(f"  time: {out(data.time)}  # the column of the times; null for steps 0, 1, 2, ...")
    if data.time_unit is not None:
        lines.append(f"  time_unit: {data.time_unit}  # in which its dates are counted; or ns, us, ms, s, m, h, D, W")
    if data.labels is not None:
        lines.append(f"  labels: {out(data.labels)}  # the file that says the target of each series")
    else:
        lines.append(f"  target: {out(data.target)}  # the column of what is to be learnt; [] to forecast the features")
    if data.target:
        lines.append(f"  target_at: {data.target_at}  # whether there is one for each series or for each step")
    if data.classes is not None:
        lines.append(f"  classes: {out(data.classes)}  # whether it names classes; false for values")
    if data.group is not None:
        lines.append(f"  group: {out(data.group)}  # series of one group are in one part; null for no groups")
    lines.append(f"  features: {out(data.features)}  # the columns that the network reads; [] for all others")
    if data.missing:
        lines.append(f"  missing: {out(data.missing)}  # texts that mean a missing value")
    if data.duplicates != "error":
        lines.append(f"  duplicates: {data.duplicates}  # there are rows of a series at the same time; or last")
    if data.unsorted != "error":
        lines.append(f"  unsorted: {data.unsorted}  # there are series whose times go back")
    return lines


def _of_columns(guessed: Guess) -> list[str]:
    if not guessed.columns:
        return []
    names = [listed([name]) for name in guessed.columns]
    lines = [f"#   {name}: {role}" for name, role in zip(names, guessed.columns.values(), strict=True)]
    more = len(lines) - 40
    shown = lines[:40] + ([f"#   and {more} more"] if more > 0 else [])
    return [
        "# What it took the columns for, by their names and what stands in them; please look whether that is so:",
        *shown,
    ]


def _each_step(found: Found) -> bool:
    return found.whole.targets is None or found.whole.each_step


def _kind(found: Found) -> str:
    if found.whole.targets is None:
        return "forecast, the next step of all features"
    return "regression" if found.whole.classes is None else "classification"


def _other_kinds(found: Found) -> str:
    if found.whole.classes is not None and len(found.whole.classes) == 2:
        return "event gives the probability of the second class, forecast learns the next step"
    return "forecast learns the next step" if found.whole.targets is not None else "what else there is needs a target"
