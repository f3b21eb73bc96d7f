"""What is measured: every method on sequences of growing length, each point in a fresh process."""

import dataclasses
import os
import platform
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from liquidjax.experiments.gradient_memory.adjoint_error import Errors, errors, relative_error
from liquidjax.experiments.gradient_memory.config import CELLS, Curve, GradientMemoryConfig, Sweep
from liquidjax.experiments.gradient_memory.measurement import LOSSES, METHODS, Measurement, Point, measure
from liquidjax.experiments.gradient_memory.work import Callback, Stop, Work, time_left
from liquidjax.experiments.shared import subprocesses
from liquidjax.experiments.shared.machine import load_average, versions


class Row(NamedTuple):
    """A point and what was measured there.

    error, cosine: of the gradient, against float64 BPTT; None where it was not run.
    """

    point: Point
    measured: Measurement
    error: float | None
    cosine: float | None


class Long(NamedTuple):
    """The gradient through very many steps, and its relative differences from the one by Remat on fewer."""

    measured: Measurement
    difference: float
    difference_float64: float


class Result(NamedTuple):
    """Everything measured.

    sweeps: the rows of each sweep.
    failures: the errors of the adjoint for each of `CELLS`.
    long: None where it was left out.
    machine: what it was measured on.
    interrupted: where, if it was; then all of the others may be incomplete.
    """

    sweeps: dict[str, list[Row]]
    failures: dict[str, Errors]
    long: Long | None
    machine: dict[str, Any]
    interrupted: str | None = None


def points(config: GradientMemoryConfig, sweep: Sweep) -> Iterator[Point]:
    """What is measured in a sweep.

    Example:
        >>> measured = list(points(GradientMemoryConfig(), Sweep()))
        >>> len(measured), len({point.time for point in measured})
        (54, 3)
    """
    base = Point(sweep.network, "BPTT", 1, segments=config.segments, dt_over_tau=config.dt_over_tau, seed=config.seed)
    for steps in sweep.times:
        for loss in LOSSES:
            runs = config.timed_runs + 1 if loss == "within" and steps <= sweep.timed_up_to else 0
            for method in METHODS:
                yield dataclasses.replace(base, method=method, time=steps, loss=loss, runs=runs)
    for network in sweep.other_networks:
        for method in METHODS:
            yield dataclasses.replace(base, network=network, method=method, time=sweep.unfolds_at)


