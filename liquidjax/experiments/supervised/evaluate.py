"""What can be done with a run folder later: measure its model again, and let it read other series."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax.experiments.shared import configuration
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.metrics import confusion, of_classes
from liquidjax.experiments.supervised.run import MODEL, as_json, without_network
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training import description
from liquidjax.training.model import Model, load
from liquidjax.training.predict import predict


class Restored(NamedTuple):
    """The settings and the model of a run."""

    config: SupervisedConfig
    model: Model


class Evaluation(NamedTuple):
    """scores: of the model on the test data; recorded: what `train` measured; confusion: (classes, classes) or None."""

    series: int
    scores: dict[str, float]
    recorded: dict[str, float]
    confusion: np.ndarray | None
    classes: tuple[str, ...] | None
    baselines: dict[str, dict[str, float]]


def restore(folder: Path) -> Restored:
    """The settings and the model of a run folder.

    Raises:
        FileNotFoundError: this is no run folder.
        ValueError: a file is damaged, or config.yaml is not the one of the training.
    """
    if not (folder / "config.yaml").is_file():
        raise FileNotFoundError(f"{folder} is no run folder: it has no config.yaml; `liquidjax train` makes one")
    if not (folder / MODEL).is_file():
        raise FileNotFoundError(f"{folder} has no {MODEL}: its training did not come to an end")
    config = configuration.read(folder / "config.yaml", SupervisedConfig)
    model = load(folder / MODEL)
    trained = model.notes.get("config")
    if trained is None:
        raise ValueError(f"{folder / MODEL} does not say what it was trained with: it is not of a run")
    found = description.differences(json.loads(trained), json.loads(as_json(config)))
    edited = [f"`{place}` was {was} and is {given} now" for place, was, given in found]
    if edited:
        raise ValueError(
            f"{folder / 'config.yaml'} was changed after the training: {'; '.join(edited)}; change it back, or train "
            "again"
        )
    return Restored(config, model)


def evaluate(folder: Path) -> Evaluation:
    """Measures the model of a run on its test data, which are read and split again, and the baselines with it.

    Raises:
        FileNotFoundError: this is no complete run folder, or the data are not there.
        ValueError: a file in it is damaged, or the data are not those of the training.
    """
    config, model = restore(folder)
    try:
        rows = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        recorded = {name: float(value) for name, value in rows[0]["test"].items()}
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"{folder / 'results.json'} is damaged: {error!r}") from error
    parts = sources.load(config.data)
    found = predict(model, parts.test)
    scores, counts = dict(found.scores), None
    if model.classes is not None and parts.test.targets is not None:
        targets = np.where(parts.test.target_mask, parts.test.targets, -1)
        scores |= of_classes(found.answers, targets)
        counts = confusion(found.answers, targets)
    others = {row.name: row.test for row in without_network(config, parts, model.objective)}
    return Evaluation(len(parts.test), scores, recorded, counts, model.classes, others)


def answer(folder: Path, file: str) -> tuple[Model, SequenceDataset, np.ndarray]:
    """The model of a run, the series of a file, and what it answers to them.

    Args:
        folder: the run folder.
        file: in any format that can be trained on; targets in it are not looked at.

    Raises:
        FileNotFoundError: there is no such file, or no complete run folder.
        ValueError: the file holds no such series as the model was trained on.
    """
    config, model = restore(folder)
    data = sources.unlabelled(config.data, file, model.features)
    return model, data, predict(model, data).answers
