"""The equations x_t = F_t(x_{t-1}) for all t, and Newton's iteration on them."""

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array, Cell, Params
from liquidjax.sequences.steps import StepInputs, masked_step, varying_as

Linear = Callable[[Array], Array]
"""A linear map of sequences (time, *batch, units)."""
Neurons = np.ndarray | None
"""Places in the state; None for all of them."""


class NewtonInfo(NamedTuple):
    """How Newton's method went, for each sequence, (*batch).

    iterations: until it converged, or all that were allowed.
    residual: the largest |x_t - step(x_{t-1})| that is left.
    converged: False where the scan had to step in.
    """

    iterations: Array
    residual: Array
    converged: Array


class Cost(NamedTuple):
    """What a strategy does for a cell: products and bytes of Jacobians for each step of each sequence."""

    products: int
    jacobian_entries: int


class Strategy(Protocol):
    """Which of the Jacobian of a step the iteration uses, and how the equations are then solved."""

    @property
    def most_iterations(self) -> int:
        """How many iterations are allowed if the user does not say."""
        ...

    def check(self, cell: Cell) -> None:
        """Raises ValueError for a cell it cannot run."""
        ...

    def cost(self, cell: Cell) -> Cost:
        """What it costs, for `auto`; of a cell that `check` lets pass."""
        ...

    def system(self, cell: Cell, params: Params, state: Array, steps: StepInputs) -> "System":
        """The equations to solve."""
        ...


@dataclass(frozen=True)
class System(abc.ABC):
    """x_t = step(x_{t-1}) for all t, time steps or unfolds of them.

    step: all steps at once, (time, *batch, units) before them -> after them.
    start: the state before the first one, (*batch, units). guess: where the iteration begins, (time, *batch, units).
    """

    step: Callable[[Array], Array]
    start: Array
    guess: Array

    @property
    @abc.abstractmethod
    def blocks(self) -> tuple[Neurons, ...]:
        """The neurons that are solved for together, one block after another."""

    @abc.abstractmethod
    def recurrence(self, x: Array, block: int) -> Linear:
        """b -> y with y_t = b_t + A_t y_{t-1}, A_1 = 0, for the neurons of a block, with its A at x."""

    @abc.abstractmethod
    def linear_solve(self, x: Array, b: Array) -> Array:
        """y with y_t = b_t + J_t y_{t-1} and the whole Jacobian J at x; linear in b, differentiable in both modes."""

    def before(self, x: Array) -> Array:
        """The state before each step, (time, *batch, units)."""
        return jnp.concatenate([self.start[None], x[:-1]])

    def residual(self, x: Array) -> Array:
        """step(x_{t-1}) - x_t."""
        return self.step(self.before(x)) - x

    def solve(self, most: int, tolerance: float) -> tuple[Array, NewtonInfo]:
        """(the states that are found, how it went), with at most so many iterations for each block."""
        batch = self.start.shape[:-1]
        counted = varying_as((self.start, self.guess), (jnp.zeros(batch, int), jnp.ones(batch, bool)))
        x, (iterations, converged) = self.guess, counted
        for block in range(len(self.blocks)):
            x, of_block, fine = self._solve_block(x, block, most, tolerance)
            iterations, converged = iterations + of_block, converged & fine
        residual = jnp.max(jnp.abs(self.residual(x)), axis=(0, -1))
        return x, NewtonInfo(iterations, residual, converged)

    def _solve_block(self, x: Array, block: int, most: int, tolerance: float):
        neurons = self.blocks[block]

        def pick(y: Array) -> Array:
            return y if neurons is None else y[..., neurons]

        def put(y: Array, part: Array) -> Array:
            return part if neurons is None else y.at[..., neurons].set(part)

        def iterate(carry):
            x, number, count, _ = carry
            own, residual = pick(x), pick(self.residual(x))
            change = self.recurrence(x, block)(residual)
            scale = tolerance * (1 + jnp.abs(own))
            small = (jnp.abs(change) <= scale) & (jnp.abs(residual) <= scale)
            fine = jnp.all(small, axis=(0, -1))
            # A sequence that has converged is left alone, and so is one that has left the numbers.
            moves = ~fine & jnp.all(jnp.isfinite(change), axis=(0, -1))
            x = put(x, jnp.where(moves[..., None], own + change, own))
            return x, number + 1, jnp.where(fine, count, count + 1), fine

        def unfinished(carry):
            _, number, _, fine = carry
            return (number < most) & ~jnp.all(fine)

        batch = self.start.shape[:-1]
        count, fine = varying_as((self.start, x), (jnp.zeros(batch, int), jnp.zeros(batch, bool)))
        x, _, count, fine = jax.lax.while_loop(unfinished, iterate, (x, 0, count, fine))
        return x, count, fine


def all_steps(cell: Cell, params: Params, steps: StepInputs) -> Callable[[Array], Array]:
    """The states (time, *batch, units) before the steps -> those after them."""

    def run(x: Array) -> Array:
        return jax.vmap(lambda x, now: masked_step(cell, params, x, now)[0])(x, steps)

    return run


def first_guess(step: Callable[[Array], Array], state: Array, time: int) -> Array:
    """The states after one step from the initial state, at every time."""
    return step(jnp.broadcast_to(state, (time, *state.shape)))


def jacobian(step: Callable[[Array], Array], x: Array, neurons: Any = None) -> Array:
    """(time, *batch, n, n): the derivative of the chosen neurons, rows, by the chosen neurons, columns."""
    units = x.shape[-1]
    chosen = np.arange(units) if neurons is None else neurons
    _, push = jax.linearize(step, x)
    tangents = jnp.eye(units, dtype=x.dtype)[chosen]
    columns = jax.lax.map(lambda e: push(varying_as(x, jnp.broadcast_to(e, x.shape)))[..., chosen], tangents)
    return jnp.moveaxis(columns, 0, -1)


def units_of(cell: Cell) -> int:
    """The size of a state that is one array."""
    return jax.eval_shape(lambda: cell.initial_state((), float)).shape[-1]
