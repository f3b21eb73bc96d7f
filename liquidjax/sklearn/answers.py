"""What an estimator's model says to each case, whichever cases are asked about together."""

import numpy as np

from liquidjax.sklearn.series import Series
from liquidjax.training.evaluation import BATCH
from liquidjax.training.model import Model
from liquidjax.training.predict import predict

FEWEST = 32
"""Cases that are computed together at least. A product of matrices of few rows is rounded in another order."""


def answers(model: Model, given: Series) -> np.ndarray:
    """`predict` for each case, float64 (cases, ...), computed for a number of cases that few programs are compiled for.

    That is a power of two from 32, up to the batch of `evaluate`: so the parts of a cross-validation share a program,
    and a case by itself gets the answer that it gets among others.
    """
    cases = len(given.values)
    count = 1 << (max(cases, FEWEST) - 1).bit_length()
    if count > BATCH:
        count = -(-cases // BATCH) * BATCH
    more = [0] * (count - cases)  # copies of the first case
    values = [*given.values, *(given.values[i] for i in more)]
    times = None if given.times is None else [*given.times, *(given.times[i] for i in more)]
    return predict(model, given._replace(values=values, times=times).dataset()).answers[:cases].astype(float)
