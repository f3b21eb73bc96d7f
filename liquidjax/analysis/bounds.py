"""Within which bounds time constants and states stay, whatever the inputs: the theorems of the LTC paper as functions.

For a run that starts at rest (zeros), or anywhere else within the bounds of the state, and for parameters in their
ranges (`project`, where constraints are explicit). The bounds of the state hold for the exact solution, and at any dt
for `SemiImplicit` and `Exponential`, whose steps are convex combinations; an explicit method such as `Euler` keeps them
only where it is stable.
"""

from liquidjax._belong import check_cell, check_params
from liquidjax._types import BoundedCell, Bounds, Cell, Params
from liquidjax.cells.wrappers.base import RewritesState, Wrapper, cell_inside, params_inside


def time_constant_bounds(cell: Cell, params: Params) -> Bounds:
    """Between which values the liquid time constant of each neuron lies, for any input and any state.

    HasaniLTC:  tau / (1 + tau) <= tau_sys <= tau
    LTC:        capacitance / (leak + sum of weights + epsilon) <= tau_sys <= capacitance / (leak + epsilon),
                where leak is the leak conductance, and the sum runs over the synapses onto the neuron.

    Args:
        cell: a `HasaniLTC`, an `LTC` or any `BoundedCell`, or wrappers around one.
        params: its parameters.

    Returns:
        The bounds, each (units,), in the unit of dt.

    Raises:
        ValueError: a cell of another kind, or the parameters of another cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.HasaniLTC(inputs=2, units=1)
        >>> params = cell.init(jax.random.key(0))
        >>> [round(float(bound[0]), 3) for bound in time_constant_bounds(cell, params)]
        [0.568, 1.313]

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, theorem 1.
    """
    return _known(cell, params).time_constant_bounds(params_inside(cell, params))


def state_bounds(cell: Cell, params: Params) -> Bounds:
    """Between which values the state of each neuron stays, for any inputs and any dt.

    HasaniLTC:  min(0, A) <= x <= max(0, A)
    LTC:        x lies between the smallest and the largest of 0, where it starts, the leak potential, and the reversal
                potentials of the synapses onto the neuron.
    MixedMemory with writes="state": the same with -1 and 1 in the place of 0, because the LSTM rewrites the state.

    Args:
        cell: a `HasaniLTC`, an `LTC` or any `BoundedCell`, or wrappers around one.
        params: its parameters.

    Returns:
        The bounds, each (units,).

    Raises:
        ValueError: a cell of another kind, or the parameters of another cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=8))
        >>> state_bounds(cell, cell.init(jax.random.key(0))).high
        Array([1., 1., 1., 1., 1., 1., 1., 1.], dtype=float32)

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, theorem 2.
    """
    inner = _known(cell, params)
    return inner.state_bounds(params_inside(cell, params), _start(cell))


def _start(cell: Cell) -> float:
    """The largest magnitude of what a step of the innermost cell may start from, when it has rested before."""
    start = 0.0
    while isinstance(cell, Wrapper):
        if isinstance(cell, RewritesState):
            start = max(start, cell.rewritten_within)
        elif not cell.transparent:
            raise ValueError(
                f"{type(cell).__name__} moves the state of the cell inside it and does not say how far: it needs "
                "`rewritten_within`, the magnitude within which it puts that state before a step"
            )
        cell = cell.cell
    return start


def _known(cell: Cell, params: Params) -> BoundedCell:
    """The cell inside, or the ValueError for one without known bounds."""
    check_cell(cell)
    check_params(cell, params)
    inner = cell_inside(cell)
    if not isinstance(inner, BoundedCell):
        raise ValueError(
            f"cell must be one with known bounds, as HasaniLTC and LTC are, or built around one, got "
            f"{type(inner).__name__}"
        )
    return inner
