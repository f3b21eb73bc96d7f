"""Trainings that take moments, and what of them is compared."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj
from liquidjax.training.fit import fit
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from small_data import series

GRU = lj.Readout(lj.GRU(2, 2), 1)
EQUAL = (4,) * 6
"""Series of one length: one shape to compile."""
FAST = Optimizer("adam", 0.05)


@functools.cache
def values(seed=0, lengths=EQUAL, **names):
    return series(lengths, seed=seed, outputs=1, **names)


def trained(cell: lj.Cell = GRU, objective: Any = Regression(), data=None, validation=None, **settings: Any):
    settings = {"optimizer": FAST, "epochs": 3, "batch_size": 3, **settings}
    return fit(cell, objective, values() if data is None else data, validation, **settings)


def same_bits(left, right):
    return all(a.tobytes() == b.tobytes() for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True))


def assert_near(actual, expected, tolerance=1e-10):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), actual, expected)


def without_seconds(history):
    return [epoch._replace(seconds=0.0) for epoch in history]


def start(cell, seed):
    """The parameters of a seed."""
    return cell.init(jax.random.split(jax.random.key(seed))[0])


def squares(outputs, batch):
    """An objective that any cell can have."""
    return jnp.mean(outputs**2, axis=(0, 2))
