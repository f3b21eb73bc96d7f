"""One time step after another."""

from dataclasses import dataclass

from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.steps import StepInputs


@dataclass(frozen=True)
class Scan:
    """One time step after another: for every cell, with every gradient, and on a CPU the fastest.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> lj.unroll(cell, params, jnp.ones((5, 1)), method=lj.Scan())[1].shape
        (5, 2)
    """

    def run(
        self, cell: Cell, params: Params, state: State, steps: StepInputs, gradient: Gradient
    ) -> tuple[State, Array]:
        """See `methods.method.Method`."""
        return gradient.scan(cell, params, state, steps)
