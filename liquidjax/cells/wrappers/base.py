"""The contract of a cell around a cell, and what looks through any of them."""

from typing import Any, Protocol, runtime_checkable

from liquidjax._types import Array, Cell, ODECell, Params, Sensed, State


@runtime_checkable
class Wrapper(Cell, Protocol):
    """A cell around one inner cell: what that cell is, what belongs to it, and what it is fed.

    With these, time constants, bounds, trajectories, the adjoints, `integrate`, `Newton` and `Associative` reach the
    inner cell through any wrapper, the package's own and others, and through wrappers of wrappers.

    A transparent wrapper must step as `step_inside` does: the inner cell moves the state, `readout` makes the output.
    """

    @property
    def cell(self) -> Cell:
        """The inner cell."""
        ...

    @property
    def transparent(self) -> bool:
        """Whether the state is that of the inner cell, which nothing else moves, and its inputs do not read it."""
        ...

    def inner_params(self, params: Params) -> Params:
        """The parameters of the inner cell."""
        ...

    def inner_state(self, state: State) -> State:
        """The state of the inner cell, as it is now."""
        ...

    def inner_sensed(self, params: Params, state: State, sensed: Sensed) -> Sensed:
        """What the inner cell senses when the wrapper senses `sensed`; of a transparent one whatever the state is."""
        ...

    def readout(self, params: Params, state: State, sensed: Sensed, output: Array) -> Array:
        """The output of the wrapper, out of the state that has been reached and the inner cell's output in it."""
        ...


@runtime_checkable
class RewritesState(Protocol):
    """A wrapper that is not transparent, but says what it does to the state of the inner cell."""

    @property
    def rewritten_within(self) -> float:
        """The inner state is put within [-this, this] before each step; 0 where it is left alone."""
        ...


class TransparentWrapper:
    """What every transparent wrapper has; to inherit from, beside what is its own: `init`, `sense`, `inner_params`,
    `inner_sensed`, `readout`, `outputs`, and `inputs` where they are not those of the cell.
    """

    cell: Cell

    @property
    def inputs(self) -> int:
        return self.cell.inputs

    @property
    def transparent(self) -> bool:
        return True

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> State:
        """The initial state of the cell."""
        return self.cell.initial_state(batch_shape, dtype)

    def step(self: Any, params: Params, state: State, sensed: Sensed, dt: Array) -> tuple[State, Any]:
        """(state of the cell, output): the step of the cell, then the readout."""
        return step_inside(self, params, state, sensed, dt)

    def inner_state(self, state: State) -> State:
        """The state itself."""
        return state


def step_inside(wrapper: Wrapper, params: Params, state: State, sensed: Sensed, dt: Array) -> tuple[State, Array]:
    """The step of a transparent wrapper: (state, output)."""
    inner = wrapper.inner_sensed(params, state, sensed)
    state, output = wrapper.cell.step(wrapper.inner_params(params), state, inner, dt)
    return state, wrapper.readout(params, state, sensed, output)


def cell_inside(cell: Cell) -> Cell:
    """The innermost cell: the cell itself, or the one that `Readout` and the like are built around.

    Example:
        >>> import liquidjax as lj
        >>> cell_inside(lj.Readout(lj.GRU(inputs=1, units=2), outputs=3))
        GRU(inputs=1, units=2)
    """
    while isinstance(cell, Wrapper):
        cell = cell.cell
    return cell


def params_inside(cell: Cell, params: Params) -> Params:
    """The parameters of the innermost cell.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.Readout(lj.GRU(inputs=1, units=2), outputs=3)
        >>> type(params_inside(cell, cell.init(jax.random.key(0)))).__name__
        'GRUParams'
    """
    while isinstance(cell, Wrapper):
        cell, params = cell.cell, cell.inner_params(params)
    return params


def given_inside(cell: Cell, params: Params, state: State, sensed: Sensed) -> tuple[Cell, Params, State, Sensed]:
    """The innermost cell, its parameters, its state as it is now, and what it senses."""
    while isinstance(cell, Wrapper):
        sensed = cell.inner_sensed(params, state, sensed)
        cell, params, state = cell.cell, cell.inner_params(params), cell.inner_state(state)
    return cell, params, state, sensed


def ode_inside(cell: Cell) -> ODECell:
    """The cell that moves the state by a differential equation: the cell itself, or the one in transparent wrappers.

    Raises:
        ValueError: there is none, or a wrapper moves the state too.

    Example:
        >>> import liquidjax as lj
        >>> ode_inside(lj.Readout(lj.CTRNN(inputs=1, units=2), outputs=3)).units
        2
    """
    inner: Any = cell
    while isinstance(inner, Wrapper):
        if not inner.transparent:
            raise ValueError(
                f"expected a cell whose state nothing but a differential equation moves, got {type(cell).__name__}, in "
                f"which {type(inner).__name__} moves it too; for such cells there are unroll and its gradients Remat, "
                f"BPTT, Chunked and Recursive"
            )
        inner = inner.cell
    if not isinstance(inner, ODECell):
        raise ValueError(
            f"expected a cell that follows a differential equation, such as LTC or CTRNN, or a Readout of one, got "
            f"{type(inner).__name__}; for others there are unroll and its gradients Remat, BPTT, Chunked and Recursive"
        )
    return inner


def readout(cell: Cell, params: Params, state: Array, sensed: Sensed) -> Array:
    """The output (*batch, outputs) in a state that has been reached, of an `ODECell` in any transparent wrappers.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.Readout(lj.CTRNN(inputs=1, units=2), outputs=3)
        >>> params = cell.init(jax.random.key(0))
        >>> readout(cell, params, jnp.zeros(2), cell.sense(params, jnp.ones(1))).shape
        (3,)
    """
    if isinstance(cell, Wrapper):
        inner = cell.inner_sensed(params, state, sensed)
        return cell.readout(params, state, sensed, readout(cell.cell, cell.inner_params(params), state, inner))
    assert isinstance(cell, ODECell)
    return cell.readout(params, state)
