"""The LTC of the paper's equation 1 in C."""

from liquidjax.cells.hasani import HasaniLTC, HasaniLTCParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.cells.positive import rate_of, softplus
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

COEFFICIENTS = """
/* dx/dt = -(1 / tau + f) x + f A with f = sigmoid(W [u, x] + b). */
static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    NAME_${place}_recurrent(x, drive);
    for (int i = 0; i < $units; i++) {
        const REAL f = NAME_sigmoid(sensed[i] + drive[i]);
        drive[i] = f * NAME_${place}_a[i];
        rate[i] = NAME_${place}_rate[i] + f;
    }
}
"""


def emit(program: Program, place: str, cell: HasaniLTC, params: HasaniLTCParams) -> None:
    """Adds the step."""
    weight, bias = params.linear
    add_affine(program, f"{place}_sense", weight[: cell.inputs], bias)
    add_affine(program, f"{place}_recurrent", weight[cell.inputs :])
    program.numbers(f"{place}_a", params.A)
    program.numbers(f"{place}_rate", rate_of(softplus(params.time_constant), program.dtype))
    program.add(COEFFICIENTS, place=place, units=cell.units)
    add_step(program, place, cell, sensed=cell.units)
