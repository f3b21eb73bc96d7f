"""The affine map every dense cell is made of."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._types import Array


class Linear(NamedTuple):
    """Parameters of y = x W + b: weight (inputs, *outputs), bias (*outputs)."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """y = x W + b for x (*batch, inputs), computed in the dtype of x."""
        outputs = self.weight.shape[1:]
        flat = x @ self.weight.reshape(self.weight.shape[0], math.prod(outputs))
        return flat.reshape(*x.shape[:-1], *outputs) + self.bias


def init_linear(key: Array, inputs: int, outputs: int, heads: int | None = None) -> Linear:
    """Xavier-uniform weight for each head on its own; bias uniform within 1 / sqrt(inputs), as ncps has them."""
    weight_key, bias_key = jax.random.split(key)
    shape = (outputs,) if heads is None else (heads, outputs)
    limit = math.sqrt(6 / (inputs + outputs))
    weight = jax.random.uniform(weight_key, (inputs, *shape), minval=-limit, maxval=limit)
    bias = jax.random.uniform(bias_key, shape, minval=-1, maxval=1) / math.sqrt(inputs)
    return Linear(weight, bias)


def check_size(name: str, value: int, least: int = 1) -> None:
    """Raises the ValueError for a size that is not an integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer of at least {least}, got {value!r}")


def zeros(batch_shape: tuple[int, ...], units: int, dtype) -> Array:
    """The state of rest (*batch_shape, units)."""
    return jnp.zeros((*batch_shape, units), dtype)
