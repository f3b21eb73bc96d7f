"""How large is a network of 19 neurons in C, and how long does one step take?

An LTC on an NCP (`AutoNCP(19, 1)`, 6 unfolds), a CfC with a backbone of 32, a CfC on the same NCP, and a GRU, each with
8 inputs, as `liquidjax.export.c.write` writes them, compiled with -O2. `code` is that of code and constants, `state`
what has to be kept from step to step, both in bytes; `synapses` counts those that exist, sensory ones included. The
nanoseconds are the least of five times 10 ms in one process, and here the median over the rounds. `step of a Stream` is
`lj.Stream`, for scale: the same step as Python calls it.

Usage: python benchmarks/c_step.py [--rounds 5]; it needs a C compiler.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import results

import liquidjax as lj
from liquidjax.export.c import write

NCP = lj.AutoNCP(19, 1)
NETWORKS = {
    "LTC, NCP": lj.LTC(8, NCP),
    "CfC, NCP": lj.WiredCfC(8, NCP),
    "CfC": lj.CfC(8, 19, backbone_units=32),
    "GRU": lj.GRU(8, 19),
}
TYPES = {"float32": "float", "float64": "double"}


def row(name: str, cell: Any, dtype: str, rounds: int) -> dict[str, Any]:
    """One line."""
    model = lj.Model(cell, cell.init(jax.random.key(0)))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.c"
        written = [write(model, file, dtype=dtype, overwrite=True) for _ in range(rounds)]
    if written[0].nanoseconds is None:
        raise SystemExit("a C compiler must be there to measure with, such as cc, gcc or clang")
    graph = getattr(cell, "graph", None)
    return {
        "network": name,
        "in C": TYPES[dtype],
        "synapses": None if graph is None else graph.synapse_count + graph.sensory_synapse_count,
        "code": written[0].object_bytes,
        "state": written[0].state_bytes,
        "ns a step": statistics.median(each.nanoseconds or 0 for each in written),
        "difference": max(each.difference or 0 for each in written),
        "µs a step of a Stream": stream_microseconds(model) if dtype == "float32" else None,
    }


def stream_microseconds(model: Any, steps: int = 2000) -> float:
    """Of one step of a `Stream`, without looking at the values."""
    stream, reading = lj.Stream(model.cell, model.params, validate=False), np.ones(model.cell.inputs, np.float32)
    for _ in range(100):
        stream(reading, dt=0.1)
    start = time.perf_counter()
    for _ in range(steps):
        stream(reading, dt=0.1)
    jax.block_until_ready(stream.state)
    return (time.perf_counter() - start) / steps * 1e6


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each network (default 5)")
    options = parser.parse_args(arguments)
    with results.collected("c_step", "One step in C", options.rounds) as add:
        rows = [row(name, cell, dtype, options.rounds) for name, cell in NETWORKS.items() for dtype in TYPES]
        add({"setting": "19 neurons, 8 inputs", "what": "one step of one series", "rows": rows, "goals": []})


if __name__ == "__main__":
    main()
