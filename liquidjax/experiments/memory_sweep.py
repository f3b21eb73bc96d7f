"""What the memory experiment measures: every method on sequences of growing length, each point in a fresh process."""

import dataclasses
import os
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np

from liquidjax._checks import check_size
from liquidjax.experiments import fresh
from liquidjax.experiments.adjoint_error import Errors, Failure, errors, relative_error
from liquidjax.experiments.memory_point import LOSSES, METHODS, Measurement, Network, Point, measure

Show = Callable[[str], None]
"""Called with a line of text when something has been measured."""
ENVIRONMENT = {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Of the fresh processes: several share an accelerator, and none may take all of its memory at once."""
CELLS = ("AutoNCP LTC", "CT-RNN")
"""The cells on which the adjoint is driven to where it fails."""


@dataclass(frozen=True)
class Sweep:
    """A cell, and the lengths of the sequences on which its gradient is measured: a geometric row."""

    network: Network = Network()
    shortest: int = 64
    """Time steps of the shortest sequence."""
    longest: int = 16384
    """Time steps of the longest sequence."""
    lengths: int = 3
    """How many lengths there are, at least 2."""
    timed_up_to: int = 64
    """Longest sequence that is run and timed; longer ones are only compiled. BPTT keeps every unfold in memory."""
    unfolds_at: int = 0
    """One of the lengths, at which half and twice the unfolds are measured too; 0 leaves it out."""

    def __post_init__(self):
        check_size("shortest", self.shortest)
        check_size("lengths", self.lengths, least=2)
        if self.longest <= self.shortest:
            raise ValueError(f"longest must be above shortest = {self.shortest}, got {self.longest}")
        if self.unfolds_at and self.unfolds_at not in self.times:
            raise ValueError(f"unfolds_at must be 0 or one of the lengths {self.times}, got {self.unfolds_at}")

    @property
    def times(self) -> list[int]:
        """The lengths.

        Example:
            >>> Sweep().times
            [64, 1024, 16384]
        """
        return np.round(np.geomspace(self.shortest, self.longest, self.lengths)).astype(int).tolist()


@dataclass(frozen=True)
class MemoryConfig:
    """Which gradients are measured, and how."""

    dense: Sweep = Sweep()
    """The first cell."""
    sparse: Sweep = Sweep(Network("AutoNCP LTC", units=32, batch=1), 512, 32768, timed_up_to=4096, unfolds_at=4096)
    """The second cell, on longer sequences."""
    segments: int = 8
    """Segments that SegmentedAdjoint divides every sequence into."""
    dt_over_tau: float = 0.004
    """Mean duration of a time step, in smallest time constants of the cell, where gradients are compared."""
    timed_runs: int = 20
    """Timed runs of each gradient, after one that is not counted; at least 1."""
    failure: Failure = Failure()
    long_steps: int = 1_000_000
    """Time steps of one gradient of the second cell by Chunked, loss within the step; 0 leaves it out."""
    long_check: int = 10_000
    """Time steps at which that gradient is compared with the one by Remat."""
    seed: int = 0
    """Seed of the initial parameters and of the data."""

    def __post_init__(self):
        for name, least in (("segments", 1), ("timed_runs", 1), ("long_steps", 0), ("long_check", 1)):
            check_size(name, getattr(self, name), least)
        if not 0 < self.dt_over_tau < float("inf"):
            raise ValueError(f"dt_over_tau must be above 0 and finite, got {self.dt_over_tau}")

    @property
    def sweeps(self) -> dict[str, Sweep]:
        """Both sweeps by their names."""
        return {"dense": self.dense, "sparse": self.sparse}


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
    """

    sweeps: dict[str, list[Row]]
    failures: dict[str, Errors]
    long: Long | None
    machine: dict[str, Any]


def points(config: MemoryConfig, sweep: Sweep) -> Iterator[Point]:
    """What is measured in a sweep.

    Example:
        >>> len(list(points(MemoryConfig(), Sweep()))), len({point.time for point in points(MemoryConfig(), Sweep())})
        (54, 3)
    """
    base = Point(sweep.network, "BPTT", 1, segments=config.segments, dt_over_tau=config.dt_over_tau, seed=config.seed)
    for steps in sweep.times:
        for loss in LOSSES:
            runs = config.timed_runs + 1 if loss == "within" and steps <= sweep.timed_up_to else 0
            for method in METHODS:
                yield dataclasses.replace(base, method=method, time=steps, loss=loss, runs=runs)
    for unfolds in _other_unfolds(sweep):
        network = dataclasses.replace(sweep.network, unfolds=unfolds)
        for method in METHODS:
            yield dataclasses.replace(base, network=network, method=method, time=sweep.unfolds_at)


def _other_unfolds(sweep: Sweep) -> list[int]:
    unfolds = sweep.network.unfolds
    return sorted({max(1, unfolds // 2), 2 * unfolds} - {unfolds}) if sweep.unfolds_at else []


def measure_all(config: MemoryConfig, show: Show) -> Result:
    """The measurements. What is only compiled is done on several cores at a time; what is timed, alone."""
    start, load = time.perf_counter(), _load()
    wanted = {name: list(points(config, sweep)) for name, sweep in config.sweeps.items()}
    every = dict.fromkeys(point for each in wanted.values() for point in each)
    compiled, timed = ([point for point in every if bool(point.runs) is run] for run in (False, True))
    pool = ThreadPoolExecutor(min(4, os.cpu_count() or 1))
    try:
        pending = {point: pool.submit(_measured, point) for point in compiled}
        curves = {
            cell: pool.submit(fresh.call, errors, config.failure.curve(cell, config.seed), ENVIRONMENT)
            for cell in CELLS
        }
        rows = {}
        for number, (point, future) in enumerate(pending.items(), 1):
            rows[point] = Row(point, future.result(), None, None)
            show(f"compiled {number}/{len(compiled)}: {_line(rows[point])}")
        failures = {cell: Errors(**future.result()) for cell, future in curves.items()}
    finally:
        pool.shutdown(cancel_futures=True)
    loads = [_load()]
    with tempfile.TemporaryDirectory() as scratch:
        file, references = f"{scratch}/gradient.npy", {}
        for number, point in enumerate(timed, 1):
            place = point.network, point.time
            if place not in references:
                references[place] = _gradient(dataclasses.replace(point, method="BPTT", float64=True, runs=1), file)[1]
            measured, gradient = _gradient(point, file)
            rows[point] = Row(
                point, measured, relative_error(gradient, references[place]), cosine(gradient, references[place])
            )
            show(f"timed {number}/{len(timed)}: {_line(rows[point])}")
        loads.append(_load())
        long = _long(config, file) if config.long_steps else None
    machine = {
        "machine": f"{platform.machine()}, {platform.system()}, {os.cpu_count()} cores",
        "backend": next(iter(rows.values())).measured.backend,
        "versions": {
            "Python": platform.python_version(),
            **{name: version(name) for name in ("jax", "jaxlib", "numpy")},
        },
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
        "loads": [load, *loads],
        "seconds": time.perf_counter() - start,
    }
    return Result({name: [rows[point] for point in each] for name, each in wanted.items()}, failures, long, machine)


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


def _measured(point: Point) -> Measurement:
    return Measurement(**fresh.call(measure, point, ENVIRONMENT))


def _gradient(point: Point, file: str) -> tuple[Measurement, np.ndarray]:
    measured = _measured(dataclasses.replace(point, gradient=file))
    return measured, np.load(file)


def _long(config: MemoryConfig, file: str) -> Long:
    long = Point(
        config.sparse.network, "Chunked", config.long_steps, dt_over_tau=config.dt_over_tau, seed=config.seed, runs=1
    )
    measured = _measured(long)
    short = dataclasses.replace(long, time=config.long_check)
    differences = []
    for float64 in (False, True):
        chunked, remat = (
            _gradient(dataclasses.replace(short, method=method, float64=float64), file)[1]
            for method in ("Chunked", "Remat")
        )
        differences.append(relative_error(chunked, remat))
    if not differences[1] < 1e-9:
        raise FloatingPointError(
            f"Chunked and Remat must give the same gradient through {config.long_check} steps, got a relative "
            f"difference of {differences[1]:.1e} in float64"
        )
    return Long(measured, *differences)


def _line(row: Row) -> str:
    network, measured = row.point.network, row.measured
    time_ = f", {np.median(measured.seconds) * 1e3:.1f} ms" if measured.seconds else ""
    return (
        f"{network.neurons} ({network.units}), {network.unfolds} unfolds, {row.point.time} steps, {row.point.method}, "
        f"loss {row.point.loss}: {measured.temporaries / 1e6:.3f} MB{time_}"
    )


def _load() -> float | None:
    """Processes that wanted a core in the last minute, on average; None where the system does not tell."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
