"""Mixed memory: an LSTM that carries the long-range memory of a continuous-time cell."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax

from liquidjax._belong import check_cell
from liquidjax._checks import UNRESOLVED, check_choice, check_key, check_number, check_size, resolve, settle
from liquidjax._types import Array, Cell, Params, Sensed, exportable
from liquidjax.cells.lstm import LSTMParams, LSTMState, init_lstm, lstm_step
from liquidjax.layers.linear import zeros


@exportable
class MixedMemoryParams(NamedTuple):
    """Parameters of the LSTM and of the cell."""

    lstm: LSTMParams
    cell: Params


@exportable
class MixedMemoryState(NamedTuple):
    """state of the cell and memory of the LSTM, both (*batch, units)."""

    state: Array
    memory: Array


class MixedMemorySensed(NamedTuple):
    """gates: the share of the inputs in the LSTM's gates; cell: what the cell senses, or its key if writes="input"."""

    gates: Array
    cell: Any


@dataclass(frozen=True)
class MixedMemory:
    """An LSTM beside a continuous-time cell, in either of the two meanings published under this name.

    (h, c) <- LSTM(u, (x, c)), where x is the cell's state; then
    writes="state":  x <- cell(u, state=h)   the LSTM rewrites the state, the cell still sees the inputs (ncps torch);
    writes="input":  x <- cell(h, state=x)   the LSTM stands between inputs and cell (ncps keras, the original code).

    Args:
        cell: a cell whose state is one array (*batch, units); with writes="input" it must have units inputs.
        inputs: number of input features; that of the cell by default.
        writes: "state" or "input".
        forget_bias: added to the LSTM's forget gate.

    Raises:
        ValueError: an option is unknown or the sizes do not fit.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.MixedMemory(lj.CfC(inputs=2, units=8))
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Lechner and Hasani, "Mixed-memory RNNs for learning long-term dependencies in irregularly sampled time series",
        2021; `mixed_memory=True` of ncps 1.0.1, whose backends disagree.
    """

    cell: Cell
    inputs: int = UNRESOLVED  # None means the cell's
    writes: Literal["state", "input"] = "state"
    forget_bias: float = 1.0

    def __post_init__(self):
        check_cell(self.cell)
        check_choice("writes", self.writes, ("state", "input"))
        resolve(self, inputs=self.cell.inputs)
        settle(self, check_size, "inputs")
        settle(self, check_number, "forget_bias")
        units = self.units
        needed, meaning = (self.inputs, "inputs") if self.writes == "state" else (units, "units of the cell")
        if self.cell.inputs != needed:
            raise ValueError(
                f"cell.inputs must be {needed}, the {meaning}, when the LSTM writes the {self.writes}, "
                f"got {self.cell.inputs}"
            )

    @property
    def units(self) -> int:
        state = jax.eval_shape(lambda: self.cell.initial_state((), float))
        if not isinstance(state, jax.ShapeDtypeStruct):
            raise ValueError(f"cell must have one array as its state, got {type(self.cell).__name__} with {state}")
        return state.shape[-1]

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    def init(self, key: Array) -> MixedMemoryParams:
        """Draws the parameters."""
        lstm_key, cell_key = jax.random.split(check_key(key))
        return MixedMemoryParams(init_lstm(lstm_key, self.inputs, self.units), self.cell.init(cell_key))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> MixedMemoryState:
        """The cell's initial state, and zeros for the memory."""
        return MixedMemoryState(
            self.cell.initial_state(batch_shape, dtype),
            zeros(batch_shape, self.units, dtype),
        )

    def sense(self, params: MixedMemoryParams, inputs: Array, key: Array | None = None) -> MixedMemorySensed:
        """What the inputs (*batch, inputs) contribute to the LSTM's gates and, with writes="state", to the cell."""
        cell = self.cell.sense(params.cell, inputs, key) if self.writes == "state" else key
        return MixedMemorySensed(params.lstm.inputs(inputs), cell)

    def step(
        self, params: MixedMemoryParams, state: MixedMemoryState, sensed: MixedMemorySensed, dt: Array
    ) -> tuple[MixedMemoryState, Array]:
        """(state, output of the cell)."""
        lstm = lstm_step(params.lstm, LSTMState(state.state, state.memory), sensed.gates, self.forget_bias)
        if self.writes == "state":
            new, output = self.cell.step(params.cell, lstm.hidden, sensed.cell, dt)
        else:
            heard = self.cell.sense(params.cell, lstm.hidden, sensed.cell)
            new, output = self.cell.step(params.cell, state.state, heard, dt)
        return MixedMemoryState(new, lstm.memory), output

    @property
    def transparent(self) -> bool:
        return False

    @property
    def rewritten_within(self) -> float:
        """What an LSTM puts out lies within (-1, 1)."""
        return 1.0 if self.writes == "state" else 0.0

    def inner_params(self, params: MixedMemoryParams) -> Params:
        return params.cell

    def inner_state(self, state: MixedMemoryState) -> Array:
        """The state that the neurons are in: what the LSTM is going to make of it is left out."""
        return state.state

    def inner_sensed(self, params: MixedMemoryParams, state: MixedMemoryState, sensed: MixedMemorySensed) -> Sensed:
        """With writes="input" the cell hears the LSTM's answer to the inputs in this state."""
        if self.writes == "state":
            return sensed.cell
        lstm = lstm_step(params.lstm, LSTMState(state.state, state.memory), sensed.gates, self.forget_bias)
        return self.cell.sense(params.cell, lstm.hidden, sensed.cell)

    def readout(
        self, params: MixedMemoryParams, state: MixedMemoryState, sensed: MixedMemorySensed, output: Array
    ) -> Array:
        return output
