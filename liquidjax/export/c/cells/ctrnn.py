"""The CT-RNN in C."""

import numpy as np

from liquidjax.cells.ctrnn import CTRNN, CTRNNParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.cells.positive import rate_of, softplus
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

COEFFICIENTS = """
/* CT-RNN: dx/dt = (tanh(W [u, x] + b) - x) / tau. */
static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    NAME_${place}_recurrent(x, drive);
    for (int i = 0; i < $units; i++) {
        rate[i] = NAME_${place}_rate[i];
        drive[i] = rate[i] * tanh(sensed[i] + drive[i]);
    }
}
"""


def emit(program: Program, place: str, cell: CTRNN, params: CTRNNParams) -> None:
    """Adds the step."""
    weight, bias = params.linear
    tau = np.full(cell.units, cell.time_constant) if params.time_constant is None else softplus(params.time_constant)
    add_affine(program, f"{place}_sense", weight[: cell.inputs], bias)
    add_affine(program, f"{place}_recurrent", weight[cell.inputs :])
    program.numbers(f"{place}_rate", rate_of(tau, program.dtype))
    program.add(COEFFICIENTS, place=place, units=cell.units)
    add_step(program, place, cell, sensed=cell.units)