def measure_all(config: GradientMemoryConfig, callback: Callback, stop: Stop = lambda: False) -> Result:
    """The measurements. What is only compiled is done on several cores at a time; what is timed, alone."""
    start, loads = time.perf_counter(), [load_average()]
    wanted = {name: list(points(config, sweep)) for name, sweep in config.sweeps.items()}
    every = dict.fromkeys(point for each in wanted.values() for point in each)
    compiled, timed = ([point for point in every if bool(point.runs) is run] for run in (False, True))
    rows: dict[Point, Row] = {}
    failures: dict[str, Errors] = {}
    long = interrupted = None
    failed = threading.Event()  # one measurement has: the others are not waited for
    cores = os.cpu_count() or 1
    work = Work(ThreadPoolExecutor(max(min(4, cores), cores // 2)), callback, lambda: stop() or failed.is_set())
    callback(
        f"{len(compiled)} gradients to compile, {len(CELLS)} cells to drive to where the adjoint fails, "
        f"{len(timed)} gradients to time"
    )
    try:
        pending = {point: work.submit(_measured, point, work.stop) for point in compiled}
        curves = {cell: _submit_errors(config.failure.curve(cell, config.seed), work) for cell in CELLS}
        _collect_compiled(pending, work, start, rows)
        _collect_errors(curves, work, failures)
        loads.append(load_average())
        with tempfile.TemporaryDirectory() as scratch:
            _time(timed, f"{scratch}/gradient.npy", work, rows)
            loads.append(load_average())
            long = _long(config, f"{scratch}/gradient.npy", work) if config.long_steps else None
    except subprocesses.Stopped:
        interrupted = f"Interrupted after {len(rows)} of {len(every)} measurements of the sweeps."
    finally:
        failed.set()
        work.pool.shutdown(cancel_futures=True)
    machine = {
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "backend": next((row.measured.backend for row in rows.values()), None),
        "versions": {"Python": platform.python_version(), **versions(("jax", "jaxlib", "numpy"))},
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "loads": loads,
        "seconds": time.perf_counter() - start,
    }
    sweeps = {name: [rows[point] for point in each if point in rows] for name, each in wanted.items()}
    return Result(sweeps, failures, long, machine, interrupted)


def _collect_compiled(pending: dict[Point, Future], work: Work, start: float, rows: dict[Point, Row]) -> None:
    """Puts what is only compiled into `rows`, as it comes."""
    for number, (point, future) in enumerate(pending.items(), 1):
        measured = work.wait(future, "compiling", start, (number - 1) / len(pending))
        rows[point] = Row(point, measured, None, None)
        left = time_left(start, number / len(pending))
        work.callback(f"compiled {number}/{len(pending)}{left}: {_line(rows[point])}")


def _submit_errors(curve: Curve, work: Work) -> tuple[Future, list[float]]:
    """The errors to come, and the shares of the work for them that are done."""
    shares = [0.0]
    return work.submit(_errors, curve, work.stop, shares.append), shares


def _collect_errors(curves: dict[str, tuple[Future, list[float]]], work: Work, failures: dict[str, Errors]) -> None:
    """Puts the errors of the adjoint into `failures`."""
    start = time.perf_counter()
    for cell, (future, shares) in curves.items():
        title = f"errors of the adjoint, {cell}"
        failures[cell] = work.wait(future, title, start, lambda shares=shares: shares[-1])
        work.callback(f"{title}: done")


def _time(timed: Sequence[Point], file: str, work: Work, rows: dict[Point, Row]) -> None:
    """Runs gradients one after another, and puts them into `rows` with their errors against float64 BPTT."""
    references, start = {}, time.perf_counter()

    def gradient(point: Point, share: float) -> tuple[Measurement, np.ndarray]:
        point = dataclasses.replace(point, gradient=file)
        return work.wait(work.submit(_measured, point, work.stop), "timing", start, share), np.load(file)

    for number, point in enumerate(timed, 1):
        place, share = (point.network, point.time), (number - 1) / len(timed)
        if place not in references:
            exact = dataclasses.replace(point, method="BPTT", float64=True, runs=1)
            references[place] = gradient(exact, share)[1]
        measured, found = gradient(point, share)
        reference = references[place]
        rows[point] = Row(point, measured, relative_error(found, reference), cosine(found, reference))
        left = time_left(start, number / len(timed))
        work.callback(f"timed {number}/{len(timed)}{left}: {_line(rows[point])}")


def cosine(gradient: np.ndarray, reference: np.ndarray) -> float | None:
    """Of the angle between them; None where the gradient is not finite.

    Example:
        >>> cosine(np.array([1.0, 1.0]), np.array([1.0, 0.0])).__round__(3)
        0.707
    """
    if not np.all(np.isfinite(gradient)):
        return None
    gradient = gradient.astype(np.float64)
    return float(gradient @ reference / (np.linalg.norm(gradient) * np.linalg.norm(reference)))


def _measured(point: Point, stop: Stop) -> Measurement:
    return Measurement(**subprocesses.call(measure, point, stop))


def _errors(curve: Curve, stop: Stop, callback: Callable[[float], None]) -> Errors:
    return Errors(**subprocesses.call(errors, curve, stop, callback))


def _long(config: GradientMemoryConfig, file: str, work: Work) -> Long:
    long = Point(
        config.sparse.network, "Chunked", config.long_steps, dt_over_tau=config.dt_over_tau, seed=config.seed, runs=1
    )
    short = dataclasses.replace(long, time=config.long_check)
    differences, seconds, start = [], 0.0, time.perf_counter()
    for float64 in (False, True):
        gradients = []
        for method in ("Chunked", "Remat"):
            point = dataclasses.replace(short, method=method, float64=float64, gradient=file)
            share = (2 * float64 + len(gradients)) / 4
            measured = work.wait(work.submit(_measured, point, work.stop), "checking the long gradient", start, share)
            gradients.append(np.load(file))
            if method == "Chunked" and not float64:
                seconds = measured.compile_seconds + measured.first_seconds * config.long_steps / config.long_check
        differences.append(relative_error(*gradients))
    if not differences[1] < 1e-9:
        raise FloatingPointError(
            f"Chunked and Remat must give the same gradient through {config.long_check} steps, got a relative "
            f"difference of {differences[1]:.1e} in float64"
        )
    title, start = f"one gradient through {config.long_steps:,} time steps", time.perf_counter()
    work.callback(f"{title}: about {seconds:.0f} s")
    future = work.submit(_measured, long, work.stop)
    return Long(work.wait(future, title, start, lambda: (time.perf_counter() - start) / seconds), *differences)


def _line(row: Row) -> str:
    network, measured = row.point.network, row.measured
    time_ = f", {np.median(measured.seconds) * 1e3:.1f} ms" if measured.seconds else ""
    return (
        f"{network.neurons} ({network.units}), {network.unfolds} unfolds, {row.point.time} steps, {row.point.method}, "
        f"loss {row.point.loss}: {measured.temporary_bytes / 1e6:.3f} MB{time_}"
    )
