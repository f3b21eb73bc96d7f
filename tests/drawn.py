"""Parameters for what holds of any: drawn by numpy, because `init` takes longer to compile than most tests to run."""

from typing import Any

import jax
import numpy as np


def drawn(cell, seed=0, members=(), dtype: Any = np.float32) -> Any:
    """Arrays (*members, ...) of numpy in the shapes of `init`, between 0.1 and 0.9, where every constraint holds."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(cell.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.uniform(0.1, 0.9, (*members, *leaf.shape)).astype(dtype), shapes)
