"""The affine map every dense cell is made of."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_size, described
from liquidjax._types import Array, exportable


@exportable
class Linear(NamedTuple):
    """Parameters of y = x W + b: weight (inputs, *outputs), bias (*outputs)."""

    weight: Array
    bias: Array

    def __call__(self, x: Array) -> Array:
        """y = x W + b for x (*batch, inputs), computed in the dtype of x."""
        outputs = self.weight.shape[1:]
        flat = x @ self.weight.reshape(self.weight.shape[0], math.prod(outputs))
        return flat.reshape(*x.shape[:-1], *outputs) + self.bias


Part = tuple[tuple[int, ...], float, float]


@functools.partial(jax.jit, static_argnums=1)
def uniforms(key: Array, parts: tuple[Part, ...]) -> list[Array]:
    """An array for each (shape, low, high), uniform in [low, high).

    All of them are cut from one draw: a draw takes a fifth of a second to compile, and a cell has many arrays.
    """
    sizes = [math.prod(shape) for shape, _, _ in parts]
    cuts = jnp.split(jax.random.uniform(key, (sum(sizes),)), np.cumsum(sizes)[:-1])
    return [low + (high - low) * cut.reshape(shape) for cut, (shape, low, high) in zip(cuts, parts, strict=True)]


def init_linear(key: Array, inputs: int, outputs: int, heads: int | None = None) -> Linear:
    """Xavier-uniform weight for each head on its own; bias uniform within 1 / sqrt(inputs), as ncps has them."""
    shape = (outputs,) if heads is None else (heads, outputs)
    limit, bias_limit = math.sqrt(6 / (inputs + outputs)), 1 / math.sqrt(inputs)
    return Linear(*uniforms(key, (((inputs, *shape), -limit, limit), (shape, -bias_limit, bias_limit))))


def zeros(batch_shape: tuple[int, ...], units: int, dtype) -> Array:
    """The state of rest (*batch_shape, units); a ValueError for what is no shape."""
    try:
        batch_shape = tuple(check_size("batch_shape", size, least=0) for size in batch_shape)
    except (TypeError, ValueError):
        example = f", write ({batch_shape},)" if isinstance(batch_shape, int) else ""
        raise ValueError(
            f"batch_shape must be a tuple of sizes such as () or (32,), got {described(batch_shape)}{example}"
        ) from None
    return jnp.zeros((*batch_shape, units), dtype)
