"""The LTC in C, with the synapses that exist."""

import numpy as np

from liquidjax.cells.ltc import LTC, LTCParams, MappingParams, SynapseParams
from liquidjax.export.c.cells.dense import or_one
from liquidjax.export.c.cells.positive import positive
from liquidjax.export.c.integrators import add_step
from liquidjax.export.c.program import Program
from liquidjax.wirings.graph import Synapses

COEFFICIENTS = """
/* LTC: capacitance dx/dt = leak (E_leak - x) + the sum over synapses of g (E - x). Sensed are the currents, and behind
 * them the conductances, of leak and sensory synapses. */
static void NAME_${place}_sense(const REAL *u, REAL *sensed)
{
    REAL v[$inputs];
    for (int i = 0; i < $inputs; i++)
        v[i] = $mapped;
    memcpy(sensed, NAME_${place}_at_rest, sizeof NAME_${place}_at_rest);
    NAME_synapses(NAME_${place}_sensory, NAME_${place}_sensory_count, NAME_${place}_sensory_source, v,
                  sensed, sensed + $units, $units);
}

static void NAME_${place}_coefficients(const REAL *x, const REAL *sensed, REAL *drive, REAL *rate)
{
    memcpy(drive, sensed, $units * sizeof(REAL));
    memcpy(rate, sensed + $units, $units * sizeof(REAL));
    NAME_synapses(NAME_${place}_inner, NAME_${place}_inner_count, NAME_${place}_inner_source, x, drive, rate, $units);
    for (int i = 0; i < $units; i++) {
        drive[i] /= NAME_${place}_capacitance[i];
        rate[i] /= NAME_${place}_capacitance[i];
    }
}
"""


def emit(program: Program, place: str, cell: LTC, params: LTCParams) -> None:
    """Adds the step."""
    leak = positive(params.leak_conductance, cell.constraints)
    program.numbers(f"{place}_at_rest", [leak * params.leak_potential, leak + cell.epsilon])
    program.numbers(f"{place}_capacitance", positive(params.capacitance, cell.constraints))
    _add_synapses(program, f"{place}_sensory", cell, params.sensory_synapses, cell.graph.sensory_synapses)
    _add_synapses(program, f"{place}_inner", cell, params.synapses, cell.graph.synapses)
    mapped = _mapping(program, f"{place}_input", params.input_mapping, "u[i]")
    program.add(COEFFICIENTS, place=place, inputs=cell.inputs, units=cell.units, mapped=mapped)
    readout = _mapping(program, f"{place}_output", params.output_mapping, "x[i]")
    add_step(program, place, cell, sensed=2 * cell.units, readout=readout)


def _add_synapses(program: Program, place: str, cell: LTC, params: SynapseParams, synapses: Synapses) -> None:
    """Four numbers for each synapse, see `synapses` in functions.py; they are sorted by their target already."""
    half_weight, half_steepness = positive(params.weight, cell.constraints) / 2, params.steepness / 2
    columns = (
        half_steepness,
        half_steepness * params.midpoint,
        half_weight,
        half_weight * params.reversal_potential,
    )
    program.numbers(place, or_one(np.stack(columns, axis=1)))
    program.integers(f"{place}_count", np.bincount(synapses.target, minlength=cell.units))
    program.integers(f"{place}_source", or_one(synapses.source))


def _mapping(program: Program, place: str, mapping: MappingParams, value: str) -> str:
    """weight * value + bias as C, each where it is there."""
    if mapping.weight is not None:
        program.numbers(f"{place}_weight", mapping.weight)
        value += f" * NAME_{place}_weight[i]"
    if mapping.bias is not None:
        program.numbers(f"{place}_bias", mapping.bias)
        value += f" + NAME_{place}_bias[i]"
    return value
