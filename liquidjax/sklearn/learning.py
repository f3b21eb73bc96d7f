"""How an estimator learns: what it holds out, for how long it trains, and what it keeps."""

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import numpy as np
from sklearn.utils import check_random_state

from liquidjax._checks import check_flag, check_number, check_size
from liquidjax.cells.cfc import CfC
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.base import cell_inside
from liquidjax.sklearn.cells import network
from liquidjax.sklearn.settings import Settings
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.fit import fit
from liquidjax.training.model import Model
from liquidjax.training.objective import Objective
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.progress import Epoch

STEPS, FEWEST_EPOCHS = 1000, 20
"""Batches of a training where nobody says for how many epochs, and the epochs that it has at least."""

RATE, RATES = 0.01, {LTC: 0.02, CfC: 0.002, WiredCfC: 0.002}
"""Learning rates where nobody says one, by the cell. A few runs chose them: an LTC of 32 units had not learnt GunPoint
after so many batches at 0.01, and did not learn ItalyPowerDemand at 0.05; nor did one CfC in five at 0.003."""
DURATION = 30.0
"""Of a typical case, in units of the time constants, where nobody says what a step is: those of an LTC are about one,
so that it remembers a thirtieth of a case. Steps are made shorter, never longer."""


class Parts(NamedTuple):
    """What is learnt from, and what the best epoch is chosen by, None where all of it is learnt from."""

    training: SequenceDataset
    validation: SequenceDataset | None

    @classmethod
    def of(cls, data: SequenceDataset, rows: np.ndarray, held: np.ndarray | None) -> "Parts":
        """The parts of these cases."""
        return cls(data.take(rows), None if held is None else data.take(held))


class Learnt(NamedTuple):
    """What `fit` leaves: the model, with parameters of numpy, of which a pickle needs no device; of each epoch what is
    known then; and how many there were."""

    model: Model
    history: list[Epoch]
    epochs: int


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


def share_held_out(settings: Settings) -> float:
    """The share of the cases to hold out, or the ValueError for what is none."""
    fraction = check_number("validation_fraction", settings.validation_fraction, 0, 1)
    if settings.patience is not None and not fraction:
        raise ValueError(
            f"patience must be None where validation_fraction is 0, for there is nothing to see by, got "
            f"{settings.patience!r}"
        )
    return fraction


def rows_of_parts(settings: Settings, strata: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
    """The cases that are learnt from, and those that are held out, None where all are learnt from.

    Raises:
        ValueError: a share that is none, or so small that it is no case.
    """
    fraction = share_held_out(settings)
    if not fraction:
        return np.arange(len(strata)), None
    chosen = held_out(strata, fraction, seed)
    if not chosen.any():
        raise ValueError(
            f"validation_fraction must be 0, or the share of one case at least, got {fraction:g} of {len(strata)} cases"
        )
    return np.flatnonzero(~chosen), np.flatnonzero(chosen)


def usual_epochs(cases: int, batch_size: int) -> int:
    """Epochs where nobody says how many: of few cases as many as 1000 batches take, of many 20.

    Example:
        >>> usual_epochs(10, 16), usual_epochs(20, 16), usual_epochs(100_000, 16)
        (1000, 500, 20)
    """
    return max(FEWEST_EPOCHS, math.ceil(STEPS / math.ceil(cases / batch_size)))


def learn(settings: Settings, objective: Objective, parts: Parts, seed: int, **reads: bool) -> Learnt:
    """Trains the network of an estimator, which also reads `indicators` and `since` where they are True.

    Raises:
        ValueError: a setting that is none.
        FloatingPointError: the network diverged.
    """
    training, validation = parts
    batch_size = check_size("batch_size", settings.batch_size)
    epochs = usual_epochs(len(training), batch_size) if settings.epochs is None else settings.epochs
    flags: dict[str, Any] = {name: check_flag(name, value) for name, value in reads.items()}
    preparation = Preparation.learnt(training, **flags)
    step = min(1.0, DURATION / float(np.median(training.lengths)))
    if settings.step is not None:
        step = check_number("step", settings.step, 0, np.inf, above=True)
    preparation = dataclasses.replace(preparation, time_unit=preparation.time_unit / step)
    cell = network(settings.cell, settings.units, preparation.inputs, objective.outputs(training))
    rate = settings.learning_rate
    if rate is None:
        rate = RATES.get(type(cell_inside(cell)), RATE)
    fitted = fit(
        cell,
        objective,
        training,
        validation,
        preparation=preparation,
        optimizer=Optimizer(settings.optimizer, rate, settings.schedule, weight_decay=settings.weight_decay),
        epochs=epochs,
        batch_size=batch_size,
        patience=settings.patience,
        seed=seed,
        callback=_tell if check_flag("verbose", settings.verbose) else None,
    )
    model = fitted.model()
    model = dataclasses.replace(model, params=jax.tree.map(np.asarray, model.params))
    return Learnt(model, fitted.history, len(fitted.history))


def _tell(epoch: Epoch) -> None:
    of_validation = "" if epoch.validation_loss is None else f", validation loss {epoch.validation_loss:.4g}"
    print(f"epoch {epoch.epoch}: loss {epoch.loss:.4g}{of_validation}, {epoch.seconds:.1f} s", flush=True)
