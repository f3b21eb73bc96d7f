"""Estimators that learn in a moment, and cases for them."""

from typing import Any

import numpy as np

SMALL: dict[str, Any] = {"cell": "GRU", "units": 4, "epochs": 2, "batch_size": 8, "random_state": 0}
STEPS = 6


def cases(count=12, channels=2, steps=STEPS, seed=0):
    """(X (cases, channels, steps), two classes (cases,)): a wave of two speeds, and noise."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % 2
    phase = rng.uniform(0, 6, (count, channels, 1))
    return np.sin((0.4 + 1.2 * y)[:, None, None] * np.arange(steps) + phase), y
