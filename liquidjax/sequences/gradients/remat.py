"""Backpropagation through time that keeps the state of each step."""

from dataclasses import dataclass

import jax

from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.steps import StepInputs, masked_step


@dataclass(frozen=True)
class Remat:
    """Backpropagation through time that keeps the state of each step and computes the inside of the step again.

    The same gradient as `BPTT`. Memory grows with time steps x units x batch; for an LTC it is also faster, because
    less is written and read.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda p: lj.unroll(cell, p, jnp.ones((5, 1)), gradient=lj.Remat())[1].sum()
        >>> jax.grad(loss)(params).recurrent.bias.shape
        (3, 2)

    Reference:
        Griewank and Walther, "Evaluating Derivatives", 2nd edition (2008), chapter 12.
    """

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `Gradient`."""
        return remat_scan(cell, params, state, steps)


def remat_scan(cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
    # Inside a scan no barrier against common subexpressions is needed: forward and backward are two loops.
    step = jax.checkpoint(lambda x, now: masked_step(cell, params, x, now), prevent_cse=False)
    return jax.lax.scan(step, state, steps)
