"""The neural ODE in C."""

from liquidjax.cells.neural_ode import NeuralODE, NeuralODEParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

COEFFICIENTS = """
/* Neural ODE: dx/dt = W2 tanh(W1 [u, x] + b1) + b2; without a leak, so that its rate is 0. */
static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    REAL hidden[$hidden];
    NAME_${place}_recurrent(x, hidden);
    for (int i = 0; i < $hidden; i++)
        hidden[i] = tanh(sensed[i] + hidden[i]);
    NAME_${place}_field(hidden, drive);
    for (int i = 0; i < $units; i++)
        rate[i] = 0.0;
}
"""


def emit(program: Program, place: str, cell: NeuralODE, params: NeuralODEParams) -> None:
    """Adds the step."""
    weight, bias = params.hidden
    add_affine(program, f"{place}_sense", weight[: cell.inputs], bias)
    add_affine(program, f"{place}_recurrent", weight[cell.inputs :])
    add_affine(program, f"{place}_field", *params.field)
    program.add(COEFFICIENTS, place=place, units=cell.units, hidden=cell.hidden_units)
    add_step(program, place, cell, sensed=cell.hidden_units)
