"""Weights from other packages."""

from liquidjax.interop.ncps import from_ncps as from_ncps
