"""The long short-term memory, a baseline and the memory of mixed-memory networks."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_key, check_number, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, init_linear, zeros


@exportable
class LSTMParams(NamedTuple):
    """inputs: weight (inputs, 4, units), bias (4, units); recurrent: (units, 4, units). Gates in order i, f, g, o."""

    inputs: Linear
    recurrent: Array


@exportable
class LSTMState(NamedTuple):
    """hidden and memory, both (*batch, units)."""

    hidden: Array
    memory: Array


def init_lstm(key: Array, inputs: int, units: int) -> LSTMParams:
    """For each gate Xavier-uniform input weights, bias within 1 / sqrt(inputs), orthogonal recurrent weights.

    flax has the orthogonal gates too. ncps draws all four gates as one matrix, Xavier-uniform or orthogonal in its 4
    units rows, so that its weights start smaller, and its bias within 0.1.
    """
    input_key, recurrent_key = jax.random.split(key)
    orthogonal = jax.nn.initializers.orthogonal()
    recurrent = [orthogonal(k, (units, units), float) for k in jax.random.split(recurrent_key, 4)]
    return LSTMParams(init_linear(input_key, inputs, units, heads=4), jnp.stack(recurrent, axis=1))


def lstm_step(params: LSTMParams, state: LSTMState, sensed: Array, forget_bias: float) -> LSTMState:
    """c <- sigmoid(f + forget_bias) c + sigmoid(i) tanh(g);  h <- sigmoid(o) tanh(c)."""
    gates = sensed + Linear(params.recurrent, jnp.zeros((), sensed.dtype))(state.hidden)
    i, f, g, o = (gates[..., k, :] for k in range(4))
    memory = jax.nn.sigmoid(f + forget_bias) * state.memory + jax.nn.sigmoid(i) * jnp.tanh(g)
    return LSTMState(jax.nn.sigmoid(o) * jnp.tanh(memory), memory)


@dataclass(frozen=True)
class LSTM:
    """Long short-term memory; it does not look at dt.

    [i, f, g, o] = W u + U h + b;  c <- sigmoid(f + forget_bias) c + sigmoid(i) tanh(g);  h <- sigmoid(o) tanh(c).

    Args:
        inputs: number of input features.
        units: size of the hidden state; all of it is output.
        forget_bias: added to the forget gate.

    Raises:
        ValueError: a size is out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LSTM(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)))
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Gers, Schmidhuber, Cummins, "Learning to forget", Neural Computation 12 (2000); forget bias as in Jozefowicz et
        al., ICML 2015.
    """

    inputs: int
    units: int
    forget_bias: float = 1.0

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        settle(self, check_number, "forget_bias")

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> LSTMParams:
        """Draws the parameters."""
        return init_lstm(check_key(key), self.inputs, self.units)

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> LSTMState:
        """Zeros, twice (*batch_shape, units)."""
        return LSTMState(zeros(batch_shape, self.units, dtype), zeros(batch_shape, self.units, dtype))

    def sense(self, params: LSTMParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the gates."""
        return params.inputs(inputs)

    def step(self, params: LSTMParams, state: LSTMState, sensed: Array, dt: Array) -> tuple[LSTMState, Array]:
        """(state, hidden)."""
        state = lstm_step(params, state, sensed, self.forget_bias)
        return state, state.hidden
