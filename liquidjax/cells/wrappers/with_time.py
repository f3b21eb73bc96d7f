"""Time as an input of any cell, or hidden from it, in the place of a dt in its dynamics."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp

from liquidjax._belong import check_cell
from liquidjax._checks import check_choice, check_number, put
from liquidjax._types import Array, Cell, Params, Sensed, State


class WithTimeSensed(NamedTuple):
    """inputs (*batch, inputs) and key, as they came: the cell senses them in the step, which knows dt."""

    inputs: Array
    key: Array | None


@dataclass(frozen=True)
class WithTime:
    """A cell that reads dt beside its inputs, or is not told it, while its own dt stands still.

    reads="linear":   y = cell([u, dt / typical_dt]), the cell's own dt is typical_dt in every step;
    reads="log":      y = cell([u, log(1 + dt / typical_dt)]), likewise; for times of many scales;
    reads="nothing":  y = cell(u), likewise: the cell does not know that time is irregular.

    Around an `LSTM` or a `GRU` it is the usual way to tell them times; around a liquid cell it takes dt out of the
    dynamics, which is the control for what dt in the dynamics is worth. Two thirds of a fair comparison are made of it:
    each cell without dt, with dt as an input, and with dt in its dynamics, which needs no wrapper.

    It is no transparent wrapper: the cell inside moves through another dt than that of the data, so the adjoints and
    `integrate` refuse it. Its time constants count in its own dt. `time_constant` is not told dt, and refuses a cell
    that reads it; `lj.time_constant(wrapper.cell, params, state, wrapper.heard(inputs, dt))` is told.

    Args:
        cell: the cell; where dt is read, its last input is dt, so it has one input more than the wrapper. A
            configuration that leaves inputs out counts so.
        reads: "linear", "log" or "nothing".
        typical_dt: what counts as one step, in the unit of dt; the cell's own dt, always.

    Raises:
        ValueError: an option is unknown, typical_dt is not above 0, or the cell has no input beside dt.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.WithTime(lj.LSTM(inputs=3, units=8))  # two features and dt
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 5, 2)), dt=jnp.linspace(0.1, 2, 10))
        >>> outputs.shape
        (10, 5, 8)

    Reference:
        The RNN with dt of Rubanova et al., "Latent ODEs for irregularly-sampled time series", NeurIPS 2019, section 4;
        the logarithm and the hidden dt are chosen here.
    """

    cell: Cell
    reads: Literal["linear", "log", "nothing"] = "linear"
    typical_dt: float = 1.0

    def __post_init__(self):
        check_cell(self.cell)
        check_choice("reads", self.reads, ("linear", "log", "nothing"))
        put(self, typical_dt=check_number("typical_dt", self.typical_dt, 0, float("inf"), above=True))
        if self.inputs < 1:
            raise ValueError(
                f"cell must have 2 inputs at least, the last of which is dt, got {self.cell.inputs}; give it one more"
            )

    @property
    def inputs(self) -> int:
        return self.cell.inputs - (self.reads != "nothing")

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    @property
    def transparent(self) -> bool:
        return False

    @property
    def rewritten_within(self) -> float:
        """Nothing but the cell moves its state."""
        return 0.0

    def init(self, key: Array) -> Params:
        """Draws the parameters of the cell."""
        return self.cell.init(key)

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> State:
        """The initial state of the cell."""
        return self.cell.initial_state(batch_shape, dtype)

    def heard(self, inputs: Any, dt: Any) -> Array:
        """What the cell reads, (*batch, inputs of the cell), for inputs (*batch, inputs) and dt, a scalar or (*batch).

        Example:
            >>> import liquidjax as lj
            >>> lj.WithTime(lj.GRU(inputs=2, units=3), typical_dt=0.5).heard(jnp.ones(1), 2.0)
            Array([1., 4.], dtype=float32)
        """
        inputs = jnp.asarray(inputs)
        if self.reads == "nothing":
            return inputs
        steps = jnp.asarray(dt, inputs.dtype) / self.typical_dt
        told = steps if self.reads == "linear" else jnp.log1p(steps)
        return jnp.concatenate([inputs, jnp.broadcast_to(told, inputs.shape[:-1])[..., None]], axis=-1)

    def sense(self, params: Params, inputs: Array, key: Array | None = None) -> WithTimeSensed:
        """The inputs (*batch, inputs) as they are."""
        return WithTimeSensed(inputs, key)

    def step(self, params: Params, state: State, sensed: WithTimeSensed, dt: Array) -> tuple[State, Array]:
        """(state of the cell, its output)."""
        heard = self.cell.sense(params, self.heard(sensed.inputs, dt), sensed.key)
        return self.cell.step(params, state, heard, jnp.full_like(dt, self.typical_dt))

    def inner_params(self, params: Params) -> Params:
        return params

    def inner_state(self, state: State) -> State:
        return state

    def inner_sensed(self, params: Params, state: State, sensed: WithTimeSensed) -> Sensed:
        """What the cell senses, where that does not depend on dt.

        Raises:
            ValueError: the cell reads dt.
        """
        if self.reads != "nothing":
            raise ValueError(
                "WithTime cannot say what its cell hears without dt, which it reads; ask for the cell inside, "
                "wrapper.cell, with the inputs wrapper.heard(inputs, dt)"
            )
        return self.cell.sense(params, sensed.inputs, sensed.key)

    def readout(self, params: Params, state: State, sensed: WithTimeSensed, output: Array) -> Array:
        return output
