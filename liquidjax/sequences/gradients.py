"""How an unrolled cell is differentiated: what the backward pass keeps and what it computes again.

All of these give the gradient of the time steps that were taken, to rounding; they differ in memory and time. Those of
`adjoint.py` solve another equation backwards instead.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax

from liquidjax._checks import check_size, settle
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.ode import with_integrators
from liquidjax.integrators import remat_unfolds
from liquidjax.sequences.steps import Steps, masked_step, padded


@runtime_checkable
class Gradient(Protocol):
    """A way to run a cell over time steps that fixes how it is differentiated, not what it returns."""

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """(state after the last step, outputs of all steps), as `jax.lax.scan` returns them."""
        ...


@dataclass(frozen=True)
class BPTT:
    """Backpropagation through time that keeps everything: every unfold of every step.

    Memory grows with time steps x unfolds x synapses x batch. For cells whose step is a few small matrix products, CfC,
    LSTM and GRU, it is the fastest way; for an LTC it is slow, because so much is written and read.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=1, units=2)
        >>> params = cell.init(jax.random.key(0))
        >>> loss = lambda p: lj.unroll(cell, p, jnp.ones((5, 1)), gradient=lj.BPTT())[1].sum()
        >>> jax.grad(loss)(params).recurrent.bias.shape
        (3, 2)

    Reference:
        Werbos, "Backpropagation through time", Proceedings of the IEEE 78 (1990).
    """

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        return jax.lax.scan(lambda x, now: masked_step(cell, params, x, now), state, steps, reverse=reverse)


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

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        return _remat_scan(cell, params, state, steps, reverse)


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

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        time = len(steps.dt)
        length = max(1, min(self.length or _even(time, math.ceil(math.sqrt(time))), time))
        return _nested(cell, params, state, steps, reverse, (math.ceil(time / length), length))


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

    def scan(self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        return _nested(cell, params, state, steps, reverse, self.factors(len(steps.dt)))

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
        raise ValueError(f"checkpoints must be at least {sum(_factors(time, most))} for {time} time steps, got "
                         f"{self.checkpoints}")  # fmt: skip


def _factors(time: int, levels: int) -> tuple[int, ...]:
    factors = []
    for left in range(levels, 0, -1):
        factor = _even(time, math.ceil(round(time ** (1 / left), 9)))
        factors.append(factor)
        time = math.ceil(time / factor)
    return tuple(factors)


def _even(time: int, least: int) -> int:
    """A number of parts, at least so many, into which time divides evenly; what does not is copied to be padded.

    Example:
        >>> _even(1000, 32), _even(1024, 32), _even(997, 32)
        (40, 32, 32)
    """
    return next((parts for parts in range(least, 2 * least) if time % parts == 0), least)


def _remat_scan(cell: Cell, params: Params, state: State, steps: Steps, reverse: bool = False) -> tuple[State, Array]:
    # Inside a scan no barrier against common subexpressions is needed: forward and backward are two loops.
    step = jax.checkpoint(lambda x, now: masked_step(cell, params, x, now), prevent_cse=False)
    return jax.lax.scan(step, state, steps, reverse=reverse)


def _nested(
    cell: Cell, params: Params, state: State, steps: Steps, reverse: bool, factors: tuple[int, ...]
) -> tuple[State, Array]:
    """Scans within scans, one for each factor, each keeping its states only while it is at work."""
    cell = with_integrators(cell, remat_unfolds)
    time = len(steps.dt)

    def flipped(tree: Any) -> Any:
        return jax.tree.map(lambda leaf: leaf[::-1], tree) if reverse else tree

    def run(state: State, steps: Steps, factors: tuple[int, ...]) -> tuple[State, Array]:
        if len(factors) == 1 or time == 0:
            return _remat_scan(cell, params, state, steps)
        parts = jax.tree.map(lambda leaf: leaf.reshape(factors[0], -1, *leaf.shape[1:]), steps)
        inner = jax.checkpoint(lambda x, part: run(x, part, factors[1:]), prevent_cse=False)
        state, outputs = jax.lax.scan(inner, state, parts)
        return state, jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), outputs)

    state, outputs = run(state, padded(flipped(steps), math.prod(factors)), factors)
    return state, flipped(jax.tree.map(lambda leaf: leaf[:time], outputs))
