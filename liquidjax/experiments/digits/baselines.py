"""What a network is compared with: other cells of about its size, and no recurrence at all."""

import bisect
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from liquidjax._types import Cell
from liquidjax.analysis.parameters import count_parameters
from liquidjax.tasks.digits import Splits, flat


class Logistic(NamedTuple):
    """What logistic regression on all pixels at once reaches; seconds are those of the fit."""

    parameters: int
    validation_accuracy: float
    test_accuracy: float
    seconds: float


def matched_in_size(parameters: int, build: Callable[[int], Cell]) -> Cell:
    """The cell `build(units)` whose number of parameters is nearest to `parameters`.

    Example:
        >>> import liquidjax as lj
        >>> matched_in_size(620, lambda units: lj.GRU(inputs=8, units=units)).units
        10
    """
    # The largest that is not larger, or the next; a cell has more parameters than units, so the search ends.
    fitting = bisect.bisect_right(range(1, parameters + 1), parameters, key=lambda n: count_parameters(build(n)))
    units = max(1, fitting)
    return min(build(units), build(units + 1), key=lambda cell: abs(count_parameters(cell) - parameters))


def logistic_regression(splits: Splits) -> Logistic:
    """Fits scikit-learn's logistic regression, with its default penalty, to the training pixels."""
    from sklearn.linear_model import LogisticRegression  # loading the digits has already asked for scikit-learn

    start = time.perf_counter()
    model = LogisticRegression(max_iter=1000).fit(flat(splits.train.inputs), splits.train.targets)
    seconds = time.perf_counter() - start

    def accuracy(samples) -> float:
        return float(np.mean(model.predict(flat(samples.inputs)) == samples.targets))

    parameters = model.coef_.size + model.intercept_.size
    return Logistic(parameters, accuracy(splits.validation), accuracy(splits.test), seconds)
