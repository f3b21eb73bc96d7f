"""How an unrolled cell is differentiated: what the backward pass keeps and what it computes again."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax

from liquidjax._types import Array, State

Step = Callable[[State, Any], tuple[State, Array]]


class Gradient(Protocol):
    """A way to run `step` over the leading axis of `xs` that fixes how it is differentiated, not what it returns."""

    def scan(self, step: Step, state: State, xs: Any, reverse: bool) -> tuple[State, Array]:
        """(state after the last step, outputs of all steps), as `jax.lax.scan` returns them."""
        ...


@dataclass(frozen=True)
class BPTT:
    """Backpropagation through time that keeps everything: every unfold of every step.

    Memory grows with time steps x unfolds x synapses x batch.

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

    def scan(self, step: Step, state: State, xs: Any, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        return jax.lax.scan(step, state, xs, reverse=reverse)


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

    def scan(self, step: Step, state: State, xs: Any, reverse: bool) -> tuple[State, Array]:
        """See `Gradient`."""
        # Inside a scan no barrier against common subexpressions is needed: forward and backward are two loops.
        return jax.lax.scan(jax.checkpoint(step, prevent_cse=False), state, xs, reverse=reverse)
