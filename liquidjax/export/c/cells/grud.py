"""GRU-D in C."""

import numpy as np

from liquidjax.cells.grud import GRUD, GRUDParams
from liquidjax.export.c.cells.dense import add_affine
from liquidjax.export.c.program import Program

STEP = """
/* GRU-D: inputs that are missing decay to their mean, and the state decays, by the time since each reading. The state
 * is h$behind. */
static void NAME_$place(REAL *state, const REAL *u, REAL dt, REAL *y)
{
    REAL gap[$gaps], x[$inputs], decay[$units], of_x[3 * $units], of_h[2 * $units], of_rh[$units];
    REAL *h = state;
    $decayed
    NAME_${place}_hidden_decay(gap, decay);
    for (int i = 0; i < $units; i++)
        h[i] *= decay[i] > 0.0 ? exp(-decay[i]) : 1.0;
    NAME_${place}_inputs(x, of_x);
    NAME_${place}_gates(h, of_h);
    for (int i = 0; i < $units; i++)
        y[i] = NAME_sigmoid(of_x[i] + of_h[i]) * h[i];
    NAME_${place}_candidate(y, of_rh);
    for (int i = 0; i < $units; i++) {
        const REAL z = NAME_sigmoid(of_x[$units + i] + of_h[$units + i]);
        h[i] = (1.0 - z) * h[i] + z * tanh(of_x[2 * $units + i] + of_rh[i]);
        y[i] = h[i];
    }
}
"""
OBSERVED = """gap[0] = dt;
    memcpy(x, u, $inputs * sizeof(REAL));"""
MISSING = """REAL *last = state + $units, *since = state + $units + $features;
    for (int i = 0; i < $features; i++) {
        const int observed = u[$features + i] > 0.5;
        REAL decayed;
        gap[i] = dt + since[i];
        if (gap[i] > $longest)
            gap[i] = $longest;
        decayed = NAME_${place}_decay_w[i] * gap[i] + NAME_${place}_decay_b[i];
        last[i] = observed ? u[i] : last[i];
        x[i] = observed ? u[i] : (decayed > 0.0 ? exp(-decayed) : 1.0) * last[i];
        x[$features + i] = observed ? 1.0 : 0.0;
        since[i] = observed ? 0.0 : gap[i];
    }"""


def emit(program: Program, place: str, cell: GRUD, params: GRUDParams) -> None:
    """Adds the step."""
    recurrent = np.asarray(params.recurrent, float)
    add_affine(program, f"{place}_inputs", *params.inputs)
    add_affine(program, f"{place}_gates", recurrent[:, :2])
    add_affine(program, f"{place}_candidate", recurrent[:, 2])
    add_affine(program, f"{place}_hidden_decay", *params.hidden_decay)
    values = {"units": cell.units, "inputs": cell.inputs, "features": cell.features}
    values |= {"gaps": cell.features if cell.indicators else 1}
    behind, decayed = "", OBSERVED
    if params.input_decay is not None:
        program.numbers(f"{place}_decay_w", params.input_decay.weight)
        program.numbers(f"{place}_decay_b", params.input_decay.bias)
        behind, decayed = ", and behind it what was observed last, and how long ago", MISSING
    longest = program.number(float(np.finfo(program.dtype).max) ** 0.5)
    program.add(STEP.replace("$decayed", decayed), place=place, behind=behind, longest=longest, **values)
