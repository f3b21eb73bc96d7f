"""What an estimator's model says to each case, whichever cases are asked about together."""

import numpy as np

from liquidjax.sklearn.series import Series
from liquidjax.training.evaluation import BATCH
from liquidjax.training.model import Model
from liquidjax.training.predict import predict

FEWEST = 32
"""Cases that are computed together at least. A product of matrices of few rows is rounded in another order."""


def answers(model: Model, given: Series) -> np.ndarray:
    """What `predict` says of each case, float64 (cases, ...)."""
    return predict(model, filled(given).dataset()).answers[: len(given.values)].astype(float)


def filled(given: Series) -> Series:
    """The cases, and copies of the first one, up to a number that few programs are compiled for.

    That is a power of two from 32, up to the batch of `evaluate`: so the parts of a cross-validation share a program,
    and a case by itself gets the answer that it gets among others.
    """
    cases = len(given.values)
    count = 1 << (max(cases, FEWEST) - 1).bit_length()
    if count > BATCH:
        count = -(-cases // BATCH) * BATCH
    return given.take([*range(cases), *[0] * (count - cases)])
