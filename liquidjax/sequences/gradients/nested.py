"""Scans within scans, each of which keeps its states only while it is at work."""

import math

import jax

from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.ode import with_integrators
from liquidjax.integrators.fixed_step import remat_unfolds
from liquidjax.sequences.gradients.remat import remat_scan
from liquidjax.sequences.steps import StepInputs, padded


def nested_scan(
    cell: Cell, params: Params, state: State, steps: StepInputs, factors: tuple[int, ...]
) -> tuple[State, Array]:
    """Scans within scans, one for each factor, each keeping its states only while it is at work."""
    cell = with_integrators(cell, remat_unfolds)
    time = len(steps.dt)

    def run(state: State, steps: StepInputs, factors: tuple[int, ...]) -> tuple[State, Array]:
        if len(factors) == 1 or time == 0:
            return remat_scan(cell, params, state, steps)
        parts = jax.tree.map(lambda leaf: leaf.reshape(factors[0], -1, *leaf.shape[1:]), steps)
        inner = jax.checkpoint(lambda x, part: run(x, part, factors[1:]), prevent_cse=False)
        state, outputs = jax.lax.scan(inner, state, parts)
        return state, jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), outputs)

    state, outputs = run(state, padded(steps, math.prod(factors)), factors)
    return state, jax.tree.map(lambda leaf: leaf[:time], outputs)


def even_parts(time: int, least: int) -> int:
    """A number of parts, at least so many, into which time divides evenly; what does not is copied to be padded.

    Example:
        >>> even_parts(1000, 32), even_parts(1024, 32), even_parts(997, 32)
        (40, 32, 32)
    """
    return next((parts for parts in range(least, 2 * least) if time % parts == 0), least)
