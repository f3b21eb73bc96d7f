"""Weights from other packages, and to ncps."""

from liquidjax.interop.ncps import from_ncps as from_ncps
from liquidjax.interop.ncps_export import to_ncps as to_ncps
from liquidjax.interop.velora import from_velora as from_velora
