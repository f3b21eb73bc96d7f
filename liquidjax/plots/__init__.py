"""Pictures of networks and of training."""

from liquidjax.plots.wiring import *  # noqa: F403
from liquidjax.plots.wiring import NETWORKS, POLARITIES, ROLES, _liveliest, _positions  # noqa: F401
