"""What draws trials and what ends them early: samplers and pruners of Optuna by their names."""

import importlib.util
from typing import Any

import numpy as np

from liquidjax.experiments.sweep.config import Pruner, Sampler
from liquidjax.experiments.sweep.space import Choices, Space, points

NEEDS = {"cmaes": "cmaes", "gp": "torch"}
"""Packages that Optuna does not bring along."""


def draw(trial: Any, space: Space) -> dict[str, Any]:
    """A value for each setting by its place, as a storage knows it; those that the trial has already stay.

    Args:
        trial: of Optuna.
        space: of the sweep.
    """
    found: dict[str, Any] = {}
    for setting in space:
        if isinstance(setting, Choices):
            found[setting.place] = trial.suggest_categorical(setting.place, list(setting.named))
        elif isinstance(setting.low, int):
            step = 1 if setting.step is None else int(setting.step)
            high = int(setting.high)
            found[setting.place] = trial.suggest_int(setting.place, setting.low, high, step=step, log=setting.log)
        else:
            bounds = setting.place, setting.low, setting.high
            found[setting.place] = trial.suggest_float(*bounds, step=setting.step, log=setting.log)
    return found


def check(name: Sampler, space: Space) -> None:
    """What the sampler needs must be there.

    Raises:
        ImportError: a package is not installed.
        ValueError: a grid has no end of points.
    """
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        raise ImportError(f"the sampler {name} needs another package: pip install {NEEDS[name]}")
    if name == "grid":
        points(space)


def sampler(name: Sampler, seed: int, number: int, space: Space) -> Any:
    """The sampler for the trial of this number.

    Each trial has one of its own, by the seed and the number: workers that begin with one seed would all draw the same
    points, and so would a worker that is started again. What a sampler remembers, it reads in the storage.
    """
    from optuna import samplers as of

    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    if name == "grid":
        return of.GridSampler(points(space), seed)  # the order of the points, the same for all
    if name == "qmc":
        # Its first draws are at random, and its sequence is one for all.
        return of.QMCSampler(scramble=True, seed=seed, warn_independent_sampling=False)
    if name == "tpe":
        # What others are at counts as bad meanwhile, or several workers would look at one place.
        return of.TPESampler(seed=own, constant_liar=True)
    if name == "cmaes":
        return of.CmaEsSampler(seed=own, warn_independent_sampling=False)
    return of.RandomSampler(own) if name == "random" else of.GPSampler(seed=own)


def pruner(name: Pruner, epochs: int) -> Any:
    """The pruner for trainings of at most so many epochs; that of the median waits for a fifth of them."""
    from optuna import pruners as of

    if name == "median":
        return of.MedianPruner(n_warmup_steps=epochs // 5)
    if name == "hyperband":
        return of.HyperbandPruner(min_resource=1, max_resource=max(1, epochs))
    return of.SuccessiveHalvingPruner() if name == "successive-halving" else of.NopPruner()
