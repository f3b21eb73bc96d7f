"""How a state moves through dt, in C: the fixed-step integrators, each around the coefficients of a cell."""

from typing import Any

from liquidjax.export.c.program import Program
from liquidjax.integrators.euler import Euler
from liquidjax.integrators.exponential import Exponential
from liquidjax.integrators.midpoint import Midpoint
from liquidjax.integrators.rk4 import RK4
from liquidjax.integrators.semi_implicit import SemiImplicit

SLOPE = """
/* f = drive - rate x. */
static void NAME_${place}_slope(const REAL *x, const REAL *sensed, REAL *f)
{
    REAL rate[$units];
    NAME_${place}_coefficients(x, sensed, f, rate);
    for (int i = 0; i < $units; i++)
        f[i] -= rate[i] * x[i];
}
"""
UNFOLDS = {
    SemiImplicit: """
/* SemiImplicit: x = (x + h drive) / (1 + h rate); above h = 1 divided by h, so that neither part overflows. */
static void NAME_${place}_advance(REAL *x, const REAL *sensed, REAL dt)
{
    REAL drive[$units], rate[$units];
    const REAL h = dt / $unfolds.0;
    const REAL share = h > 1.0 ? 1.0 / h : 1.0, step = h > 1.0 ? 1.0 : h;
    for (int unfold = 0; unfold < $unfolds; unfold++) {
        NAME_${place}_coefficients(x, sensed, drive, rate);
        for (int i = 0; i < $units; i++)
            x[i] = (share * x[i] + step * drive[i]) / (share + step * rate[i]);
    }
}
""",
    Exponential: """
/* Exponential: x = exp(-z) x + h phi(z) drive, with z = h rate and phi(z) = (1 - exp(-z)) / z, a series near 0. */
static void NAME_${place}_advance(REAL *x, const REAL *sensed, REAL dt)
{
    REAL drive[$units], rate[$units];
    const REAL h = dt / $unfolds.0;
    for (int unfold = 0; unfold < $unfolds; unfold++) {
        NAME_${place}_coefficients(x, sensed, drive, rate);
        for (int i = 0; i < $units; i++) {
            const REAL z = h * rate[i];
            const REAL series = 1.0 + z * (-0.5 + z * (1.0 / 6.0 + z * (-1.0 / 24.0 + z / 120.0)));
            const REAL h_phi = fabs(z) < 0.01 ? h * series : -expm1(-z) / rate[i];
            x[i] = exp(-z) * x[i] + h_phi * drive[i];
        }
    }
}
""",
    Euler: """
/* Euler: x = x + h f(x). */
static void NAME_${place}_advance(REAL *x, const REAL *sensed, REAL dt)
{
    REAL f[$units];
    const REAL h = dt / $unfolds.0;
    for (int unfold = 0; unfold < $unfolds; unfold++) {
        NAME_${place}_slope(x, sensed, f);
        for (int i = 0; i < $units; i++)
            x[i] += h * f[i];
    }
}
""",
    Midpoint: """
/* Midpoint: x = x + h f(x + h/2 f(x)). */
static void NAME_${place}_advance(REAL *x, const REAL *sensed, REAL dt)
{
    REAL f[$units], between[$units];
    const REAL h = dt / $unfolds.0;
    for (int unfold = 0; unfold < $unfolds; unfold++) {
        NAME_${place}_slope(x, sensed, f);
        for (int i = 0; i < $units; i++)
            between[i] = x[i] + h / 2.0 * f[i];
        NAME_${place}_slope(between, sensed, f);
        for (int i = 0; i < $units; i++)
            x[i] += h * f[i];
    }
}
""",
    RK4: """
/* RK4, the classical Runge-Kutta method of fourth order. */
static void NAME_${place}_advance(REAL *x, const REAL *sensed, REAL dt)
{
    REAL k1[$units], k2[$units], k3[$units], k4[$units], between[$units];
    const REAL h = dt / $unfolds.0;
    for (int unfold = 0; unfold < $unfolds; unfold++) {
        NAME_${place}_slope(x, sensed, k1);
        for (int i = 0; i < $units; i++)
            between[i] = x[i] + h / 2.0 * k1[i];
        NAME_${place}_slope(between, sensed, k2);
        for (int i = 0; i < $units; i++)
            between[i] = x[i] + h / 2.0 * k2[i];
        NAME_${place}_slope(between, sensed, k3);
        for (int i = 0; i < $units; i++)
            between[i] = x[i] + h * k3[i];
        NAME_${place}_slope(between, sensed, k4);
        for (int i = 0; i < $units; i++)
            x[i] += h / 6.0 * (k1[i] + 2.0 * k2[i] + 2.0 * k3[i] + k4[i]);
    }
}
""",
}
STEP = """
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL sensed[$sensed];
    NAME_${place}_sense(u, sensed);
    NAME_${place}_advance(x, sensed, dt);
    for (int i = 0; i < $outputs; i++)
        y[i] = $readout;
}
"""


def add_step(program: Program, place: str, cell: Any, sensed: int, readout: str = "x[i]") -> None:
    """The step of a cell of which these are there already: void `NAME_place_sense` (const REAL *u, REAL *sensed), and
    void `NAME_place_coefficients` (const REAL *x, const REAL *sensed, REAL *drive, REAL *rate).

    Args:
        program: to be added to.
        place: of the cell in the names.
        cell: an `ODECell`.
        sensed: how many numbers it senses.
        readout: y[i], as C.

    Raises:
        ValueError: an integrator that cannot be said in the language of the program.
    """
    integrator = cell.integrator
    unfold = UNFOLDS.get(type(integrator))  # of a class that inherits from one of them nobody knows what it does
    if unfold is None:
        reason = (
            "it chooses its steps by what it sees, so that nobody could say how long one takes"
            if integrator.per_sample
            else "what it does is known in Python only"
        )
        raise ValueError(
            f"{type(cell).__name__} cannot be exported to {program.language} with the integrator "
            f"{type(integrator).__name__}: {reason}; {', '.join(known.__name__ for known in UNFOLDS)} can"
        )
    if "_slope(" in unfold:
        program.add(SLOPE, place=place, units=cell.units)
    program.sensed[place] = sensed
    program.add(unfold, place=place, units=cell.units, unfolds=integrator.unfolds)
    program.add(STEP, place=place, sensed=sensed, outputs=cell.outputs, readout=readout)
