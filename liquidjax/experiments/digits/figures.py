"""The figure of a run: the wiring, a digit as the network reads it, and the curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from liquidjax import plots
from liquidjax.analysis.trajectory import time_constants
from liquidjax.experiments.digits.config import DigitsConfig
from liquidjax.experiments.digits.run import Row, numbers_of
from liquidjax.tasks import digits
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.fit import Epoch, Fitted
from liquidjax.wirings import Graph


def write(
    path: Path,
    config: DigitsConfig,
    trained: Mapping[str, Fitted],
    test: SequenceDataset,
    rows: Sequence[Row],
) -> None:
    """Writes the overview of a run, with the first test image as the example."""
    cell: Any = config.model.build(config.task.features).cell
    params, example = trained[config.model.cell].last.params.cell, test.inputs[0]
    figure = overview(
        title=f"{rows[0].network} reads handwritten digits: {rows[0].test_accuracy:.1%} of the test images right",
        graph=cell.graph,
        histories={name: _columns(outcome.history) for name, outcome in trained.items()},
        results={row.network: row.test_accuracy for row in rows},
        image=digits.flat(test.inputs[:1]).reshape(8, 8),
        inputs=example,
        tau=np.asarray(time_constants(cell, params, example, config.model.dt)) if config.model.cell == "LTC" else None,
    )
    figure.savefig(path)


def overview(
    title: str,
    graph: Graph,
    histories: Mapping[str, Mapping[str, Any]],
    results: Mapping[str, float],
    image: Any,
    inputs: Any,
    tau: Any | None,
) -> Figure:
    """One figure of a training run: the wiring, an example with its time constants, and the curves.

    Args:
        title: above all of it.
        graph: the wiring of the liquid network.
        histories: see `liquidjax.plots.plot_training`.
        results: test accuracy of every network compared.
        image: an example, (height, width).
        inputs: the same as the network gets it, (time, features).
        tau: the time constants meanwhile, (time, units); None for cells that have none.

    Returns:
        The figure; `figure.savefig(path)` writes it.
    """
    layout = ConstrainedLayoutEngine(hspace=0.06, wspace=0.04)
    figure = Figure(figsize=(14, 9.5), dpi=110, layout=layout)
    figure.suptitle(title, fontsize=15, weight="bold")
    grid = figure.add_gridspec(2, 12, height_ratios=(1.25, 1))
    plots.plot_wiring(graph, figure.add_subplot(grid[0, :7])).set_title(
        "Wiring: signals pass from left to right", pad=24
    )
    example = grid[0, 7:].subgridspec(2, 4, height_ratios=(1, 1.6))
    plot_image(image, figure.add_subplot(example[0, 0])).set_title("A held-out digit")
    inputs_ax = figure.add_subplot(example[0, 1:])
    edges = (0.5, len(inputs) + 0.5, np.shape(inputs)[1] + 0.5, 0.5)
    inputs_ax.imshow(np.transpose(inputs), cmap="Greys", aspect="auto", extent=edges)
    inputs_ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    inputs_ax.set(title="The same as the network reads it", xlabel="time step", ylabel="input")
    if tau is not None:
        chosen = _liveliest(np.asarray(tau), graph.roles)
        roles = [graph.roles[neuron] for neuron in chosen]
        tau_ax = figure.add_subplot(example[1, :])
        plots.plot_time_constants(np.arange(1, len(inputs) + 1), np.asarray(tau)[:, chosen], tau_ax, roles)
        tau_ax.set(title="Time constants of some neurons meanwhile", xlabel="time step")
    loss_ax, accuracy_ax = figure.add_subplot(grid[1, :4]), figure.add_subplot(grid[1, 4:8])
    plots.plot_training(histories, loss_ax, accuracy_ax)
    loss_ax.set_title("Loss")
    accuracy_ax.set_title("Accuracy on the validation images")
    plots.plot_results(results, figure.add_subplot(grid[1, 8:])).set_title("Accuracy on the test images")
    return figure


def plot_image(image: Any, ax: Axes) -> Axes:
    """Draws a grey image (height, width), large values dark.

    Example:
        >>> plot_image(np.eye(8), Figure().subplots()).get_aspect()
        1.0
    """
    ax.imshow(image, cmap="Greys")
    ax.set(xticks=[], yticks=[])
    return ax


def _liveliest(tau: np.ndarray, roles: Sequence[str], each: int = 3) -> list[int]:
    """The neurons of each role whose time constant changes by the largest factor."""
    factor = tau.max(axis=0) / tau.min(axis=0)
    chosen = []
    for role in ("inter", "command", "motor"):
        neurons = np.flatnonzero(np.array(roles) == role)
        chosen += neurons[np.argsort(-factor[neurons])][:each].tolist()
    return chosen


def _columns(history: list[Epoch]) -> dict[str, list]:
    rows = [numbers_of(epoch) for epoch in history]
    return {name: [row[name] for row in rows] for name in rows[0]}
