"""Weights from other packages."""

from liquidjax.interop.ncps import from_ncps as from_ncps
from liquidjax.interop.velora import from_velora as from_velora
