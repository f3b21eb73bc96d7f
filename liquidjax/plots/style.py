"""What all pictures share: colours and plain axes.

Blue, orange and their like are the colours of Okabe and Ito, which colour-blind readers can tell apart.
"""

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter

BLUE, ORANGE, GREEN, PINK, SKY, RED = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"
GREY, LIGHT_GREY = "#7F7F7F", "#999999"
ROLES = {"sensory": LIGHT_GREY, "inter": GREEN, "command": ORANGE, "motor": PINK}
POLARITIES = {1: ("excitatory", BLUE), -1: ("inhibitory", RED)}
NETWORKS = (BLUE, ORANGE, GREEN, GREY, PINK, SKY)


def plain_log_axis(axis: Axis) -> None:
    """Writes 0.2, 0.5, 1, 2, 5, 10 along a logarithmic axis instead of powers of ten."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def tidy(ax: Axes) -> None:
    """Takes away what frames the axes above and on the right, and draws a faint grid behind everything."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)
