"""The GRU in C."""

from liquidjax.cells.gru import GRU, GRUParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.program import Program

STEP = """
/* GRU: h = (1 - z) n + z h. */
static void NAME_$place(REAL *h, const REAL *u, REAL dt, REAL *y)
{
    REAL of_u[3 * $units], of_h[3 * $units];
    (void)dt;
    NAME_${place}_inputs(u, of_u);
    NAME_${place}_recurrent(h, of_h);
    for (int i = 0; i < $units; i++) {
        const REAL r = NAME_sigmoid(of_u[i] + of_h[i]);
        const REAL z = NAME_sigmoid(of_u[$units + i] + of_h[$units + i]);
        const REAL n = tanh(of_u[2 * $units + i] + r * of_h[2 * $units + i]);
        h[i] = (1.0 - z) * n + z * h[i];
        y[i] = h[i];
    }
}
"""


def emit(program: Program, place: str, cell: GRU, params: GRUParams) -> None:
    """Adds the step."""
    add_affine(program, f"{place}_inputs", *params.inputs)
    add_affine(program, f"{place}_recurrent", *params.recurrent)
    program.add(STEP, place=place, units=cell.units)
