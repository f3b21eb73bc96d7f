"""What can be done with a run folder of `train` later: measure the network again, and let it read new images."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._bounds import shown
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.digits.run import TrainConfig, answers, belongs_to
from liquidjax.experiments.shared import configuration as configs
from liquidjax.tasks import digits
from liquidjax.training import checkpoint, description, loop


class Restored(NamedTuple):
    """The liquid network of a run."""

    config: TrainConfig
    cell: Readout
    params: Any


class Evaluation(NamedTuple):
    """confusion: (10, 10) number of test images by true digit (row) and answer (column); recorded: what train saw."""

    accuracy: float
    recorded: float
    confusion: np.ndarray


class Prediction(NamedTuple):
    """row: which image of the file, from 1: a header and empty lines do not count; probability: of the digit."""

    row: int
    digit: int
    probability: float


def restore(folder: Path) -> Restored:
    """Builds the liquid network of a run folder again, from config.yaml and params.npz.

    Raises:
        FileNotFoundError: this is no run folder.
        ValueError: a file is damaged, or config.yaml is not the one of the training.
    """
    if not (folder / "config.yaml").is_file():
        raise FileNotFoundError(f"{folder} is no run folder: it has no config.yaml; `liquidjax train` makes one")
    if not (folder / "params.npz").is_file():
        raise FileNotFoundError(f"{folder} has no params.npz: its training did not come to an end")
    config = configs.read(folder / "config.yaml", TrainConfig)
    cell = config.model.build(config.task.features)
    _compare(folder, config, cell)
    outline = jax.eval_shape(cell.init, jax.random.key(0))
    return Restored(config, cell, checkpoint.load(folder / "params.npz", outline, belongs_to(config, cell)))


def evaluate(folder: Path) -> Evaluation:
    """Measures the liquid network of a run on the test images, which are drawn again from the split seed.

    Args:
        folder: the run folder.

    Returns:
        Its accuracy now and then, and who was taken for whom.

    Raises:
        FileNotFoundError: this is no complete run folder.
        ValueError: a file in it is damaged.
    """
    config, cell, params = restore(folder)
    try:
        rows = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        recorded = float(rows[0]["test_accuracy"])
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise ValueError(f"{folder / 'results.json'} is damaged: {error!r}") from error
    test = digits.load(config.task).test
    named, accuracy = answers(cell, params, test, config.model.dt)
    confusion = np.zeros((digits.CLASSES, digits.CLASSES), int)
    np.add.at(confusion, (test.labels, named), 1)
    return Evaluation(accuracy, recorded, confusion)


def predict(folder: Path, file: Path) -> list[Prediction]:
    """Lets the liquid network of a run read the images of a CSV file.

    Args:
        folder: the run folder.
        file: one image a row, 64 pixel values 0 (background) to 16, row by row of the image. A header may come first:
            64 different names, none of which is a number.

    Returns:
        A prediction for each image.

    Raises:
        FileNotFoundError: there is no such file, or no complete run folder.
        ValueError: the first row that is no image, with its line in the file; an image whose largest pixel is at most
            1 is none, for it was scaled.
    """
    config, cell, params = restore(folder)
    inputs = digits.sequences(read_images(file), config.task.steps)
    probabilities = np.asarray(jax.nn.softmax(loop.logits(cell, params, inputs, config.model.dt)))
    best = probabilities.argmax(-1)
    return [Prediction(row + 1, int(digit), float(probabilities[row, digit])) for row, digit in enumerate(best)]


def _compare(folder: Path, config: TrainConfig, cell: Readout) -> None:
    """Refuses settings other than those the parameters were trained with."""
    saved = checkpoint.saved_for(folder / "params.npz")
    if saved is None:
        raise ValueError(
            f"{folder / 'params.npz'} does not say what it was trained with, so nobody can tell whether "
            "config.yaml is still the same; it comes from an earlier liquidjax: train again"
        )
    found = description.differences(saved, description.describe(belongs_to(config, cell)))
    edited = [
        f"`{place.removeprefix('config.')}` was {trained} and is {now} now"
        for place, trained, now in found
        if place.startswith("config.")
    ]
    if edited:
        raise ValueError(
            f"{folder / 'config.yaml'} was changed after the training: {'; '.join(edited)}; change it "
            "back, or train again"
        )


def read_images(file: Path) -> np.ndarray:
    """The rows of a CSV file of images (images, 64), each value checked; see `predict`."""
    images: list[list[float]] = []
    for number, (line, fields) in enumerate(_records(file)):
        values, place = [_number(text) for text in fields], f"{file}, line {line}"
        if number == 0 and _is_header(fields, values):
            continue
        if len(values) != digits.PIXELS:
            hint = " with a comma between them" if len(fields) == 1 else ""
            hint = "; the last of them is empty: leave out the last comma" if not fields[-1].strip() else hint
            raise ValueError(f"{place}: expected {digits.PIXELS} pixel values, got {len(values)}{hint}")
        for column, (text, value) in enumerate(zip(fields, values, strict=True), start=1):
            if value is None or value > digits.WHITE:
                raise ValueError(
                    f"{place}, column {column}: expected a number from 0 to {digits.WHITE:g}, got {shown(text.strip())}"
                )
        if 0 < max(values) <= 1:  # type: ignore[type-var]
            raise ValueError(
                f"{place}: no pixel of the image is above {max(values):g}, so it seems to be scaled to "  # type: ignore[type-var]
                f"0..1; expected values from 0 (background) to {digits.WHITE:g}: multiply them by "
                f"{digits.WHITE:g}"
            )
        images.append(values)  # type: ignore[arg-type]
    if not images:
        raise ValueError(f"{file} holds no images: expected rows of {digits.PIXELS} pixel values")
    return np.array(images)


def _records(file: Path) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file that are not empty, each with the line on which it begins, from 1."""
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True)
        line = 1
        try:
            for fields in reader:
                if any("\0" in field for field in fields):
                    raise ValueError(f"{file}, line {line}: holds a NUL byte, so it is no CSV in UTF-8; save it as one")
                if len(fields) > 1 or any(field.strip() for field in fields):
                    yield line, fields
                line = reader.line_num + 1
        except csv.Error as error:
            raise ValueError(f"{file}, line {line}: not CSV: {error}") from error
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{file} must be CSV in UTF-8, and byte {error.start} of what was read is not; save it as one"
            ) from error


def _is_header(fields: list[str], values: list[float | None]) -> bool:
    """Whether these are 64 names: none is a number, none is empty, and no two are the same."""
    names = {text.strip() for text in fields}
    return len(names) == digits.PIXELS and "" not in names and not any(value is not None for value in values)


def _number(text: str) -> float | None:
    """The number that is written so, in digits; None for all else (also for what Python reads: 1_0, nan, inf)."""
    text = text.strip(" \t")
    if configs.DECIMAL.fullmatch(text) is None:
        return None
    value = float(text)
    return value if value >= 0 else None
