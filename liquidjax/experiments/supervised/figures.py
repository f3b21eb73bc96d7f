"""The figure of a run: the wiring, a series as the network reads it, and the curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from liquidjax import plots
from liquidjax._types import ODECell
from liquidjax.analysis.trajectory import time_constants
from liquidjax.cells.wrappers.base import cell_inside
from liquidjax.experiments.supervised.config import SupervisedConfig
from liquidjax.experiments.supervised.report import SHOWN
from liquidjax.experiments.supervised.report import figure as shown
from liquidjax.experiments.supervised.run import Row
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.fit import Fitted
from liquidjax.training.reports import numbers_of
from liquidjax.wirings import Graph

CONSTANT = ("most frequent class", "mean")
"""Baselines that are far from all others; the table has them."""
MOST_LINES = 4
"""Inputs that are drawn as lines; more are drawn as an image."""
MOST_NEURONS = 9
"""Whose time constants are drawn."""


def write(
    path: Path,
    config: SupervisedConfig,
    trained: Mapping[str, Fitted],
    test: SequenceDataset,
    rows: Sequence[Row],
) -> None:
    """Writes the overview of a run, with the first test series as the example."""
    name, fitted = next(iter(trained.items()))
    params = fitted.last.params if config.training.keep == "last" else fitted.params
    prepared = fitted.preparation.apply(test.take([0]))
    inputs, dt = prepared.inputs[0], prepared.dt[0]
    inner: Any = cell_inside(fitted.cell)
    try:
        tau = np.asarray(time_constants(fitted.cell, params, inputs, dt)) if isinstance(inner, ODECell) else None
    except ValueError:  # within a WithTime what the cell hears depends on dt
        tau = None
    if tau is not None and (tau.ndim != 2 or not np.isfinite(tau).all()):
        tau = None
    score = next(iter(rows[0].test))
    drawn = overview(
        title=f"{name}: test {SHOWN.get(score, score)} {shown(rows[0].test[score])}",
        graph=getattr(inner, "graph", None),
        histories={each: _columns(outcome) for each, outcome in trained.items() if outcome.history},
        results={row.name: row.test[score] for row in rows if row.name not in CONSTANT},
        others=_others(rows, score),
        score=SHOWN.get(score, score),
        inputs=inputs,
        tau=tau,
        example=f"Series {test.names[0]} as the network reads it",
    )
    drawn.savefig(path)


def overview(
    title: str,
    graph: Graph | None,
    histories: Mapping[str, Mapping[str, Any]],
    results: Mapping[str, float],
    score: str,
    inputs: np.ndarray,
    tau: np.ndarray | None,
    example: str,
    others: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
) -> Figure:
    """One figure of a training run: the wiring, an example with its time constants, and the curves.

    Args:
        title: above all of it.
        graph: the wiring of the first network, if it has one.
        histories: for each network its "loss", "validation_loss" and, if there is one, "validation_<score>".
        results: the test score of every network and baseline.
        score: what it is called.
        inputs: an example, (time, inputs).
        tau: the time constants meanwhile, (time, units); None for cells that have none.
        example: what it is called.
        others: the test scores at other samplings, by the names of these and of the networks.

    Returns:
        The figure; `figure.savefig(path)` writes it.
    """
    figure = Figure(figsize=(14, 9.5), dpi=110, layout=ConstrainedLayoutEngine(hspace=0.06, wspace=0.04))
    figure.suptitle(title, fontsize=15, weight="bold")
    grid = figure.add_gridspec(2, 12, height_ratios=(1.25, 1))
    right = grid[0, 7:] if graph is not None else grid[0, :]
    if graph is not None:
        plots.plot_wiring(graph, figure.add_subplot(grid[0, :7])).set_title(
            "Wiring: signals pass from left to right", pad=24
        )
    panels = right.subgridspec(2, 1, height_ratios=(1, 1.6)) if tau is not None else right.subgridspec(1, 1)
    inputs_ax = figure.add_subplot(panels[0, 0])
    if inputs.shape[1] <= MOST_LINES:
        inputs_ax.plot(np.arange(1, len(inputs) + 1), inputs, marker=".")
    else:
        edges = (0.5, len(inputs) + 0.5, inputs.shape[1] + 0.5, 0.5)
        inputs_ax.imshow(inputs.T, cmap="Greys", aspect="auto", extent=edges, interpolation="nearest")
        inputs_ax.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    inputs_ax.set(title=_as_it_is(example), xlabel="time step", ylabel="input")
    if tau is not None:
        roles = list(graph.roles) if graph is not None else ["inter"] * tau.shape[1]
        chosen = _liveliest(tau, roles)
        tau_ax = figure.add_subplot(panels[1, 0])
        plots.plot_time_constants(np.arange(1, len(inputs) + 1), tau[:, chosen], tau_ax, [roles[i] for i in chosen])
        tau_ax.set(title="Time constants of some neurons meanwhile", xlabel="time step")
    loss_ax, score_ax = figure.add_subplot(grid[1, :4]), figure.add_subplot(grid[1, 4:8])
    plots.plot_training(histories, loss_ax, score_ax)
    loss_ax.set_title("Loss")
    score_ax.set_title("On the validation data")
    if not score_ax.lines:  # an objective of the user's has no scores
        score_ax.remove()
    results_ax = figure.add_subplot(grid[1, 8:])
    if finite := {name: value for name, value in results.items() if np.isfinite(value)}:
        plots.plot_results(finite, results_ax, others)
    results_ax.set(title="On the test data, at the end", xlabel=score)
    return figure


def curves(histories: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Figure:
    """The losses and the validation scores of some runs in one figure, those with the same score side by side.

    Args:
        histories: for each score, for each run its curves, as `runs.histories` makes it; at least one.

    Example:
        >>> curve = {"loss": [1.0, 0.5], "validation_loss": [1.0, 0.7], "validation_accuracy": [0.5, 0.75]}
        >>> [ax.get_ylabel() for ax in curves({"accuracy": {"a": curve, "b": curve}}).axes]
        ['loss', 'accuracy']
    """
    figure = Figure(figsize=(12, 4.5 * len(histories)), dpi=110, layout="constrained")
    rows = figure.subplots(len(histories), 2, squeeze=False)
    for (loss_ax, score_ax), runs in zip(rows, histories.values(), strict=True):
        plots.plot_training({_as_it_is(name): run for name, run in runs.items()}, loss_ax, score_ax)
        loss_ax.set_title("Loss")
        score_ax.set_title("On the validation data")
    return figure


def _others(rows: Sequence[Row], score: str) -> dict[str, dict[str, float]]:
    """The scores at other samplings that go with a score."""
    names = [name for name in rows[0].test if name.startswith(f"{score}, ")]
    return {name.removeprefix(f"{score}, "): {row.name: row.test[name] for row in rows} for name in names}


def _as_it_is(name: str) -> str:
    """Somebody's name as matplotlib draws it: on one line, without mathematics, and not left out of a legend."""
    name = " ".join(name.split()).replace("$", r"\$")
    return f" {name}" if name.startswith("_") else name


def _liveliest(tau: np.ndarray, roles: Sequence[str]) -> list[int]:
    """The neurons of each role whose time constant changes by the largest factor."""
    factor = tau.max(axis=0) / tau.min(axis=0)
    kinds = [role for role in ("inter", "command", "motor") if role in roles]
    chosen: list[int] = []
    for role in kinds:
        neurons = np.flatnonzero(np.array(roles) == role)
        chosen += neurons[np.argsort(-factor[neurons])][: MOST_NEURONS // len(kinds)].tolist()
    return chosen


def _columns(fitted: Fitted) -> dict[str, np.ndarray]:
    rows = [numbers_of(epoch) for epoch in fitted.history]
    return {name: np.array([row[name] for row in rows], float) for name in rows[0]}
