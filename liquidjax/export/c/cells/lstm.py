"""The LSTM in C."""

from liquidjax.cells.lstm import LSTM, LSTMParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.program import Program

UPDATE = """
/* LSTM: c = sigmoid(f + forget bias) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c). */
static void NAME_${place}_update(REAL *h, REAL *c, const REAL *u)
{
    REAL z[4 * $units], of_h[4 * $units];
    NAME_${place}_inputs(u, z);
    NAME_${place}_recurrent(h, of_h);
    for (int i = 0; i < 4 * $units; i++)
        z[i] += of_h[i];
    for (int i = 0; i < $units; i++) {
        c[i] = NAME_sigmoid(z[$units + i] + $forget_bias) * c[i] + NAME_sigmoid(z[i]) * tanh(z[2 * $units + i]);
        h[i] = NAME_sigmoid(z[3 * $units + i]) * tanh(c[i]);
    }
}
"""
STEP = """
/* The state is h, and behind it c. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    (void)dt;
    NAME_${place}_update(state, state + $units, u);
    memcpy(y, state, $units * sizeof(REAL));
}
"""


def emit(program: Program, place: str, cell: LSTM, params: LSTMParams) -> None:
    """Adds the step."""
    add_update(program, place, params, cell.units, cell.forget_bias)
    program.add(STEP, place=place, units=cell.units)


def add_update(program: Program, place: str, params: LSTMParams, units: int, forget_bias: float) -> None:
    """void `NAME_place_update` (REAL *h, REAL *c, const REAL *u): both of them one step on."""
    add_affine(program, f"{place}_inputs", *params.inputs)
    add_affine(program, f"{place}_recurrent", params.recurrent)
    program.add(UPDATE, place=place, units=units, forget_bias=program.number(forget_bias))
