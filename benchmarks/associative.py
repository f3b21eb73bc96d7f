"""From how many sequences on a CPU gains nothing by evaluating all time steps at once.

`Associative()` against `Scan()` for cells whose coefficients do not read the state, in turn within a process: the
median of the ratios, forward and with the gradient. `method="auto"` rests on the column of one sequence.

Usage: python benchmarks/associative.py [--rounds N]
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj
from liquidjax.experiments.shared.tables import markdown

CELLS = {
    "GatedLinear, 32 units": lj.GatedLinear(8, 32),
    "Readout of GatedLinear, 64 units": lj.Readout(lj.GatedLinear(8, 64), 4),
    "Stack of 2 blocks, 32 units": lj.Stack(8, lj.Block(lj.GatedLinear(32, 32), feed_forward=True), 2),
}
METHODS = (lj.Scan(), lj.Associative())
TIMES, BATCHES = (64, 1024), (1, 4, 16)


def seconds(run, *arguments) -> float:
    start = time.perf_counter()
    jax.block_until_ready(run(*arguments))
    return time.perf_counter() - start


def ratios(cell, steps: int, batch: int, rounds: int) -> list[float]:
    """How long `Associative` takes, in times of `Scan`: forward, and with the gradient."""
    inputs = np.random.default_rng(0).normal(size=(steps, batch, cell.inputs)).astype(np.float32)
    params = cell.init(jax.random.key(0))
    found = []
    for change in (lambda loss: loss, jax.value_and_grad):
        runs = [
            jax.jit(change(lambda p, u, m=method: jnp.sum(lj.unroll(cell, p, u, 0.1, method=m)[1] ** 2)))
            for method in METHODS
        ]
        for run in runs:
            jax.block_until_ready(run(params, inputs))
        spent = [[seconds(run, params, inputs) for run in runs] for _ in range(rounds)]
        found.append(statistics.median(at_once / scan for scan, at_once in spent))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds after the warm-up (default 15)")
    rounds = parser.parse_args().rounds
    lines = []
    for name, cell in CELLS.items():
        for steps in TIMES:
            measured = [ratios(cell, steps, batch, rounds) for batch in BATCHES]
            lines.append([name, f"{steps:,}", *(f"{forward:.2f} / {both:.2f}" for forward, both in measured)])
            print(f"{name}, {steps:,} steps: done", flush=True)
    header = ["cell", "time steps", *(f"batch {batch}: forward / with gradient" for batch in BATCHES)]
    print(markdown(header, lines, align="lr"))


if __name__ == "__main__":
    main()
