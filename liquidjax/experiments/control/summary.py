"""Scores that can be put together: survival, and the cost between those of nobody and of the clean expert."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from liquidjax.experiments.control.config import TOGETHER, ControlConfig
from liquidjax.experiments.control.designs import DESIGNS, ENGINEERS, FAULTY
from liquidjax.experiments.control.study import Pair

FAMILIES = ("clean", "slower", "faster", "delay", "jitter", "noise", "lost", "bursts", TOGETHER)
"""Columns of the tables; rates below and above that of the training are two."""
Measure = Literal["survival", "score"]
"""The share that does not fall; or what is saved of the cost of nobody, as a share of what the expert saves."""


def family(condition: str) -> str:
    """The family of a condition by its name.

    Example:
        >>> family("rate 0.25"), family("lost 0.1")
        ('slower', 'lost')
    """
    name, level = condition.split()
    return name if name != "rate" else "slower" if float(level) < 1 else "faster"


def falling(pairs: Sequence[Pair]) -> list[str]:
    """The tasks in which nobody stays up without an action, so that survival says something."""
    return [pair.task for pair in pairs if pair.design == "nobody" and pair.survival["told"]["clean 1"] != [1.0]]


def anchors(pairs: Sequence[Pair], task: str) -> tuple[float, float]:
    """The costs of score 0 and of score 1 on a task: those of nobody and of the expert, both on clean frames.

    The expert's is the clean one whatever the condition: so a score is a share of what can be had at all, conditions
    can be compared with each other, and nothing is divided by little where even the expert falls. What the expert
    itself does in a condition is a row of the tables.
    """
    of = {pair.design: pair.cost["told"]["clean 1"][0] for pair in pairs if pair.task == task}
    return of["nobody"], of["expert"]


def of_pair(pairs: Sequence[Pair], pair: Pair, variant: str, wanted: Sequence[str], measure: Measure) -> np.ndarray:
    """What a pair did (runs,): the mean over the families of the mean over their conditions.

    `wanted` are families or conditions. A variant that leaves a condition out, for it changes nothing there, has the
    number of those that are told.
    """
    table = pair.survival if measure == "survival" else pair.cost
    told, given = table["told"], table[variant]
    families = []
    for each in wanted:
        names = [name for name in told if each in (name, family(name))]
        if names:
            families.append(np.mean([given.get(name, told[name]) for name in names], axis=0))
    if not families:
        raise ValueError(f"wanted must be families or conditions of the run, such as clean, got {tuple(wanted)}")
    found = np.mean(families, axis=0)
    if measure == "survival":
        return found
    nobody, expert = anchors(pairs, pair.task)
    return (nobody - found) / (nobody - expert)


def values(
    pairs: Sequence[Pair], design: str, variant: str, wanted: Sequence[str], measure: Measure, tasks: Sequence[str]
) -> list[np.ndarray]:
    """Those of a design (runs,) on each of the tasks."""
    return [
        of_pair(pairs, pair, variant, wanted, measure)
        for task in tasks
        for pair in pairs
        if (pair.task, pair.design) == (task, design)
    ]


def complete(config: ControlConfig, pairs: Sequence[Pair], tasks: Sequence[str]) -> list[str]:
    """The designs that are finished on all of these tasks, in their order; none before the engineers are."""
    done = {(pair.task, pair.design) for pair in pairs}
    if not tasks or any((task, name) not in done for task in tasks for name in ENGINEERS):
        return []
    return [name for name in config.designs if all((task, name) in done for task in tasks)]


def families(pairs: Sequence[Pair], tasks: Sequence[str]) -> list[str]:
    """Those that were driven on each of the tasks."""
    driven = [{family(name) for name in pair.survival["told"]} for pair in pairs if pair.task in tasks]
    return [name for name in FAMILIES if driven and all(name in each for each in driven)]


def faults(pairs: Sequence[Pair], tasks: Sequence[str]) -> list[str]:
    """All of them but clean."""
    return [name for name in families(pairs, tasks) if name != "clean"]


def rows(designs: Sequence[str], faulty: bool) -> list[tuple[str, str]]:
    """(design, variant) of each row of a table: what is read as an equation is a row too."""
    found = []
    for name in designs:
        if DESIGNS[name].faulty == faulty:
            found += [(name, "told"), *([(name, "euler")] if DESIGNS[name].network.euler else [])]
    return found


def label(design: str, variant: str) -> str:
    """What a row is called.

    Example:
        >>> label("GRU (faults)", "euler"), label("LTC-NCP", "not told")
        ('GRU, read as Euler step', 'LTC-NCP, not told dt')
    """
    named = {"euler": ", read as Euler step", "not told": ", not told dt", "calmed": ", calmed"}
    return design.removesuffix(FAULTY) + named.get(variant, "")
