"""What can be done with a run folder later: measure its model again, and let it read other series."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from liquidjax.experiments.shared import configuration
from liquidjax.experiments.shared.run_folder import changed, check_sum
from liquidjax.experiments.supervised import data as sources
from liquidjax.experiments.supervised import shifted
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.ensemble import scores_of
from liquidjax.experiments.supervised.metrics import confusion, of_classes
from liquidjax.experiments.supervised.run import MODEL, Row, as_json, without_network
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.model import Model, load
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Classification, Event
from liquidjax.training.precision import computing
from liquidjax.training.predict import predict


class Restored(NamedTuple):
    """The settings and the model of a run."""

    config: SupervisedConfig
    model: Model


class Evaluation(NamedTuple):
    """scores: of the model on the test data; recorded: what `train` measured; confusion: (classes, classes) or None.

    config: the settings of the run.
    """

    series: int
    scores: dict[str, float]
    recorded: dict[str, float]
    confusion: np.ndarray | None
    classes: tuple[str, ...] | None
    baselines: dict[str, dict[str, float]]
    config: SupervisedConfig


class Answers(NamedTuple):
    """A model, what it was trained for, series, and what it answers to them."""

    model: Model
    objective: Objective
    data: SequenceDataset
    answers: np.ndarray


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
    with computing(config.training.precision):
        model = load(folder / MODEL)
    try:
        # A setting of which a run knows nothing yet was as it is where nothing is said of it.
        trained = _completed(json.loads(model.notes["config"]), json.loads(as_json(SupervisedConfig())))
    except (KeyError, ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{folder / MODEL} does not say what it was trained with: it is not of a run") from error
    if found := changed(trained, json.loads(as_json(config))):
        raise ValueError(
            f"{folder / 'config.yaml'} was changed after the training: {found}; change it back, or train again"
        )
    return Restored(config, model)


def evaluate(folder: Path) -> Evaluation:
    """Measures the model of a run on its test data, which are read and split again, and the baselines with it.

    Raises:
        FileNotFoundError: this is no complete run folder, or the data are not there.
        ValueError: a file in it is damaged, or the data are not those of the training.
    """
    config, model = restore(folder)
    recorded = recorded_rows(folder)[0].test
    parts = config.shift.with_room(sources.load(config.data))
    asked = config.shift.asked(parts.test)
    objective = config.objective.own() or model.objective
    found = predict(model, parts.test, objective)
    scores, counts = scores_of(found) | shifted.scores(model, asked, objective), None
    if recorded.keys() != scores.keys():
        raise ValueError(
            f"{folder / 'results.json'} is damaged: it must say {', '.join(scores)} of the test data, and says "
            f"{', '.join(recorded) or 'nothing'}"
        )
    if isinstance(objective, Classification | Event):
        targets = np.where(parts.test.target_mask, np.asarray(parts.test.targets), -1)
        scores |= of_classes(found.answers, targets)
        counts = confusion(found.answers, targets)
    others = {row.name: row.test for row in without_network(config, parts, objective, asked)}
    return Evaluation(len(parts.test), scores, recorded, counts, model.classes, others, config)


def _completed(said: Any, usual: Any) -> Any:
    """What is said, in all its sections, and what is usual where nothing is."""
    if not (isinstance(said, dict) and isinstance(usual, dict)):
        return said
    return usual | {name: _completed(value, usual.get(name)) for name, value in said.items()}


def recorded_rows(folder: Path) -> list[Row]:
    """The comparison in results.json, at least one row.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is damaged.
    """
    file = folder / "results.json"
    check_sum(file)
    try:
        rows = []
        for row in json.loads(file.read_text(encoding="utf-8")):
            validation, test = ({n: float(value) for n, value in row[part].items()} for part in ("validation", "test"))
            rows.append(Row(str(row["name"]), int(row["parameters"]), validation, test, float(row["seconds"])))
        if not rows:
            raise ValueError("it holds no row")
        return rows
    except FileNotFoundError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"{file} is damaged: {error!r}") from error


def same(scores: dict[str, float], recorded: dict[str, float]) -> bool:
    """Whether all that was recorded is so; what is NaN in both is.

    Example:
        >>> same({"mse": 1.0, "r2": float("nan"), "auroc": 0.5}, {"mse": 1.0, "r2": float("nan")})
        True
    """
    return all(np.array_equal(scores[name], value, equal_nan=True) for name, value in recorded.items())


def answer(folder: Path, file: str) -> Answers:
    """The model of a run, the series of a file, and what it answers to them.

    Args:
        folder: the run folder.
        file: in any format that can be trained on; targets in it are not looked at.

    Raises:
        FileNotFoundError: there is no such file, or no complete run folder.
        ValueError: the file holds no such series as the model was trained on, or the objective of the user's is gone.
    """
    config, model = restore(folder)
    objective = config.objective.own() or model.objective
    data = sources.unlabelled(config.data, file, model.features)
    return Answers(model, objective, data, predict(model, data, objective).answers)
