"""What the experiment says: its tables, as Markdown."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from liquidjax.experiments.gradient_memory.adjoint_error import LOST, POOR, Errors, first_above
from liquidjax.experiments.gradient_memory.claims import complexity
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig, Sweep
from liquidjax.experiments.gradient_memory.measurement import LOSSES, METHODS
from liquidjax.experiments.gradient_memory.sweep import Long, Result, Row
from liquidjax.experiments.shared.log_log import final_range, final_slope, rounded, slope
from liquidjax.experiments.shared.tables import markdown, megabytes, wrapped

TITLES = {"after": "loss after the unroll", "within": "loss within each step", "last": "loss on the last state"}
"""The losses in words."""


def report(config: GradientMemoryConfig, result: Result) -> str:
    """Everything as Markdown."""
    machine = result.machine
    loads = ", ".join("?" if load is None else f"{load:.1f}" for load in machine["loads"])
    parts = [
        "# Memory of the gradient: adjoint against backpropagation through time",
        wrapped(
            f"{machine['machine']}; backend {machine['backend']}; "
            + ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
            + f'; XLA_FLAGS "{machine["XLA_FLAGS"]}". Load (processes that want a core) at the start, before the timed '
            f"runs and after them: {loads}. {machine['seconds'] / 60:.1f} minutes."
        ),
        *map(wrapped, READING.split("\n\n")),
    ]
    for name, sweep in config.sweeps.items():
        parts += section(config, sweep, result.sweeps[name])
    parts += ["## What is claimed, and what was measured", complexity(config, result)]
    parts += ["## Where the adjoint fails", failures(config, result.failures)]
    if result.long is not None:
        parts += [f"## One gradient through {config.long_steps:,} time steps", long_gradient(config, result.long)]
    return "\n\n".join(parts) + "\n"


READING = """\
Every line is measured in a fresh process. Temporary memory is what the compiled program reserves beside arguments \
and results (`memory_analysis().temp_size_in_bytes`); residuals are what the trace keeps between forward and backward \
pass, with no compiler involved; the peak is what the process really took while it ran, above what it had before. A \
slope is that of log against log, fitted on the longest half of the lengths, named above it; what does not grow (the \
inside of one step or unfold) makes it smaller as long as it is not small itself. MB are 10^6 bytes. dt is irregular.

