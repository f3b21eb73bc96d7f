"""Backpropagation through time."""

from dataclasses import dataclass

import jax

from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.steps import StepInputs, masked_step


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

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """See `Gradient`."""
        return jax.lax.scan(lambda x, now: masked_step(cell, params, x, now), state, steps)
