"""How does a wired LTC learn in less time: where should it start, with how many unfolds, and for how long?

The ranges of ncps and six unfolds, as they are by default, along a cosine; against fewer unfolds in most of the
training (`Coarse`) with fewer steps and a cooldown, against the same without, and against another start, the best
candidate out of 34 (`results/ltc_start.md`). On the four tasks of the shift experiment by its rules (400 steps of Adam
in batches of 50, the best epoch by validation loss), and on the forecast of the weeks of carbon dioxide; seeds side by
side. Everything is measured on validation data, at the rate of the training and at others; the test series are not
looked at. Seeds and wiring are none of those by which a way was chosen. Steps are timed in turn in one process, and
times are shares of that of the first way.

Usage: python benchmarks/ltc_start.py [--seeds 5] [--steps 400] [--rate 0.03] [--tasks sines digits] [--ways 4]
"""

import argparse
import statistics
import time
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import liquidjax as lj
from liquidjax.experiments.shared.machine import load_average
from liquidjax.experiments.shared.tables import markdown
from liquidjax.experiments.shift.tasks import RATES, TASKS
from liquidjax.tasks.co2 import years
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.batches import Batches
from liquidjax.training.coarse import Coarse
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import examples
from liquidjax.training.fit import fit
from liquidjax.training.objectives import Classification, Forecast
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.state import init_state, make_train_step

NEURONS, BATCH, SERIES, ROUNDS = 19, 50, 400, 15
NCPS = lj.InitialRanges.ncps()
CANDIDATE = lj.InitialRanges(
    capacitance=(0.8, 1.2),
    steepness=(2.0, 6.0),
    midpoint=(0.0, 1.0),
    sensory_steepness=(2.0, 5.0),
    sensory_midpoint=(-1.0, 1.5),
    reversal_potential=3.0,
    sensory_reversal_potential=3.0,
)
"""A compromise of the trials on the four tasks, with one wiring and three or four seeds."""


class Way(NamedTuple):
    """Where a training starts, with how many unfolds, for what share of the steps, and how its rate changes."""

    ranges: lj.InitialRanges = NCPS
    unfolds: int = 6
    share: float = 1.0
    schedule: Literal["cosine", "cooldown"] = "cosine"
    coarse: Coarse | None = None


WAYS = {
    "6 unfolds": Way(),
    "2 unfolds, then 6; 0.7 of the steps, cooldown": Way(share=0.7, schedule="cooldown", coarse=Coarse(2, 0.85)),
    "6 unfolds; 0.7 of the steps, cooldown": Way(share=0.7, schedule="cooldown"),
    "6 unfolds; 0.35 of the steps, cooldown": Way(share=0.35, schedule="cooldown"),
    "3 unfolds": Way(unfolds=3),
    "candidate, 3 unfolds": Way(CANDIDATE, 3),
    "candidate, 2 unfolds": Way(CANDIDATE, 2),
}
"""By the first all others are measured."""


def data_of(name):
    """(training, validation at a rate, objective, outputs)."""
    if name == "co2":
        whole = years()
        order = np.random.default_rng(0).permutation(len(whole))
        validation = whole.take(order[26:34])  # the last nine years are left for a test
        return whole.take(order[:26]), lambda rate: validation, Forecast(), 1
    training, validation, _, _ = TASKS[name](SERIES, 20)
    training = training(1.0)
    return training, validation, Classification(), len(training.classes or ())


def size_of(lengths):
    """Series in a step, as in the shift experiment."""
    size = min(BATCH, len(lengths))
    return len(lengths) // 2 + 1 if len(lengths) < 6 * size and np.ptp(lengths) else size


def milliseconds(cells, objective, data, size):
    """Of a training step of each cell, all in turn."""
    rows = np.arange(size)
    batch = jax.tree.map(jnp.asarray, data.batch(rows, int(data.lengths[rows].max())))
    optimizer = optax.adam(1e-3)
    steps = {name: make_train_step(cell, objective, optimizer) for name, cell in cells.items()}
    states = {name: init_state(cell, optimizer, jax.random.key(0)) for name, cell in cells.items()}
    spent = {name: [] for name in cells}
    for round_ in range(ROUNDS + 1):
        for name, step in steps.items():
            start = time.perf_counter()
            states[name], _ = jax.block_until_ready(step(states[name], batch))
            if round_:
                spent[name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(values) for name, values in spent.items()}


