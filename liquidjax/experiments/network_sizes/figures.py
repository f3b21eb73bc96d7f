"""The figure of the sizes."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from liquidjax.experiments.network_sizes.counts import Result
from liquidjax.plots.style import NETWORKS, tidy


def write(path: Path, result: Result) -> None:
    """Writes the picture of the parameters that were counted."""
    figure = Figure(figsize=(8, 3.2), dpi=110, layout="constrained")
    sizes = {row.network: row.ours for row in result.rows if row.counted == "parameters"}
    plot_sizes(sizes, figure.subplots()).set_title("Parameters of each network")
    figure.savefig(path)


def plot_sizes(parameters: Mapping[str, int], ax: Axes) -> Axes:
    """Draws the number of parameters of each network on a logarithmic axis, the first one at the top.

    Example:
        >>> ax = plot_sizes({"LSTM": 24897, "NCP": 1065}, Figure().subplots())
        >>> [text.get_text() for text in ax.texts]
        ['24,897', '1,065']
    """
    rows, values = np.arange(len(parameters)), list(parameters.values())
    ax.scatter(values, rows, c=NETWORKS[0], s=70)
    for row, value in zip(rows, values, strict=True):
        ax.annotate(f"{value:,}", (value, row), xytext=(9, 0), textcoords="offset points", va="center")
    ax.set_xscale("log")
    ax.margins(x=0.15)
    ax.set_yticks(rows, list(parameters))
    ax.set_ylim(len(parameters) - 0.5, -0.5)
    ax.set_xlabel("parameters")
    tidy(ax)
    return ax
