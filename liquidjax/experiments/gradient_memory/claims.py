"""The complexity table of the LTC lecture, with what the memory experiment measured beside each claim."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from liquidjax.experiments.gradient_memory.adjoint_error import LOST, POOR, first_above
from liquidjax.experiments.gradient_memory.sweep import MemoryConfig, Result
from liquidjax.experiments.shared.tables import fit, markdown, power, slope, title, wrapped

CLAIMS = """\
T: time steps, L: unfolds (L_f forwards, L_b backwards). Measured on {network}. O() is an upper bound: an exponent \
agrees unless it is more than 0.15 above the claimed one; that of log T is taken as 0.05. Memory: temporaries, loss on \
the last state; "kept" as above; "within" with the loss within each step. Work by count: numbers that tanh is computed \
of in the gradient, from its trace; sensing is done once a step, so the exponent of L is below 1."""


class Claim(NamedTuple):
    """A line of the complexity table. by: "slides", or "here" for what this package says of its methods."""

    quantity: str
    method: str
    claimed: str
    by: str
    measured: str
    agrees: bool


def complexity(config: MemoryConfig, result: Result) -> str:
    """The complexity table of the slides beside the measurements, and where they disagree."""
    lines = [["", "method", "claimed", "by", "measured", "agrees"]]
    made = claims(config, result)
    for claim in made:
        lines.append([*claim[:-1], "yes" if claim.agrees else "NO"])
    notes = "\n".join(disagreements(made))
    sparse = config.sparse
    return f"""\
{wrapped(CLAIMS.format(network=title(sparse.network)))}

{markdown(lines, names=5)}

{notes}"""


def claims(config: MemoryConfig, result: Result) -> list[Claim]:
    """The lines of the complexity table."""
    sweep, rows = config.sparse, result.sweeps["sparse"]
    base = [row for row in rows if row.point.network == sweep.network]
    errors = result.failures["AutoNCP LTC"]
    pure = [(duration, error) for duration, error, _ in errors.backsolve]

    def in_time(method: str, what: str, loss: str) -> float:
        of_method = [row for row in base if row.point.method == method and row.point.loss == loss]
        return slope([row.point.time for row in of_method], [getattr(row.measured, what) for row in of_method])

    def in_unfolds(method: str, what: str) -> float | None:
        of_method = [
            row
            for row in rows
            if (row.point.method, row.point.time, row.point.loss) == (method, sweep.unfolds_at, "within")
        ]
        unfolds = [row.point.network.unfolds for row in of_method]
        return fit(unfolds, [getattr(row.measured, what) for row in of_method]) if of_method else None

    def by_clock(method: str) -> str:
        run = [row for row in base if row.point.method == method and row.measured.seconds]
        if len(run) < 2:
            return ""
        exponent = fit([row.point.time for row in run], [float(np.median(row.measured.seconds)) for row in run])
        return f"T^{exponent:.2f} by the clock, "

    def passes(method: str) -> float:
        row = next(row for row in base if row.point.method == method)
        return row.measured.gradient_work / row.measured.forward_work

    table = []
    for method, time_claim, depth_claim in (("BPTT", "O(2 L T)", "O(L)"), ("Backsolve", "O((L_f + L_b) T)", "O(L_b)")):
        steps, unfolds = in_time(method, "gradient_work", "last"), in_unfolds(method, "gradient_work")
        exponents = f"{power('T', steps)} {power('L', unfolds)}"
        good = _within(steps, 1) and _within(unfolds, 1)
        text = f"{by_clock(method)}{exponents} by count"
        table.append(Claim("time", method, time_claim, "slides", text, good))
        depth = passes(method) * sweep.network.unfolds
        text = f"{depth:.0f} evaluations in sequence a time step at L = {sweep.network.unfolds}, {power('L', unfolds)}"
        table.append(Claim("depth", method, depth_claim, "slides", text, _within(unfolds, 1)))
    expected = {
        "BPTT": ("O(L T)", "slides", 1.0),
        "Backsolve": ("O(1)", "slides", 0.0),
        "Remat": ("O(T)", "here", 1.0),
        "Chunked": ("O(sqrt T)", "here", 0.5),
        "Recursive": ("O(log T)", "here", 0.05),
        "SegmentedAdjoint": (f"O(1), {config.segments} segments", "here", 0.0),
    }
    for method, (claimed, by, exponent) in expected.items():
        found = {what: in_time(method, what, "last") for what in ("temporaries", "saved")}
        unfolds = in_unfolds(method, "temporaries")
        within = in_time(method, "temporaries", "within")
        text = (
            f"{power('T', found['temporaries'])} {power('L', unfolds)}; kept {power('T', found['saved'])}; "
            f"within {power('T', within)}"
        )
        good = _within(found["temporaries"], exponent) and (method != "BPTT" or _within(unfolds, 1))
        table.append(Claim("memory", method, claimed, by, text, good))
    exact = [row.error for row in base if row.point.method == "BPTT" and row.error is not None]
    table.append(
        Claim(
            "forward accuracy",
            "all",
            "high",
            "slides",
            f"error of the outputs {errors.forward:.0e}",
            errors.forward < POOR,
        )
    )
    table.append(Claim("backward accuracy", "BPTT", "high", "slides", f"error {max(exact):.0e}", max(exact) < 1e-4))
    lost = first_above(LOST, pure)
    text = f"error {pure[0][1]:.0e} after {pure[0][0]:.2g} tau, " + (
        f"{pure[-1][1]:.0e} after {pure[-1][0]:.2g} tau" if lost is None else f"lost from {lost:.2g} tau on"
    )
    table.append(Claim("backward accuracy", "Backsolve", "low", "slides", text, lost is None))
    segments = min(error for _, error in errors.fine_segments)
    table.append(
        Claim(
            "backward accuracy",
            "SegmentedAdjoint",
            "high in short segments",
            "here",
            f"error {segments:.0e}",
            segments < 1e-4,
        )
    )
    order = ["time", "memory", "depth", "forward accuracy", "backward accuracy"]
    return sorted(table, key=lambda claim: order.index(claim.quantity))


def disagreements(made: Sequence[Claim]) -> list[str]:
    """What has to be said about the lines of the complexity table."""
    wrong = [f"{claim.quantity} of {claim.method}" for claim in made if not claim.agrees]
    notes = ["Every line agrees." if not wrong else f"Not as claimed: {'; '.join(wrong)}."]
    if any(claim.quantity == "memory" and not claim.agrees for claim in made):
        notes.append(
            "Memory: what is kept follows the claims. The temporaries also hold copies that the compiler makes of the "
            "data or of parts of them, and those grow with T."
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
