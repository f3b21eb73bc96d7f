"""Checks for cells, wrappers, integrators and wirings of your own: one line in a test, one sentence about a mistake."""

from liquidjax.testing.cell import check_cell as check_cell
from liquidjax.testing.integrator import check_integrator as check_integrator
from liquidjax.testing.wiring import check_wiring as check_wiring
from liquidjax.testing.wrapper import check_wrapper as check_wrapper
