"""Who connects to whom."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from liquidjax.plots.style import POLARITIES, ROLES
from liquidjax.wirings import Graph


def plot_wiring(graph: Graph, ax: Axes) -> Axes:
    """Draws who connects to whom: inputs left, motor neurons right; a graph of one layer becomes a circle.

    Synapses within a layer, and onto the neuron itself, are arcs.

    Args:
        graph: what a wiring draws.
        ax: where to draw.

    Returns:
        ax.

    Example:
        >>> from matplotlib.figure import Figure
        >>> from liquidjax.wirings import AutoNCP
        >>> ax = plot_wiring(AutoNCP(units=16, outputs=2).graph(inputs=4), Figure().subplots())
        >>> [text.get_text() for text in ax.texts]
        ['4 inputs', '9 inter', '5 command', '2 motor']
    """
    sensory, neurons = layout(graph)
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


def layout(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Places of the inputs (inputs, 2) and of the neurons (units, 2), as `plot_wiring` has them.

    Example:
        >>> from liquidjax.wirings import AutoNCP
        >>> sensory, neurons = layout(AutoNCP(units=16, outputs=2).graph(inputs=4))
        >>> sensory.shape, neurons.shape
        ((4, 2), (16, 2))
    """
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
