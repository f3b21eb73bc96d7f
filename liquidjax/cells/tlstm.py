"""The time-aware long short-term memory, which forgets a part of its memory by the time that has passed."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_choice, check_key, check_number, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.cells.lstm import LSTMParams, LSTMState, lstm_step
from liquidjax.layers.linear import Linear, zeros

DISCOUNTS: dict[str, Callable[[Array], Array]] = {
    "log": lambda dt: 1 / jnp.log(math.e + dt),
    "reciprocal": lambda dt: 1 / jnp.maximum(dt, 1),
    "shifted": lambda dt: 1 / (1 + dt),
}
"""What share of the short-term memory is left after dt, by its name."""


@exportable
class TLSTMParams(NamedTuple):
    """lstm: as of an `LSTM`; decomposition: weight (units, units), bias (units), of the short-term memory."""

    lstm: LSTMParams
    decomposition: Linear


@dataclass(frozen=True)
class TLSTM:
    """Time-aware LSTM: the memory loses a part of its short-term share while time passes, then steps as an `LSTM`.

    s = tanh(W_d c + b_d);  c <- c - s + g(dt) s;  (h, c) <- LSTM(u, (h, c))

    discount="log":         g = 1 / log(e + dt)    of the paper, for long times, and the default of its authors' code;
    discount="reciprocal":  g = 1 / max(dt, 1)     of the paper, for short times, where it is 1 / dt, which below dt = 1
                                                   would enlarge what it should discount, and is infinite at 0;
    discount="shifted":     g = 1 / (1 + dt)       the other one in the authors' code.

    Each is 1 at dt = 0, and with it the cell an `LSTM`. They have no scale of their own: the unit of dt is a choice of
    the model, days or months in the paper.

    Args:
        inputs: number of input features.
        units: size of the hidden state; all of it is output.
        discount: "log", "reciprocal" or "shifted".
        forget_bias: added to the forget gate; 1 as in `LSTM`, the paper has none.

    Raises:
        ValueError: a size is out of range, or the discount is unknown.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.TLSTM(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Baytas et al., "Patient subtyping via time-aware LSTM networks", KDD 2017, section 3.1, without its auto-encoder
        for clusters; initial values as in the authors' code, of which one network has a sigmoid in the place of the
        tanh of s.
    """

    inputs: int
    units: int
    discount: Literal["log", "reciprocal", "shifted"] = "log"
    forget_bias: float = 1.0

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        check_choice("discount", self.discount, tuple(DISCOUNTS))
        settle(self, check_number, "forget_bias")

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> TLSTMParams:
        """Draws the parameters: weights normal with a standard deviation of 0.1, biases 0."""
        gates_key, decomposition_key = jax.random.split(check_key(key))
        gates = 0.1 * jax.random.normal(gates_key, (self.inputs + self.units, 4, self.units))
        return TLSTMParams(
            LSTMParams(Linear(gates[: self.inputs], jnp.zeros((4, self.units))), gates[self.inputs :]),
            Linear(0.1 * jax.random.normal(decomposition_key, (self.units, self.units)), jnp.zeros(self.units)),
        )

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> LSTMState:
        """Zeros, twice (*batch_shape, units)."""
        return LSTMState(zeros(batch_shape, self.units, dtype), zeros(batch_shape, self.units, dtype))

    def sense(self, params: TLSTMParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the gates."""
        return params.lstm.inputs(inputs)

    def step(self, params: TLSTMParams, state: LSTMState, sensed: Array, dt: Array) -> tuple[LSTMState, Array]:
        """(state, hidden)."""
        short = jnp.tanh(params.decomposition(state.memory))
        memory = state.memory - (1 - DISCOUNTS[self.discount](dt)[..., None]) * short
        state = lstm_step(params.lstm, LSTMState(state.hidden, memory), sensed, self.forget_bias)
        return state, state.hidden
