"""Which method evaluates a sequence when the caller leaves it open."""

import math

import numpy as np

from liquidjax._types import Cell, State
from liquidjax.cells.ltc import LTC
from liquidjax.sequences.flow import ode_cell
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.associative import Associative, reads_state
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.newton import Newton
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


def choose(cell: Cell, state: State, time: int, batch: tuple[int, ...], gradient: Gradient, platform: str) -> Method:
    """The method for `unroll(..., method="auto")`.

    A CPU gets `Scan`, which is 6 to 35 times faster there. An accelerator gets `Associative` where the coefficients do
    not read the state, and `Newton` for long sequences and small batches: "layered" for an LTC on layers of neurons,
    "full" for other cells. Every gradient but the default needs a scan.

    Args:
        cell: any `Cell`.
        state: its state, or the shape of it.
        time: number of time steps.
        batch: shape of the batch.
        gradient: of `unroll`.
        platform: "cpu", "gpu" or "tpu".

    Returns:
        The method.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> choose(cell, cell.initial_state((1,)), 4096, (1,), lj.Remat(), "gpu")
        Newton(jacobian='layered', iterations=None, tolerance=1e-06)
        >>> choose(cell, cell.initial_state((1,)), 4096, (1,), lj.Remat(), "cpu")
        Scan()
    """
    if platform == "cpu" or gradient != Remat():
        return Scan()
    if not reads_state(cell):
        return Associative()
    if time < SHORTEST or isinstance(state, tuple):
        return Scan()
    sequences = math.prod(batch)
    method, neurons, unfolds = Newton("full"), state.shape[-1], 1
    try:
        inner = ode_cell(cell)
    except ValueError:
        inner = None
    if inner is not None and inner.integrator.per_sample:
        return Scan()  # an adaptive solver is differentiated by an adjoint of its own, which Newton may not be able to
    if isinstance(inner, LTC):
        graph = inner.graph
        coupled = [len(layer) for layer in graph.layers if graph.adjacency[np.ix_(layer, layer)].any()]
        if coupled != [inner.units]:
            method, neurons, unfolds = (
                Newton("layered"),
                max(coupled, default=1),
                getattr(inner.integrator, "unfolds", 1),
            )
    work = sequences * unfolds * neurons**3
    jacobians = 3 * 4 * sequences * unfolds * time * neurons**2
    return method if work <= MOST_WORK and jacobians <= MOST_BYTES else Scan()
