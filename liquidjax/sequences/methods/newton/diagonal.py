"""Newton's method with the gain of each neuron by itself in the place of the Jacobian: quasi-DEER."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from liquidjax._types import Array, Cell, Params
from liquidjax.cells.ode import with_integrators
from liquidjax.cells.wrappers.base import ode_inside
from liquidjax.integrators.fixed_step import frozen_coefficients
from liquidjax.sequences.linear_recurrence import linear_recurrence
from liquidjax.sequences.methods.newton.system import (
    Cost,
    Linear,
    Neurons,
    System,
    all_steps,
    first_guess,
    jacobian,
    units_of,
)
from liquidjax.sequences.steps import StepInputs


@dataclass(frozen=True)
class Diagonal:
    """For every cell whose state is one array: more iterations than `Full`, memory time x units."""

    most_iterations: int = 30

    def check(self, cell: Cell) -> None:
        """There is nothing that it needs."""

    def cost(self, cell: Cell) -> Cost:
        """One product for each neuron and step."""
        units = units_of(cell)
        return Cost(units, units)

    def system(self, cell: Cell, params: Params, state: Array, steps: StepInputs) -> System:
        """All neurons at once, a time step at a time."""
        step = all_steps(cell, params, steps)
        return _Diagonal(step, state, first_guess(step, state, len(steps.dt)), own_gains(cell, params, steps))


@dataclass(frozen=True)
class _Diagonal(System):
    gains: Callable[[Array], Array]
    """The derivative of each neuron by itself, as far as it is used: x before -> (time, *batch, units)."""

    @property
    def blocks(self) -> tuple[Neurons, ...]:
        return (None,)

    def recurrence(self, x: Array, block: int) -> Linear:
        return functools.partial(linear_recurrence, self.gains(self.before(x)))

    def linear_solve(self, x: Array, b: Array) -> Array:
        before = self.before(x)
        _, push = jax.linearize(self.step, before)
        return _solve_by_iteration(push, jax.lax.stop_gradient(self.gains(before)), b)


def own_gains(cell: Cell, params: Params, steps: StepInputs) -> Callable[[Array], Array]:
    """The gains of frozen coefficients, in one forward derivative; the diagonal of the Jacobian for other cells."""
    try:
        frozen = not ode_inside(cell).integrator.per_sample
    except ValueError:
        frozen = False
    if not frozen:
        step = all_steps(cell, params, steps)
        return lambda x: jnp.einsum("...ii->...i", jacobian(step, x))
    step = all_steps(with_integrators(cell, frozen_coefficients), params, steps)
    return lambda x: jax.jvp(step, (x,), (jnp.ones_like(x),))[1]


def _solve_by_iteration(push: Linear, gains: Array, b: Array) -> Array:
    """y = b + J S y, where S shifts by one step: by iterating with the gains in the place of J, to rounding."""
    nothing = jnp.zeros_like(b[:1])

    def later(y: Array) -> Array:
        return jnp.concatenate([nothing, y[:-1]])

    def earlier(y: Array) -> Array:
        return jnp.concatenate([y[1:], nothing])

    def iterate(matvec: Linear, precondition: Linear, b: Array) -> Array:
        enough = jnp.finfo(b.dtype).eps * jnp.max(jnp.abs(b))

        def more(carry):
            _, change, number = carry
            return (number < len(b)) & (jnp.max(jnp.abs(change)) > enough)

        def again(carry):
            y, _, number = carry
            change = precondition(b - matvec(y))
            return y + change, change, number + 1

        first = precondition(b)
        return jax.lax.while_loop(more, again, (first, first, 0))[0]

    transposed = earlier(gains)
    return jax.lax.custom_linear_solve(
        lambda y: y - push(later(y)),
        b,
        lambda matvec, b: iterate(matvec, functools.partial(linear_recurrence, gains), b),
        lambda vecmat, b: iterate(vecmat, functools.partial(linear_recurrence, transposed, reverse=True), b),
    )
