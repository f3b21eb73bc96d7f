"""Layer normalisation, which networks of several layers need between them."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._types import Array, exportable

_standardize: Any = jax.nn.standardize  # its type does not know `algorithm` yet


@exportable
class LayerNorm(NamedTuple):
    """Parameters of y = scale (x - mean) / sqrt(variance + 1e-5) + bias, over the last axis; both (features,).

    Example:
        >>> init_layer_norm(2)(jnp.array([1.0, 3.0])).round(3)
        Array([-1.,  1.], dtype=float32)

    Reference:
        Ba, Kiros, Hinton, "Layer normalization" (2016).
    """

    scale: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """y for x (*batch, features)."""
        return _standardize(x, algorithm="stable") * self.scale + self.bias


def init_layer_norm(features: int) -> LayerNorm:
    """Scale 1 and bias 0."""
    return LayerNorm(jnp.ones(features), jnp.zeros(features))
