"""What the memory experiment says: its tables as Markdown, and its pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax.experiments.gradient_memory.adjoint_error import LOST, POOR, Errors, first_above
from liquidjax.experiments.gradient_memory.claims import complexity
from liquidjax.experiments.gradient_memory.measurement import LOSSES, METHODS, Network
from liquidjax.experiments.gradient_memory.sweep import Long, MemoryConfig, Result, Row, Sweep
from liquidjax.experiments.shared.tables import fit, fitted_range, markdown, rounded, slope, title, wrapped

TITLES = {"after": "loss after the unroll", "within": "loss within each step", "last": "loss on the last state"}
"""The losses in words."""


def report(config: MemoryConfig, result: Result) -> str:
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
Every line is measured in a fresh process. Temporaries are what the compiler reserves beside arguments and results \
(`memory_analysis().temp_size_in_bytes`); "kept" is what the trace keeps between forward and backward pass, with no \
compiler involved; the peak is what the process really took while it ran, above what it had before. A slope is that \
of log against log, fitted on the longest half of the lengths, named above it; what does not grow (the inside of one \
step or unfold) makes it smaller as long as it is not small itself. MB are 10^6 bytes. dt is irregular.

The losses: "after the unroll" is the mean squared error of all outputs, computed from the stacked outputs; "within \
each step" is the same number by `StepLoss`, which keeps one loss instead of all outputs; "on the last state" is the \
mean square of the last state, where nothing but the method grows."""


def section(config: MemoryConfig, sweep: Sweep, rows: Sequence[Row]) -> list[str]:
    """The tables of one sweep."""
    network, times = sweep.network, sweep.times
    base = [row for row in rows if row.point.network == network]
    parts = [f"## {title(network)}"]
    for loss in LOSSES:
        of_loss = [row for row in base if row.point.loss == loss]
        lines = [["temporaries, MB", *(f"T = {steps:,}" for steps in times), f"slope {fitted_range(times)}"]]
        for method in METHODS:
            sizes = [row.measured.temporaries for row in of_loss if row.point.method == method]
            lines.append([method, *map(_megabytes, sizes), rounded(slope(times, sizes))])
        sizes = [row.measured.arguments for row in of_loss if row.point.method == "BPTT"]
        lines.append(["(the data)", *map(_megabytes, sizes), rounded(slope(times, sizes))])
        parts.append(f"Temporaries, {TITLES[loss]}:\n\n{markdown(lines)}")
    lines = [["kept, MB", *(f"T = {steps:,}" for steps in times), f"slope {fitted_range(times)}"]]
    for method in METHODS:
        sizes = [row.measured.saved for row in base if row.point.method == method and row.point.loss == "last"]
        lines.append([method, *map(_megabytes, sizes), rounded(slope(times, sizes))])
    parts.append(f"Kept between forward and backward pass, {TITLES['last']}:\n\n{markdown(lines)}")
    parts.append(f"Run, {TITLES['within']} (time: median of {config.timed_runs}, and its quartiles):\n\n{timed(base)}")
    other = [row for row in rows if row.point.time == sweep.unfolds_at and row.point.loss == "within"]
    if other:
        unfolds = sorted({row.point.network.unfolds for row in other})
        lines = [["temporaries, MB", *(f"{count} unfolds" for count in unfolds), "slope"]]
        for method in METHODS:
            by_unfolds = {
                row.point.network.unfolds: row.measured.temporaries for row in other if row.point.method == method
            }
            sizes = [by_unfolds[count] for count in unfolds]
            lines.append([method, *map(_megabytes, sizes), rounded(fit(unfolds, sizes))])
        parts.append(f"Other unfolds at T = {sweep.unfolds_at:,}, {TITLES['within']}:\n\n{markdown(lines)}")
    return parts


def timed(rows: Sequence[Row]) -> str:
    """The table of what was run."""
    device = any(row.measured.device_peak is not None for row in rows)
    lines = [
        [
            "method",
            "T",
            "temporaries, MB",
            "peak, MB",
            *["device peak, MB"] * device,
            "time, ms",
            "times BPTT",
            "compile, s",
            "forward passes",
            "gradient error",
            "1 - cosine",
        ]
    ]
    run = [row for row in rows if row.measured.seconds]
    by_bptt = {row.point.time: np.median(row.measured.seconds) for row in run if row.point.method == "BPTT"}
    for row in run:
        measured, milliseconds = row.measured, 1e3 * np.array(row.measured.seconds)
        low, median, high = np.quantile(milliseconds, [0.25, 0.5, 0.75])
        lines.append(
            [
                row.point.method,
                f"{row.point.time:,}",
                _megabytes(measured.temporaries),
                _megabytes(measured.run_peak),
                *[_megabytes(measured.device_peak)] * device,
                f"{median:.1f} ({low:.1f}-{high:.1f})",
                f"{median / 1e3 / by_bptt[row.point.time]:.2f}",
                f"{measured.compile_seconds:.1f}",
                f"{measured.gradient_work / measured.forward_work:.1f}",
                "-" if row.error is None else f"{row.error:.1e}",
                "-" if row.cosine is None else f"{max(0.0, 1 - row.cosine):.0e}",
            ]
        )
    return markdown(lines)


