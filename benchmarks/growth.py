"""How do time and memory of a training step grow with each size? A regression in scaling shows here.

One size at a time is doubled around a base network; the slope of the straight line through the points, both axes
logarithmic, is the exponent: 1 for what grows in proportion. What every size shares (a fixed cost) makes a slope
smaller, never larger, so the upper end of the expected band is the one to watch.
Usage: python benchmarks/growth.py [--rounds 15] [--only LTC]
"""

import argparse
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import results
import weights
from comparison import add_rounds, row
from rounds import Entry, measure
from setting import Setting

from liquidjax.experiments.shared.log_log import slope

LTC = Setting("LTC", 32, "Random", inputs=8, batch=64, time=64, what="train")
CFC = Setting("CfC", 64, None, inputs=8, batch=64, time=64, what="train")
Band = tuple[float, float]


class Axis(NamedTuple):
    """What is varied, and within which band the exponents of time and temporary memory are expected."""

    name: str
    settings: Sequence[Setting]
    size: Callable[[Setting], float]
    time: Band
    memory: Band


def synapses(setting: Setting) -> int:
    """Sensory ones included."""
    graph = weights.graph(setting)
    return graph.synapse_count + graph.sensory_synapse_count


def doubled(base: Setting, name: str, values: Sequence[Any]) -> list[Setting]:
    """The base with one of its sizes changed."""
    return [base.replace(**{name: value}) for value in values]


PROPORTIONAL = (0.5, 1.2)
# The inside of one step, computed again in the backward pass, does not grow with the number of steps; states do.
LTC_AXES = (
    Axis("time steps", doubled(LTC, "time", (64, 128, 256, 512)), lambda s: s.time, PROPORTIONAL, (0.0, 1.2)),
    Axis("batch", doubled(LTC, "batch", (32, 64, 128, 256)), lambda s: s.batch, PROPORTIONAL, PROPORTIONAL),
    # At a fixed sparsity the synapses grow with the square; the states that are kept grow with the neurons themselves.
    Axis("neurons", doubled(LTC, "units", (16, 32, 64, 128)), lambda s: s.units, (1.2, 2.3), (0.7, 2.3)),
    Axis("synapses", doubled(LTC, "sparsity", (0.875, 0.75, 0.5, 0.0)), synapses, PROPORTIONAL, (0.0, 1.2)),
    # Up to 12 unfolds are unrolled and beyond they run in a loop, which is another program.
    Axis("unfolds", doubled(LTC, "unfolds", (3, 6, 12)), lambda s: s.unfolds, PROPORTIONAL, (0.0, 1.2)),
)
CFC_AXES = (
    Axis("time steps", doubled(CFC, "time", (32, 64, 128, 256)), lambda s: s.time, PROPORTIONAL, PROPORTIONAL),
    Axis("batch", doubled(CFC, "batch", (32, 64, 128, 256)), lambda s: s.batch, PROPORTIONAL, PROPORTIONAL),
    # The backbone keeps its width, so that the products grow in proportion to the neurons.
    Axis("neurons", doubled(CFC, "units", (64, 128, 256, 512)), lambda s: s.units, PROPORTIONAL, PROPORTIONAL),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_rounds(parser)
    parser.add_argument("--only", choices=("LTC", "CfC"), help="one of the two networks")
    arguments = parser.parse_args()
    networks = {"LTC": (LTC, LTC_AXES), "CfC": (CFC, CFC_AXES)}
    with results.collected("growth", "How a training step grows", arguments.rounds) as add:
        for name, (base, axes) in networks.items():
            if arguments.only in (None, name):
                rows = [line(axis, arguments.rounds) for axis in axes]
                what = "training step, one size doubled at a time"
                add({"setting": str(base), "what": what, "rows": rows, "goals": []})


def line(axis: Axis, rounds: int) -> dict[str, Any]:
    """The exponents of one axis, with the points they come from."""
    sizes = [axis.size(setting) for setting in axis.settings]
    entries = [
        Entry(f"{axis.name} {size}", "liquidjax", setting) for size, setting in zip(sizes, axis.settings, strict=True)
    ]
    records = measure(entries, rounds)
    rows = [row(record, records[0]) for record in records]
    failures = [f"{each['contender']}: {each['failure']}" for each in rows if "failure" in each]
    if failures:
        return {"varied": axis.name, "verdict": "; ".join(failures)}
    seconds, memory = ([each[key] for each in rows] for key in ("milliseconds", "temporary memory MB"))
    return {"varied": axis.name, "from": sizes[0], "to": sizes[-1]} | verdicts(axis, sizes, seconds, memory)


def verdicts(axis: Axis, sizes: Sequence[float], seconds: Sequence[float], memory: Sequence[float]) -> dict[str, Any]:
    """Both exponents with their bands, and what to make of them."""
    measured = {"time": (slope(sizes, seconds), axis.time), "memory": (slope(sizes, memory), axis.memory)}
    out = [
        f"{name} {'grows too fast' if exponent > band[1] else 'grows slower than expected'}"
        for name, (exponent, band) in measured.items()
        if not band[0] <= exponent <= band[1]
    ]
    columns: dict[str, Any] = {}
    for name, (exponent, (low, high)) in measured.items():
        columns |= {f"exponent of {name}": exponent, f"expected of {name}": f"{low:g} to {high:g}"}
    points = {
        "milliseconds at each": ", ".join(f"{each:.3g}" for each in seconds),
        "temporary memory MB at each": ", ".join(f"{each:.3g}" for each in memory),
    }
    return columns | {"verdict": "**out of band**: " + ", ".join(out) if out else "as expected"} | points


if __name__ == "__main__":
    main()
