"""The vocabulary of shapes and the protocols every other module is written against.

Shapes are written time first and features last: `(time, *batch, inputs)`. `*batch` is any number of batch axes, none
included. `dt` and every time constant are in the same unit of time, whichever the data uses; it is a scalar, `(time,)`
for all samples, or `(time, *batch)`, with 1 in the place of batch axes that share it: `(time, 1)` is `(time,)`, said so
that it cannot be meant as one value a sample.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol, runtime_checkable

import jax

Array = jax.Array
Params = Any
"""The parameters of a cell: a NamedTuple (possibly nested) that holds arrays only."""
State = Any
"""The state of a cell: an array (*batch, units), or a NamedTuple of such arrays."""
Sensed = Any
"""What a cell computes from its inputs before it knows its state; its layout is the cell's own affair."""
Coefficients = Callable[[Array], tuple[Array, Array]]
"""state -> (drive, rate) of dx/dt = drive - rate * x, both of the shape of the state."""


@runtime_checkable
class Cell(Protocol):
    """A recurrent cell: a frozen dataclass of static choices with pure functions over explicit pytrees.

    Equal cells compare equal and hash equal, so they can be passed to `jax.jit` as static arguments and share one
    trace. `step(params, state, sense(params, inputs), dt)` is one time step.
    """

    @property
    def inputs(self) -> int:
        """Number of input features."""
        ...

    @property
    def outputs(self) -> int:
        """Number of output features."""
        ...

    def init(self, key: Array) -> Params:
        """Draws the parameters."""
        ...

    def initial_state(self, batch_shape: tuple[int, ...], dtype: Any) -> State:
        """The state before the first time step: every leaf starts with the axes of `batch_shape`."""
        ...

    def sense(self, params: Params, inputs: Array, key: Array | None = None) -> Sensed:
        """All of a time step that does not depend on the state, so that it can be read or computed apart from it.

        Args:
            params: what `init` returned.
            inputs: (*batch, inputs), one time step.
            key: source of randomness for cells with dropout; None evaluates without dropout.
        """
        ...

    def step(self, params: Params, state: State, sensed: Sensed, dt: Array) -> tuple[State, Array]:
        """The rest of the time step: (state, output (*batch, outputs)), with dt a scalar or (*batch)."""
        ...


@runtime_checkable
class Integrator(Protocol):
    """Moves the state of dx/dt = drive(x) - rate(x) * x through dt. Knows nothing of the model."""

    per_sample: ClassVar[bool]
    """Whether `advance` must be given one sample at a time, because it chooses its steps by what it sees."""

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt, finite, which broadcasts against the state. dt = 0 is the identity."""
        ...


@runtime_checkable
class ODECell(Cell, Protocol):
    """A cell whose state follows dx/dt = drive(x, u) - rate(x, u) * x."""

    @property
    def integrator(self) -> Integrator: ...

    def coefficients(self, params: Params, state: Array, sensed: Sensed) -> tuple[Array, Array]:
        """(drive, rate), both of the shape of the state (*batch, units)."""
        ...
