"""Tolerances in single precision that follow from the arithmetic, and so are the same on every machine."""

import jax
import numpy as np

ROUNDINGS = 64
"""How many times the effect of one rounding of everything that goes in is allowed: a run rounds at every step."""


def single_precision_tolerance(function, *arguments):
    """A tree like `function(*arguments)`: for each of its leaves, how far two runs in float32 may be apart.

    The condition is measured in float64: by how much the result changes when every argument is changed by its rounding
    to float32, at random, eight times.
    """
    eps = np.finfo(np.float32).eps
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        exact = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), arguments)
        reference = jax.device_get(function(*exact))
        allowed = jax.tree.map(lambda leaf: eps * np.max(np.abs(leaf), initial=0), reference)
        for _ in range(8):
            near = jax.tree.map(lambda leaf: leaf * (1 + eps * rng.uniform(-1, 1, np.shape(leaf))), exact)
            change = jax.tree.map(
                lambda a, b: np.max(np.abs(a - b), initial=0), jax.device_get(function(*near)), reference
            )
            allowed = jax.tree.map(np.maximum, allowed, change)
    return jax.tree.map(lambda spread: ROUNDINGS * spread, allowed)
