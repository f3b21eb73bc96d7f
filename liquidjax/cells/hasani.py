"""The liquid time-constant network as its paper writes it: one nonlinearity in numerator and denominator."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_integrator
from liquidjax._checks import check_key, check_kind, check_number, check_size, settle
from liquidjax._types import Array, Bounds, Integrator, exportable
from liquidjax.cells import ode
from liquidjax.integrators import SemiImplicit
from liquidjax.layers.linear import Linear, uniforms, zeros
from liquidjax.reparam import positive, rate_of


@exportable
class HasaniLTCParams(NamedTuple):
    """linear: weight (inputs + units, units), bias (units); A: (units,); time_constant: softplus of it is tau."""

    linear: Linear
    A: Array
    time_constant: Array


@dataclass(frozen=True)
class HasaniLTC:
    """Liquid time-constant network, equation 1 of the paper: dx/dt = -(1 / tau + f) x + f A.

    f = sigmoid(W [u, x] + b), so drive = f A, rate = 1 / tau + f, and the liquid time constant is
    tau_sys = tau / (1 + tau f), between tau / (1 + tau) and tau. With 0 <= f <= 1 the state stays between 0 and A.
    Every neuron hears every other through a single f; the conductance form `LTC` has one nonlinearity and one reversal
    potential for each synapse, and weights do not carry over from one to the other.

    With `integrator=Euler()` and dt = 0.1 this is the liquid layer of the well-known tutorial in pure PyTorch, which
    is stable only where dt (1 / tau + 1) < 2; see `euler_instability`. The default solver is stable for any dt.

    Args:
        inputs: number of input features.
        units: number of neurons; all are outputs.
        integrator: `SemiImplicit(unfolds=6)` is the fused solver of the paper, its result fed back between unfolds.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.HasaniLTC(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, equations 1 to 3; the Euler layer and the
        distributions of the initial values as in Mohapatra, "Liquid neural networks", part 2 (2026), whose W and b are
        those of `torch.nn.Linear`.
    """

    inputs: int
    units: int
    integrator: Integrator = SemiImplicit(unfolds=6)
    coefficients_read_state: ClassVar[bool] = True

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_integrator(self.integrator)

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> HasaniLTCParams:
        """Draws the parameters: W and b within 1 / sqrt(inputs + units), A standard normal, tau softplus(1) = 1.31."""
        linear_key, reversal_key = jax.random.split(check_key(key))
        features, shape = self.inputs + self.units, (self.units,)
        limit = 1 / math.sqrt(features)
        return HasaniLTCParams(
            linear=Linear(*uniforms(linear_key, (((features, *shape), -limit, limit), (shape, -limit, limit)))),
            A=jax.random.normal(reversal_key, (self.units,)),
            time_constant=jnp.ones(self.units),
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: HasaniLTCParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the argument of f."""
        return Linear(params.linear.weight[: self.inputs], params.linear.bias)(inputs)

    def coefficients(self, params: HasaniLTCParams, state: Array, sensed: Array) -> tuple[Array, Array]:
        """(drive, rate) for state (*batch, units), the same shape."""
        f = jax.nn.sigmoid(sensed + state @ params.linear.weight[self.inputs :])
        return f * params.A, rate_of(positive(params.time_constant, "implicit")) + f

    def step(self, params: HasaniLTCParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        state = ode.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def readout(self, params: HasaniLTCParams, state: Array) -> Array:
        """The state itself."""
        return state

    def time_constant_bounds(self, params: HasaniLTCParams) -> Bounds:
        """tau / (1 + tau) <= tau_sys <= tau."""
        tau = positive(params.time_constant, "implicit")
        return Bounds(tau / (1 + tau), tau)

    def state_bounds(self, params: HasaniLTCParams, start: float) -> Bounds:
        """From the least to the greatest of the start, 0 and A."""
        return Bounds(jnp.minimum(-start, params.A), jnp.maximum(start, params.A))


def euler_instability(params: HasaniLTCParams, dt: float) -> Array:
    """Which neurons Euler's method may blow up: those with dt (1 / tau + 1) >= 2.

    The rate 1 / tau + f is largest at f = 1, and Euler's method needs dt rate < 2. A positive tau alone does not
    guarantee that: for dt = 0.1 it takes tau > 1 / 19. Use a smaller dt, more unfolds, or `SemiImplicit`.

    Args:
        params: of a `HasaniLTC`.
        dt: time of one Euler step (dt / unfolds), in the unit of tau.

    Returns:
        bool (units,), True where the bound is broken.

    Raises:
        ValueError: dt is not a number of at least 0, or the parameters are those of another cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> params = lj.HasaniLTC(inputs=1, units=2).init(jax.random.key(0))
        >>> euler_instability(params._replace(time_constant=jnp.array([1.0, -4.0])), dt=0.1)
        Array([False,  True], dtype=bool)

    Reference:
        Hairer and Wanner, "Solving Ordinary Differential Equations II", section IV.2, for the limit 2.
    """
    check_kind("params", params, HasaniLTCParams, "what HasaniLTC.init(key) returns, its HasaniLTCParams")
    if not check_number("dt", dt) >= 0:
        raise ValueError(f"dt must be at least 0, got {dt}")
    return dt * (1 / positive(params.time_constant, "implicit") + 1) >= 2
