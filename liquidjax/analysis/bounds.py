"""Within which bounds time constants and states stay, whatever the inputs: the theorems of the LTC paper as functions.

For a run that starts at rest (zeros), or anywhere else within the bounds of the state, and for parameters in their
ranges (`project`, where constraints are explicit). The bounds of the state hold for the exact solution, and at any dt
for `SemiImplicit` and `Exponential`, whose steps are convex combinations; an explicit method such as `Euler` keeps them
only where it is stable.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell, check_params
from liquidjax._types import Array, Cell, Params
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.ltc import LTC, LTCParams, SynapseParams
from liquidjax.cells.wrappers.base import Wrapper, cell_inside
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.reparam import positive
from liquidjax.wirings import Synapses


class Bounds(NamedTuple):
    """low and high, both (units,)."""

    low: Array
    high: Array


def time_constant_bounds(cell: Cell, params: Params) -> Bounds:
    """Between which values the liquid time constant of each neuron lies, for any input and any state.

    HasaniLTC:  tau / (1 + tau) <= tau_sys <= tau
    LTC:        capacitance / (leak + sum of weights + epsilon) <= tau_sys <= capacitance / (leak + epsilon),
                where leak is the leak conductance, and the sum runs over the synapses onto the neuron.

    Args:
        cell: a `HasaniLTC` or an `LTC`, or a `Readout`, `Block`, `StepLoss` or `MixedMemory` of one.
        params: its parameters.

    Returns:
        The bounds, each (units,), in the unit of dt.

    Raises:
        ValueError: a cell of another kind, or the parameters of another cell.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.HasaniLTC(inputs=2, units=1)
        >>> params = cell.init(jax.random.key(0))
        >>> [round(float(bound[0]), 3) for bound in time_constant_bounds(cell, params)]
        [0.568, 1.313]

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, theorem 1.
    """
    cell, params = _known(cell, params)
    if isinstance(cell, HasaniLTC):
        tau = positive(params.time_constant, "implicit")
        return Bounds(tau / (1 + tau), tau)
    capacitance = positive(params.capacitance, cell.constraints)
    least = positive(params.leak_conductance, cell.constraints) + cell.epsilon
    most = least
    for synapses, graph in _synapses(cell, params):
        weight = positive(synapses.weight, cell.constraints)
        most = most + jax.ops.segment_sum(weight, graph.target, cell.units)
    return Bounds(capacitance / most, capacitance / least)


def state_bounds(cell: Cell, params: Params) -> Bounds:
    """Between which values the state of each neuron stays, for any inputs and any dt.

    HasaniLTC:  min(0, A) <= x <= max(0, A)
    LTC:        x lies between the smallest and the largest of 0, where it starts, the leak potential, and the reversal
                potentials of the synapses onto the neuron.
    MixedMemory with writes="state": the same with -1 and 1 in the place of 0, because the LSTM rewrites the state.

    Args:
        cell: a `HasaniLTC` or an `LTC`, or a `Readout`, `Block`, `StepLoss` or `MixedMemory` of one.
        params: its parameters.

    Returns:
        The bounds, each (units,).

    Raises:
        ValueError: a cell of another kind, or the parameters of another cell.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=8))
        >>> state_bounds(cell, cell.init(jax.random.key(0))).high
        Array([1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, theorem 2.
    """
    # An LSTM that rewrites the state puts it within (-1, 1) before each step.
    start = 1.0 if _rewritten(cell) else 0.0
    cell, params = _known(cell, params)
    if isinstance(cell, HasaniLTC):
        return Bounds(jnp.minimum(-start, params.A), jnp.maximum(start, params.A))
    low = jnp.minimum(-start, params.leak_potential)
    high = jnp.maximum(start, params.leak_potential)
    for synapses, graph in _synapses(cell, params):
        low = jnp.minimum(low, jax.ops.segment_min(synapses.reversal_potential, graph.target, cell.units))
        high = jnp.maximum(high, jax.ops.segment_max(synapses.reversal_potential, graph.target, cell.units))
    return Bounds(low, high)


def _synapses(cell: LTC, params: LTCParams) -> tuple[tuple[SynapseParams, Synapses], ...]:
    graph = cell.graph
    return (params.synapses, graph.synapses), (params.sensory_synapses, graph.sensory_synapses)


def _rewritten(cell: Cell) -> bool:
    """Whether an LSTM writes the state of the cell inside."""
    while isinstance(cell, Wrapper):
        if isinstance(cell, MixedMemory) and cell.writes == "state":
            return True
        cell = cell.cell
    return False


def _known(cell: Cell, params: Params) -> tuple[HasaniLTC | LTC, Any]:
    """The cell inside and its parameters, or the ValueError for one without known bounds."""
    check_cell(cell)
    check_params(cell, params)
    inner, params = cell_inside(cell, params)
    if not isinstance(inner, HasaniLTC | LTC):
        raise ValueError(
            f"cell must be a HasaniLTC or an LTC, the cells with known bounds, or built around one, got "
            f"{type(inner).__name__}"
        )
    return inner, params
