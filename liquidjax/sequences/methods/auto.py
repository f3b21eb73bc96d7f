"""Which method evaluates a sequence when the caller leaves it open."""

import math

import jax

from liquidjax._types import Cell
from liquidjax.cells.ode import is_adaptive
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.associative import Associative, reads_state
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.newton.newton import Newton
from liquidjax.sequences.methods.newton.system import Cost
from liquidjax.sequences.methods.scan import Scan

SHORTEST = 1024
"""Time steps below which a scan is short enough anywhere."""
MOST_WORK = 2**23
"""batch x unfolds x neurons^3 up to which products of Jacobians take less than the latency of a scan's steps.

From counted work, not from a measurement: an H200 multiplies Jacobians of 64 neurons at 0.35 microseconds a step,
and a step of a scan takes 10 at least, so that 28 sequences of 64 neurons are where they meet.
"""
MOST_BYTES = 4 * 2**30
"""Bytes of Jacobians that are taken as affordable, three copies of each."""


def choose(cell: Cell, time: int, batch: tuple[int, ...], gradient: Gradient, platform: str) -> Method:
    """The method for `unroll(..., method="auto")`.

    `Associative` where the coefficients do not read the state, on an accelerator always, on a CPU for one sequence
    by itself, which leaves a scan little to do in a step. For other cells a CPU gets `Scan`, which is 6 to 35 times
    faster there than `Newton`; an accelerator gets `Newton` for long sequences and small batches: "layered" for an LTC
    on layers of neurons, "full" for other cells. Every gradient but the default needs a scan.

    Args:
        cell: any `Cell`.
        time: number of time steps.
        batch: shape of the batch.
        gradient: of `unroll`.
        platform: "cpu", "gpu" or "tpu".

    Returns:
        The method.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> choose(cell, 4096, (1,), lj.Remat(), "gpu")
        Newton(jacobian='layered', iterations=None, tolerance=1e-06)
        >>> choose(cell, 4096, (1,), lj.Remat(), "cpu")
        Scan()
    """
    if gradient != Remat():
        return Scan()
    sequences = math.prod(batch)
    if not reads_state(cell) and (platform != "cpu" or sequences == 1):
        return Associative()
    state = jax.eval_shape(lambda: cell.initial_state((), float))
    if platform == "cpu" or time < SHORTEST or not isinstance(state, jax.ShapeDtypeStruct):
        return Scan()
    if is_adaptive(cell):  # its solver is differentiated by an adjoint of its own, which Newton may not be able to
        return Scan()
    for method, (products, entries) in _by_cost(cell):
        if sequences * products <= MOST_WORK and 3 * 4 * sequences * time * entries <= MOST_BYTES:
            return method
    return Scan()


def _by_cost(cell: Cell) -> list[tuple[Newton, Cost]]:
    """The forms of Newton's method that can run the cell with few iterations, those of few products first."""
    able = []
    for method in (Newton("layered"), Newton("full")):
        try:
            method.strategy.check(cell)
        except ValueError:
            continue
        able.append((method, method.strategy.cost(cell)))
    return sorted(able, key=lambda pair: pair[1].products)
