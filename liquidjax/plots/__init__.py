"""Pictures of networks and of training; figures of one experiment live with it.

Every function takes arrays and axes of matplotlib and returns what it drew on; nothing here keeps a current figure, so
it works without a display.
"""

try:
    import matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError('drawing needs matplotlib: pip install "liquidjax[demo]"') from error

from liquidjax.plots.curves import plot_results, plot_training
from liquidjax.plots.dynamics import plot_time_constants
from liquidjax.plots.style import NETWORKS, POLARITIES, ROLES
from liquidjax.plots.wiring import plot_wiring

__all__ = ["NETWORKS", "POLARITIES", "ROLES", "plot_results", "plot_time_constants", "plot_training", "plot_wiring"]
