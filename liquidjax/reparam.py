"""Positivity: how a parameter that must not be negative is stored.

"implicit": the stored value is unconstrained and passes through softplus. "explicit": the stored value is the value,
and `cells.projection.project` puts it back into its range after every optimizer step.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from liquidjax._types import Array

Constraints = Literal["implicit", "explicit"]


def positive(stored: Array, constraints: Constraints) -> Array:
    """The value that `stored` stands for: softplus(stored) when implicit, `stored` itself when explicit.

    Example:
        >>> round(float(positive(jnp.array(0.0), "implicit")), 4)
        0.6931
    """
    return jax.nn.softplus(stored) if constraints == "implicit" else stored


def stored(value: Array, constraints: Constraints) -> Array:
    """What to store so that `positive` gives `value` > 0: the inverse of softplus when implicit.

    log(e^y - 1) is written as y + log(1 - e^(-y)), which neither overflows for large y nor loses digits.

    Example:
        >>> round(float(positive(stored(jnp.array(0.5), "implicit"), "implicit")), 6)
        0.5
    """
    return value + jnp.log(-jnp.expm1(-value)) if constraints == "implicit" else value


def rate_of(tau: Array) -> Array:
    """1 / tau, and the largest rate whose inverse is a normal number where tau is smaller than that.

    So a time constant that has come to 0 means the equilibrium at once: an infinite rate beside an infinite drive
    would mean nothing.

    Example:
        >>> rate_of(jnp.array([0.5, 0.0])).tolist()[0], bool(jnp.isfinite(rate_of(jnp.zeros(()))))
        (2.0, True)
    """
    least = 4 * jnp.finfo(tau.dtype).tiny
    return 1 / jnp.where(tau > least, tau, least)
