"""Leaky integrators in C."""

import numpy as np

from liquidjax.cells.leaky import LeakyIntegrator, LeakyIntegratorParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.cells.positive import rate_of, softplus
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

COEFFICIENTS = """
/* Leaky integrators: dx/dt = (W u + b - x) / tau. */
static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    (void)x;
    for (int i = 0; i < $units; i++) {
        rate[i] = NAME_${place}_rate[i];
        drive[i] = rate[i] * sensed[i];
    }
}
"""


def emit(program: Program, place: str, cell: LeakyIntegrator, params: LeakyIntegratorParams) -> None:
    """Adds the step."""
    spread = np.geomspace(*cell.time_constants, cell.units)
    tau = spread if params.time_constant is None else softplus(params.time_constant)
    add_affine(program, f"{place}_sense", *params.linear)
    program.numbers(f"{place}_rate", rate_of(tau, program.dtype))
    program.add(COEFFICIENTS, place=place, units=cell.units)
    add_step(program, place, cell, sensed=cell.units)
