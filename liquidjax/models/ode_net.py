"""A network of continuous depth: a differential equation in the place of layers."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_features, check_integrator, check_params
from liquidjax._checks import UNRESOLVED, check_flag, check_key, check_number, check_size, resolve, settle
from liquidjax._types import Array, Integrator, exportable
from liquidjax.integrators import Euler
from liquidjax.layers.layer_norm import LayerNorm, init_layer_norm
from liquidjax.layers.linear import Linear, init_linear
from liquidjax.sequences.continuous.solve import Solution, solve


@exportable
class ODENetParams(NamedTuple):
    """projection (inputs, units); hidden (units [+ 1], units); field (units, units); norm; readout (units, outputs).

    projection and readout are None where the sizes are equal.
    """

    projection: Linear | None
    hidden: Linear
    field: Linear
    norm: LayerNorm
    readout: Linear | None


@dataclass(frozen=True)
class ODENet:
    """Network of continuous depth: y = readout(norm(h(duration))), dh/dt = tanh(W2 silu(W1 h + b1) + b2), h(0) = W u.

    One set of weights for the whole depth, so the number of parameters does not depend on the solver. It maps a vector
    to a vector; the recurrent neural ODE for sequences is `NeuralODE`. With `Diffrax` as integrator the depth is solved
    adaptively and for each sample apart, and its adjoint decides on the memory of the gradient: `BacksolveAdjoint`
    needs the same memory however many steps are taken.

    Args:
        inputs: number of input features; projected to `units` where they differ.
        units: number of state variables.
        outputs: number of output features; `units`, without a readout, when None.
        duration: the depth, in units of time.
        integrator: how the state moves; `Euler(10)` takes the source's ten steps of 0.1.
        time_dependent: whether the field reads the time too: W1 [h, t].

    Raises:
        ValueError: a size or the duration is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> network = lj.ODENet(inputs=3, units=8, outputs=2)
        >>> params = network.init(jax.random.key(0))
        >>> network.apply(params, jnp.ones((5, 3))).shape
        (5, 2)

    Reference:
        Chen et al., "Neural ordinary differential equations", NeurIPS 2018; `Edifice.Energy.NeuralODE` of Edifice
        0.2.0, which has neither the time nor the solvers nor the adjoint its page describes; its biases start at 0, its
        norm at a random scale.
    """

    inputs: int
    units: int = 256
    outputs: int = UNRESOLVED  # None means `units`
    duration: float = 1.0
    integrator: Integrator = Euler(10)
    time_dependent: bool = False

    def __post_init__(self):
        resolve(self, outputs=self.units)
        settle(self, check_size, "inputs", "units", "outputs")
        settle(self, check_number, "duration")
        settle(self, check_flag, "time_dependent")
        check_integrator(self.integrator)
        if not 0 < self.duration < float("inf"):
            raise ValueError(f"duration must be above 0 and finite, got {self.duration}")

    def init(self, key: Array) -> ODENetParams:
        """Draws the parameters."""
        keys = jax.random.split(check_key(key), 4)
        return ODENetParams(
            projection=None if self.inputs == self.units else init_linear(keys[0], self.inputs, self.units),
            hidden=init_linear(keys[1], self.units + self.time_dependent, self.units),
            field=init_linear(keys[2], self.units, self.units),
            norm=init_layer_norm(self.units),
            readout=None if self.outputs == self.units else init_linear(keys[3], self.units, self.outputs),
        )

    def field(self, params: ODENetParams, t: Array, h: Array) -> Array:
        """dh/dt for h (*batch, units) at time t, a scalar."""
        if self.time_dependent:
            h = jnp.concatenate([h, jnp.broadcast_to(t, (*h.shape[:-1], 1))], axis=-1)
        return jnp.tanh(params.field(jax.nn.silu(params.hidden(h))))

    def solve(self, params: ODENetParams, inputs: Array, times: Any, *, throw: bool = True) -> Solution:
        """The states h at any times, for inputs (*batch, inputs); see `sequences.continuous.solve.solve`.

        times: (times,) or (times, *batch), strictly increasing; h at the first of them is the projected input.
        """
        check_params(self, params)
        inputs = check_features(self, inputs)
        start = inputs if params.projection is None else params.projection(inputs)
        return solve(self.field, params, start, times, integrator=self.integrator, throw=throw)

    def readout(self, params: ODENetParams, h: Array) -> Array:
        """The outputs (*batch, outputs) for states h (*batch, units)."""
        normed = params.norm(h)
        return normed if params.readout is None else params.readout(normed)

    def apply(self, params: ODENetParams, inputs: Array) -> Array:
        """The outputs (*batch, outputs) for inputs (*batch, inputs)."""
        return self.readout(params, self.solve(params, inputs, [0.0, self.duration]).states[-1])
