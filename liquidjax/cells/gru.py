"""The gated recurrent unit, a baseline."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_key, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, init_linear, zeros


@exportable
class GRUParams(NamedTuple):
    """inputs: weight (inputs, 3, units); recurrent: weight (units, 3, units). Gates in order r, z, n."""

    inputs: Linear
    recurrent: Linear


def gru_gates(params: GRUParams, state: Array, sensed: Array) -> tuple[Array, Array]:
    """(what the update gate z is the sigmoid of, the candidate n), both (*batch, units)."""
    recurrent = params.recurrent(state)
    r, z = sensed[..., 0, :] + recurrent[..., 0, :], sensed[..., 1, :] + recurrent[..., 1, :]
    return z, jnp.tanh(sensed[..., 2, :] + jax.nn.sigmoid(r) * recurrent[..., 2, :])


@dataclass(frozen=True)
class GRU:
    """Gated recurrent unit; it does not look at dt.

    r = sigmoid(W_r u + U_r h + b_r);  z = sigmoid(W_z u + U_z h + b_z);
    n = tanh(W_n u + b_n + r (U_n h + c_n));  h <- (1 - z) n + z h.

    Args:
        inputs: number of input features.
        units: size of the hidden state; all of it is output.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)))
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Cho et al., EMNLP 2014, in the form of cuDNN and torch: the reset gate acts after the matrix product.
    """

    inputs: int
    units: int

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> GRUParams:
        """Draws the parameters: Xavier-uniform input weights, orthogonal recurrent weights."""
        input_key, recurrent_key = jax.random.split(check_key(key))
        orthogonal = jax.nn.initializers.orthogonal()
        recurrent = [orthogonal(k, (self.units, self.units), float) for k in jax.random.split(recurrent_key, 3)]
        return GRUParams(
            init_linear(input_key, self.inputs, self.units, heads=3),
            Linear(jnp.stack(recurrent, axis=1), jnp.zeros((3, self.units))),
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: GRUParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the gates."""
        return params.inputs(inputs)

    def step(self, params: GRUParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        z, n = gru_gates(params, state, sensed)
        z = jax.nn.sigmoid(z)
        state = (1 - z) * n + z * state
        return state, state
