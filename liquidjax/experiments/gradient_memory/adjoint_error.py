"""Where the continuous adjoint fails: the error of its gradient against the duration it is solved back over."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from liquidjax.cells.ode import with_integrators
from liquidjax.experiments.gradient_memory.config import Curve, Network
from liquidjax.experiments.gradient_memory.measurement import QUICK, Sample, draw
from liquidjax.integrators import RK4
from liquidjax.sequences.gradients.adjoint import Backsolve, SegmentedAdjoint
from liquidjax.sequences.gradients.bptt import BPTT
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.unroll import unroll

DIVISIONS = 4
"""Durations are a row of numbers of steps that doubles every so many."""
DURATIONS_PER_LENGTH = 2
"""For the time left: how many durations take as long as one length of segments, which is compiled anew."""
POOR, LOST = 1e-2, 1.0
"""Relative errors from which a gradient is called poor, and lost."""


class Errors(NamedTuple):
    """Relative errors of gradients against float64 BPTT, beside durations in smallest time constants.

    backsolve: Backsolve of sequences of growing duration: (duration, error in float32, error in float64).
    segments: SegmentedAdjoint of the whole sequence with segments of growing duration, float32: (duration, error).
    fine_segments: the same with time steps an eighth as long.
    forward: relative error of the outputs of the whole sequence, against a solver of high order.
    tau: smallest time constant, in the unit of dt.
    """

    backsolve: list[tuple[float, float, float]]
    segments: list[tuple[float, float]]
    fine_segments: list[tuple[float, float]]
    forward: float
    tau: float


def errors(curve: Curve, callback: Callable[[float], None] = lambda share: None) -> Errors:
    """The errors for one cell; runs in a fresh process.

    Args:
        curve: the cell.
        callback: called with the share of the work that is done, now and then.
    """
    sample = draw(curve.network, curve.steps, curve.dt_over_tau, curve.seed)
    fine = sample._replace(dt=sample.dt / 8)
    exact, back = _gradient(curve.network, BPTT(), curve.steps), _gradient(curve.network, Backsolve(True), curve.steps)
    backsolve = []
    durations, lengths = counts(curve.steps), 2 ** np.arange(1, curve.steps.bit_length())
    work = len(durations) + DURATIONS_PER_LENGTH * len(lengths)
    for done, count in enumerate(durations, 1):
        reference = exact(sample, count, True)
        found = [relative_error(back(sample, count, float64), reference) for float64 in (False, True)]
        backsolve.append((float(sample.dt[:count].sum()) / sample.tau, *found))
        callback(done / work)
    references = [exact(each, curve.steps, True) for each in (sample, fine)]
    segments: tuple[list[tuple[float, float]], ...] = [], []
    for done, length in enumerate(lengths, 1):
        by_segments = _gradient(curve.network, SegmentedAdjoint(int(length)), curve.steps)
        for each, reference, row in zip((sample, fine), references, segments, strict=True):
            error = relative_error(by_segments(each, curve.steps, False), reference)
            row.append((float(length * each.dt.mean()) / each.tau, error))
        callback((len(durations) + DURATIONS_PER_LENGTH * done) / work)
    return Errors(backsolve, *segments, _forward_error(curve.network, sample), sample.tau)


def counts(steps: int) -> list[int]:
    """Numbers of steps from 2 on, doubling every `DIVISIONS`.

    Example:
        >>> counts(8)
        [2, 3, 4, 5, 6, 7, 8]
    """
    row = 2 ** np.arange(1, np.log2(steps) + 1e-9, 1 / DIVISIONS)
    return sorted({*np.round(row).astype(int).tolist(), steps})


def relative_error(gradient: np.ndarray, reference: np.ndarray) -> float:
    """|gradient - reference| / |reference|, infinite where the gradient is not finite.

    Example:
        >>> relative_error(np.array([3.0, 4.5]), np.array([3.0, 4.0])), relative_error(np.array([np.nan]), np.ones(1))
        (0.1, inf)
    """
    if not np.all(np.isfinite(gradient)):
        return float("inf")
    return float(np.linalg.norm(gradient.astype(np.float64) - reference) / np.linalg.norm(reference))


def first_above(limit: float, errors: list[tuple[float, float]]) -> float | None:
    """The first duration at which the error is above the limit, or not finite, and stays so; None if there is none.

    Example:
        >>> first_above(0.01, [(1.0, 0.02), (2.0, 0.001), (4.0, 0.5), (8.0, float("inf"))])
        4.0
    """
    first = None
    for duration, error in reversed(errors):
        if error <= limit:
            break
        first = duration
    return first


def _gradient(network: Network, way: Gradient, steps: int) -> Callable[[Sample, int, bool], np.ndarray]:
    """(sample, number of steps that count, float64?) -> gradient of the mean square of all outputs, a vector."""
    cell = network.cell()

    @functools.partial(jax.jit, compiler_options=QUICK)  # it is compiled for longer than it runs
    def differentiate(params, inputs, dt, count):
        def loss(params):
            mask = jnp.broadcast_to((jnp.arange(steps) < count)[:, None], (steps, network.batch))
            return jnp.sum(unroll(cell, params, inputs, dt, mask=mask, gradient=way)[1] ** 2) / count

        return jax.grad(loss)(params)

    def run(sample: Sample, count: int, float64: bool) -> np.ndarray:
        with jax.enable_x64(float64):
            dtype = np.float64 if float64 else np.float32
            given = sample.params, sample.data[..., : cell.inputs], sample.dt
            arguments = jax.tree.map(lambda leaf: np.asarray(leaf, dtype), given)
            return np.asarray(ravel_pytree(differentiate(*arguments, count))[0])

    return run


def _forward_error(network: Network, sample: Sample) -> float:
    cell = network.cell()

    def outputs(cell, dtype):
        given = sample.params, sample.data[..., : cell.inputs], sample.dt
        return np.asarray(unroll(cell, *jax.tree.map(lambda leaf: np.asarray(leaf, dtype), given))[1])

    with jax.enable_x64(True):
        reference = outputs(with_integrators(cell, lambda _: RK4(2 * network.unfolds)), np.float64)
    return relative_error(outputs(cell, np.float32).ravel(), reference.ravel())
