"""Velora's liquid cell in C."""

import numpy as np

from liquidjax.cells.velora import HEADS, NCPLiquidCell, NCPLiquidCellParams
from liquidjax.export.c.cells.dense import add_sparse
from liquidjax.export.c.program import Program

STEP = """
/* Velora's liquid cell, with the heads g, h, f_g, f_h and proj. It does not look at dt. */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL seen[$inputs + $units], z[5 * $units];
    (void)dt;
    memcpy(seen, u, $inputs * sizeof(REAL));
    memcpy(seen + $inputs, x, $units * sizeof(REAL));
    NAME_${place}_heads(seen, z);
    for (int i = 0; i < $units; i++) {
        const REAL gate = NAME_sigmoid(z[2 * $units + i] + z[3 * $units + i]);
        x[i] = tanh(z[i]) * (1.0 - gate) + tanh(z[$units + i]) * gate;
        y[i] = z[4 * $units + i] + x[i];
    }
}
"""


def emit(program: Program, place: str, cell: NCPLiquidCell, params: NCPLiquidCellParams) -> None:
    """Adds the step."""
    # Every neuron of the state is heard, with the sign of its weight.
    polarity = np.concatenate([np.array(cell.mask), np.ones((cell.units, cell.units), int)])[:, None, :]
    mask = np.repeat(polarity != 0, HEADS, axis=1)
    weight = np.where(mask, params.heads.weight * (polarity if cell.signed else 1), 0)
    add_sparse(program, f"{place}_heads", weight, params.heads.bias, mask)
    program.add(STEP, place=place, inputs=cell.inputs, units=cell.units)
