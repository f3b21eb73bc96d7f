"""The figures of the gradient memory experiment."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter

from liquidjax.experiments.gradient_memory.adjoint_error import LOST, POOR
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig, Network
from liquidjax.experiments.gradient_memory.measurement import METHODS
from liquidjax.experiments.gradient_memory.report import TITLES
from liquidjax.experiments.gradient_memory.sweep import Result, Row
from liquidjax.plots.style import NETWORKS, RED, plain_log_axis, tidy


def write(folder: Path, config: GradientMemoryConfig, result: Result) -> None:
    """Writes memory.png, time.png and adjoint_error.png."""

    def panels() -> tuple[Figure, Sequence[Any]]:
        figure = Figure(figsize=(13, 5), dpi=110, layout="constrained")
        return figure, figure.subplots(1, 2)

    (memory, memory_axes), (clock, time_axes), (error, error_axes) = panels(), panels(), panels()
    for name, ax, time_ax in zip(config.sweeps, memory_axes, time_axes, strict=True):
        sweep = config.sweeps[name]
        base = [row for row in result.sweeps[name] if row.point.network == sweep.network]
        within, after = (
            {method: [row.measured.temporary_bytes / 1e6 for row in _of(base, method, loss)] for method in METHODS}
            for loss in ("within", "after")
        )
        plot_memory(sweep.times, within, after, ax).set_title(_short(sweep.network))
        run = [row for row in base if row.measured.seconds]
        longest = max((row.point.time for row in run), default=0)
        measured = {
            row.point.method: (row.measured.temporary_bytes / 1e6, row.measured.seconds)
            for row in run
            if row.point.time == longest
        }
        plot_time_against_memory(measured, time_ax).set_title(f"{_short(sweep.network)}, {longest:,} time steps")
    losses = [
        Line2D([], [], color="black", linestyle="-", label=TITLES["within"]),
        Line2D([], [], color="black", linestyle="--", label=TITLES["after"]),
    ]
    methods = memory_axes[0].get_legend_handles_labels()[0]
    memory.legend(handles=[*methods, *losses], loc="outside lower center", ncols=4, frameon=False)
    clock.legend(
        handles=time_axes[0].get_legend_handles_labels()[0], loc="outside lower center", ncols=6, frameon=False
    )
    memory.suptitle("Memory of the gradient", weight="bold")
    clock.suptitle("Time against memory of the gradient, loss within each step", weight="bold")
    for ax, (cell, errors) in zip(error_axes, result.failures.items(), strict=True):
        curves = {
            "pure backsolve": [(duration, error) for duration, error, _ in errors.backsolve],
            "segmented adjoint": errors.segments,
            "segmented adjoint, dt / 8": errors.fine_segments,
        }
        plot_adjoint_error(curves, POOR, LOST, ax).set_title(f"{cell} ({config.failure.units})")
    error.suptitle("Where the adjoint fails: a contractive cell, solved backwards", weight="bold")
    for name, figure in (("memory", memory), ("time", clock), ("adjoint_error", error)):
        figure.savefig(folder / f"{name}.png")


def plot_memory(
    times: Sequence[int], within: Mapping[str, Sequence[float]], after: Mapping[str, Sequence[float]], ax: Axes
) -> Axes:
    """Draws what gradients take of memory against the length of the sequence, both logarithmic.

    Args:
        times: time steps, (lengths,).
        within: for each method its megabytes with the loss within each step, (lengths,): solid lines, labelled.
        after: the same with the loss after the unroll: dashed lines.
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> ax = plot_memory([10, 100], {"BPTT": [1.0, 10.0]}, {"BPTT": [2.0, 20.0]}, Figure().subplots())
        >>> [line.get_linestyle() for line in ax.lines]
        ['-', '--']
    """
    for (name, sizes), colour in zip(within.items(), itertools.cycle(NETWORKS)):
        ax.loglog(times, sizes, color=colour, marker="o", markersize=4, label=name)
        ax.loglog(times, after[name], color=colour, linestyle="--", linewidth=1, alpha=0.8)
    ax.set_xticks(times, [f"{steps:,}" for steps in times], minor=False)
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.yaxis.set_major_formatter("{x:,g}")
    ax.set(xlabel="time steps", ylabel="compiled temporary memory (MB)")
    tidy(ax)
    return ax


def plot_time_against_memory(measured: Mapping[str, tuple[float, Sequence[float]]], ax: Axes) -> Axes:
    """Draws the time of gradients against their memory, both logarithmic: medians, with bars over the quartiles.

    Args:
        measured: for each method its megabytes, and the seconds of its runs.
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> ax = plot_time_against_memory({"BPTT": (10.0, [0.1, 0.2]), "Remat": (1.0, [0.1])}, Figure().subplots())
        >>> ax.get_legend_handles_labels()[1]
        ['BPTT', 'Remat']
    """
    for (name, (size, seconds)), colour in zip(measured.items(), itertools.cycle(NETWORKS)):
        low, median, high = np.quantile(np.multiply(seconds, 1e3), [0.25, 0.5, 0.75])
        ax.plot([size, size], [low, high], color=colour, linewidth=5, alpha=0.3, solid_capstyle="butt")
        ax.scatter([size], [median], color=colour, s=60, zorder=3, label=name)
    ax.set(xscale="log", yscale="log", xlabel="compiled temporary memory (MB)", ylabel="time of a gradient (ms)")
    ax.margins(x=0.3, y=0.2)
    plain_log_axis(ax.yaxis)
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    tidy(ax)
    return ax


def plot_adjoint_error(curves: Mapping[str, Sequence[tuple[float, float]]], poor: float, lost: float, ax: Axes) -> Axes:
    """Draws errors of gradients against durations, both logarithmic.

    Args:
        curves: for each line (duration in time constants, relative error); errors above 1000, infinite ones included,
            are triangles at the upper edge.
        poor: error from which a gradient is poor; everything above is shaded.
        lost: error from which it is lost; shaded darker.
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> ax = plot_adjoint_error({"pure": [(1.0, 1e-3), (30.0, float("inf"))]}, 0.01, 1.0, Figure().subplots())
        >>> ax.lines[0].get_ydata().tolist(), ax.lines[1].get_ydata().tolist()
        ([0.001, 1000.0], [1000.0])
    """
    top = 1e3
    for (name, points), colour in zip(curves.items(), itertools.cycle(NETWORKS)):
        durations, errors = np.array(points).T
        above = errors > top
        shown = np.where(above, top, errors)
        # The line ends at the first triangle.
        last = above.argmax() + 1 if above.any() else len(errors)
        ax.loglog(durations[:last], shown[:last], color=colour, marker="o", markersize=3.5, label=name)
        if above.any():
            ax.loglog(durations[above], shown[above], color=colour, marker="^", linestyle="", clip_on=False, zorder=3)
    ax.axhspan(poor, lost, color=RED, alpha=0.08, linewidth=0)
    ax.axhspan(lost, top, color=RED, alpha=0.18, linewidth=0)
    ax.set_ylim(top=top)
    ax.legend(frameon=False, loc="upper left", fontsize=9)
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.set(xlabel="duration solved backwards / smallest time constant", ylabel="relative error of the gradient")
    tidy(ax)
    return ax


def _of(rows: Sequence[Row], method: str, loss: str) -> list[Row]:
    return [row for row in rows if (row.point.method, row.point.loss) == (method, loss)]


def _short(network: Network) -> str:
    return f"{network.neurons} ({network.units}), batch {network.batch}"
