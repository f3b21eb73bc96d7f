"""The wired CfC in C, with the weights that its wiring allows."""

from liquidjax.cells.wired_cfc import WiredCfC, WiredCfCParams
from liquidjax.export.c.cells.cfc import add_closed_form
from liquidjax.export.c.cells.dense import add_sparse
from liquidjax.export.c.program import Program

LAYER = """
/* A layer of the wired CfC: the new state of its neurons x out of theirs and of what arrives. */
static void NAME_$place(const REAL *arriving, REAL *x, REAL dt)
{
    REAL seen[$arriving + $units], z[$heads * $units];
    memcpy(seen, arriving, $arriving * sizeof(REAL));
    memcpy(seen + $arriving, x, $units * sizeof(REAL));
    NAME_${place}_heads(seen, z);
    for (int i = 0; i < $units; i++)
        x[i] = $closed_form;
}
"""
STEP = """
static void NAME_$place(REAL *x, const REAL *u, REAL dt, REAL *y)
{
    $calls
    memcpy(y, x, $outputs * sizeof(REAL));
}
"""


def emit(program: Program, place: str, cell: WiredCfC, params: WiredCfCParams) -> None:
    """Adds the step."""
    calls, given, arriving = [], "u", cell.inputs
    for i, (neurons, mask, head) in enumerate(zip(cell.graph.layers, cell.masks(), params.layers, strict=True)):
        name, units, first = f"{place}_layer{i + 1}", len(neurons), neurons[0]
        add_sparse(program, f"{name}_heads", head.heads.weight, head.heads.bias, mask)
        closed_form, heads = add_closed_form(program, name, cell.mode, head, units)
        program.add(LAYER, place=name, arriving=arriving, units=units, heads=heads, closed_form=closed_form)
        calls.append(f"NAME_{name}({given}, x + {first}, dt);")
        given, arriving = f"x + {first}", units  # the neurons of a layer are consecutive
    program.add(STEP, place=place, calls="\n    ".join(calls), outputs=cell.outputs)
