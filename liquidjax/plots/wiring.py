"""Pictures of networks and of training: the only module that draws.

Every function takes arrays and axes of matplotlib and returns what it drew on; nothing here keeps a current figure, so
it works without a display. Blue, orange and their like are the colours of Okabe and Ito, which colour-blind readers can
tell apart.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from liquidjax.wirings import Graph

try:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.lines import Line2D
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter
except ImportError as error:
    raise ImportError('drawing needs matplotlib: pip install "liquidjax[demo]"') from error

ROLES = {"sensory": "#999999", "inter": "#009E73", "command": "#E69F00", "motor": "#CC79A7"}
POLARITIES = {1: ("excitatory", "#0072B2"), -1: ("inhibitory", "#D55E00")}
NETWORKS = ("#0072B2", "#E69F00", "#009E73", "#7F7F7F", "#CC79A7", "#56B4E9")
FORECASTERS = (*NETWORKS, "#000000")


def plot_wiring(graph: Graph, ax: Axes) -> Axes:
    """Draws who connects to whom: inputs left, motor neurons right; a graph of one layer becomes a circle.

    Synapses within a layer, and onto the neuron itself, are arcs.

    Args:
        graph: what a wiring draws.
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> from liquidjax.wirings import AutoNCP
        >>> ax = plot_wiring(AutoNCP(units=16, outputs=2).graph(inputs=4), Figure().subplots())
        >>> [text.get_text() for text in ax.texts]
        ['4 inputs', '9 inter', '5 command', '2 motor']
    """
    sensory, neurons = _positions(graph)
    layer_of = {neuron: number for number, layer in enumerate(graph.layers) for neuron in layer}
    lines, arcs = {1: [], -1: []}, {1: [], -1: []}
    for source, target, polarity in zip(*graph.sensory_synapses, strict=True):
        lines[polarity].append(np.stack([sensory[source], neurons[target]]))
    for source, target, polarity in zip(*graph.synapses, strict=True):
        if layer_of[source] == layer_of[target]:
            arcs[polarity].append(_arc(neurons[source], neurons[target]))
        else:
            lines[polarity].append(np.stack([neurons[source], neurons[target]]))
    drawn = graph.synapse_count + graph.sensory_synapse_count
    # The more synapses, the fainter; arcs are few in a layered graph and must not drown.
    faint, clear = (float(np.interp(drawn, [50, 1000], opacities)) for opacities in ([0.8, 0.3], [0.9, 0.7]))
    for segments, alpha in ((lines, faint), (arcs, faint if len(graph.layers) == 1 else clear)):
        for polarity, (_, colour) in POLARITIES.items():
            ax.add_collection(LineCollection(segments[polarity], colors=colour, linewidths=0.9, alpha=alpha, zorder=1))
    size = np.interp(graph.units, [8, 100], [110, 26])
    ax.scatter(*sensory.T, s=size, c=ROLES["sensory"], marker="s", edgecolors="white", linewidths=0.6, zorder=2)
    colours = [ROLES[role] for role in graph.roles]
    ax.scatter(*neurons.T, s=size, c=colours, edgecolors="white", linewidths=0.6, zorder=3)
    _label_columns(graph, sensory, neurons, ax)
    handles = [Line2D([], [], color=colour, label=f"{label} synapse") for label, colour in POLARITIES.values()]
    ax.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.02), ncols=2, frameon=False)
    ax.set_axis_off()
    ax.autoscale_view()
    return ax


def _positions(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Places of the inputs (inputs, 2) and of the neurons (units, 2)."""
    sensory = np.stack([np.zeros(graph.inputs), _spread(graph.inputs)], axis=1)
    neurons = np.zeros((graph.units, 2))
    if len(graph.layers) == 1:
        angle = np.pi / 2 - 2 * np.pi * np.arange(graph.units) / graph.units
        return sensory, np.stack([1.9 + 0.9 * np.cos(angle), 0.5 + 0.5 * np.sin(angle)], axis=1)
    for column, layer in enumerate(graph.layers, start=1):
        neurons[list(layer), 0] = column
        if len(layer) > 16:  # two staggered columns leave room between the neurons
            neurons[list(layer), 0] += np.where(np.arange(len(layer)) % 2, 0.06, -0.06)
        neurons[list(layer), 1] = _spread(len(layer))
    return sensory, neurons


def _spread(count: int) -> np.ndarray:
    """Heights from top to bottom: few neurons keep together in the middle."""
    span = min(1.0, 0.12 * (count - 1))
    return 0.5 + span * np.linspace(0.5, -0.5, count) if count > 1 else np.array([0.5])


