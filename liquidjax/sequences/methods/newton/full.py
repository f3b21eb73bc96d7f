"""Newton's method with the whole Jacobian of every step: DEER."""

import functools
from dataclasses import dataclass

from liquidjax._types import Array, Cell, Params
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
class Full:
    """For every cell whose state is one array: few iterations, memory time x units^2."""

    most_iterations: int = 10

    def check(self, cell: Cell) -> None:
        """There is nothing that it needs."""

    def cost(self, cell: Cell) -> Cost:
        """One product of whole Jacobians for each step."""
        units = units_of(cell)
        return Cost(units**3, units**2)

    def system(self, cell: Cell, params: Params, state: Array, steps: StepInputs) -> System:
        """All neurons at once, a time step at a time."""
        step = all_steps(cell, params, steps)
        return _Full(step, state, first_guess(step, state, len(steps.dt)))


class _Full(System):
    @property
    def blocks(self) -> tuple[Neurons, ...]:
        return (None,)

    def recurrence(self, x: Array, block: int) -> Linear:
        return functools.partial(linear_recurrence, jacobian(self.step, self.before(x)))

    def linear_solve(self, x: Array, b: Array) -> Array:
        return self.recurrence(x, 0)(b)
