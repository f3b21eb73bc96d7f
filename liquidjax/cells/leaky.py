"""Leaky integrators: what a linear memory without any recurrence does, the least a liquid network must beat."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_integrator
from liquidjax._checks import check_flag, check_key, check_number, check_size, described, put, settle
from liquidjax._types import Array, Integrator, exportable
from liquidjax.cells import ode
from liquidjax.integrators import Exponential
from liquidjax.layers.linear import Linear, init_linear, zeros
from liquidjax.reparam import positive, rate_of, stored


@exportable
class LeakyIntegratorParams(NamedTuple):
    """linear: weight (inputs, units), bias (units); time_constant: softplus of it is tau, (units,), or None."""

    linear: Linear
    time_constant: Array | None


@dataclass(frozen=True)
class LeakyIntegrator:
    """Leaky integrators side by side: dx/dt = (W u + b - x) / tau, a linear map of low-pass filters of the inputs.

    No neuron hears another, and nothing is nonlinear: what it does as well as a liquid network was a matter of short
    memory, not of liquid time constants. `Exponential` is exact for an input held for dt, x <- a + (x - a) exp(-dt /
    tau) with a = W u + b, so any dt means what it says; `Associative` runs it. `GatedLinear` is the same with an
    equilibrium and time constants that the inputs choose, `CTRNN` the one whose neurons hear each other.

    Args:
        inputs: number of input features.
        units: number of neurons; all are outputs.
        integrator: how the state moves through dt.
        time_constants: tau of the first neuron and of the last, in the unit of dt, > 0, at the start; those between are
            spread evenly by their logarithms.
        learn_time_constants: whether tau is a parameter, one for each neuron.

    Raises:
        ValueError: a size or tau is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LeakyIntegrator(inputs=2, units=8, time_constants=(0.1, 10.0))
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Mozer, "Induction of multiscale temporal structure", NIPS 1991, for units with time constants of many scales,
        which hear each other there.
    """

    inputs: int
    units: int
    integrator: Integrator = Exponential()
    time_constants: tuple[float, float] = (1.0, 100.0)
    learn_time_constants: bool = True
    coefficients_read_state: ClassVar[bool] = False

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_integrator(self.integrator)
        settle(self, check_flag, "learn_time_constants")
        try:
            first, last = (check_number("time_constants", end) for end in self.time_constants)
        except (TypeError, ValueError):
            given = described(self.time_constants)
            raise ValueError(f"time_constants must be (first, last), two finite numbers, got {given}") from None
        if not 0 < first <= last:
            raise ValueError(f"time_constants must be (first, last) with 0 < first <= last, got {(first, last)}")
        put(self, time_constants=(first, last))

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> LeakyIntegratorParams:
        """Draws the parameters: Xavier-uniform weights, bias within 1 / sqrt(inputs), tau where it starts."""
        tau = jnp.asarray(self._spread(), float)
        return LeakyIntegratorParams(
            init_linear(check_key(key), self.inputs, self.units),
            stored(tau, "implicit") if self.learn_time_constants else None,
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: LeakyIntegratorParams, inputs: Array, key: Array | None = None) -> Array:
        """The equilibrium (*batch, units) for inputs (*batch, inputs)."""
        return params.linear(inputs)

    def coefficients(self, params: LeakyIntegratorParams, state: Array, sensed: Array) -> tuple[Array, Array]:
        """(drive, rate), both (*batch, units), whatever the state."""
        if params.time_constant is None:
            tau = jnp.asarray(self._spread(), sensed.dtype)
        else:
            tau = positive(params.time_constant, "implicit")
        rate = jnp.broadcast_to(rate_of(tau), sensed.shape)
        return rate * sensed, rate

    def step(self, params: LeakyIntegratorParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: LeakyIntegratorParams, state: Array) -> Array:
        """The state itself."""
        return state

    def _spread(self) -> np.ndarray:
        return np.geomspace(*self.time_constants, self.units)
