"""The comparison: a liquid network, an LSTM and a GRU of its size, and logistic regression, all on the same digits."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from liquidjax import _files
from liquidjax._types import Cell, Params
from liquidjax.analysis.parameters import count_parameters, matched_in_size
from liquidjax.cells.gru import GRU
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.digits.baselines import logistic_regression
from liquidjax.experiments.digits.config import DigitsConfig
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted, write_results
from liquidjax.tasks import digits
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import checkpoint
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import examples
from liquidjax.training.fit import Epoch, Fitted, fit
from liquidjax.training.objectives import Classification
from liquidjax.training.optimizer import Optimizer


class Row(NamedTuple):
    """One line of the comparison. seconds: of training, compilation included."""

    network: str
    parameters: int
    validation_accuracy: float
    test_accuracy: float
    seconds: float


class Result(NamedTuple):
    """The run folder, and the comparison with the liquid network first; interrupted: where, if it was."""

    folder: Path
    rows: list[Row]
    interrupted: str | None = None


def networks(config: DigitsConfig) -> dict[str, tuple[Cell, float]]:
    """The cells to compare, each with its learning rate: the liquid one first, the others matched to it in size.

    Example:
        >>> [(name, count_parameters(cell)) for name, (cell, _) in networks(DigitsConfig()).items()]
        [('LTC', 6454), ('LSTM', 6520), ('GRU', 6410)]
    """
    inputs, rates = config.task.features, config.learning_rates
    liquid = config.model.build(inputs)
    size = count_parameters(liquid)
    return {
        config.model.cell: (liquid, rates.liquid),
        "LSTM": (matched_in_size(size, lambda units: Readout(LSTM(inputs, units), digits.CLASSES)), rates.lstm),
        "GRU": (matched_in_size(size, lambda units: Readout(GRU(inputs, units), digits.CLASSES)), rates.gru),
    }


def belongs_to(config: DigitsConfig, cell: Cell) -> dict[str, Any]:
    """What the parameters of a run belong to, which its params.npz says: every setting, and the cell made of them."""
    return {"config": dataclasses.asdict(config), "cell": cell}


def run(
    config: DigitsConfig,
    folder: Path,
    callback: Callback = lambda job, epoch, seconds, numbers: None,
    stop: Callable[[], bool] = lambda: False,
) -> Result:
    """Trains the networks and writes the run folder.

    The folder gets config.yaml (every setting), metrics.jsonl (a line for each epoch), params.npz (the liquid
    network), results.json (the comparison), overview.png and sample.csv (held-out images for `predict`). Where `stop`
    ended it, params.npz holds what the liquid network was by then, results.json what has been measured of it and of the
    networks trained to their end; interrupted.txt says so, and there is no picture.

    Args:
        config: what to do.
        folder: where to write; it may exist if it is empty.
        callback: called after each epoch of each network.
        stop: asked after each batch; when it says True, the run ends there.

    Returns:
        The comparison, as far as it came.

    Raises:
        ImportError: scikit-learn or matplotlib is not installed.
        ValueError: the folder is not empty, or a setting does not fit the data.
        FloatingPointError: a network diverged.
    """
    splits = digits.load(config.task)
    begin(folder, config)
    rows: list[Row] = []
    trained: dict[str, Fitted] = {}
    interrupted, liquid = None, config.model.cell
    with (folder / "metrics.jsonl").open("w", buffering=1) as metrics:  # line by line, to be read while it grows
        for name, (cell, learning_rate) in networks(config).items():
            if trained and stop():
                interrupted = f"Interrupted before the {name}; the {liquid} was trained to its end."
                break
            start = time.perf_counter()

            def report(epoch: Epoch, name: str = name) -> None:
                print(json.dumps({"network": name, **numbers_of(epoch)}), file=metrics)
                numbers = f"loss {epoch.loss:.3f}  validation accuracy {epoch.validation['accuracy']:.3f}"
                callback(name, epoch.epoch, epoch.seconds, numbers)

            trained[name] = outcome = _train(config, cell, learning_rate, splits, report, stop)
            done, seconds = len(outcome.history), time.perf_counter() - start
            if name == liquid:
                checkpoint.save(folder / "params.npz", outcome.last.params, belongs_to(config, cell))
            if done < config.epochs:
                interrupted = f"Interrupted in epoch {done + 1} of {config.epochs} of the {name}; the {liquid} " + (
                    "is what it was by then." if name == liquid else "was trained to its end."
                )
                if name != liquid:
                    break
                _, validation = predictions(config, cell, outcome.last.params, splits.validation)
            else:
                validation, seconds = outcome.history[-1].validation["accuracy"], outcome.history[-1].seconds
            _, test = predictions(config, cell, outcome.last.params, splits.test)
            rows.append(Row(name, count_parameters(cell), validation, test, seconds))
            if interrupted:
                break
    if interrupted:
        mark_interrupted(folder, interrupted)
    else:
        rows.append(Row("logistic regression", *logistic_regression(splits)))
    write_results(folder, rows)
    _write_samples(folder / "sample.csv", splits.test)
    if not interrupted:
        from liquidjax.experiments.digits import figures  # with matplotlib

        figures.write(folder / "overview.png", config, trained, splits.test, rows)
    return Result(folder, rows, interrupted)


def predictions(config: DigitsConfig, cell: Cell, params: Params, data: SequenceDataset) -> tuple[np.ndarray, float]:
    """The digit the cell predicts for each image, int (images,), and the accuracy."""
    predicted = probabilities(config, cell, params, data).argmax(-1)
    return predicted, float(np.mean(predicted == data.targets))


def probabilities(config: DigitsConfig, cell: Cell, params: Params, data: SequenceDataset) -> np.ndarray:
    """The probability of each digit for each image, (images, 10)."""
    return evaluate(cell, Classification(), params, examples(data, preparation(config), None)).answers


def preparation(config: DigitsConfig) -> Preparation:
    """Pixels as they are, and steps of the duration that the configuration says."""
    features = config.task.features
    return Preparation((0.0,) * features, (1.0,) * features, time_unit=1 / config.model.dt, first_step=1.0)


def numbers_of(epoch: Epoch) -> dict[str, float]:
    """A line of metrics.jsonl."""
    scores = {f"validation_{name}": value for name, value in epoch.validation.items()}
    kept = {name: value for name, value in epoch._asdict().items() if name != "validation"}
    return kept | scores


def _train(
    config: DigitsConfig,
    cell: Cell,
    learning_rate: float,
    splits: digits.Splits,
    report: Callable[[Epoch], None],
    stop: Callable[[], bool],
) -> Fitted:
    return fit(
        cell,
        Classification(smoothing=config.smoothing),
        splits.train,
        splits.validation,
        preparation=preparation(config),
        optimizer=Optimizer("adamw", learning_rate, "cosine", weight_decay=config.weight_decay, clip=config.clip),
        epochs=config.epochs,
        batch_size=config.batch_size,
        seed=config.seed,
        callback=report,
        stop=stop,
    )


def _write_samples(path: Path, samples: SequenceDataset, count: int = 5) -> None:
    header = ",".join(f"row{row}_column{column}" for row in range(8) for column in range(8))
    pixels = digits.flat(samples.inputs[:count]) * digits.WHITE
    with _files.replacing(path) as file:
        np.savetxt(file, pixels, fmt="%g", delimiter=",", header=header, comments="")
