"""One point: what the gradient of one cell by one method needs. Runs in a fresh process."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from liquidjax._types import Array, Params
from liquidjax.analysis.trajectory import time_constants
from liquidjax.cells.wrappers.step_loss import StepLoss
from liquidjax.experiments.gradient_memory.config import Network
from liquidjax.experiments.shared.byte_counts import device_peak_bytes, peak_bytes, restart_peak
from liquidjax.experiments.shared.jaxpr_counts import count_tanh, residual_bytes
from liquidjax.sequences.gradients.adjoint import Backsolve, SegmentedAdjoint
from liquidjax.sequences.gradients.bptt import BPTT
from liquidjax.sequences.gradients.chunked import Chunked
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.recursive import Recursive
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.unroll import unroll

METHODS = ("BPTT", "Remat", "Chunked", "Recursive", "SegmentedAdjoint", "Backsolve")
LOSSES = ("after", "within", "last")
Method = Literal["BPTT", "Remat", "Chunked", "Recursive", "SegmentedAdjoint", "Backsolve"]
Loss = Literal["after", "within", "last"]
"""Squared error of all outputs, computed after the unroll, or within each step; mean square of the last state."""
QUICK: dict[str, str | bool] = {"xla_backend_optimization_level": "0"}
"""Compiler options with which code is generated fast and runs slowly; its buffers are the same."""


@dataclass(frozen=True)
class Point:
    """What is measured."""

    network: Network
    method: Method
    time: int
    loss: Loss = "within"
    segments: int = 8
    dt_over_tau: float = 0.004
    runs: int = 0
    """Runs of the gradient, the first of them to warm up; 0 only compiles it."""
    float64: bool = False
    gradient: str = ""
    """File for the gradient, one vector; none is written when empty."""
    seed: int = 0

    def way(self) -> Gradient:
        """The method as `unroll` takes it."""
        ways = {
            "BPTT": BPTT(),
            "Remat": Remat(),
            "Chunked": Chunked(),
            "Recursive": Recursive(),
            "SegmentedAdjoint": SegmentedAdjoint(math.ceil(self.time / self.segments)),
            "Backsolve": Backsolve(anyway=True),
        }
        return ways[self.method]


class Measurement(NamedTuple):
    """What came out; None where nothing was run, or the system does not tell.

    temporary_bytes, arguments, results: bytes of the compiled gradient (`memory_analysis`).
    residuals: bytes kept between forward and backward pass, counted in the trace.
    forward_work, gradient_work: how many numbers tanh is computed of in the loss, and in its gradient.
    compile_seconds: tracing and compiling.
    first_seconds: of the first run.
    seconds: of each of the others.
    run_peak: most resident bytes during the runs, above those before them.
    process_peak: most resident bytes of the process, above those after its imports; compiling included.
    device_peak: most bytes in use on the accelerator.
    tau: smallest time constant, in the unit of dt.
    backend: "cpu", "gpu" or "tpu".
    """

    temporary_bytes: int
    arguments: int
    results: int
    residuals: int
    forward_work: int
    gradient_work: int
    compile_seconds: float
    first_seconds: float | None
    seconds: list[float]
    run_peak: int | None
    process_peak: int | None
    device_peak: int | None
    tau: float | None
    backend: str


class Sample(NamedTuple):
    """Parameters, inputs with targets behind them (time, batch, inputs + outputs), dt (time,), and smallest tau."""

    params: Params
    data: np.ndarray
    dt: np.ndarray
    tau: float


def measure(point: Point) -> Measurement:
    """Compiles the gradient of a point and runs it, if `point.runs` says so.

    Raises:
        ValueError: the backend reports no temporary bytes.
    """
    imported = peak_bytes()
    with jax.enable_x64(point.float64):
        arguments, tau = _arguments(point)
        function = loss_function(point)
        gradient = jax.value_and_grad(function)
        start = time.perf_counter()
        compiled = jax.jit(gradient).lower(*arguments).compile(None if point.runs else QUICK)
        compile_seconds = time.perf_counter() - start
        analysis = checked(compiled.memory_analysis(), point)
        residuals = residual_bytes(function, *arguments)
        work = [count_tanh(program, *arguments) for program in (function, gradient)]
        seconds, run_peak, device_peak, highest = [], None, None, peak_bytes()
        if point.runs:
            before = restart_peak()
            vector = None
            for _ in range(point.runs):
                start = time.perf_counter()
                _, vector = jax.block_until_ready(compiled(*arguments))
                seconds.append(time.perf_counter() - start)
            after = peak_bytes()
            run_peak = None if before is None or after is None else after - before
            device_peak = device_peak_bytes(jax.devices()[0])
            if point.gradient:
                np.save(point.gradient, ravel_pytree(vector)[0])
    ends = [mark for mark in (highest, peak_bytes()) if mark is not None]
    return Measurement(
        temporary_bytes=analysis.temp_size_in_bytes,
        arguments=analysis.argument_size_in_bytes,
        results=analysis.output_size_in_bytes,
        residuals=residuals,
        forward_work=work[0],
        gradient_work=work[1],
        compile_seconds=compile_seconds,
        first_seconds=seconds[0] if seconds else None,
        seconds=seconds[1:],
        run_peak=run_peak,
        process_peak=None if imported is None else max(ends) - imported,
        device_peak=device_peak,
        tau=tau,
        backend=jax.default_backend(),
    )


def squared_error(output: Array, target: Array) -> Array:
    """Mean over the features: (*batch,)."""
    return jnp.mean((output - target) ** 2, axis=-1)


def loss_function(point: Point) -> Callable[..., Array]:
    """(params, dt, *data) -> loss, with data as `_arguments` gives it."""
    cell, way = point.network.cell(), point.way()
    if point.loss == "within":
        stepwise = StepLoss(cell, squared_error)
        return lambda params, dt, data: jnp.mean(unroll(stepwise, params, data, dt, gradient=way)[1])
    if point.loss == "after":
        return lambda params, dt, inputs, targets: jnp.mean(
            squared_error(unroll(cell, params, inputs, dt, gradient=way)[1], targets)
        )
    return lambda params, dt, inputs: jnp.mean(unroll(cell, params, inputs, dt, gradient=way)[0] ** 2)


def draw(network: Network, length: int, dt_over_tau: float, seed: int) -> Sample:
    """Initial parameters and normal data in float32, with irregular dt: 0.5 to 1.5 times dt_over_tau x smallest tau."""
    cell, rng = network.cell(), np.random.default_rng(seed)
    with jax.enable_x64(False):  # the same numbers for both precisions
        params = cell.init(jax.random.key(seed))
        data = rng.standard_normal((length, network.batch, cell.inputs + cell.outputs), np.float32)
        # At dt = 1 the neurons follow the data at leisure, so that they come to the ends of their range.
        tau = float(jnp.min(time_constants(cell, params, data[:256, ..., : cell.inputs], 1.0)))
    dt = rng.uniform(0.5, 1.5, length).astype(np.float32) * np.float32(dt_over_tau * tau)
    return Sample(params, data, dt, tau)


def checked(analysis: Any, point: Point) -> Any:
    """The compiler's report of its buffers, if it is one."""
    if analysis is None or not analysis.temp_size_in_bytes > 0:
        raise ValueError(
            f"the compiler must report temporary bytes for {point.method}, got none (backend {jax.default_backend()}, "
            f"jax {jax.__version__}): this version cannot tell its memory; use another one of jax"
        )
    return analysis


def _arguments(point: Point) -> tuple[tuple, float | None]:
    """(params, dt, *data) of the loss, only as shapes where nothing is to be run, and the smallest tau."""
    cell, dtype = point.network.cell(), np.float64 if point.float64 else np.float32
    inputs, outputs = cell.inputs, cell.outputs
    parts = {"within": [slice(None)], "after": [slice(inputs), slice(inputs, None)], "last": [slice(inputs)]}[
        point.loss
    ]
    if not point.runs:
        params = jax.eval_shape(cell.init, jax.random.key(0))
        widths = [len(range(inputs + outputs)[part]) for part in parts]
        shapes = [(point.time,), *((point.time, point.network.batch, width) for width in widths)]
        return (params, *(jax.ShapeDtypeStruct(shape, dtype) for shape in shapes)), None
    params, data, dt, tau = draw(point.network, point.time, point.dt_over_tau, point.seed)
    arrays = [dt, *(data[..., part] for part in parts)]
    return (jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params), *(jnp.asarray(a, dtype) for a in arrays)), tau
