"""The CfC in C."""

import numpy as np

from liquidjax.cells.cfc import CfC, CfCParams, HeadParams, Mode
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.program import Program

STEP = """
/* CfC: the closed form of the heads and dt. */
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    REAL seen[$inputs + $units], z[$heads * $units];
    memcpy(seen, u, $inputs * sizeof(REAL));
    memcpy(seen + $inputs, x, $units * sizeof(REAL));
    NAME_${place}_features(seen, z);
    for (int i = 0; i < $units; i++)
        x[i] = y[i] = $closed_form;
}
"""
FEATURES = """
/* The backbone, from layer to layer in two arrays in turn, and the heads. */
static void NAME_${place}_features(const REAL *seen, REAL *z)
{
    REAL $arrays;
    $calls
}
"""


def emit(program: Program, place: str, cell: CfC, params: CfCParams) -> None:
    """Adds the step. Dropout is for training and does nothing here."""
    if params.backbone:
        calls, given = [], "seen"
        for i, layer in enumerate(params.backbone):
            add_affine(program, f"{place}_layer{i + 1}", *layer, cell.activation)
            calls.append(f"NAME_{place}_layer{i + 1}({given}, {'ab'[i % 2]});")
            given = "ab"[i % 2]
        add_affine(program, f"{place}_heads", *params.head.heads)
        calls.append(f"NAME_{place}_heads({given}, z);")
        arrays = ", ".join(f"{name}[{cell.backbone_units}]" for name in "ab"[: len(params.backbone)])
        program.add(FEATURES, place=place, arrays=arrays, calls="\n    ".join(calls))
    else:
        add_affine(program, f"{place}_features", *params.head.heads)
    closed_form, heads = add_closed_form(program, place, cell.mode, params.head, cell.units)
    program.add(STEP, place=place, inputs=cell.inputs, units=cell.units, heads=heads, closed_form=closed_form)


def add_closed_form(program: Program, place: str, mode: Mode, head: HeadParams, units: int) -> tuple[str, int]:
    """(the new state i, as C, out of z, where the heads lie one after another, and dt; the number of heads)."""
    if mode == "pure":
        assert head.w_tau is not None and head.A is not None
        program.numbers(f"{place}_w_tau", np.abs(head.w_tau))
        program.numbers(f"{place}_a", head.A)
        return f"NAME_cfc_pure(z[i], NAME_{place}_w_tau[i], NAME_{place}_a[i], dt)", 1
    return f"NAME_cfc_{mode}(z[i], z[{units} + i], z[2 * {units} + i], z[3 * {units} + i], dt)", 4
