"""How an estimator learns: what it holds out, for how long it trains, and what it keeps."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.utils import check_random_state

from liquidjax._checks import check_flag, check_number, check_size
from liquidjax.sklearn.cells import network
from liquidjax.sklearn.settings import Settings
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.fit import Epoch, fit
from liquidjax.training.objective import Objective
from liquidjax.training.optimizer import Optimizer

STEPS, FEWEST_EPOCHS = 1000, 20
"""Batches of a training where nobody says for how many epochs, and the epochs that it has at least."""


class Parts(NamedTuple):
    """What is learnt from, and what the best epoch is chosen by, None where all of it is learnt from."""

    training: SequenceDataset
    validation: SequenceDataset | None


class Draws(NamedTuple):
    """What is random in a training: the seeds of the part that is held out, and of the network and its batches."""

    split: int
    network: int


def draws(random_state: Any) -> Draws:
    """The seeds that a `random_state` of scikit-learn comes to.

    Example:
        >>> draws(0) == draws(0), draws(0) == draws(1)
        (True, False)
    """
    return Draws(*check_random_state(random_state).randint(np.iinfo(np.int32).max, size=2).tolist())


def held_out(strata: np.ndarray, fraction: float, seed: int) -> np.ndarray:
    """Which cases are for validation: a share of those of each class, and never all of them.

    Args:
        strata: int (cases,), the class of each, or the same number for all.
        fraction: in [0, 1).
        seed: of the draw.

    Returns:
        bool (cases,).

    Example:
        >>> chosen = held_out(np.repeat([0, 1, 2], [20, 10, 1]), fraction=0.2, seed=0)
        >>> np.bincount(np.repeat([0, 1, 2], [20, 10, 1])[chosen], minlength=3).tolist()
        [4, 2, 0]
    """
    rng, chosen = np.random.default_rng(seed), np.zeros(len(strata), bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        count = min(round(fraction * len(rows)), len(rows) - 1)
        chosen[rng.permutation(rows)[:count]] = True
    return chosen


def parts(settings: Settings, data: SequenceDataset, strata: np.ndarray, seed: int) -> Parts:
    """The cases that are learnt from, and those that are held out.

    Raises:
        ValueError: a fraction that is none, or so small that nothing would be held out.
    """
    fraction = check_number("validation_fraction", settings.validation_fraction, 0, 1)
    if not fraction:
        return Parts(data, None)
    chosen = held_out(strata, fraction, seed)
    if not chosen.any():
        raise ValueError(
            f"validation_fraction must be 0, or hold out at least one of {len(data)} cases, got {fraction:g}"
        )
    return Parts(data.take(~chosen), data.take(chosen))


def learn(settings: Settings, objective: Objective, parts: Parts, seed: int) -> None:
    """Trains the network of an estimator, and puts `model_`, `history_` and `n_iter_` on it.

    Parameters become arrays of numpy: a pickle of those needs no device, and says the same twice.

    Raises:
        ValueError: a setting that is none.
        FloatingPointError: the network diverged.
    """
    training, validation = parts
    if settings.patience is not None and validation is None:
        raise ValueError(
            "patience must be None where nothing is held out to see by, or validation_fraction above 0, got "
            f"{settings.patience!r}"
        )
    batch_size = check_size("batch_size", settings.batch_size)
    epochs = settings.epochs
    if epochs is None:
        epochs = max(FEWEST_EPOCHS, math.ceil(STEPS * batch_size / len(training)))
    preparation = Preparation.learnt(training)
    rule = (settings.optimizer, settings.learning_rate, settings.schedule)
    fitted = fit(
        network(settings.cell, settings.units, preparation.inputs, objective.outputs(training)),
        objective,
        training,
        validation,
        preparation=preparation,
        optimizer=Optimizer(*rule, weight_decay=settings.weight_decay),
        epochs=epochs,
        batch_size=batch_size,
        patience=settings.patience,
        seed=seed,
        callback=_tell if check_flag("verbose", settings.verbose) else None,
    )
    model = fitted.model()
    estimator: Any = settings
    estimator.model_ = dataclasses.replace(model, params=jax.tree.map(np.asarray, model.params))
    estimator.history_ = fitted.history
    estimator.n_iter_ = len(fitted.history)


def _tell(epoch: Epoch) -> None:
    of_validation = "" if epoch.validation_loss is None else f", validation loss {epoch.validation_loss:.4g}"
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.4g}{of_validation}, {epoch.seconds:.1f} s", flush=True)
