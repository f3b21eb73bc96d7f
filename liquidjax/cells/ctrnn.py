"""The continuous-time recurrent network, the baseline with a fixed or learnt time constant."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp

from liquidjax._belong import check_integrator
from liquidjax._checks import check_flag, check_key, check_number, check_size, settle
from liquidjax._types import Array, Integrator, exportable
from liquidjax.cells import ode
from liquidjax.integrators import Exponential
from liquidjax.layers.linear import Linear, init_linear, zeros
from liquidjax.reparam import positive, rate_of, stored


@exportable
class CTRNNParams(NamedTuple):
    """linear: weight (inputs + units, units), bias (units); time_constant: softplus of it is tau, (units,), or None."""

    linear: Linear
    time_constant: Array | None


@dataclass(frozen=True)
class CTRNN:
    """Continuous-time recurrent network: dx/dt = -x / tau + tanh(W [u, x] + b) / tau.

    Its time constant does not depend on state or input; that is what a liquid network adds.

    Args:
        inputs: number of input features.
        units: number of neurons; all are outputs.
        integrator: how the state moves through dt.
        time_constant: tau at the start, in the unit of dt, > 0.
        learn_time_constant: whether tau is a parameter, one for each neuron.

    Raises:
        ValueError: a size or tau is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.CTRNN(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Funahashi and Nakamura, "Approximation of dynamical systems by continuous time recurrent neural networks",
        Neural Networks 6 (1993); with tau = 1 the CT-RNN of Hasani et al. (2021), whose tanh is not
        divided by tau.
    """

    inputs: int
    units: int
    integrator: Integrator = Exponential(unfolds=6)
    time_constant: float = 1.0
    learn_time_constant: bool = True
    coefficients_read_state: ClassVar[bool] = True

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_integrator(self.integrator)
        settle(self, check_number, "time_constant")
        settle(self, check_flag, "learn_time_constant")
        if not self.time_constant > 0:
            raise ValueError(f"time_constant must be above 0, got {self.time_constant}")

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> CTRNNParams:
        """Draws the parameters."""
        tau = jnp.full(self.units, self.time_constant, float)
        return CTRNNParams(
            init_linear(check_key(key), self.inputs + self.units, self.units),
            stored(tau, "implicit") if self.learn_time_constant else None,
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: CTRNNParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the argument of the tanh."""
        return Linear(params.linear.weight[: self.inputs], params.linear.bias)(inputs)

    def coefficients(self, params: CTRNNParams, state: Array, sensed: Array) -> tuple[Array, Array]:
        """(drive, rate) for state (*batch, units), the same shape."""
        target = jnp.tanh(sensed + state @ params.linear.weight[self.inputs :])
        if params.time_constant is None:
            rate = rate_of(jnp.full_like(target, self.time_constant))
        else:
            rate = jnp.broadcast_to(rate_of(positive(params.time_constant, "implicit")), target.shape)
        return rate * target, rate

    def step(self, params: CTRNNParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: CTRNNParams, state: Array) -> Array:
        """The state itself."""
        return state
