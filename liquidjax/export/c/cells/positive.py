"""What `liquidjax.reparam` does to parameters, done once when the file is written, in float64."""

from typing import Any

import numpy as np

from liquidjax.reparam import Constraints


def softplus(stored: Any) -> np.ndarray:
    """log(1 + e^x), without its overflow."""
    return np.logaddexp(0, np.asarray(stored, float))


def positive(stored: Any, constraints: Constraints) -> np.ndarray:
    """As `reparam.positive`."""
    return softplus(stored) if constraints == "implicit" else np.asarray(stored, float)


def rate_of(tau: np.ndarray, dtype: str) -> np.ndarray:
    """As `reparam.rate_of` in this dtype."""
    return 1 / np.maximum(tau, 4 * float(np.finfo(dtype).tiny))
