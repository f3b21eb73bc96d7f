"""The contract of what evaluates a cell over a sequence."""

from typing import Protocol, runtime_checkable

from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.steps import StepInputs


@runtime_checkable
class Method(Protocol):
    """A way to evaluate a cell over time steps. It does not change what is returned, but for rounding."""

    def run(
        self, cell: Cell, params: Params, state: State, steps: StepInputs, gradient: Gradient
    ) -> tuple[State, Array]:
        """(state after the last step, outputs of all steps)."""
        ...
