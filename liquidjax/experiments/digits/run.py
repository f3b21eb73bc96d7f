"""A liquid network learns handwritten digits, beside an LSTM, a GRU and logistic regression on the same data."""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from liquidjax import _files
from liquidjax._bounds import check_count, check_not_negative, check_positive, check_seed, check_share
from liquidjax._checks import check_choice
from liquidjax._types import Cell, Params
from liquidjax.analysis.trajectory import time_constants
from liquidjax.cells.gru import GRU
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.digits.baselines import logistic_regression, of_about, parameter_count
from liquidjax.experiments.shared import configuration as configs
from liquidjax.experiments.shared.run_folder import begin, mark_interrupted
from liquidjax.integrators import SemiImplicit
from liquidjax.tasks import digits
from liquidjax.training import checkpoint, loop
from liquidjax.wirings import AutoNCP

Show = Callable[[str, loop.Epoch], None]
"""Called with the name of a network after each of its epochs."""


@dataclass(frozen=True)
class Model:
    """The liquid network: neurons wired by AutoNCP, and a linear readout of its motor neurons."""

    cell: Literal["LTC", "CfC"] = "LTC"
    """The model of a neuron: LTC (an ordinary differential equation) or CfC (its closed form)."""
    units: int = 96
    """Number of neurons."""
    outputs: int = 40
    """How many of them are motor neurons, which the readout sees."""
    sparsity: float = 0.25
    """Share of the possible synapses left out by the wiring, 0.1 to 1."""
    wiring_seed: int = 22222
    """Seed of the draw of the synapses."""
    unfolds: int = 3
    """Solver steps within a time step (LTC only)."""
    dt: float = 1.0
    """Duration of a time step, in the unit of the neurons' time constants."""

    def __post_init__(self):
        check_choice("cell", self.cell, ("LTC", "CfC"))
        check_count("units", self.units, 1, 1024)  # up to units^2 synapses, each drawn one by one
        check_count("outputs", self.outputs, 1, 1024)
        check_share("sparsity", self.sparsity, 0.1, 1)
        check_seed("wiring_seed", self.wiring_seed)
        check_count("unfolds", self.unfolds, 1, 1000)
        check_positive("dt", self.dt)
        self.build(inputs=1)  # what the wiring and the solver refuse is refused here, not after loading the data

    def build(self, inputs: int) -> Readout:
        """The network these numbers stand for."""
        wiring = AutoNCP(self.units, self.outputs, self.sparsity, self.wiring_seed)
        cell = LTC(inputs, wiring, SemiImplicit(self.unfolds)) if self.cell == "LTC" else WiredCfC(inputs, wiring)
        return Readout(cell, digits.CLASSES)


@dataclass(frozen=True)
class LearningRates:
    """Learning rate of each network at the first step; chosen on the validation images."""

    liquid: float = 0.02
    """Of the LTC or CfC."""
    lstm: float = 0.04
    """Of the LSTM."""
    gru: float = 0.01
    """Of the GRU."""

    def __post_init__(self):
        for name, value in vars(self).items():
            check_positive(name, value)


@dataclass(frozen=True)
class TrainConfig:
    """What is trained on what, and for how long."""

    task: digits.Digits = digits.Digits()
    model: Model = Model()
    learning_rates: LearningRates = LearningRates()
    epochs: int = 100
    """Times each network goes through the training images."""
    batch_size: int = 64
    """Images in one step of the optimizer."""
    weight_decay: float = 0.02
    """Times the learning rate, the share by which every parameter shrinks in a step."""
    clip: float = 1.0
    """Largest norm of a gradient; longer ones are shortened to it."""
    smoothing: float = 0.1
    """Share of each label that is spread over all digits, against overconfidence."""
    seed: int = 0
    """Seed of the initial parameters and of the order of the images."""

    def __post_init__(self):
        check_count("epochs", self.epochs, 1, 1_000_000)
        check_count("batch_size", self.batch_size, 1, digits.IMAGES)
        images = digits.IMAGES - sum(self.task.held_out)
        if self.batch_size > images:
            raise ValueError(
                f"batch_size must be at most the number of training images = {images}, got {self.batch_size}"
            )
        check_not_negative("weight_decay", self.weight_decay)
        check_positive("clip", self.clip)
        check_share("smoothing", self.smoothing, 0, 0.999)
        check_seed("seed", self.seed)


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


def networks(config: TrainConfig) -> dict[str, tuple[Cell, float]]:
    """The cells to compare, each with its learning rate: the liquid one first, the others of about its size.

    Example:
        >>> [(name, parameter_count(cell)) for name, (cell, _) in networks(TrainConfig()).items()]
        [('LTC', 6454), ('LSTM', 6520), ('GRU', 6410)]
    """
    inputs, rates = config.task.features, config.learning_rates
    liquid = config.model.build(inputs)
    size = parameter_count(liquid)
    return {
        config.model.cell: (liquid, rates.liquid),
        "LSTM": (of_about(size, lambda units: Readout(LSTM(inputs, units), digits.CLASSES)), rates.lstm),
        "GRU": (of_about(size, lambda units: Readout(GRU(inputs, units), digits.CLASSES)), rates.gru),
    }


def belongs_to(config: TrainConfig, cell: Cell) -> dict[str, Any]:
    """What the parameters of a run belong to, which its params.npz says: every setting, and the cell made of them."""
    return {"config": dataclasses.asdict(config), "cell": cell}


