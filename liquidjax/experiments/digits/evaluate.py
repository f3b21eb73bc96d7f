"""What can be done with a run folder of `train` later: measure the network again, and let it read new images."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.digits.config import DigitsConfig
from liquidjax.experiments.digits.images import read_images
from liquidjax.experiments.digits.run import belongs_to, predictions, probabilities
from liquidjax.experiments.shared import configuration
from liquidjax.tasks import digits
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training import checkpoint, description


class Restored(NamedTuple):
    """The liquid network of a run."""

    config: DigitsConfig
    cell: Readout
    params: Any


class Evaluation(NamedTuple):
    """confusion: (10, 10) number of test images by true digit (row) and predicted digit (column); recorded: what
    `train` measured."""

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
    config = configuration.read(folder / "config.yaml", DigitsConfig)
    cell = config.model.build(config.task.features)
    _compare(folder, config, cell)
    structure = jax.eval_shape(cell.init, jax.random.key(0))
    return Restored(config, cell, checkpoint.load(folder / "params.npz", structure, belongs_to(config, cell)))


def evaluate(folder: Path) -> Evaluation:
    """Measures the liquid network of a run on the test images, which are drawn again from the split seed.

    Args:
        folder: the run folder.

    Returns:
        Its accuracy now and then, and the confusion matrix.

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
    predicted, accuracy = predictions(config, cell, params, test)
    confusion = np.zeros((digits.CLASSES, digits.CLASSES), int)
    np.add.at(confusion, (test.targets, predicted), 1)
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
    images = SequenceDataset(digits.sequences(read_images(file), config.task.steps))
    found = probabilities(config, cell, params, images)
    return [Prediction(row + 1, int(digit), float(found[row, digit])) for row, digit in enumerate(found.argmax(-1))]


def _compare(folder: Path, config: DigitsConfig, cell: Readout) -> None:
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
