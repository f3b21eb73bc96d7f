"""The GRU as a differential equation in C."""

from liquidjax.cells.euler_gru import EulerGRU
from liquidjax.cells.gru import GRUParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

COEFFICIENTS = """
/* EulerGRU: dh/dt = rate (n - h), with rate = $meaning. */
static void NAME_${place}_coefficients(const REAL *h, const REAL *sensed, REAL *drive, REAL *rate)
{
    REAL of_h[3 * $units];
    NAME_${place}_recurrent(h, of_h);
    for (int i = 0; i < $units; i++) {
        const REAL r = NAME_sigmoid(sensed[i] + of_h[i]);
        const REAL n = tanh(sensed[2 * $units + i] + r * of_h[2 * $units + i]);
        rate[i] = NAME_$rate(-(sensed[$units + i] + of_h[$units + i]));
        drive[i] = rate[i] * n;
    }
}
"""


def emit(program: Program, place: str, cell: EulerGRU, params: GRUParams) -> None:
    """Adds the step."""
    add_affine(program, f"{place}_sense", *params.inputs)
    add_affine(program, f"{place}_recurrent", *params.recurrent)
    meaning, rate = ("1 - z", "sigmoid") if cell.form == "euler" else ("-log z", "softplus")
    program.add(COEFFICIENTS, place=place, units=cell.units, meaning=meaning, rate=rate)
    add_step(program, place, cell, sensed=3 * cell.units)
