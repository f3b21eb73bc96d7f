"""A neural ODE driven by its inputs, as a recurrent cell."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_integrator
from liquidjax._checks import check_key, check_size, settle
from liquidjax._types import Array, Integrator, exportable
from liquidjax.cells import ode
from liquidjax.integrators import RK4
from liquidjax.layers.linear import Linear, init_linear, zeros


@exportable
class NeuralODEParams(NamedTuple):
    """hidden: weight (inputs + units, hidden_units); field: weight (hidden_units, units)."""

    hidden: Linear
    field: Linear


@dataclass(frozen=True)
class NeuralODE:
    """Neural ODE cell: dx/dt = W2 tanh(W1 [u, x] + b1) + b2, with the input u held for the whole of dt.

    It has no leak: drive is the field and rate is 0, so `SemiImplicit` and `Exponential` are Euler's method here.

    Args:
        inputs: number of input features.
        units: number of state variables; all are outputs.
        hidden_units: width of the field's hidden layer.
        integrator: how the state moves through dt.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.NeuralODE(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Chen et al., "Neural ordinary differential equations", NeurIPS 2018, equation 1; driven by an input as in the
        ODE-RNN of Rubanova et al., NeurIPS 2019.
    """

    inputs: int
    units: int
    hidden_units: int = 64
    integrator: Integrator = RK4(unfolds=1)
    coefficients_read_state: ClassVar[bool] = True

    def __post_init__(self):
        settle(self, check_size, "inputs", "units", "hidden_units")
        check_integrator(self.integrator)

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> NeuralODEParams:
        """Draws the parameters."""
        hidden, field = jax.random.split(check_key(key))
        return NeuralODEParams(
            init_linear(hidden, self.inputs + self.units, self.hidden_units),
            init_linear(field, self.hidden_units, self.units),
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: NeuralODEParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the hidden layer."""
        return Linear(params.hidden.weight[: self.inputs], params.hidden.bias)(inputs)

    def coefficients(self, params: NeuralODEParams, state: Array, sensed: Array) -> tuple[Array, Array]:
        """(field, 0) for state (*batch, units), the same shape."""
        drive = params.field(jnp.tanh(sensed + state @ params.hidden.weight[self.inputs :]))
        return drive, jnp.zeros_like(drive)

    def step(self, params: NeuralODEParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: NeuralODEParams, state: Array) -> Array:
        """The state itself."""
        return state
