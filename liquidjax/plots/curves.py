"""Training curves, and what networks reach in the end."""

import itertools
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from liquidjax.plots.style import NETWORKS, plain_log_axis, tidy

NONE: Mapping[str, Mapping[str, float]] = MappingProxyType({})


def plot_training(histories: Mapping[str, Mapping[str, Any]], loss_ax: Axes, score_ax: Axes) -> tuple[Axes, Axes]:
    """Draws the loss and the validation score of some networks over their epochs.

    Args:
        histories: for each network its "loss", "validation_loss" and one more that begins with "validation_", such as
            "validation_accuracy", each (epochs,).
        loss_ax: where to draw the losses.
        score_ax: where to draw the scores.

    Returns:
        The two axes.
    """
    score = ""
    for (name, history), colour in zip(histories.items(), itertools.cycle(NETWORKS)):
        epochs = np.arange(1, len(history["loss"]) + 1)
        front = 3 if colour == NETWORKS[0] else 2
        loss_ax.semilogy(epochs, history["loss"], color=colour, label=name, zorder=front)
        loss_ax.semilogy(epochs, history["validation_loss"], color=colour, linestyle=":", zorder=front)
        for key in [key for key in history if key.startswith("validation_") and key != "validation_loss"][:1]:
            score = key.removeprefix("validation_")
            score_ax.plot(epochs, history[key], color=colour, label=name, zorder=front)
    for ax in (loss_ax, score_ax):
        tidy(ax)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, _ = loss_ax.get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", label="training"))
    handles.append(Line2D([], [], color="black", linestyle=":", label="validation"))
    loss_ax.legend(handles=handles, frameon=False, ncols=2)
    plain_log_axis(loss_ax.yaxis)
    loss_ax.set_ylabel("loss")
    if score:
        score_ax.legend(frameon=False, loc="best")
        score_ax.set_ylabel(score)
    return loss_ax, score_ax


def plot_results(results: Mapping[str, float], ax: Axes, others: Mapping[str, Mapping[str, float]] = NONE) -> Axes:
    """Draws a score for each network as a dot, the first one at the top.

    Args:
        results: the scores by the names of the networks.
        ax: where to draw them.
        others: more scores of these networks, by what they are called, drawn hollow with the figures below; those that
            are not finite are left out.

    Example:
        >>> from matplotlib.figure import Figure
        >>> ax = plot_results({"LTC": 0.97, "GRU": 0.96}, Figure().subplots())
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['LTC', 'GRU']
    """
    rows = np.arange(len(results))
    values = np.array(list(results.values()))
    colours = list(itertools.islice(itertools.cycle(NETWORKS), len(results)))
    ax.scatter(values, rows, c=colours, s=70)
    for row, value in zip(rows, values, strict=True):
        ax.annotate(_figure(value), (value, row), xytext=(0, 9), textcoords="offset points", ha="center")
    shown = [values]
    for (name, scores), marker in zip(others.items(), itertools.cycle("Dsv^")):
        found = np.array([scores.get(network, np.nan) for network in results])
        there = np.flatnonzero(np.isfinite(found))
        edges = [colours[row] for row in there]
        ax.scatter(found[there], there, facecolors="none", edgecolors=edges, marker=marker, s=50)
        ax.scatter([], [], facecolors="none", edgecolors="black", marker=marker, s=50, label=name)
        for row in there.tolist():
            value = float(found[row])
            ax.annotate(_figure(value), (value, row), xytext=(0, -16), textcoords="offset points", ha="center")
        shown.append(found[there])
    if others:
        ax.legend(frameon=False, loc="best")
    drawn = np.concatenate(shown)
    ax.set_yticks(rows, list(results))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.set_ylim(len(results) - 0.5, -0.7)
    margin = max(0.01, 0.25 * np.ptp(drawn))
    ax.set_xlim(drawn.min() - margin, drawn.max() + margin)
    tidy(ax)
    return ax


def _figure(value: float) -> str:
    return f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.3g}"
