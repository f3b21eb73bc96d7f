"""The gated linear cell in C."""

from liquidjax.cells.gated import GatedLinear, GatedLinearParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program

SENSE = """
/* Gated linear cell: dx/dt = (a(u) - x) / tau(u). Sensed are the drives a / tau, and behind them the rates 1 / tau. */
static void NAME_${place}_sense(const REAL *u, REAL *sensed)
{
    REAL hidden[2 * $units];
    NAME_${place}_hidden(u, hidden);
    for (int i = 0; i < 2 * $units; i++)
        hidden[i] = NAME_silu(hidden[i]);
    NAME_${place}_equilibrium(hidden, sensed);
    NAME_${place}_time_constant(u, sensed + $units);
    for (int i = 0; i < $units; i++) {
        const REAL t = sensed[$units + i];
        const REAL tau = NAME_softplus(t > 20.0 ? 20.0 : t) + 0.1;
        sensed[i] /= tau;
        sensed[$units + i] = 1.0 / tau;
    }
}

static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    (void)x;
    memcpy(drive, sensed, $units * sizeof(REAL));
    memcpy(rate, sensed + $units, $units * sizeof(REAL));
}
"""


def emit(program: Program, place: str, cell: GatedLinear, params: GatedLinearParams) -> None:
    """Adds the step."""
    for name, linear in params._asdict().items():
        add_affine(program, f"{place}_{name}", *linear)
    program.add(SENSE, place=place, units=cell.units)
    add_step(program, place, cell, sensed=2 * cell.units)
