"""A linear map on the outputs of any cell."""

from dataclasses import dataclass
from typing import NamedTuple

import jax

from liquidjax._belong import check_cell
from liquidjax._checks import check_key, check_size, settle
from liquidjax._types import Array, Cell, Params, Sensed, State, exportable
from liquidjax.cells.wrappers.base import TransparentWrapper
from liquidjax.layers.linear import Linear, init_linear


@exportable
class ReadoutParams(NamedTuple):
    """Parameters of the cell and of the map, weight (cell outputs, outputs)."""

    cell: Params
    linear: Linear


@dataclass(frozen=True)
class Readout(TransparentWrapper):
    """A cell with a linear readout: y = W output + b. The `proj_size` of ncps, for any cell.

    Args:
        cell: the cell that is read out.
        outputs: number of output features.

    Raises:
        ValueError: outputs is not an integer of at least 1.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.Readout(lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=4)), outputs=10)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((5, 3, 2)), dt=0.1)
        >>> outputs.shape
        (5, 3, 10)
    """

    cell: Cell
    outputs: int

    def __post_init__(self):
        check_cell(self.cell)
        settle(self, check_size, "outputs")

    def init(self, key: Array) -> ReadoutParams:
        """Draws the parameters."""
        cell_key, linear_key = jax.random.split(check_key(key))
        return ReadoutParams(self.cell.init(cell_key), init_linear(linear_key, self.cell.outputs, self.outputs))

    def sense(self, params: ReadoutParams, inputs: Array, key: Array | None = None) -> Sensed:
        """What the cell senses."""
        return self.cell.sense(params.cell, inputs, key)

    def inner_params(self, params: ReadoutParams) -> Params:
        return params.cell

    def inner_sensed(self, params: ReadoutParams, state: State, sensed: Sensed) -> Sensed:
        return sensed

    def readout(self, params: ReadoutParams, state: State, sensed: Sensed, output: Array) -> Array:
        return params.linear(output)
