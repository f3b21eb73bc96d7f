"""What the neurons do over a sequence: their states and time constants at every step."""

from dataclasses import dataclass
from typing import Any

from liquidjax._belong import check_cell, check_params
from liquidjax._types import Array, Cell, Params, Sensed, State
from liquidjax.cells.ode import time_constant
from liquidjax.cells.wrappers.base import TransparentWrapper
from liquidjax.sequences.unroll import unroll


@dataclass(frozen=True)
class _OutputIsState(TransparentWrapper):
    """A transparent wrapper whose output is its state, for whatever reaches through wrappers."""

    cell: Cell

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    def init(self, key: Array) -> Params:
        return self.cell.init(key)

    def sense(self, params: Params, inputs: Array, key: Array | None = None) -> Sensed:
        return self.cell.sense(params, inputs, key)

    def inner_params(self, params: Params) -> Params:
        return params

    def inner_sensed(self, params: Params, state: State, sensed: Sensed) -> Sensed:
        return sensed

    def readout(self, params: Params, state: State, sensed: Sensed, output: Array) -> Any:
        return state


def states(cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, **options: Any) -> State:
    """The state after every time step.

    Args:
        cell: any `Cell`.
        params: its parameters.
        inputs: (time, *batch, inputs).
        dt: as for `unroll`.
        options: the keyword arguments of `unroll`.

    Returns:
        The state with a time axis before the others, (time, *batch, units) for each of its arrays.

    Raises:
        ValueError: as `unroll`.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> states(cell, cell.init(jax.random.key(0)), jnp.ones((10, 3, 2)), dt=0.1).shape
        (10, 3, 16)
    """
    check_cell(cell)
    check_params(cell, params)
    return unroll(_OutputIsState(cell), params, inputs, dt, **options)[1]


def time_constants(cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, **options: Any) -> Array:
    """The liquid time constant 1 / rate of every neuron after every time step, in the unit of dt.

    Args:
        cell: a cell with coefficients, or one built around it; see `cells.ode.time_constant`.
        params: its parameters.
        inputs: (time, *batch, inputs).
        dt: as for `unroll`.
        options: the keyword arguments of `unroll`.

    Returns:
        (time, *batch, units); inf where the rate is 0.

    Raises:
        ValueError: as `unroll`.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> time_constants(cell, cell.init(jax.random.key(0)), jnp.ones((10, 3, 2)), dt=0.1).shape
        (10, 3, 16)

    Reference:
        Hasani et al. (2021), section 3.
    """
    return time_constant(cell, params, states(cell, params, inputs, dt, **options), inputs)
