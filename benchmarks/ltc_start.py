"""Where should a wired LTC start, and with how many unfolds, to learn in less time?

The ranges of ncps, which are the defaults, against a candidate out of 34 others (`results/ltc_start.md`), each with
some unfolds, on the four tasks of the shift experiment by its rules (Adam along a cosine, 400 steps, batches of 50, the
best epoch by validation loss), and on the forecast of the weeks of carbon dioxide; seeds side by side. Everything is
measured on validation data, at the rate of the training and at others; the test series are not looked at. Seeds and
wiring are none of those by which the candidate was chosen. Steps are timed in turn in one process; a ratio is that of
the medians.

Usage: python benchmarks/ltc_start.py [--seeds 5] [--steps 400] [--rate 0.03] [--tasks sines digits]
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
from liquidjax.experiments.shift.tasks import RATES, TASKS
from liquidjax.tasks.co2 import years
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.batches import Batches
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import examples
from liquidjax.training.fit import fit
from liquidjax.training.objectives import Classification, Forecast
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.state import init_state, make_train_step

NEURONS, BATCH, SERIES, ROUNDS = 19, 50, 400, 15
WIRING, FIRST_SEED = 1, 10
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
STARTS = {
    "ncps, 6 unfolds": {"initial_ranges": NCPS, "integrator": lj.SemiImplicit(6)},
    "ncps, 3 unfolds": {"initial_ranges": NCPS, "integrator": lj.SemiImplicit(3)},
    "candidate, 3 unfolds": {"initial_ranges": CANDIDATE, "integrator": lj.SemiImplicit(3)},
    "candidate, 2 unfolds": {"initial_ranges": CANDIDATE, "integrator": lj.SemiImplicit(2)},
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


def trained(cell, task, options):
    """(validation loss of each epoch (epochs, seeds), score of the best, scores at other rates)."""
    training, validation, objective, _ = data_of(task)
    preparation, size = Preparation.learnt(training), size_of(training.lengths)
    fitted = fit(
        cell,
        objective,
        training,
        validation(1.0),
        preparation=preparation,
        optimizer=Optimizer(schedule="cosine", learning_rate=options.rate),
        epochs=max(1, round(options.steps / len(Batches(training.lengths, size)))),
        batch_size=size,
        members={"seed": [FIRST_SEED + i for i in range(options.seeds)]},
    )
    scores = {}
    for rate in (1.0,) if task == "co2" else (1.0, *RATES):
        ready = examples(validation(rate), preparation, objective)
        found = evaluate(cell, objective, fitted.params, ready, members=True)
        targets = np.asarray(ready.targets)
        name = "mse" if task == "co2" else "accuracy"
        scores[rate] = np.mean([objective.scores(answers, targets)[name] for answers in found.answers])
    return np.array([epoch.validation_loss for epoch in fitted.history]), scores


def share_until(losses, level):
    """The share of the epochs after which the mean of the best losses so far is down to a level; inf where never."""
    reached = np.flatnonzero(np.minimum.accumulate(losses).mean(1) <= level)
    return (reached[0] + 1) / len(losses) if len(reached) else np.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="trainings of each (default 5)")
    parser.add_argument("--steps", type=int, default=400, help="of Adam in each (default 400)")
    parser.add_argument("--rate", type=float, default=0.03, help="learning rate (default 0.03)")
    parser.add_argument("--tasks", nargs="+", default=[*TASKS, "co2"], help="of sines, JapaneseVowels, ... and co2")
    options = parser.parse_args()
    lj.tune_cpu()
    lines = []
    for task in options.tasks:
        training, _, objective, outputs = data_of(task)
        wiring = lj.AutoNCP(NEURONS, outputs, seed=WIRING)
        cells = {
            name: lj.Readout(lj.LTC(training.inputs.shape[2], wiring, **start), outputs)
            for name, start in STARTS.items()
        }
        ready = examples(training, Preparation.learnt(training), objective)
        spent = milliseconds(cells, objective, ready, size_of(training.lengths))
        first = level = None
        for name, cell in cells.items():
            losses, scores = trained(cell, task, options)
            best = np.minimum.accumulate(losses).mean(1)[-1]
            first, level = first or spent[name], level or best
            ratio, share = spent[name] / first, share_until(losses, level)
            others = " ".join(f"{scores[rate]:.3f}" for rate in RATES if rate in scores)
            lines.append([task, name, f"{ratio:.2f}", f"{best:.4f}", f"{scores[1.0]:.3f}", others])
            lines[-1] += [f"{share:.2f}", f"{share * ratio:.2f}"]
            print(f"{task}, {name}: done", flush=True)
    header = ["task", "start", "time of a step", "loss", "score", f"at rates {RATES}"]
    header += ["share of the steps until the first's loss", "share of its time"]
    print(markdown(header, lines, align="ll"))
    print(f"{options.seeds} seeds, {options.steps} steps at {options.rate}, load {load_average():.1f} at the end")


if __name__ == "__main__":
    main()
