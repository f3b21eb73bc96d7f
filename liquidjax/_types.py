"""The vocabulary of shapes and the protocols every other module is written against.

Shapes are written time first and features last: `(time, *batch, inputs)`. `*batch` is any number of batch axes, none
included. `dt` and every time constant are in the same unit of time, whichever the data uses; it is a scalar, `(time,)`
for all samples, or `(time, *batch)`, with 1 in the place of batch axes that share it: `(time, 1)` is `(time,)`, said so
that it cannot be meant as one value a sample.
"""

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, Protocol, TypeVar, runtime_checkable

import jax
import jax.export
import numpy as np

Array = jax.Array
Params = Any
"""The parameters of a cell: a NamedTuple (possibly nested) that holds arrays only."""
State = Any
"""The state of a cell: an array (*batch, units), or a NamedTuple of such arrays."""
Sensed = Any
"""What a cell computes from its inputs before it knows its state; its layout is the cell's own affair."""
Coefficients = Callable[[Array], tuple[Array, Array]]
"""state -> (drive, rate) of dx/dt = drive - rate * x, both of the shape of the state."""


T = TypeVar("T")


def exportable(nodetype: type[T]) -> type[T]:
    """Registers a NamedTuple of parameters or state with `jax.export`, under a name without its module.

    So that a function of them can be serialised as it is, and called where this package is not installed.
    """
    return jax.export.register_namedtuple_serialization(nodetype, serialized_name=f"liquidjax.{nodetype.__name__}")


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
    """A cell whose state, one array (*batch, units), follows dx/dt = drive(x, u) - rate(x, u) * x.

    Its `step` is `cells.ode.advance` and then `readout`.
    """

    coefficients_read_state: ClassVar[bool]
    """Whether drive and rate depend on x. Where they do not, a step is a gain and an offset: `Associative` runs it."""

    @property
    def integrator(self) -> Integrator: ...

    def coefficients(self, params: Params, state: Array, sensed: Sensed) -> tuple[Array, Array]:
        """(drive, rate), both of the shape of the state (*batch, units)."""
        ...

    def readout(self, params: Params, state: Array) -> Array:
        """The output (*batch, outputs) in a state (*batch, units) that has been reached."""
        ...


class NeuronLayer(NamedTuple):
    """neurons: their places in the state; coupled: whether one of them hears one of them, itself included."""

    neurons: np.ndarray
    coupled: bool


@runtime_checkable
class LayeredCell(ODECell, Protocol):
    """A cell whose neurons form layers that hear each other in one direction only; for `Newton("layered")`."""

    def neuron_layers(self) -> tuple[NeuronLayer, ...]:
        """Every neuron once; a layer hears the layers before it, and itself only where it is coupled.

        Neurons of a layer that is not coupled have coefficients that do not depend on the states of that layer.
        """
        ...


@runtime_checkable
class DeepCell(Cell, Protocol):
    """Layers of equal cells, one after another in every time step; for `Associative`, which takes layer after layer."""

    @property
    def cell(self) -> Cell:
        """The cell of every layer."""
        ...

    def through_layers(
        self, params: Params, state: State, sensed: Sensed, run: Callable[..., tuple[State, Array]]
    ) -> tuple[State, Array]:
        """(state, output) out of `run(params, state, inputs, key) -> (state, output)` of every layer."""
        ...


class Bounds(NamedTuple):
    """low and high, both (units,)."""

    low: Array
    high: Array


@runtime_checkable
class BoundedCell(Cell, Protocol):
    """A cell with known bounds of its time constants and states; for `time_constant_bounds` and `state_bounds`."""

    def time_constant_bounds(self, params: Params) -> Bounds:
        """Between which values each time constant lies, for any input and any state."""
        ...

    def state_bounds(self, params: Params, start: float) -> Bounds:
        """Between which values each state stays, if it starts within [-start, start]."""
        ...


class Moments(NamedTuple):
    """mean and spread (standard deviation) of features over many steps and samples, both (features,)."""

    mean: Array
    spread: Array


@runtime_checkable
class CalibratedCell(Cell, Protocol):
    """A cell that can be told where its inputs and its states are, before it is trained; for `calibrate`.

    It is a dataclass, so that another can be put into its place that counts what it hears.
    """

    def calibrated(self, params: Params, inputs: Moments, state: Any) -> Params:
        """Drawn parameters, moved to where inputs and state are.

        Args:
            params: what `init` returned.
            inputs: their moments.
            state: the moments of each of its arrays.
        """
        ...
