"""The time-aware LSTM in C."""

from liquidjax.cells.tlstm import TLSTM, TLSTMParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.cells.lstm import add_update
from liquidjax.export.c.program import Program

DISCOUNTS = {
    "log": "1.0 / log(2.718281828459045 + dt)",
    "reciprocal": "dt > 1.0 ? 1.0 / dt : 1.0",
    "shifted": "1.0 / (1.0 + dt)",
}
STEP = """
/* Time-aware LSTM: the short-term share tanh(W c + b) of the memory c is discounted by g(dt). The state is h, and
 * behind it c. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    REAL of_c[$units];
    const REAL left = $discount;
    NAME_${place}_decomposition(state + $units, of_c);
    for (int i = 0; i < $units; i++)
        state[$units + i] -= (1.0 - left) * tanh(of_c[i]);
    NAME_${place}_lstm_update(state, state + $units, u);
    memcpy(y, state, $units * sizeof(REAL));
}
"""


def emit(program: Program, place: str, cell: TLSTM, params: TLSTMParams) -> None:
    """Adds the step."""
    add_update(program, f"{place}_lstm", params.lstm, cell.units, cell.forget_bias)
    add_affine(program, f"{place}_decomposition", *params.decomposition)
    program.add(STEP, place=place, units=cell.units, discount=DISCOUNTS[cell.discount])
