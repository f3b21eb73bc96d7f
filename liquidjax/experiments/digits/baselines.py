"""What a network is compared with: other cells of about its size, and no recurrence at all."""

import bisect
import time
from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

from liquidjax._types import Cell
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.tasks.digits import Splits, flat


class Logistic(NamedTuple):
    """What logistic regression on all pixels at once reaches; seconds are those of the fit."""

    parameters: int
    validation_accuracy: float
    test_accuracy: float
    seconds: float


def parameter_count(cell: Cell) -> int:
    """The number of parameters of a cell that can have an effect: masked entries of a wired CfC do not count.

    Example:
        >>> import liquidjax as lj
        >>> parameter_count(lj.GRU(inputs=8, units=10))
        600
    """
    if isinstance(cell, Readout):
        return parameter_count(cell.cell) + (cell.cell.outputs + 1) * cell.outputs
    outline = jax.eval_shape(cell.init, jax.random.key(0))
    masked = sum(int((~mask).sum()) for mask in cell.masks()) if isinstance(cell, WiredCfC) else 0
    return sum(leaf.size for leaf in jax.tree.leaves(outline)) - masked


def of_about(parameters: int, build: Callable[[int], Cell]) -> Cell:
    """The cell `build(units)` whose number of parameters is nearest to `parameters`.

    Example:
        >>> import liquidjax as lj
        >>> of_about(620, lambda units: lj.GRU(inputs=8, units=units)).units
        10
    """
    # The largest that is not larger, or the next; a cell has more parameters than units, so the search ends.
    fitting = bisect.bisect_right(range(1, parameters + 1), parameters, key=lambda n: parameter_count(build(n)))
    units = max(1, fitting)
    return min(build(units), build(units + 1), key=lambda cell: abs(parameter_count(cell) - parameters))


def logistic_regression(splits: Splits) -> Logistic:
    """Fits scikit-learn's logistic regression, with its default penalty, to the training pixels."""
    from sklearn.linear_model import LogisticRegression  # loading the digits has already asked for scikit-learn

    start = time.perf_counter()
    model = LogisticRegression(max_iter=1000).fit(flat(splits.train.inputs), splits.train.labels)
    seconds = time.perf_counter() - start

    def accuracy(samples) -> float:
        return float(np.mean(model.predict(flat(samples.inputs)) == samples.labels))

    parameters = model.coef_.size + model.intercept_.size
    return Logistic(parameters, accuracy(splits.validation), accuracy(splits.test), seconds)
