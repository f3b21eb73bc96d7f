"""The overview of a run: everything is on it, and the neurons that are shown are those that move."""

import numpy as np
import pytest

from liquidjax import wirings
from liquidjax.experiments.digits import figures


def test_the_liveliest_neurons_are_chosen():
    tau = np.array([[1.0, 1.0, 1.0, 1.0], [1.0, 8.0, 0.5, 3.0]])
    assert figures._liveliest(tau, ("motor", "motor", "inter", "motor"), each=2) == [2, 1, 3]


@pytest.mark.parametrize("tau", [None, np.linspace(0.1, 3, 4 * 12).reshape(4, 12)])
def test_overview_can_be_written(tau, tmp_path):
    history = {"loss": [2.0, 1.0], "validation_loss": [2.5, 1.5], "validation_accuracy": [0.1, 0.9]}
    graph = wirings.AutoNCP(12, 3).graph(inputs=2)
    image, inputs = np.eye(8), np.ones((4, 2))
    figure = figures.overview("title", graph, {"LTC": history}, {"LTC": 0.9, "GRU": 0.8}, image, inputs, tau)
    figure.savefig(tmp_path / "overview.png")
    assert (tmp_path / "overview.png").stat().st_size > 10_000
    titles = [ax.get_title() for ax in figure.axes]
    assert any("Time constants" in title for title in titles) == (tau is not None)
