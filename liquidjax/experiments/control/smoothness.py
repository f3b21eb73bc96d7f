"""Whether who acts smoothly, or imitates badly, is who gets through faults: rank correlations, and an experiment."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from liquidjax.experiments.control import summary
from liquidjax.experiments.control.config import ControlConfig
from liquidjax.experiments.control.designs import DESIGNS
from liquidjax.experiments.control.study import Pair
from liquidjax.experiments.shared.statistics import interquartile_mean, shown
from liquidjax.experiments.shared.tables import markdown

FAULTS = ("noise", "lost", "together")
"""What the claims are about."""
STANDING = 0.9
"""Share of the clean episodes that a run must survive: of who falls without a fault, nothing is learnt about faults."""


class Run(NamedTuple):
    """One trained network: imitation is its error, activity how far its action moves in a second; robust: the share of
    episodes with faults that it survives, by what it survives without.
    """

    design: str
    imitation: float
    activity: float
    clean: float
    robust: float


def runs(pairs: Sequence[Pair], wanted: Sequence[str] = FAULTS) -> list[Run]:
    """The runs of all networks without a filter that are trained on clean frames and driven on the cart-pole."""
    found = []
    for pair in pairs:
        design = DESIGNS.get(pair.design)
        if pair.task != "cart-pole" or design is None or design.front or design.faulty:
            continue
        there = [each for each in wanted if each in {summary.family(name) for name in pair.survival["told"]}]
        if not there:
            continue
        robust = summary.of_pair(pairs, pair, "told", there, "survival")
        for numbers in zip(pair.imitation, pair.activity, pair.survival["told"]["clean 1"], robust, strict=True):
            found.append(Run(pair.design, *map(float, numbers)))
    return found


def smoothness(config: ControlConfig, pairs: Sequence[Pair]) -> str:
    """A table of the networks, rank correlations over networks and runs, and what a smoother action changes."""
    found = runs(pairs)
    names = list(dict.fromkeys(run.design for run in found))
    if len(names) < 3:
        return ""
    of = {name: [run for run in found if run.design == name] for name in names}
    means = {name: np.mean([run[1:] for run in of[name]], axis=0) for name in names}
    lines = [
        [name, f"{means[name][0]:.3f}", f"{means[name][1]:.2f}", f"{means[name][2]:.2f}", f"{means[name][3]:.2f}"]
        for name in sorted(names, key=lambda name: -means[name][3])
    ]
    standing = [run for run in found if run.clean >= STANDING]
    table = markdown(["network", "error of imitation", "activity", "survives clean", "survives faults"], lines)
    survive = [means[name][3] for name in names]
    by_network = {key: rank([means[name][number] for name in names], survive) for number, key in enumerate(KEYS)}
    by_run = {key: rank(column(standing, field), column(standing, "robust")) for key, field in KEYS.items()}
    within = {key: _within(standing, field) for key, field in KEYS.items()}
    correlations = markdown(
        ["rank correlation with survival of faults", *KEYS],
        [
            [f"over {len(names)} networks", *map(_number, by_network.values())],
            [f"over {len(standing)} runs that stand without faults", *map(_number, by_run.values())],
            ["over the runs of a network, mean of the networks", *map(_number, within.values())],
        ],
    )
    return f"""\
## Smoothness, or a bad imitation?

Does who gets through the faults of the claims ({", ".join(FAULTS)}) imitate worse or act more smoothly? Cart-pole, \
trained on clean frames; the error is in variances of the expert's actions, the activity how far the action moves in a \
second of a clean episode, in multiples of its limit.

{table}

{correlations}

{_verdict(by_network, within)}

{_calmed(pairs)}"""


KEYS = {"error of imitation": "imitation", "activity": "activity"}
"""What may go along with survival, and which field of a run it is."""


def column(found: Sequence[Run], field: str) -> list[float]:
    """One field of all runs."""
    return [getattr(run, field) for run in found]


def rank(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Spearman's rank correlation; None of fewer than three, or of numbers that are all the same.

    Example:
        >>> rank([1, 2, 3], [10, 30, 20]), rank([1, 1, 1], [1, 2, 3])
        (0.5, None)
    """
    if len(one) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    return round(float(np.corrcoef(stats.rankdata(one), stats.rankdata(other))[0, 1]), 12)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _within(standing: Sequence[Run], field: str) -> float | None:
    """The mean of the rank correlations within each network, where it is known."""
    designs = dict.fromkeys(run.design for run in standing)
    of = [[run for run in standing if run.design == design] for design in designs]
    found = [rank(column(group, field), column(group, "robust")) for group in of]
    known = [value for value in found if value is not None]
    return float(np.mean(known)) if known else None


def _verdict(networks: dict[str, float | None], within: dict[str, float | None]) -> str:
    """Words that the numbers choose."""
    parts = []
    for key, direction in (("error of imitation", 1), ("activity", -1)):
        over, inside = (direction * (value or 0.0) for value in (networks[key], within[key]))
        said = "a larger error" if direction > 0 else "a smoother action"
        if over > 0.5 and inside > 0.3:
            parts.append(f"{said} goes along with survival, over networks and within each of them")
        elif over > 0.5:
            parts.append(f"{said} goes along with survival over networks, but hardly within one")
        elif inside > 0.3:
            parts.append(f"{said} goes along with survival within a network, but hardly over networks")
        elif over < -0.5:
            parts.append(f"{said} goes along with falling, over networks")
        else:
            parts.append(f"{said} does not say who survives")
    return f"So {parts[0]}; {parts[1]}."


def _calmed(pairs: Sequence[Pair]) -> str:
    """The experiment: the same trained networks with a smoother action."""
    lines, there = [], []
    for pair in pairs:
        design = DESIGNS.get(pair.design)
        if design is None or design.faulty or "calmed" not in pair.survival:
            continue
        there = [each for each in FAULTS if each in {summary.family(name) for name in pair.survival["told"]}]
        cells = []
        for variant in ("told", "calmed"):
            for wanted in there:
                found = summary.of_pair(pairs, pair, variant, [wanted], "survival")
                cells.append(shown(interquartile_mean([found])))
        lines.append([pair.design, *cells])
    if not lines:
        return ""
    header = ["network", *there, *(f"calmed: {each}" for each in there)]
    text = "If smoothness were the cause, a low-pass filter of one frame behind the trained network would help:\n\n"
    return text + markdown(header, lines) + "\n"