The losses: "after the unroll" is the mean squared error of all outputs, computed from the stacked outputs; "within \
each step" is the same number by `StepLoss`, which keeps one loss instead of all outputs; "on the last state" is the \
mean square of the last state, where nothing but the method grows."""


def section(config: GradientMemoryConfig, sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """The tables of one sweep."""
    base = [row for row in rows if row.point.network == sweep.network]
    parts = [f"## {sweep.network.title}"]
    for loss in LOSSES:
        of_loss = [row for row in base if row.point.loss == loss]
        sizes = {method: [row.measured.temporary_bytes for row in _by(of_loss, method)] for method in METHODS}
        data = {"(the data)": [row.measured.arguments for row in _by(of_loss, "BPTT")]}
        parts.append(
            f"Temporary memory, {TITLES[loss]}:\n\n{growth('temporary memory, MB', sweep.times, sizes | data)}"
        )
    last = [row for row in base if row.point.loss == "last"]
    sizes = {method: [row.measured.residuals for row in _by(last, method)] for method in METHODS}
    parts.append(f"Residuals, {TITLES['last']}:\n\n{growth('residuals, MB', sweep.times, sizes)}")
    parts.append(f"Run, {TITLES['within']} (time: median of {config.timed_runs}, and its quartiles):\n\n{timed(base)}")
    other = [row for row in rows if row.point.time == sweep.unfolds_at and row.point.loss == "within"]
    if other:
        unfolds = sorted({row.point.network.unfolds for row in other})
        lines = []
        for method in METHODS:
            of_method = {row.point.network.unfolds: row.measured.temporary_bytes for row in _by(other, method)}
            sizes = [of_method[count] for count in unfolds]
            lines.append([method, *map(megabytes, sizes), rounded(slope(unfolds, sizes))])
        table = markdown(["temporary memory, MB", *(f"{count} unfolds" for count in unfolds), "slope"], lines)
        parts.append(f"Other unfolds at T = {sweep.unfolds_at:,}, {TITLES['within']}:\n\n{table}")
    return parts


def growth(title: str, times: Sequence[int], sizes: Mapping[str, Sequence[int]]) -> str:
    """The table of bytes (lengths,) at each length, and their slopes."""
    header = [title, *(f"T = {steps:,}" for steps in times), f"slope {final_range(times)}"]
    lines = [[name, *map(megabytes, row), rounded(final_slope(times, row))] for name, row in sizes.items()]
    return markdown(header, lines)


def timed(rows: Sequence[Row]) -> str:
    """The table of what was run."""
    run = [row for row in rows if row.measured.seconds]
    by_bptt = {row.point.time: np.median(row.measured.seconds) for row in _by(run, "BPTT")}
    columns: dict[str, Callable[[Row], str]] = {
        "method": lambda row: row.point.method,
        "T": lambda row: f"{row.point.time:,}",
        "temporary memory, MB": lambda row: megabytes(row.measured.temporary_bytes),
        "peak, MB": lambda row: megabytes(row.measured.run_peak),
        "device peak, MB": lambda row: megabytes(row.measured.device_peak),
        "time, ms": lambda row: _quartiles(row.measured.seconds),
        "times BPTT": lambda row: f"{np.median(row.measured.seconds) / by_bptt[row.point.time]:.2f}",
        "compile, s": lambda row: f"{row.measured.compile_seconds:.1f}",
        "forward passes": lambda row: f"{row.measured.gradient_work / row.measured.forward_work:.1f}",
        "gradient error": lambda row: "-" if row.error is None else f"{row.error:.1e}",
        "1 - cosine": lambda row: "-" if row.cosine is None else f"{max(0.0, 1 - row.cosine):.0e}",
    }
    if all(row.measured.device_peak is None for row in rows):
        del columns["device peak, MB"]
    return markdown(list(columns), [[text(row) for text in columns.values()] for row in run])


def _by(rows: Sequence[Row], method: str) -> list[Row]:
    return [row for row in rows if row.point.method == method]


def _quartiles(seconds: Sequence[float]) -> str:
    low, median, high = np.quantile(1e3 * np.array(seconds), [0.25, 0.5, 0.75])
    return f"{median:.1f} ({low:.1f}-{high:.1f})"


def failures(config: GradientMemoryConfig, curves: dict[str, Errors]) -> str:
    """The errors of the adjoint against durations in time constants."""
    failure = config.failure
    parts = [
        wrapped(
            f"{failure.units} neurons, {failure.inputs} inputs, batch {failure.batch}, {failure.unfolds} unfolds, loss "
            f"on all outputs; time steps of {failure.dt_over_tau:g} of the smallest time constant tau on average. "
            "Errors are relative to float64 BPTT through the steps the forward solver took. Pure backsolve goes back "
            "over the whole duration, the segmented adjoint over one segment at a time."
        )
    ]
    for cell, errors in curves.items():
        chosen = errors.backsolve[:: -max(1, len(errors.backsolve) // 12)][::-1]
        lines = [[f"{duration:.2f}", f"{single:.1e}", f"{double:.1e}"] for duration, single, double in chosen]
        table = markdown(["duration / tau", "float32", "float64"], lines)
        parts.append(wrapped(f"{cell}: {_failure(errors)}") + f"\n\n{table}")
        lines = [
            [f"{duration:.2f}", f"{error:.1e}", f"{fine:.3f}", f"{fine_error:.1e}"]
            for (duration, error), (fine, fine_error) in zip(errors.segments, errors.fine_segments, strict=True)
        ]
        table = markdown(["segment / tau", "error", "segment / tau, dt / 8", "error, dt / 8"], lines)
        parts.append(f"{cell}, segmented adjoint over {failure.steps:,} time steps:\n\n{table}")
    return "\n\n".join(parts)


def _failure(errors: Errors) -> str:
    def since(limit: float, column: int) -> str:
        first = first_above(limit, [(row[0], row[column]) for row in errors.backsolve])
        return (
            f"at no duration up to {errors.backsolve[-1][0]:.0f} tau" if first is None else f"from {first:.1f} tau on"
        )

    return (
        f"the gradient of pure backsolve is poor (error above {POOR:g}) {since(POOR, 1)} and lost (above {LOST:g}, or "
        f"not finite) {since(LOST, 1)}. In float64 it is poor {since(POOR, 2)} and lost {since(LOST, 2)}: where that "
        "is the same, the cause is not rounding but the difference between the forward and the backward solver, which "
        "grows with exp(duration / tau)."
    )


def long_gradient(config: GradientMemoryConfig, long: Long) -> str:
    """The figures of the gradient through very many steps."""
    measured = long.measured
    return wrapped(
        f"{config.sparse.network.title}, irregular steps, {TITLES['within']}, Chunked: "
        f"{measured.first_seconds:.0f} s, {megabytes(measured.temporary_bytes)} MB of temporary memory for "
        f"{megabytes(measured.arguments)} MB of data, {megabytes(measured.process_peak)} MB of process memory above "
        f"the imports, compiling included. Through {config.long_check:,} steps it differs from the gradient by Remat "
        f"by {long.difference:.0e} in float32 and by {long.difference_float64:.0e} in float64."
    )
