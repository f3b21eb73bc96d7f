"""The contract of what differentiates an unrolled cell."""

from typing import Protocol, runtime_checkable

from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.steps import StepInputs


@runtime_checkable
class Gradient(Protocol):
    """A way to run a cell over time steps that fixes how it is differentiated, not what it returns."""

    def scan(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[State, Array]:
        """(state after the last step, outputs of all steps in their order), as `jax.lax.scan` returns them."""
        ...
