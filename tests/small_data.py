"""Small data sets of series with lengths, clocks and gaps of their own."""

from typing import Any

import numpy as np

from liquidjax.tasks.dataset import SequenceDataset

LENGTHS = (5, 3, 3, 5, 1, 5, 3, 1)
"""Few different ones: each is a shape that is compiled where series run by themselves."""


def series(lengths=LENGTHS, features=2, seed=0, each_step=False, classes=0, outputs=0, gaps=False, **names: Any):
    """Random series, with random classes, or values where `classes` is 0, or no targets where both are."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=(length, features)) for length in lengths]
    times = [np.cumsum(rng.uniform(0.2, 2, length)) for length in lengths]
    if gaps:
        inputs = [np.where(rng.random(x.shape) < 0.3, np.nan, x) for x in inputs]
    targets: Any = None
    shapes = [(length,) if each_step else () for length in lengths]
    if classes:
        names = {"classes": tuple("abcdefg"[:classes]), **names}
        targets = [rng.integers(0, classes, shape) for shape in shapes]
    elif outputs:
        targets = [rng.normal(size=(*shape, outputs)) for shape in shapes]
    if targets is not None and not each_step:
        targets = np.array(targets)
    return SequenceDataset.of(inputs, times, targets, **names)
