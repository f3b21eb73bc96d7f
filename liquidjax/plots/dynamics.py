"""What the neurons of a network do over time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from liquidjax.plots.style import NETWORKS, ROLES, plain_log_axis, tidy


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
        >>> from matplotlib.figure import Figure
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
    tidy(ax)
    plain_log_axis(ax.yaxis)
    ax.set_ylabel("time constant (unit of dt)")
    return ax
