"""Numbers that pages name, read from the committed results when the site is built, never typed.

A page writes `{{ shift("GRU") }}`, or `{{ bench("c_step", 0, "LTC", "code") }}`; what is not there is an error.
"""

import functools
import json
from typing import Any

from liquidjax.experiments.shared.pairs import read_pairs
from liquidjax.experiments.shared.statistics import interquartile_mean, shown
from liquidjax.experiments.shared.tables import markdown
from liquidjax.experiments.shift import summary
from liquidjax.experiments.shift.designs import DESIGNS
from liquidjax.experiments.shift.study import Pair
from making.names import ROOT

RESULTS = ROOT / "benchmarks" / "results"
ROWS = ("contender", "classifier", "setting", "varied")
"""What names a row of the results."""


def bench(name: str, part: int, contender: str, key: str = "ratio") -> str:
    """A number of benchmarks/results/NAME.json: of a contender, in one of its settings, with three digits."""
    rows = _results(name)["results"][part]["rows"]
    values = [row[key] for row in rows if contender in (row.get(kind) for kind in ROWS)]
    if len(values) != 1:
        raise ValueError(f"{name}.json must have one row of {contender!r} in part {part}, and has {len(values)}")
    value = values[0]
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2g}" if key == "ratio" else f"{value:.3g}"


def c_step(network: str, key: str) -> str:
    """A number of one step in C, with floats."""
    rows = _results("c_step")["results"][0]["rows"]
    (value,) = (row[key] for row in rows if row["network"] == network and row["in C"] == "float")
    return f"{value:,.3g}" if isinstance(value, float) and abs(value) < 1000 else f"{value:,.0f}"


def shift(design: str, *wanted: str, variant: str = "told", interval: bool = False) -> str:
    """The interquartile mean of a design that is finished on every task, of all that is a matter of time by default."""
    if design not in _finished():
        raise ValueError(f"{design!r} must be finished in shift/results.json, which has {', '.join(_finished())}")
    value = interquartile_mean(summary.scores(_pairs(), design, variant, wanted or summary.in_time(_pairs())))
    return shown(value) if interval else shown(value).split()[0]


def shift_table() -> str:
    """Everybody who was trained at one rate, the best at other samplings first, with the hold beside it."""
    in_time, lines = summary.in_time(_pairs()), []
    for design, variant in summary.rows(_finished(), mixed=False):
        told = interquartile_mean(summary.scores(_pairs(), design, variant, in_time)).value
        cells = [shift(design, family, variant=variant) for family in ("clean", "slower", "faster", "lost", "noise")]
        held = shift(design, variant="held") if variant == "told" and _has(design, "held") else ""
        lines.append((told, [summary.label(design, variant), *cells, shift(design, variant=variant), held]))
    header = ["network", "as trained", "slower", "faster", "steps lost", "noise", "all of time", "held on its own grid"]
    return markdown(header, [line for _, line in sorted(lines, key=lambda line: -line[0])])


def best_told() -> str:
    """The best that anybody reaches who was trained at one rate and is told the times."""
    return max(shift(design, variant=variant) for design, variant in summary.rows(_finished(), mixed=False))


def designs() -> str:
    """How many of the designs are finished on every task, of how many."""
    return f"{len(_finished())} of {len(DESIGNS)}"


def _has(design: str, variant: str) -> bool:
    return all(variant in pair.scores for pair in _pairs() if pair.design == design)


def _finished() -> list[str]:
    pairs = _pairs()
    tasks = {pair.task for pair in pairs}
    return [name for name in DESIGNS if {pair.task for pair in pairs if pair.design == name} == tasks]


@functools.cache
def _pairs() -> list[Pair]:
    return read_pairs(Pair, RESULTS / "shift" / "results.json")


@functools.cache
def _results(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())
