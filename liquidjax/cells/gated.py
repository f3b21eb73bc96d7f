"""The gated linear cell: a liquid neuron whose coefficients read the input only."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_integrator
from liquidjax._checks import check_key, check_size, settle
from liquidjax._types import Array, Integrator, exportable
from liquidjax.cells import ode
from liquidjax.integrators import Exponential
from liquidjax.layers.linear import Linear, init_linear, zeros


@exportable
class GatedLinearParams(NamedTuple):
    """time_constant: (inputs, units); hidden: (inputs, 2 units); equilibrium: (2 units, units), each with a bias."""

    time_constant: Linear
    hidden: Linear
    equilibrium: Linear


class Sensed(NamedTuple):
    """The time constant and the equilibrium that the inputs ask for, both (*batch, units)."""

    time_constant: Array
    equilibrium: Array


@dataclass(frozen=True)
class GatedLinear:
    """Gated linear cell: dx/dt = (a(u) - x) / tau(u).

    a(u) = W2 silu(W1 u + b1) + b2,  tau(u) = softplus(min(W u + b, 20)) + 0.1, between 0.1 and 20.1.
    The coefficients do not read the state, so this is no LTC in the sense of Hasani et al. but a linear recurrence
    with an input-dependent gate, which `Exponential` solves exactly: x <- a + (x - a) exp(-dt / tau).
    Explicit integrators need dt / unfolds <= 0.2 (Euler, Midpoint) or 0.278 (RK4) to be stable for every tau.

    Args:
        inputs: number of input features.
        units: number of neurons; all are outputs.
        integrator: how the state moves through dt.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GatedLinear(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        The liquid layer of Edifice 0.2.0 (`Edifice.Liquid`), which has dt = 1 always.
    """

    inputs: int
    units: int
    integrator: Integrator = Exponential()
    coefficients_read_state: ClassVar[bool] = False

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_integrator(self.integrator)

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> GatedLinearParams:
        """Draws the parameters: Xavier-uniform weights, biases 0, so that tau starts near log(2) + 0.1 = 0.79."""
        sizes = ((self.inputs, self.units), (self.inputs, 2 * self.units), (2 * self.units, self.units))
        layers = (init_linear(k, *size) for k, size in zip(jax.random.split(check_key(key), 3), sizes, strict=True))
        return GatedLinearParams(*(layer._replace(bias=jnp.zeros_like(layer.bias)) for layer in layers))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: GatedLinearParams, inputs: Array, key: Array | None = None) -> Sensed:
        """The time constant and the equilibrium for inputs (*batch, inputs)."""
        tau = jax.nn.softplus(jnp.minimum(params.time_constant(inputs), 20)) + 0.1
        return Sensed(tau, params.equilibrium(jax.nn.silu(params.hidden(inputs))))

    def coefficients(self, params: GatedLinearParams, state: Array, sensed: Sensed) -> tuple[Array, Array]:
        """(drive, rate), both (*batch, units), whatever the state."""
        return sensed.equilibrium / sensed.time_constant, 1 / sensed.time_constant

    def step(self, params: GatedLinearParams, state: Array, sensed: Sensed, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: GatedLinearParams, state: Array) -> Array:
        """The state itself."""
        return state
