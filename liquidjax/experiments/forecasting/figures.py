"""The figure of one series: what the forecasters make of it, and how far all of them are right."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from liquidjax.experiments.forecasting.metrics import Study
from liquidjax.experiments.forecasting.task import Forecaster, Task
from liquidjax.plots.style import GREY, NETWORKS, plain_log_axis, tidy

FORECASTERS = (*NETWORKS, "#000000")


def write(path: Path, task: Task, truth: np.ndarray, forecasters: Mapping[str, Forecaster], study: Study) -> None:
    """Draws the first dimension in the forecasts from the first start, and seed 0 of what was given before it."""
    before = min(task.train, task.horizon // 4)
    shown = slice(task.train - before, task.train + task.horizon)
    figure = forecasts(
        title=f"{study.title}: forecasts that are fed their own predictions",
        unit=study.unit,
        times=np.arange(-before, task.horizon) * study.longest / task.horizon,
        truth=truth[shown, 0, 0],
        observed=task.series[task.train - before : task.train, 0, 0],
        forecasts={
            name: forecaster.forecasts[:, 0, :, 0] for name, forecaster in forecasters.items() if name != "persistence"
        },
        test_errors={row.network: row.test_errors for row in study.rows},
        noise_error=float(np.median(study.noise_errors)),
        valid_times={row.network: row.valid_times for row in study.rows},
    )
    figure.savefig(path)


def forecasts(
    title: str,
    unit: str,
    times: Any,
    truth: Any,
    observed: Any,
    forecasts: Mapping[str, Any],
    test_errors: Mapping[str, Sequence[float]],
    noise_error: float,
    valid_times: Mapping[str, Sequence[float]],
) -> Figure:
    """One figure of free-running forecasts: a panel for each forecaster, and how far all of them are right.

    Args:
        title: above all of it.
        unit: of `times` and `valid_times`.
        times: (time,); the forecasts begin at time 0.
        truth: the series, in its standard deviations, (time,).
        observed: what was seen of it before time 0, (time before 0,).
        forecasts: for each forecaster those of its seeds from time 0 on, (time from 0, seeds); the first stands out.
        test_errors: for each forecaster the errors of its seeds in predicting the next point, above 0.
        noise_error: the part of these errors that is noise.
        valid_times: for each forecaster how long the forecasts of its seeds are right.

    Returns:
        The figure; `figure.savefig(path)` writes it.
    """
    times, truth = np.asarray(times), np.asarray(truth)
    ahead = times[len(observed) :]
    figure = Figure(figsize=(14, 1.5 * len(forecasts) + 1.5), dpi=110, layout=ConstrainedLayoutEngine(w_pad=0.12))
    figure.suptitle(title, fontsize=15, weight="bold")
    grid = figure.add_gridspec(1, 2, width_ratios=(1.7, 1))
    panels = grid[0].subgridspec(len(forecasts), 1).subplots(sharex=True, sharey=True, squeeze=False)[:, 0]
    for ax, (name, of_seeds), colour in zip(panels, forecasts.items(), itertools.cycle(FORECASTERS)):
        ax.plot(times, truth, color="black", linewidth=1)
        ax.plot(times[: len(observed)], observed, linestyle="", marker=".", markersize=4, color=GREY)
        ax.plot(ahead, np.asarray(of_seeds)[:, 1:], color=colour, linewidth=0.9, alpha=0.35)
        ax.plot(ahead, np.asarray(of_seeds)[:, 0], color=colour, linewidth=2)
        ax.axvline(0, color="black", linewidth=0.8, linestyle="--")
        ax.set_title(name, loc="left", color=colour, weight="bold", fontsize=10)
        tidy(ax)
    margin = 0.25 * np.ptp(truth)
    panels[0].set_ylim(truth.min() - margin, truth.max() + margin)
    panels[0].set_xlim(times[0], times[-1])
    panels[-1].set_xlabel(f"since the start of the forecast ({unit})")
    figure.supylabel("standard deviations")
    handles = [
        Line2D([], [], color="black", linewidth=1, label="series without noise"),
        Line2D([], [], color=GREY, linestyle="", marker=".", label="given, with noise"),
        Line2D([], [], color=GREY, linewidth=2, label="forecast, seed 0"),
        Line2D([], [], color=GREY, linewidth=0.9, alpha=0.5, label="other seeds"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False)
    error_ax, valid_ax = grid[1].subgridspec(2, 1, hspace=0.1).subplots(squeeze=False)[:, 0]
    plot_spread(test_errors, error_ax)
    error_ax.set_xscale("log")
    plain_log_axis(error_ax.xaxis)
    error_ax.axvline(noise_error, color="black", linewidth=0.8, linestyle=":")
    error_ax.set(title="Error of the next point (dotted: its noise)", xlabel="mean squared, in variances")
    plot_spread(valid_times, valid_ax)
    valid_ax.set_xlim(left=0)
    valid_ax.set(title="How long a forecast is right", xlabel=unit)
    return figure


def plot_spread(values: Mapping[str, Sequence[float]], ax: Axes) -> Axes:
    """Draws a dot for each of several runs and a bar at their median; a row for each name, the first one at the top.

    Args:
        values: for each name its values, (runs,).
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> ax = plot_spread({"LTC": [0.1, 0.3, 0.2], "LSTM": [0.4, 0.5, 0.6]}, Figure().subplots())
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['LTC', 'LSTM']
    """
    for row, (runs, colour) in enumerate(zip(values.values(), itertools.cycle(FORECASTERS))):
        ax.scatter(runs, np.full(len(runs), row), color=colour, s=36, alpha=0.6, linewidths=0)
        ax.plot([np.median(runs)] * 2, [row - 0.3, row + 0.3], color=colour, linewidth=2.5)
    ax.set_yticks(range(len(values)), list(values))
    ax.set_ylim(len(values) - 0.5, -0.5)
    tidy(ax)
    return ax
