"""One step of an optimizer of optax."""

from typing import Any

import jax
import optax

from liquidjax._types import Params


def descend(
    optimizer: optax.GradientTransformation, gradient: Params, opt_state: Any, params: Params
) -> tuple[Params, Any]:
    """(params, opt_state) after one step; to be called within what is compiled.

    Example:
        >>> import jax.numpy as jnp
        >>> optimizer, params = optax.sgd(0.5), jnp.array(3.0)
        >>> float(descend(optimizer, jnp.array(2.0), optimizer.init(params), params)[0])
        2.0
    """
    # Adam raises a float to the power of a whole number, which strict promotion, where it is asked for, would refuse.
    with jax.numpy_dtype_promotion("standard"):
        updates, opt_state = optimizer.update(gradient, opt_state, params)
        return optax.apply_updates(params, updates), opt_state
