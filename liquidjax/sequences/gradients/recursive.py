"""Backpropagation through time with chunks within chunks."""

import math
from dataclasses import dataclass

from liquidjax._checks import check_size, settle
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.gradients.nested import even_parts, nested_scan
from liquidjax.sequences.steps import StepInputs


@dataclass(frozen=True)
class Recursive:
    """Backpropagation through time with chunks within chunks: memory grows with the logarithm of time.

    The same gradient as `BPTT`. With k levels, k time^(1/k) states are kept and each step is computed k more times.
    As in `Chunked`, the inside of an unfold is computed once more again. Slices of the inputs, a third of them in all,
    are kept too: where the inputs are larger than a state, `Chunked` needs no more memory.

    Args:
        checkpoints: how many states may be kept at once; with more of them fewer levels are needed, so it is faster.
            The fewest, about 4 log4(time), when None.

    Raises:
        ValueError: checkpoints is not an integer of at least 1, or too few for the time steps (when run).

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda p: lj.unroll(cell, p, jnp.ones((50, 1)), gradient=lj.Recursive())[1].sum()
        >>> jax.grad(loss)(params).recurrent.bias.shape
        (3, 2)

    Reference:
        Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic
        differentiation", Optimization Methods and Software 1 (1992); equal levels instead of binomial ones.
    """

    checkpoints: int | None = None

    def __post_init__(self):
        if self.checkpoints is not None:
            settle(self, check_size, "checkpoints")

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `Gradient`."""
        return nested_scan(cell, params, state, steps, self.factors(len(steps.dt)))

    def factors(self, time: int) -> tuple[int, ...]:
        """Into how many parts each level divides, from the outermost; their product is at least `time`.

        Example:
            >>> Recursive().factors(1024), Recursive(checkpoints=32).factors(1024)
            ((4, 4, 4, 4, 4), (16, 8, 8))
        """
        time = max(1, time)
        most = max(1, math.ceil(math.log(time, 4)))
        if self.checkpoints is None:
            return _factors(time, most)
        for levels in range(1, 2 * most + 1):
            factors = _factors(time, levels)
            if sum(factors) <= self.checkpoints:
                return factors
        raise ValueError(
            f"checkpoints must be at least {sum(_factors(time, most))} for {time} time steps, got {self.checkpoints}"
        )


def _factors(time: int, levels: int) -> tuple[int, ...]:
    factors = []
    for left in range(levels, 0, -1):
        factor = even_parts(time, math.ceil(round(time ** (1 / left), 9)))
        factors.append(factor)
        time = math.ceil(time / factor)
    return tuple(factors)
