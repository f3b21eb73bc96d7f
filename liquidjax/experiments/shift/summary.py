"""Scores that can be put together: normalised by fixed anchors, means over conditions run by run, tasks as strata."""

from collections.abc import Sequence

import numpy as np

from liquidjax.experiments.shift.config import ShiftConfig
from liquidjax.experiments.shift.designs import DESIGNS, MIXED
from liquidjax.experiments.shift.study import Pair

FAMILIES = ("clean", "slower", "faster", "lost", "bursts", "jitter", "noise")
"""Columns of the tables; rates below and above that of the training are two."""
IN_TIME = ("slower", "faster", "lost", "bursts", "jitter")
"""What changes the sampling and not the readings."""
CLASSES = {"sines": 4, "JapaneseVowels": 9, "BasicMotions": 4, "digits": 10}
"""A guess is right once in so many."""


def family(condition: str) -> str:
    """The family of a condition by its name.

    Example:
        >>> family("rate 0.25"), family("lost 0.1")
        ('slower', 'lost')
    """
    name, level = condition.split()
    return name if name != "rate" else "slower" if float(level) < 1 else "faster"


def normalised(accuracy: np.ndarray, task: str) -> np.ndarray:
    """0 for a guess, 1 where all is right: (accuracy - 1 / classes) / (1 - 1 / classes).

    Example:
        >>> normalised(np.array([0.25, 1.0]), "sines").tolist()
        [0.0, 1.0]
    """
    chance = 1 / CLASSES[task]
    return (np.asarray(accuracy, float) - chance) / (1 - chance)


def of_pair(pair: Pair, variant: str, wanted: Sequence[str]) -> np.ndarray:
    """The normalised scores (runs,) of a pair, each the mean over the families of the mean over their conditions.

    `wanted` are families or conditions. A variant that leaves a condition out, for it changes nothing there, has the
    score of those that are told.
    """
    told, given = pair.scores["told"], pair.scores[variant]
    families = []
    for each in wanted:
        names = [name for name in told if each in (name, family(name))]
        if names:
            families.append(np.mean([given.get(name, told[name]) for name in names], axis=0))
    if not families:
        raise ValueError(f"wanted must be families or conditions of the run, such as clean, got {tuple(wanted)}")
    return normalised(np.mean(families, axis=0), pair.task)


def scores(pairs: Sequence[Pair], design: str, variant: str, wanted: Sequence[str]) -> list[np.ndarray]:
    """The scores (runs,) of a design on each task."""
    return [of_pair(pair, variant, wanted) for pair in pairs if pair.design == design]


def drops(pairs: Sequence[Pair], design: str, variant: str, wanted: Sequence[str]) -> list[np.ndarray]:
    """How much less than on clean data, run by run."""
    clean = scores(pairs, design, "told", ["clean"])
    return [before - now for before, now in zip(clean, scores(pairs, design, variant, wanted), strict=True)]


def complete(config: ShiftConfig, pairs: Sequence[Pair]) -> list[str]:
    """The designs that are finished on every task."""
    return [name for name in config.designs if sum(pair.design == name for pair in pairs) == len(config.tasks)]


def families(pairs: Sequence[Pair]) -> list[str]:
    """Those that were tested."""
    tested = {family(name) for pair in pairs for name in pair.scores["told"]}
    return [name for name in FAMILIES if name in tested]


def in_time(pairs: Sequence[Pair]) -> list[str]:
    """Those of `IN_TIME` that were tested."""
    return [name for name in families(pairs) if name in IN_TIME]


def rows(designs: Sequence[str], mixed: bool) -> list[tuple[str, str]]:
    """(design, variant) of each row of a table of those told what their design can be told: readings are rows too."""
    found = []
    for name in designs:
        if DESIGNS[name].mixed == mixed:
            found += [(name, "told"), *((name, form) for form in DESIGNS[name].readings)]
    return found


def label(design: str, variant: str) -> str:
    """What a row is called.

    Example:
        >>> label("GRU", "euler"), label("LTC-NCP", "not told"), label("LSTM", "told")
        ('GRU, read as Euler step', 'LTC-NCP, not told dt', 'LSTM')
    """
    name = design.removesuffix(MIXED)
    names = {"euler": ", read as Euler step", "exact": ", read as exact step", "not told": ", not told dt"}
    return name + names.get(variant, ", held on the grid" if variant == "held" else "")
