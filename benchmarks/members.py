"""Does it pay to train five networks that differ in their seed side by side?

One after another, against `jax.vmap` over their parameters, and against `side_by_side`, which gives each a thread: the
same training steps (gradient of the mean squared output, and Adam) on the same inputs, in turn within a process. A
ratio is that of the medians over the rounds, of the seconds on the clock and of those the processor spent.

Usage: python benchmarks/members.py [--rounds N] [--steps N] [--batch N] [--not-tuned]
"""

import argparse
import statistics
import time

import jax
import jax.numpy as jnp
import numpy as np
import optax

import liquidjax as lj
from liquidjax.experiments.shared.machine import load_average
from liquidjax.experiments.shared.tables import markdown
from liquidjax.training.members import cores, side_by_side

MEMBERS, TIME, INPUTS, UNITS = 5, 64, 8, 32
WIRING = lj.AutoNCP(UNITS, 4)
CELLS = {
    "LTC": lj.LTC(INPUTS, WIRING),
    "HasaniLTC": lj.HasaniLTC(INPUTS, UNITS),
    "CfC": lj.CfC(INPUTS, UNITS),
    "WiredCfC": lj.WiredCfC(INPUTS, WIRING),
    "GRU": lj.GRU(INPUTS, UNITS),
}
WAYS = ("one after another", "vmap", "threads")
ADAM = optax.adam(1e-3)


def training_step(cell):
    """(params, opt_state, inputs) -> (params, opt_state)."""

    def step(params, opt_state, inputs):
        gradient = jax.grad(lambda p: jnp.mean(lj.unroll(cell, p, inputs)[1] ** 2))(params)
        changes, opt_state = ADAM.update(gradient, opt_state, params)
        return optax.apply_updates(params, changes), opt_state

    return step


def ways_of(cell, inputs, steps):
    """For each of the ways what trains all members for so many steps."""
    step = training_step(cell)
    alone, together = jax.jit(step), jax.jit(jax.vmap(step, in_axes=(0, 0, None)))
    stacked = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), MEMBERS))
    stacked = stacked, jax.vmap(ADAM.init)(stacked)
    members = [jax.tree.map(lambda leaf, i=i: leaf[i], stacked) for i in range(MEMBERS)]

    def train(step, member):
        for _ in range(steps):
            member = step(*member, inputs)
        return jax.block_until_ready(member)

    return (
        lambda: [train(alone, member) for member in members],
        lambda: train(together, stacked),
        lambda: side_by_side(lambda member: train(alone, member), members),
    )


def spent(run) -> tuple[float, float]:
    """Seconds on the clock, and those the processor spent in all threads."""
    clock, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - clock, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15, help="counted rounds after the warm-up (default 15)")
    parser.add_argument("--steps", type=int, default=10, help="training steps of each member in a round (default 10)")
    parser.add_argument("--batch", type=int, default=16, help="samples in a step (default 16)")
    parser.add_argument("--not-tuned", action="store_true", help="without lj.tune_cpu()")
    options = parser.parse_args()
    if not options.not_tuned:
        lj.tune_cpu()
    inputs = np.random.default_rng(0).standard_normal((TIME, options.batch, INPUTS), np.float32)
    lines = []
    for name, cell in CELLS.items():
        ways = ways_of(cell, jnp.asarray(inputs), options.steps)
        for run in ways:
            run()
        rounds = np.array([[spent(run) for run in ways] for _ in range(options.rounds)])
        seconds = [[statistics.median(rounds[:, way, kind]) for kind in range(2)] for way in range(len(WAYS))]
        first = seconds[0]
        ratios = [f"{of[0] / first[0]:.2f} / {of[1] / first[1]:.2f}" for of in seconds[1:]]
        lines.append([name, f"{1e3 * first[0] / options.steps:.1f}", *ratios])
        print(f"{name}: done", flush=True)
    header = ["cell", f"{WAYS[0]}, ms a step of all", *(f"{way}: clock / processor" for way in WAYS[1:])]
    print(markdown(header, lines))
    tuned = "not tuned" if options.not_tuned else "tuned"
    print(f"{MEMBERS} members, batch {options.batch}, {tuned}, {cores()} cores, load {load_average():.1f} at the end")


if __name__ == "__main__":
    main()
