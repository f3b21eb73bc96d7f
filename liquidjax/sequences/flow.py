"""The differential equation inside a cell, apart from how the cell steps through it."""

from dataclasses import dataclass
from typing import ClassVar

from liquidjax._types import Array, Cell, Coefficients, ODECell, Params, State
from liquidjax.cells.ode import with_integrators
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.step_loss import StepLoss


def ode_cell(cell: Cell) -> ODECell:
    """The cell that moves the state: the cell itself, or the one inside a `Readout` or a `StepLoss`.

    Raises:
        ValueError: it follows no differential equation.
    """
    inner = cell
    while isinstance(inner, Readout | StepLoss):
        inner = inner.cell
    if not isinstance(inner, ODECell):
        raise ValueError(
            f"expected a cell that follows a differential equation, such as LTC or CTRNN, or a Readout of "
            f"one, got {type(inner).__name__}; for others there are unroll and its gradients Remat, "
            f"Chunked and Recursive"
        )
    return inner


def ode_params(cell: Cell, params: Params) -> Params:
    """The parameters of `ode_cell(cell)`, out of those of the cell."""
    while isinstance(cell, Readout | StepLoss):
        params = params.cell if isinstance(cell, Readout) else params
        cell = cell.cell
    return params


def slope(cell: Cell, params: Params, state: State, inputs: Array) -> Array:
    """dx/dt = drive - rate x for a state (*batch, units) and inputs (*batch, inputs)."""
    inner, params = ode_cell(cell), ode_params(cell, params)
    drive, rate = inner.coefficients(params, state, inner.sense(params, inputs[..., : inner.inputs]))
    return drive - rate * state


def output(cell: Cell, params: Params, state: State, inputs: Array, dt: Array) -> Array:
    """What a cell answers (*batch, outputs) in the state it has reached."""
    still = with_integrators(cell, lambda _: _Still())
    return still.step(params, state, still.sense(params, inputs), dt)[1]


@dataclass(frozen=True)
class _Still:
    """An integrator for which no time passes: of a cell with it only the readout of the state is left."""

    per_sample: ClassVar[bool] = False

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state as it is."""
        return state