def _arc(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Points of a line from start to end that bulges to the right; a loop where the two are one."""
    if np.array_equal(start, end):
        turn = np.linspace(0, 2 * np.pi, 24)
        return start + np.stack([0.06 * (1 - np.cos(turn)), 0.03 * np.sin(turn)], axis=1)
    along = np.linspace(0, 1, 24)[:, None]
    middle = (start + end) / 2 + np.array([0.15 + 0.5 * abs(end[1] - start[1]), 0])
    return (1 - along) ** 2 * start + 2 * along * (1 - along) * middle + along**2 * end


def _label_columns(graph: Graph, sensory: np.ndarray, neurons: np.ndarray, ax: Axes) -> None:
    top = max(sensory[:, 1].max(), neurons[:, 1].max()) + 0.06
    ax.text(
        sensory[:, 0].mean(),
        top,
        f"{graph.inputs} input{'s' * (graph.inputs > 1)}",
        ha="center",
        color=ROLES["sensory"],
        weight="bold",
    )
    roles = np.array(graph.roles)
    if len(graph.layers) == 1:
        text = f"{graph.units} neurons, {graph.outputs} of them motor"
        ax.text(neurons[:, 0].mean(), top, text, ha="center", weight="bold")
        return
    for role in ("inter", "command", "motor"):
        x = neurons[roles == role, 0].mean()
        ax.text(x, top, f"{np.sum(roles == role)} {role}", ha="center", color=ROLES[role], weight="bold")


def plot_training(histories: Mapping[str, Mapping[str, Any]], loss_ax: Axes, accuracy_ax: Axes) -> tuple[Axes, Axes]:
    """Draws the loss and the validation accuracy of some networks over their epochs.

    Args:
        histories: for each network its "loss", "validation_loss" and "validation_accuracy", each (epochs,).
        loss_ax: where to draw the losses, in nats.
        accuracy_ax: where to draw the accuracies.

    Returns:
        The two axes.
    """
    for (name, history), colour in zip(histories.items(), itertools.cycle(NETWORKS)):
        epochs = np.arange(1, len(history["loss"]) + 1)
        front = 3 if colour == NETWORKS[0] else 2
        loss_ax.semilogy(epochs, history["loss"], color=colour, label=name, zorder=front)
        loss_ax.semilogy(epochs, history["validation_loss"], color=colour, linestyle=":", zorder=front)
        accuracy_ax.plot(epochs, history["validation_accuracy"], color=colour, label=name, zorder=front)
    for ax in (loss_ax, accuracy_ax):
        _tidy(ax)
        ax.set_xlabel("epoch")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    handles, _ = loss_ax.get_legend_handles_labels()
    handles.append(Line2D([], [], color="black", label="training"))
    handles.append(Line2D([], [], color="black", linestyle=":", label="validation"))
    loss_ax.legend(handles=handles, frameon=False, ncols=2)
    _plain_log_axis(loss_ax.yaxis)
    loss_ax.set_ylabel("cross entropy (nats)")
    accuracy_ax.legend(frameon=False, loc="lower right")
    accuracy_ax.set_ylabel("accuracy")
    return loss_ax, accuracy_ax


def plot_time_constants(time: Any, tau: Any, ax: Axes, roles: Sequence[str] | None = None) -> Axes:
    """Draws time constants over time, coloured by the role of their neuron.

    Args:
        time: (time,).
        tau: (time, neurons), in the unit of `time`, above 0.
        ax: where to draw.
        roles: for each neuron "motor", "command" or "inter"; all the same colour when None.

    Returns:
        ax.

    Example:
        >>> ax = plot_time_constants(np.arange(3), np.ones((3, 2)), Figure().subplots(), roles=("inter", "motor"))
        >>> len(ax.lines)
        2
    """
    tau = np.asarray(tau)
    marker = "o" if len(tau) <= 20 else None  # dots where the steps are few enough to be told apart
    for neuron in range(tau.shape[1]):
        colour = NETWORKS[0] if roles is None else ROLES[roles[neuron]]
        label = None if roles is None or roles[neuron] in roles[:neuron] else roles[neuron]
        ax.semilogy(time, tau[:, neuron], color=colour, marker=marker, markersize=3, label=label)
    if roles is not None:
        ax.legend(frameon=False, ncols=3, loc="best")
    _tidy(ax)
    _plain_log_axis(ax.yaxis)
    ax.set_ylabel("time constant (unit of dt)")
    return ax


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
        histories: see `plot_training`.
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
    plot_wiring(graph, figure.add_subplot(grid[0, :7])).set_title("Wiring: signals pass from left to right", pad=24)
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
        plot_time_constants(np.arange(1, len(inputs) + 1), np.asarray(tau)[:, chosen], tau_ax, roles)
        tau_ax.set(title="Time constants of some neurons meanwhile", xlabel="time step")
    loss_ax, accuracy_ax = figure.add_subplot(grid[1, :4]), figure.add_subplot(grid[1, 4:8])
    plot_training(histories, loss_ax, accuracy_ax)
    loss_ax.set_title("Loss")
    accuracy_ax.set_title("Accuracy on the validation images")
    plot_results(results, figure.add_subplot(grid[1, 8:])).set_title("Accuracy on the test images")
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


def plot_results(results: Mapping[str, float], ax: Axes) -> Axes:
    """Draws an accuracy for each network as a dot, the first one at the top.

    Example:
        >>> ax = plot_results({"LTC": 0.97, "GRU": 0.96}, Figure().subplots())
        >>> [label.get_text() for label in ax.get_yticklabels()]
        ['LTC', 'GRU']
    """
    rows = np.arange(len(results))
    values = np.array(list(results.values()))
    colours = list(itertools.islice(itertools.cycle(NETWORKS), len(results)))
    ax.scatter(values, rows, c=colours, s=70)
    for row, value in zip(rows, values, strict=True):
        ax.annotate(f"{value:.3f}", (value, row), xytext=(0, 9), textcoords="offset points", ha="center")
    ax.set_yticks(rows, list(results))
    ax.xaxis.set_major_locator(MaxNLocator(nbins=5))
    ax.set_ylim(len(results) - 0.5, -0.7)
    margin = max(0.01, 0.25 * np.ptp(values))
    ax.set_xlim(values.min() - margin, values.max() + margin)
    _tidy(ax)
    return ax


def _liveliest(tau: np.ndarray, roles: Sequence[str], each: int = 3) -> list[int]:
    """The neurons of each role whose time constant changes by the largest factor."""
    factor = tau.max(axis=0) / tau.min(axis=0)
    chosen = []
    for role in ("inter", "command", "motor"):
        neurons = np.flatnonzero(np.array(roles) == role)
        chosen += neurons[np.argsort(-factor[neurons])][:each].tolist()
    return chosen


def _plain_log_axis(axis: Axis) -> None:
    """Writes 0.2, 0.5, 1, 2, 5, 10 along a logarithmic axis instead of powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _tidy(ax: Axes) -> None:
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)


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
    _tidy(ax)
    return ax


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
    _tidy(ax)
    return ax


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
        ax.plot(times[: len(observed)], observed, linestyle="", marker=".", markersize=4, color="#7F7F7F")
        ax.plot(ahead, np.asarray(of_seeds)[:, 1:], color=colour, linewidth=0.9, alpha=0.35)
        ax.plot(ahead, np.asarray(of_seeds)[:, 0], color=colour, linewidth=2)
        ax.axvline(0, color="black", linewidth=0.8, linestyle="--")
        ax.set_title(name, loc="left", color=colour, weight="bold", fontsize=10)
        _tidy(ax)
    margin = 0.25 * np.ptp(truth)
    panels[0].set_ylim(truth.min() - margin, truth.max() + margin)
    panels[0].set_xlim(times[0], times[-1])
    panels[-1].set_xlabel(f"since the start of the forecast ({unit})")
    figure.supylabel("standard deviations")
    handles = [
        Line2D([], [], color="black", linewidth=1, label="series without noise"),
        Line2D([], [], color="#7F7F7F", linestyle="", marker=".", label="given, with noise"),
        Line2D([], [], color="#7F7F7F", linewidth=2, label="forecast, seed 0"),
        Line2D([], [], color="#7F7F7F", linewidth=0.9, alpha=0.5, label="other seeds"),
    ]
    figure.legend(handles=handles, loc="outside lower left", ncols=4, frameon=False)
    error_ax, valid_ax = grid[1].subgridspec(2, 1, hspace=0.1).subplots(squeeze=False)[:, 0]
    plot_spread(test_errors, error_ax)
    error_ax.set_xscale("log")
    _plain_log_axis(error_ax.xaxis)
    error_ax.axvline(noise_error, color="black", linewidth=0.8, linestyle=":")
    error_ax.set(title="Error of the next point (dotted: its noise)", xlabel="mean squared, in variances")
    plot_spread(valid_times, valid_ax)
    valid_ax.set_xlim(left=0)
    valid_ax.set(title="How long a forecast is right", xlabel=unit)
    return figure


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
    ax.set(xlabel="time steps", ylabel="temporaries (MB)")
    _tidy(ax)
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
    ax.set(xscale="log", yscale="log", xlabel="temporaries (MB)", ylabel="time of a gradient (ms)")
    ax.margins(x=0.3, y=0.2)
    _plain_log_axis(ax.yaxis)
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.xaxis.set_minor_formatter(NullFormatter())
    _tidy(ax)
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
    ax.axhspan(poor, lost, color="#D55E00", alpha=0.08, linewidth=0)
    ax.axhspan(lost, top, color="#D55E00", alpha=0.18, linewidth=0)
    ax.set_ylim(top=top)
    ax.legend(frameon=False, loc="upper left", fontsize=9)
    ax.xaxis.set_major_formatter("{x:,g}")
    ax.set(xlabel="duration solved backwards / smallest time constant", ylabel="relative error of the gradient")
    _tidy(ax)
    return ax
