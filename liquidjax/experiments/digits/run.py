"""The comparison: a liquid network, an LSTM and a GRU of its size, and logistic regression, all on the same digits."""

import dataclasses
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax import _files
from liquidjax._types import Cell, Params
from liquidjax.analysis.parameters import count_parameters
from liquidjax.cells.gru import GRU
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.digits.baselines import logistic_regression, matched_in_size
from liquidjax.experiments.digits.config import DigitsConfig
from liquidjax.experiments.shared.progress import Callback
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted, write_results
from liquidjax.tasks import digits
from liquidjax.training import checkpoint, loop


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
    trained: dict[str, loop.Trained] = {}
    interrupted, liquid = None, config.model.cell
    with (folder / "metrics.jsonl").open("w", buffering=1) as metrics:  # line by line, to be read while it grows
        for name, (cell, learning_rate) in networks(config).items():
            if trained and stop():
                interrupted = f"Interrupted before the {name}; the {liquid} was trained to its end."
                break
            start = time.perf_counter()

            def report(epoch: loop.Epoch, name: str = name) -> None:
                print(json.dumps({"network": name, **epoch._asdict()}), file=metrics)
                numbers = f"loss {epoch.loss:.3f}  validation accuracy {epoch.validation_accuracy:.3f}"
                callback(name, epoch.epoch, epoch.seconds, numbers)

            trained[name] = outcome = _train(config, cell, learning_rate, splits, report, stop)
            done, seconds = len(outcome.history), time.perf_counter() - start
            if name == liquid:
                checkpoint.save(folder / "params.npz", outcome.params, belongs_to(config, cell))
            if done < config.epochs:
                interrupted = f"Interrupted in epoch {done + 1} of {config.epochs} of the {name}; the {liquid} " + (
                    "is what it was by then." if name == liquid else "was trained to its end."
                )
                if name != liquid:
                    break
                _, validation = predictions(cell, outcome.params, splits.validation, config.model.dt)
            else:
                validation, seconds = outcome.history[-1].validation_accuracy, outcome.history[-1].seconds
            _, test = predictions(cell, outcome.params, splits.test, config.model.dt)
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


def predictions(cell: Cell, params: Params, samples: digits.Samples, dt: float) -> tuple[np.ndarray, float]:
    """The digit the cell predicts for each sample, int (samples,), and the accuracy."""
    predicted = np.asarray(loop.logits(cell, params, samples.inputs, dt)).argmax(-1)
    return predicted, float(np.mean(predicted == samples.labels))


def _train(
    config: DigitsConfig,
    cell: Cell,
    learning_rate: float,
    splits: digits.Splits,
    report: Callable[[loop.Epoch], None],
    stop: Callable[[], bool],
) -> loop.Trained:
    return loop.train(
        cell,
        cell.init(jax.random.key(config.seed)),
        splits.train,
        splits.validation,
        epochs=config.epochs,
        batch_size=config.batch_size,
        learning_rate=learning_rate,
        weight_decay=config.weight_decay,
        clip=config.clip,
        smoothing=config.smoothing,
        dt=config.model.dt,
        seed=config.seed,
        callback=report,
        stop=stop,
    )


def _write_samples(path: Path, samples: digits.Samples, count: int = 5) -> None:
    header = ",".join(f"row{row}_column{column}" for row in range(8) for column in range(8))
    pixels = digits.flat(samples.inputs[:, :count]) * digits.WHITE
    with _files.replacing(path) as file:
        np.savetxt(file, pixels, fmt="%g", delimiter=",", header=header, comments="")
