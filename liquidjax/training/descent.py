"""One step of an optimiser of optax."""

from typing import Any

import jax
import optax

from liquidjax._types import Params


def descend(
    optimiser: optax.GradientTransformation, gradient: Params, memory: Any, params: Params
) -> tuple[Params, Any]:
    """(params, memory of the optimiser) after one step; to be called within what is compiled.

    Example:
        >>> import jax.numpy as jnp
        >>> optimiser, params = optax.sgd(0.5), jnp.array(3.0)
        >>> float(descend(optimiser, jnp.array(2.0), optimiser.init(params), params)[0])
        2.0
    """
    # Adam raises a float to the power of a whole number, which strict promotion, where it is asked for, would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, memory = optimiser.update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory
