"""The complexity table of the LTC lecture, with what was measured beside each claim."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liquidjax.experiments.gradient_memory.adjoint_error import LOST, POOR, Errors, first_above
from liquidjax.experiments.gradient_memory.config import GradientMemoryConfig, Sweep
from liquidjax.experiments.gradient_memory.sweep import Result, Row
from liquidjax.experiments.shared.log_log import final_slope, power, slope
from liquidjax.experiments.shared.tables import markdown, wrapped

CLAIMS = """\
T: time steps, L: unfolds (L_f forwards, L_b backwards). Measured on {network}. O() is an upper bound: an exponent \
agrees unless it is more than 0.15 above the claimed one; that of log T is taken as 0.05. Memory: temporary memory, \
loss on the last state; residuals as above; "within" with the loss within each step. Work by count: numbers that tanh \
is computed of in the gradient, from its trace; sensing is done once a step, so the exponent of L is below 1."""


class Claim(NamedTuple):
    """A line of the complexity table. by: "slides", or "here" for what this package says of its methods."""

    quantity: str
    method: str
    claimed: str
    by: str
    measured: str
    agrees: bool


def complexity(config: GradientMemoryConfig, result: Result) -> str:
    """The complexity table of the slides beside the measurements, and where they disagree."""
    made = claims(config, result)
    lines = [[*claim[:-1], "yes" if claim.agrees else "NO"] for claim in made]
    table = markdown(["", "method", "claimed", "by", "measured", "agrees"], lines, align="lllll")
    return "\n\n".join(
        [wrapped(CLAIMS.format(network=config.sparse.network.title)), table, "\n".join(disagreements(made))]
    )


def claims(config: GradientMemoryConfig, result: Result) -> list[Claim]:
    """The lines of the complexity table."""
    found = Exponents(config.sparse, result.sweeps["sparse"])
    errors = result.failures["AutoNCP LTC"]
    return [
        *(time_claim(found, method, claimed) for method, claimed in TIME.items()),
        *(memory_claim(found, method, *claimed) for method, claimed in memory_claimed(config).items()),
        *(depth_claim(found, method, claimed) for method, claimed in DEPTH.items()),
        *accuracy_claims(found, errors),
    ]


TIME = {"BPTT": "O(2 L T)", "Backsolve": "O((L_f + L_b) T)"}
DEPTH = {"BPTT": "O(L)", "Backsolve": "O(L_b)"}


def memory_claimed(config: GradientMemoryConfig) -> dict[str, tuple[str, str, float]]:
    """For each method what is claimed, by whom, and as which exponent of T."""
    return {
        "BPTT": ("O(L T)", "slides", 1.0),
        "Backsolve": ("O(1)", "slides", 0.0),
        "Remat": ("O(T)", "here", 1.0),
        "Chunked": ("O(sqrt T)", "here", 0.5),
        "Recursive": ("O(log T)", "here", 0.05),
        "SegmentedAdjoint": (f"O(1), {config.segments} segments", "here", 0.0),
    }


class Exponents:
    """What was measured of one sweep, as exponents of the number of time steps T and of the unfolds L."""

    def __init__(self, sweep: Sweep, rows: Sequence[Row]) -> None:
        self.sweep, self.rows = sweep, rows
        self.base = [row for row in rows if row.point.network == sweep.network]

    def of_time(self, method: str, what: str, loss: str) -> float:
        """Of T, on the longer half of the sequences."""
        rows = [row for row in self.base if (row.point.method, row.point.loss) == (method, loss)]
        return final_slope([row.point.time for row in rows], [getattr(row.measured, what) for row in rows])

    def of_unfolds(self, method: str, what: str) -> float | None:
        """Of L; None where other unfolds were not measured."""
        wanted = method, self.sweep.unfolds_at, "within"
        rows = [row for row in self.rows if (row.point.method, row.point.time, row.point.loss) == wanted]
        unfolds = [row.point.network.unfolds for row in rows]
        return slope(unfolds, [getattr(row.measured, what) for row in rows]) if rows else None

    def by_clock(self, method: str) -> str:
        """Of T, of the time it took; nothing where it was not run on two lengths."""
        rows = [row for row in self.base if row.point.method == method and row.measured.seconds]
        if len(rows) < 2:
            return ""
        medians = [float(np.median(row.measured.seconds)) for row in rows]
        return f"T^{slope([row.point.time for row in rows], medians):.2f} by the clock, "

    def passes(self, method: str) -> float:
        """How many forward passes the work of the gradient is."""
        row = next(row for row in self.base if row.point.method == method)
        return row.measured.gradient_work / row.measured.forward_work


def time_claim(found: Exponents, method: str, claimed: str) -> Claim:
    """Of the work of the gradient."""
    steps, unfolds = found.of_time(method, "gradient_work", "last"), found.of_unfolds(method, "gradient_work")
    text = f"{found.by_clock(method)}{power('T', steps)} {power('L', unfolds)} by count"
    return Claim("time", method, claimed, "slides", text, _within(steps, 1) and _within(unfolds, 1))


def depth_claim(found: Exponents, method: str, claimed: str) -> Claim:
    """Of the evaluations that follow each other within a time step."""
    unfolds, count = found.of_unfolds(method, "gradient_work"), found.sweep.network.unfolds
    evaluations = f"{found.passes(method) * count:.0f} evaluations in sequence a time step at L = {count}"
    return Claim("depth", method, claimed, "slides", f"{evaluations}, {power('L', unfolds)}", _within(unfolds, 1))


def memory_claim(found: Exponents, method: str, claimed: str, by: str, exponent: float) -> Claim:
    """Of the temporary memory, with the residuals beside it."""
    steps, unfolds = found.of_time(method, "temporary_bytes", "last"), found.of_unfolds(method, "temporary_bytes")
    residuals, within = found.of_time(method, "residuals", "last"), found.of_time(method, "temporary_bytes", "within")
    text = f"{power('T', steps)} {power('L', unfolds)}; residuals {power('T', residuals)}; within {power('T', within)}"
    agrees = _within(steps, exponent) and (method != "BPTT" or _within(unfolds, 1))
    return Claim("memory", method, claimed, by, text, agrees)


def accuracy_claims(found: Exponents, errors: Errors) -> list[Claim]:
    """Of the outputs, and of the gradients by BPTT, by Backsolve and by SegmentedAdjoint."""
    exact = max(row.error for row in found.base if row.point.method == "BPTT" and row.error is not None)
    pure = [(duration, error) for duration, error, _ in errors.backsolve]
    lost, (first, first_error), (last, last_error) = first_above(LOST, pure), pure[0], pure[-1]
    end = f"{last_error:.0e} after {last:.2g} tau" if lost is None else f"lost from {lost:.2g} tau on"
    segments = min(error for _, error in errors.fine_segments)
    forward = f"error of the outputs {errors.forward:.0e}"
    backward = "backward accuracy"
    return [
        Claim("forward accuracy", "all", "high", "slides", forward, errors.forward < POOR),
        Claim(backward, "BPTT", "high", "slides", f"error {exact:.0e}", exact < 1e-4),
        Claim(
            backward,
            "Backsolve",
            "low",
            "slides",
            f"error {first_error:.0e} after {first:.2g} tau, {end}",
            lost is None,
        ),
        Claim(
            backward,
            "SegmentedAdjoint",
            "high in short segments",
            "here",
            f"error {segments:.0e}",
            segments < 1e-4,
        ),
    ]


def disagreements(made: Sequence[Claim]) -> list[str]:
    """What has to be said about the lines of the complexity table."""
    wrong = [f"{claim.quantity} of {claim.method}" for claim in made if not claim.agrees]
    notes = ["Every line agrees." if not wrong else f"Not as claimed: {'; '.join(wrong)}."]
    if any(claim.quantity == "memory" and not claim.agrees for claim in made):
        notes.append(
            "Memory: the residuals follow the claims. The temporary memory also holds copies that the compiler makes "
            "of the data or of parts of them, and those grow with T."
        )
    notes.append(
        "Memory O(1) is that of the states. The data are O(T) in any case, losses within the steps are one number for "
        "each step and sample, and stacked outputs with their cotangents (loss after the unroll) are as large as the "
        "states that the adjoint does without."
    )
    notes.append(
        "Depth is claimed for one time step. The steps follow each other, so the whole gradient is T times as deep."
    )
    return [wrapped(f"* {note}") for note in notes]


def _within(exponent: float | None, claimed: float) -> bool:
    return exponent is None or exponent <= claimed + 0.15
