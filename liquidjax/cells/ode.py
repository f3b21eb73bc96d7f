"""What every cell that follows dx/dt = drive - rate * x has for free."""

import dataclasses
from collections.abc import Callable
from typing import Any, cast

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell, check_inputs, check_params, check_state
from liquidjax._checks import check_array
from liquidjax._types import Array, Cell, Integrator, ODECell, Params, Sensed, State
from liquidjax.cells.wrappers.base import cell_inside, given_inside


def advance(cell: ODECell, params: Params, state: Array, sensed: Sensed, dt: Array) -> Array:
    """The state of an `ODECell` after dt, moved by its integrator: what `step` does before it reads the state out.

    Args:
        cell: whose integrator moves the state along its coefficients.
        params: its parameters.
        state: (*batch, units).
        sensed: what the cell senses; the axes of the batch are the first of its arrays, unless the cell says where they
            begin, in `sensed_batch_axis`.
        dt: a scalar or (*batch), in the unit of the time constants.

    Returns:
        The state after dt, (*batch, units).

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.CTRNN(inputs=1, units=2)
        >>> params = jax.tree.map(jnp.zeros_like, cell.init(jax.random.key(0)))  # dx/dt = -x / log(2)
        >>> sensed = cell.sense(params, jnp.ones(1))
        >>> round(float(lj.advance(cell, params, jnp.ones(2), sensed, jnp.array(0.5))[0]), 4)
        0.4861
    """
    if not cell.integrator.per_sample:
        return cell.integrator.advance(lambda x: cell.coefficients(params, x, sensed), state, dt[..., None])

    def move(state, sensed, dt):
        return cell.integrator.advance(lambda x: cell.coefficients(params, x, sensed), state, dt)

    # With steps of its own for each sample, whatever its neighbours need.
    for _ in state.shape[:-1]:
        move = jax.vmap(move, in_axes=(0, getattr(cell, "sensed_batch_axis", 0), 0))
    return move(state, sensed, jnp.broadcast_to(dt, state.shape[:-1]))


def with_integrators(cell: Any, change: Callable[[Integrator], Integrator]) -> Any:
    """The same cell with every integrator in it changed, those of the cells inside it too.

    Example:
        >>> import liquidjax as lj
        >>> with_integrators(lj.Readout(lj.CTRNN(1, 2), 3), lambda _: lj.Euler(2)).cell.integrator
        Euler(unfolds=2)
    """
    if not dataclasses.is_dataclass(cell):
        return cell
    changed = {}
    for name, value in ((field.name, getattr(cell, field.name)) for field in dataclasses.fields(cell)):
        if isinstance(value, Cell):
            changed[name] = with_integrators(value, change)
        elif isinstance(value, Integrator):
            changed[name] = change(value)
    return dataclasses.replace(cast(Any, cell), **changed)


def is_adaptive(cell: Any) -> bool:
    """Whether the cell, or the one in the wrappers around it, has an integrator that chooses its steps by what it sees.

    Example:
        >>> import liquidjax as lj
        >>> is_adaptive(lj.Readout(lj.CTRNN(1, 2, lj.Diffrax()), 3)), is_adaptive(lj.GRU(1, 2))
        (True, False)
    """
    inner = cell_inside(cell)
    return isinstance(inner, ODECell) and inner.integrator.per_sample


def check_forward_mode(cell: Any, who: str, adjoints: tuple[str, ...]) -> None:
    """Raises ValueError when an adaptive solver in a cell cannot be differentiated forwards, as `who` does.

    Args:
        cell: any cell.
        who: what differentiates it, for the message.
        adjoints: names of those of diffrax with which it can be.

    Raises:
        ValueError: names the adjoint and those that can.

    Example:
        >>> import liquidjax as lj
        >>> check_forward_mode(lj.CTRNN(1, 2, lj.Diffrax()), "Newton", ("DirectAdjoint",))
        Traceback (most recent call last):
        ...
        ValueError: Newton differentiates each step forwards, which RecursiveCheckpointAdjoint cannot; give the cell \
Diffrax(adjoint=diffrax.DirectAdjoint())
    """

    def check(integrator: Integrator) -> Integrator:
        adjoint = getattr(integrator, "adjoint", None)
        if adjoint is None:
            return integrator
        import diffrax

        able = tuple(getattr(diffrax, name) for name in adjoints)
        if isinstance(adjoint, diffrax.AbstractAdjoint) and not isinstance(adjoint, able):
            these = " or ".join(f"Diffrax(adjoint=diffrax.{name}())" for name in adjoints)
            raise ValueError(
                f"{who} differentiates each step forwards, which {type(adjoint).__name__} cannot; give the cell {these}"
            )
        return integrator

    with_integrators(cell, check)


def time_constant(cell: Cell, params: Params, state: State, inputs: Any) -> Array:
    """The liquid time constant of each neuron: tau = 1 / rate(x, u), in the unit of dt.

    Args:
        cell: a cell with coefficients, or a `Readout`, `Block`, `StepLoss` or `MixedMemory` of one, which is read as
            the cell inside it hears the inputs.
        params: its parameters.
        state: its state, (*batch, units).
        inputs: (*batch, inputs), the same batch; a whole sequence of both is one more batch axis.

    Returns:
        (*batch, units); inf where the rate is 0, as it is in a `NeuralODE`, which forgets nothing.

    Raises:
        ValueError: shapes that do not belong together, or a cell without coefficients.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=3))
        >>> params = cell.init(jax.random.key(0))
        >>> lj.time_constant(cell, params, jnp.zeros(3), jnp.ones(2)).shape
        (3,)

    Reference:
        Hasani et al. (2021), section 3; for the conductance form tau = cm / (gleak + sum of conductances).
    """
    _, rate = _coefficients(cell, params, state, inputs)
    return 1 / rate


def equilibrium(cell: Cell, params: Params, state: State, inputs: Any) -> Array:
    """The state towards which each neuron moves at this moment: drive(x, u) / rate(x, u).

    Args:
        cell: a cell with coefficients, or a `Readout`, `Block`, `StepLoss` or `MixedMemory` of one, which is read as
            the cell inside it hears the inputs.
        params: its parameters.
        state: its state, (*batch, units).
        inputs: (*batch, inputs), the same batch; a whole sequence of both is one more batch axis.

    Returns:
        (*batch, units). Where the rate is 0, as it is in a `NeuralODE`, there is no equilibrium: inf or -inf, the
        direction of the drive, and NaN where the drive is 0 too, because the neuron stays in any state.

    Raises:
        ValueError: shapes that do not belong together, or a cell without coefficients.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=3))
        >>> params = cell.init(jax.random.key(0))
        >>> lj.equilibrium(cell, params, jnp.zeros(3), jnp.ones(2)).shape
        (3,)

    Reference:
        Hasani et al. (2021), section 3.
    """
    drive, rate = _coefficients(cell, params, state, inputs)
    return drive / rate


def _coefficients(cell: Cell, params: Params, state: State, inputs: Any) -> tuple[Array, Array]:
    """(drive, rate) of the cell inside, for arguments that belong together."""
    check_cell(cell)
    inputs = check_array("inputs", inputs)
    check_params(cell, params)
    check_inputs(cell, inputs)
    check_state(cell, state, inputs.shape[:-1])
    inner, params, state, sensed = given_inside(cell, params, state, cell.sense(params, inputs))
    if not isinstance(inner, ODECell):
        raise ValueError(
            f"cell must follow a differential equation, as LTC or CTRNN do, or be built around one that "
            f"does, got {type(inner).__name__}"
        )
    return inner.coefficients(params, state, sensed)
