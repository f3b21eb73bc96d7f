"""Pictures: everything that should be drawn is drawn, without a display."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from liquidjax import plots, wirings
from liquidjax.plots import wiring as wiring_plots


def axes():
    return Figure().subplots()


def drawn_synapses(ax, colour=None):
    lines: list[Any] = [item for item in ax.collections if isinstance(item, LineCollection)]
    same = [item for item in lines if colour is None or np.allclose(to_rgb(item.get_color()[0]), to_rgb(colour))]
    return sum(len(item.get_segments()) for item in same)


@pytest.mark.parametrize(
    "wiring",
    [
        wirings.AutoNCP(64, 16),
        wirings.NCP(5, 3, 1, 2, 2, 8, 2),
        wirings.FullyConnected(7, 2),
        wirings.Random(9, 3, sparsity=0.5),
        wirings.Custom([[0, 1], [-1, 0]]),
        wirings.FullyConnected(1),
    ],
)
def test_every_synapse_and_every_neuron_is_drawn(wiring):
    graph = wiring.graph(inputs=3)
    ax = plots.plot_wiring(graph, axes())
    assert drawn_synapses(ax) == graph.synapse_count + graph.sensory_synapse_count
    blue, orange = (colour for _, colour in plots.POLARITIES.values())
    positive = np.sum(graph.adjacency == 1) + np.sum(graph.sensory_adjacency == 1)
    assert drawn_synapses(ax, blue) == positive
    assert drawn_synapses(ax, orange) == graph.synapse_count + graph.sensory_synapse_count - positive
    points = [np.shape(item.get_offsets())[0] for item in ax.collections if not isinstance(item, LineCollection)]
    assert points == [graph.inputs, graph.units]


@pytest.mark.parametrize("wiring", [wirings.AutoNCP(64, 16), wirings.AutoNCP(100, 60), wirings.FullyConnected(40)])
def test_neurons_do_not_cover_each_other(wiring):
    sensory, neurons = wiring_plots.layout(wiring.graph(inputs=8))
    places = np.concatenate([sensory, neurons])
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1) + np.eye(len(places))
    assert distance.min() > 0.015


def test_signals_pass_from_left_to_right():
    graph = wirings.AutoNCP(32, 4).graph(inputs=3)
    sensory, neurons = wiring_plots.layout(graph)
    columns = [neurons[np.array(graph.roles) == role, 0] for role in ("inter", "command", "motor")]
    assert sensory[:, 0].max() < columns[0].min()
    assert columns[0].max() < columns[1].min() and columns[1].max() < columns[2].min()


def test_training_curves_hold_the_numbers():
    history = {"loss": [2.0, 1.0], "validation_loss": [2.5, 1.5], "validation_accuracy": [0.1, 0.9]}
    loss_ax, accuracy_ax = plots.plot_training(dict.fromkeys("abcdefgh", history), axes(), axes())
    assert len(loss_ax.lines) == 16 and len(accuracy_ax.lines) == 8
    assert np.array_equal(loss_ax.lines[1].get_ydata(), [2.5, 1.5])
    assert np.array_equal(accuracy_ax.lines[0].get_xdata(), [1, 2])


def test_time_constants_hold_the_numbers_and_one_legend_entry_a_role():
    tau = np.array([[0.1, 1.0, 5.0], [0.2, 2.0, 5.0]])
    ax = plots.plot_time_constants([0.5, 1.0], tau, axes(), ("inter", "inter", "motor"))
    assert all(np.array_equal(line.get_ydata(), row) for line, row in zip(ax.lines, tau.T, strict=True))
    legend = ax.get_legend()
    assert legend and [text.get_text() for text in legend.get_texts()] == ["inter", "motor"]
    assert plots.plot_time_constants([0.5, 1.0], tau, axes()).get_legend() is None


def test_nothing_keeps_a_current_figure():
    code = "import sys, liquidjax.plots; assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