def failures(config: MemoryConfig, curves: dict[str, Errors]) -> str:
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
        lines = [["duration / tau", "float32", "float64"]]
        lines += [[f"{duration:.2f}", f"{single:.1e}", f"{double:.1e}"] for duration, single, double in chosen]
        parts.append(wrapped(f"{cell}: {_failure(errors)}") + f"\n\n{markdown(lines)}")
        lines = [["segment / tau", "error", "segment / tau, dt / 8", "error, dt / 8"]]
        for (duration, error), (fine, fine_error) in zip(errors.segments, errors.fine_segments, strict=True):
            lines.append([f"{duration:.2f}", f"{error:.1e}", f"{fine:.3f}", f"{fine_error:.1e}"])
        parts.append(f"{cell}, segmented adjoint over {failure.steps:,} time steps:\n\n{markdown(lines)}")
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


def long_gradient(config: MemoryConfig, long: Long) -> str:
    """The figures of the gradient through very many steps."""
    measured = long.measured
    return wrapped(
        f"{title(config.sparse.network)}, irregular steps, {TITLES['within']}, Chunked: "
        f"{measured.first_seconds:.0f} s, {_megabytes(measured.temporaries)} MB of temporaries for "
        f"{_megabytes(measured.arguments)} MB of data, {_megabytes(measured.process_peak)} MB of process memory above "
        f"the imports, compiling included. Through {config.long_check:,} steps it differs from the gradient by Remat "
        f"by {long.difference:.0e} in float32 and by {long.difference_float64:.0e} in float64."
    )


def draw(folder: Path, config: MemoryConfig, result: Result) -> None:
    """Writes memory.png, time.png and adjoint_error.png."""
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from liquidjax import plots

    def panels() -> tuple[Figure, Sequence[Any]]:
        figure = Figure(figsize=(13, 5), dpi=110, layout="constrained")
        return figure, figure.subplots(1, 2)

    (memory, memory_axes), (clock, time_axes), (error, error_axes) = panels(), panels(), panels()
    for name, ax, time_ax in zip(config.sweeps, memory_axes, time_axes, strict=True):
        sweep = config.sweeps[name]
        base = [row for row in result.sweeps[name] if row.point.network == sweep.network]
        within, after = (
            {method: [row.measured.temporaries / 1e6 for row in _of(base, method, loss)] for method in METHODS}
            for loss in ("within", "after")
        )
        plots.plot_memory(sweep.times, within, after, ax).set_title(_short(sweep.network))
        run = [row for row in base if row.measured.seconds]
        longest = max((row.point.time for row in run), default=0)
        measured = {
            row.point.method: (row.measured.temporaries / 1e6, row.measured.seconds)
            for row in run
            if row.point.time == longest
        }
        plots.plot_time_against_memory(measured, time_ax).set_title(f"{_short(sweep.network)}, {longest:,} time steps")
    losses = [
        Line2D([], [], color="black", linestyle="-", label=TITLES["within"]),
        Line2D([], [], color="black", linestyle="--", label=TITLES["after"]),
    ]
    methods = memory_axes[0].get_legend_handles_labels()[0]
    memory.legend(handles=[*methods, *losses], loc="outside lower center", ncols=4, frameon=False)
    clock.legend(
        handles=time_axes[0].get_legend_handles_labels()[0], loc="outside lower center", ncols=6, frameon=False
    )
    memory.suptitle("Memory of the gradient", weight="bold")
    clock.suptitle("Time against memory of the gradient, loss within each step", weight="bold")
    for ax, (cell, errors) in zip(error_axes, result.failures.items(), strict=True):
        curves = {
            "pure backsolve": [(duration, error) for duration, error, _ in errors.backsolve],
            "segmented adjoint": errors.segments,
            "segmented adjoint, dt / 8": errors.fine_segments,
        }
        plots.plot_adjoint_error(curves, POOR, LOST, ax).set_title(f"{cell} ({config.failure.units})")
    error.suptitle("Where the adjoint fails: a contractive cell, solved backwards", weight="bold")
    for name, figure in (("memory", memory), ("time", clock), ("adjoint_error", error)):
        figure.savefig(folder / f"{name}.png")


def _of(rows: Sequence[Row], method: str, loss: str) -> list[Row]:
    return [row for row in rows if (row.point.method, row.point.loss) == (method, loss)]


def _short(network: Network) -> str:
    return f"{network.neurons} ({network.units}), batch {network.batch}"


def _megabytes(count: int | None) -> str:
    if count is None:
        return "-"
    return f"{count / 1e6:,.0f}" if count >= 1e8 else f"{count / 1e6:.3g}"
