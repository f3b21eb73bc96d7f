"""Answers without a network, which one should be better than: the most frequent class or the mean, the last value, and
linear models of what the network reads."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from liquidjax.training.examples import Examples
from liquidjax.training.objective import Objective
from liquidjax.training.objectives import Event, Forecast

WINDOW = 8
"""Steps that a linear model sees for an answer at each step; for one of a series it sees all of them."""
PENALTIES = tuple(10.0**power for power in range(-4, 5))
MOST_ROWS = 20_000
"""Rows that a linear model is fitted to, drawn at random where there are more."""
Fit = Callable[[np.ndarray, np.ndarray], tuple[int, Callable[[np.ndarray], np.ndarray]]]
"""(rows, targets) -> the number of parameters, and what answers to rows."""


class Baseline(NamedTuple):
    """parameters: how many were fitted, in how many seconds; answers: to each part of the data, as of an objective."""

    parameters: int
    seconds: float
    answers: tuple[np.ndarray, ...]


def baselines(objective: Objective, training: Examples, *parts: Examples) -> dict[str, Baseline]:
    """What can be said without a network, fitted to the training data, of each of the parts.

    Where only one class is known there is nothing to fit but how frequent it is. Of several values each is fitted to
    where it is known.

    Raises:
        ImportError: scikit-learn is not installed.

    Example:
        >>> from liquidjax.tasks.dataset import SequenceDataset
        >>> from liquidjax.tasks.preparation import Preparation
        >>> from liquidjax.training.examples import examples
        >>> data = SequenceDataset(np.arange(12.0).reshape(1, 12, 1))
        >>> ready = examples(data, Preparation.learnt(data), Forecast())
        >>> list(baselines(Forecast(), ready, ready))
        ['persistence', 'ridge regression']
    """
    assert training.targets is not None
    if isinstance(objective, Forecast):
        fits: dict[str, Fit] = {"persistence": _persistence(training.inputs.shape[2]), "ridge regression": _ridge}
    elif training.targets.dtype.kind in "iu":
        fits = {"most frequent class": _frequencies, "logistic regression": _logistic}
    else:
        fits = {"mean": _mean, "ridge regression": _ridge}
    rows, targets = _known(objective, training)
    if targets.dtype.kind in "iu" and len(np.unique(targets)) < 2:
        del fits["logistic regression"]
    if len(rows) > MOST_ROWS:
        chosen = np.random.default_rng(0).choice(len(rows), MOST_ROWS, replace=False)
        rows, targets = rows[chosen], targets[chosen]
    made = {}
    for name, fit in fits.items():
        start = time.perf_counter()
        number, answer = fit(rows, targets)
        seconds = time.perf_counter() - start
        made[name] = Baseline(number, seconds, tuple(_answers(objective, training, part, answer) for part in parts))
    return made


def _known(objective: Objective, data: Examples) -> tuple[np.ndarray, np.ndarray]:
    """The rows of which a target is known, and these; of several values some may be NaN."""
    rows, targets = _rows(objective, data, data.inputs.shape[1]), data.targets
    assert targets is not None
    if isinstance(objective, Forecast):  # targets are the features of now: those of the next step are wanted
        rows, targets = rows[:, :-1], targets[:, 1:]
    known = targets >= 0 if targets.dtype.kind in "iu" else ~np.isnan(targets).all(-1)
    return rows[known], targets[known]


def _rows(objective: Objective, data: Examples, longest: int) -> np.ndarray:
    """What a linear model sees: (series, all inputs of `longest` steps), or for each step those of the last ones."""
    if not objective.each_step:
        inputs = data.inputs[:, :longest]
        padded = np.pad(inputs, ((0, 0), (0, longest - inputs.shape[1]), (0, 0)))
        return padded.reshape(len(padded), -1)
    before = np.pad(data.inputs, ((0, 0), (WINDOW - 1, 0), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(before, WINDOW, axis=1)  # (series, time, inputs, window)
    return windows.swapaxes(2, 3).reshape(*windows.shape[:2], -1)


def _answers(objective: Objective, training: Examples, data: Examples, answer: Callable) -> np.ndarray:
    rows = _rows(objective, data, training.inputs.shape[1])
    found = answer(rows.reshape(-1, rows.shape[-1])).reshape(*rows.shape[:-1], -1)
    return found[..., 1] if isinstance(objective, Event) else found


def _frequencies(rows: np.ndarray, targets: np.ndarray) -> tuple[int, Callable]:
    shares = np.bincount(targets, minlength=2) / max(1, len(targets))
    return len(shares), lambda rows: np.tile(shares, (len(rows), 1))


def _mean(rows: np.ndarray, targets: np.ndarray) -> tuple[int, Callable]:
    count = np.maximum(np.sum(~np.isnan(targets), axis=0), 1)
    mean = np.nansum(targets, axis=0) / count
    return mean.size, lambda rows: np.tile(mean, (len(rows), 1))


def _persistence(inputs: int) -> Fit:
    def fit(rows: np.ndarray, targets: np.ndarray) -> tuple[int, Callable]:
        return 0, lambda rows: rows[:, -inputs:][:, : targets.shape[-1]]

    return fit


def _logistic(rows: np.ndarray, targets: np.ndarray) -> tuple[int, Callable]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=1000).fit(rows, targets)

    def answer(rows: np.ndarray) -> np.ndarray:
        probabilities = np.zeros((len(rows), int(max(model.classes_)) + 1))
        probabilities[:, model.classes_] = model.predict_proba(rows)
        return probabilities

    return model.coef_.size + model.intercept_.size, answer


def _ridge(rows: np.ndarray, targets: np.ndarray) -> tuple[int, Callable]:
    """A model of each value, fitted to the rows in which it is known; its mean where these are fewer than two."""
    from sklearn.linear_model import RidgeCV

    _, mean = _mean(rows, targets)
    known = ~np.isnan(targets)
    patterns, owner = np.unique(known, axis=1, return_inverse=True)
    models: list[tuple[np.ndarray, Any]] = []
    for number, pattern in enumerate(patterns.T):
        alike = np.flatnonzero(owner == number)  # values that are known in the same rows, which is cheaper together
        if np.sum(pattern) > 1:
            model = RidgeCV(alphas=PENALTIES, alpha_per_target=True).fit(rows[pattern], targets[pattern][:, alike])
            models.append((alike, model))

    def answer(rows: np.ndarray) -> np.ndarray:
        answers = mean(rows)
        for alike, model in models:
            answers[:, alike] = model.predict(rows).reshape(len(rows), -1)
        return answers

    return targets.shape[1] * (rows.shape[1] + 1), answer
