"""The cell inside another one, with what that one hands to it."""

from typing import Any

from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.wrappers.block import Block
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.step_loss import StepLoss

Wrapper = Readout | StepLoss | Block | MixedMemory


def cell_inside(cell: Cell, params: Params) -> tuple[Cell, Params]:
    """The innermost cell and its parameters: the cell itself, or the one that `Readout` and the like are built around.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.Readout(lj.GRU(inputs=1, units=2), outputs=3)
        >>> cell_inside(cell, cell.init(jax.random.key(0)))[0]
        GRU(inputs=1, units=2)
    """
    while isinstance(cell, Wrapper):
        cell, params = cell.cell, params if isinstance(cell, StepLoss) else params.cell
    return cell, params


def given_inside(cell: Cell, params: Any, state: Any, inputs: Array) -> tuple[Cell, Params, State, Array]:
    """The innermost cell, its parameters, its part of the state, and what it hears of the inputs (*batch, inputs).

    The state is that which the neurons are in: what the LSTM of a `MixedMemory` is going to make of it is left out.
    With writes="input" the cell hears the LSTM's answer to the inputs in this state.
    """
    while isinstance(cell, Wrapper):
        if isinstance(cell, MixedMemory):
            inputs, state = cell.heard(params, state, inputs), state.state
        elif isinstance(cell, Block):
            inputs = params.norm(inputs)
        cell, params = cell.cell, params if isinstance(cell, StepLoss) else params.cell
        inputs = inputs[..., : cell.inputs]  # behind them is the target of a `StepLoss`
    return cell, params, state, inputs
