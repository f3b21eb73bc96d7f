"""A cell that answers with its loss, so that a loss on all outputs needs none of them to be kept."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from liquidjax._belong import check_cell
from liquidjax._checks import UNRESOLVED, check_kind, check_size, resolve, settle
from liquidjax._types import Array, Cell, Params, Sensed, State
from liquidjax.cells.wrappers.base import TransparentWrapper


class SensedAndTarget(NamedTuple):
    """What the cell senses, and the target (*batch, targets)."""

    cell: Sensed
    target: Array


@dataclass(frozen=True)
class StepLoss(TransparentWrapper):
    """A cell whose output is the loss of the step: l = loss(output, target), with inputs [u, target].

    The outputs of a long sequence may need more memory than all the rest of its gradient. With the loss computed where
    the output is, only one number for each step and sample is kept.

    Args:
        cell: the cell that is trained.
        loss: (output, target) -> loss (*batch,), for an output (*batch, outputs of the cell) and a target
            (*batch, targets); a function defined once, because it is part of what the cell is compared by.
        targets: number of target features; the outputs of the cell when None.

    Raises:
        ValueError: targets is not an integer of at least 0.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> def squared_error(output, target):
        ...     return jnp.mean((output - target) ** 2, axis=-1)
        >>> cell = lj.StepLoss(lj.Readout(lj.GRU(inputs=2, units=8), outputs=1), squared_error)
        >>> params = cell.init(jax.random.key(0))
        >>> inputs, targets = jnp.ones((10, 3, 2)), jnp.ones((10, 3, 1))
        >>> state, losses = lj.unroll(cell, params, jnp.concatenate([inputs, targets], axis=-1))
        >>> losses.shape
        (10, 3, 1)
    """

    cell: Cell
    loss: Callable[[Array, Array], Array]
    targets: int = UNRESOLVED  # None means the outputs of the cell

    def __post_init__(self):
        check_cell(self.cell)
        check_kind("loss", self.loss, Callable, "a function (output, target) -> loss (*batch,)")
        resolve(self, targets=self.cell.outputs)
        settle(self, functools.partial(check_size, least=0), "targets")

    @property
    def inputs(self) -> int:
        return self.cell.inputs + self.targets

    @property
    def outputs(self) -> int:
        return 1

    def init(self, key: Array) -> Params:
        """Draws the parameters of the cell."""
        return self.cell.init(key)

    def sense(self, params: Params, inputs: Array, key: Array | None = None) -> SensedAndTarget:
        """What the cell senses of the first inputs; the others are the target."""
        given = self.cell.inputs
        return SensedAndTarget(self.cell.sense(params, inputs[..., :given], key), inputs[..., given:])

    def inner_params(self, params: Params) -> Params:
        return params

    def inner_sensed(self, params: Params, state: State, sensed: SensedAndTarget) -> Sensed:
        return sensed.cell

    def readout(self, params: Params, state: State, sensed: SensedAndTarget, output: Array) -> Array:
        return self.loss(output, sensed.target)[..., None]
