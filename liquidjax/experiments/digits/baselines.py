"""What a network is compared with: other cells of about its size, and no recurrence at all."""

import time
from typing import NamedTuple

import numpy as np

from liquidjax.tasks.digits import Splits, flat


class Logistic(NamedTuple):
    """What logistic regression on all pixels at once reaches; seconds are those of the fit."""

    parameters: int
    validation_accuracy: float
    test_accuracy: float
    seconds: float


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
