"""Backpropagation through time, a chunk of steps at a time."""

import math
from dataclasses import dataclass

from liquidjax._checks import check_size, settle
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.gradients.nested import even_parts, nested_scan
from liquidjax.sequences.steps import StepInputs


@dataclass(frozen=True)
class Chunked:
    """Backpropagation through time that keeps the state at the start of each chunk, and one chunk's states at a time.

    The same gradient as `BPTT`. Memory grows with (time / length + length) x units x batch, which is least for
    length = sqrt(time). Each step is computed once more than with `Remat`, and the inside of an unfold once more again,
    so that no more than one unfold is ever kept whole.

    Args:
        length: time steps of a chunk; about sqrt(time) when None, a number that divides time evenly if there is one.

    Raises:
        ValueError: length is not an integer of at least 1.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda p: lj.unroll(cell, p, jnp.ones((50, 1)), gradient=lj.Chunked())[1].sum()
        >>> jax.grad(loss)(params).recurrent.bias.shape
        (3, 2)

    Reference:
        Chen et al., "Training deep nets with sublinear memory cost" (2016).
    """

    length: int | None = None

    def __post_init__(self):
        if self.length is not None:
            settle(self, check_size, "length")

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `Gradient`."""
        time = len(steps.dt)
        length = max(1, min(self.length or even_parts(time, math.ceil(math.sqrt(time))), time))
        return nested_scan(cell, params, state, steps, (math.ceil(time / length), length))