def run(
    config: TrainConfig,
    folder: Path,
    show: Show = lambda network, epoch: None,
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
        show: called after each epoch of each network.
        stop: asked after each batch; when it says True, the run ends there.

    Returns:
        The comparison, as far as it came.

    Raises:
        ImportError: scikit-learn or matplotlib is not installed.
        ValueError: the folder is not empty, or a setting does not fit the data.
        FloatingPointError: a network diverged.
    """
    # What is not installed is noticed here, not after the training; evaluate and predict can do without matplotlib.
    import liquidjax.plots  # noqa: F401

    splits = digits.load(config.task)
    begin(folder)
    _files.write_text(folder / "config.yaml", configs.to_yaml(config))
    rows: list[Row] = []
    outcomes: dict[str, loop.Trained] = {}
    interrupted, liquid = None, config.model.cell
    with (folder / "metrics.jsonl").open("w", buffering=1) as metrics:  # line by line, to be read while it grows
        for name, (cell, learning_rate) in networks(config).items():
            if outcomes and stop():
                interrupted = f"Interrupted before the {name}; the {liquid} was trained to its end."
                break
            start = time.perf_counter()

            def report(epoch: loop.Epoch, name: str = name) -> None:
                print(json.dumps({"network": name, **epoch._asdict()}), file=metrics)
                show(name, epoch)

            outcomes[name] = trained = loop.train(
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
                on_epoch=report,
                stop=stop,
            )
            done, seconds = len(trained.history), time.perf_counter() - start
            if name == liquid:
                checkpoint.save(folder / "params.npz", trained.params, belongs_to(config, cell))
            if done < config.epochs:
                interrupted = f"Interrupted in epoch {done + 1} of {config.epochs} of the {name}; the {liquid} " + (
                    "is what it was by then." if name == liquid else "was trained to its end."
                )
                if name != liquid:
                    break
                _, validation = answers(cell, trained.params, splits.validation, config.model.dt)
            else:
                validation, seconds = trained.history[-1].validation_accuracy, trained.history[-1].seconds
            _, test = answers(cell, trained.params, splits.test, config.model.dt)
            rows.append(Row(name, parameter_count(cell), validation, test, seconds))
            if interrupted:
                break
    if interrupted:
        mark_interrupted(folder, interrupted)
    else:
        rows.append(Row("logistic regression", *logistic_regression(splits)))
    _files.write_text(folder / "results.json", json.dumps([row._asdict() for row in rows], indent=2) + "\n")
    _write_samples(folder / "sample.csv", splits.test)
    if not interrupted:
        _draw(folder / "overview.png", config, outcomes, splits.test, rows)
    return Result(folder, rows, interrupted)


def answers(cell: Cell, params: Params, samples: digits.Samples, dt: float) -> tuple[np.ndarray, float]:
    """The digit the cell takes each sample for, int (samples,), and the share of those that are right."""
    named = np.asarray(loop.logits(cell, params, samples.inputs, dt)).argmax(-1)
    return named, float(np.mean(named == samples.labels))


def table(rows: list[Row]) -> str:
    """The comparison as plain text.

    Example:
        >>> print(table([Row("LTC", 3022, 0.97, 0.9612, 5.04)]))
        network  parameters  validation accuracy  test accuracy  training
        LTC           3,022                0.970          0.961     5.0 s
    """
    width = max(len(row.network) for row in rows) + 2
    lines = [f"{'network':<{max(width, 9)}}parameters  validation accuracy  test accuracy  training"]
    for row in rows:
        lines.append(
            f"{row.network:<{max(width, 9)}}{row.parameters:>10,}  {row.validation_accuracy:>19.3f}"
            f"  {row.test_accuracy:>13.3f}  {row.seconds:>6.1f} s"
        )
    return "\n".join(lines)


def _write_samples(path: Path, samples: digits.Samples, count: int = 5) -> None:
    header = ",".join(f"row{row}_column{column}" for row in range(8) for column in range(8))
    pixels = digits.flat(samples.inputs[:, :count]) * digits.WHITE
    with _files.replacing(path) as file:
        np.savetxt(file, pixels, fmt="%g", delimiter=",", header=header, comments="")


def _draw(
    path: Path, config: TrainConfig, outcomes: dict[str, loop.Trained], test: digits.Samples, rows: list[Row]
) -> None:
    from liquidjax import plots

    cell: Any = config.model.build(config.task.features).cell
    params, example = outcomes[config.model.cell].params.cell, test.inputs[:, 0]
    figure = plots.overview(
        title=f"{rows[0].network} reads handwritten digits: {rows[0].test_accuracy:.1%} of the test images right",
        graph=cell.graph,
        histories={name: _columns(outcome.history) for name, outcome in outcomes.items()},
        results={row.network: row.test_accuracy for row in rows},
        image=digits.flat(test.inputs[:, :1]).reshape(8, 8),
        inputs=example,
        tau=np.asarray(time_constants(cell, params, example, config.model.dt)) if config.model.cell == "LTC" else None,
    )
    figure.savefig(path)


def _columns(history: list[loop.Epoch]) -> dict[str, tuple]:
    return dict(zip(loop.Epoch._fields, zip(*history, strict=True), strict=True))