def trained(cell, task, way, options):
    """(validation loss of each epoch (epochs, seeds), scores of the best at each rate)."""
    training, validation, objective, _ = data_of(task)
    preparation, size = Preparation.learnt(training), size_of(training.lengths)
    fitted = fit(
        cell,
        objective,
        training,
        validation(1.0),
        preparation=preparation,
        optimizer=Optimizer(schedule=way.schedule, learning_rate=options.rate),
        epochs=max(1, round(way.share * options.steps / len(Batches(training.lengths, size)))),
        batch_size=size,
        members={"seed": [options.first_seed + i for i in range(options.seeds)]},
        coarse=way.coarse,
    )
    scores = {}
    for rate in (1.0,) if task == "co2" else (1.0, *RATES):
        ready = examples(validation(rate), preparation, objective)
        found = evaluate(cell, objective, fitted.params, ready, members=True)
        targets = np.asarray(ready.targets)
        name = "mse" if task == "co2" else "accuracy"
        scores[rate] = np.mean([objective.scores(answers, targets)[name] for answers in found.answers])
    return np.array([epoch.validation_loss for epoch in fitted.history]), scores


def seconds_of(epochs, way, fine, coarse):
    """Of each epoch, in steps of the first way."""
    number = 0 if way.coarse is None else way.coarse.epochs(epochs)
    return np.where(np.arange(epochs) < number, coarse, fine)


def share_until(losses, level, seconds):
    """The time until the mean of the best losses so far is down to a level; inf where never."""
    reached = np.flatnonzero(np.minimum.accumulate(losses).mean(1) <= level)
    return seconds[: reached[0] + 1].sum() if len(reached) else np.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each (default 5)")
    parser.add_argument("--first-seed", type=int, default=20, help="the others follow it (default 20)")
    parser.add_argument("--wiring", type=int, default=2, help="seed of the wiring (default 2)")
    parser.add_argument("--steps", type=int, default=400, help="of Adam in the first way (default 400)")
    parser.add_argument("--rate", type=float, default=0.03, help="learning rate (default 0.03)")
    parser.add_argument("--tasks", nargs="+", default=[*TASKS, "co2"], help="of sines, JapaneseVowels, ... and co2")
    parser.add_argument("--ways", type=int, default=len(WAYS), help="how many, from the first (default all)")
    options = parser.parse_args()
    lj.tune_cpu()
    lines = []
    for task in options.tasks:
        training, _, objective, outputs = data_of(task)
        wiring = lj.AutoNCP(NEURONS, outputs, seed=options.wiring)
        ways = dict(list(WAYS.items())[: options.ways])
        cells, coarse = {}, {}
        for name, way in ways.items():
            ltc = lj.LTC(training.inputs.shape[2], wiring, lj.SemiImplicit(way.unfolds), initial_ranges=way.ranges)
            cells[name] = lj.Readout(ltc, outputs)
            coarse[name] = cells[name] if way.coarse is None else way.coarse.cell(cells[name])
        ready = examples(training, Preparation.learnt(training), objective)
        once = {cell: cell for cell in (*cells.values(), *coarse.values())}  # what is alike takes as long
        spent = milliseconds(once, objective, ready, size_of(training.lengths))
        level = whole = None
        for name, cell in cells.items():
            losses, scores = trained(cell, task, ways[name], options)
            best = np.minimum.accumulate(losses).mean(1)[-1]
            took = seconds_of(len(losses), ways[name], spent[cell], spent[coarse[name]])
            whole, level = whole or took.sum(), level or best
            until = share_until(losses, level, took) / whole
            others = " ".join(f"{scores[rate]:.3f}" for rate in RATES if rate in scores)
            lines.append([task, name, f"{took.sum() / whole:.2f}", f"{best:.4f}", f"{scores[1.0]:.3f}", others])
            lines[-1].append("never" if np.isinf(until) else f"{until:.2f}")
            print(f"{task}, {name}: {' | '.join(lines[-1][2:])}", flush=True)
    header = ["task", "way", "time", "loss", "score", f"at rates {', '.join(f'{rate:g}' for rate in RATES)}"]
    print(markdown([*header, "time until the first's loss"], lines, align="ll"))
    print(f"{options.seeds} seeds, {options.steps} steps at {options.rate}, load {load_average():.1f} at the end")


if __name__ == "__main__":
    main()
