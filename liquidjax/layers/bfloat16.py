"""A weight whose products are computed in bfloat16, while it is stored, and its gradient added up, as it is."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._types import Array


@jax.tree_util.register_dataclass
@dataclass(frozen=True, eq=False)
class Bfloat16Weight:
    """A weight that is multiplied in bfloat16: `x @ weight` has the dtype of x, but factors of 8 significant bits.

    The weight itself is not rounded, only what goes into a product: so its gradient is a sum in its own precision, over
    the unfolds of a step as over time. A sum in bfloat16 stands still where it is 256 times what is added. A part of it
    (`weight[:3]`, `weight.reshape(...)`) is such a weight too, and `jax.tree.map` reaches its array; nothing else takes
    it, so that no operation can pass it over in silence.

    Args:
        array: (inputs, ...), float32 or float64.

    Example:
        >>> weight = Bfloat16Weight(jnp.array([[1.001953125]]))  # 1 + 2^-9
        >>> (jnp.array([[4.0]]) @ weight).tolist(), (jnp.array([[4.0]]) @ weight.array).tolist()
        ([[4.0]], [[4.0078125]])

    Reference:
        Kalamkar et al., "A study of BFLOAT16 for deep learning training" (2019).
    """

    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    def __getitem__(self, index: Any) -> "Bfloat16Weight":
        return Bfloat16Weight(self.array[index])

    def reshape(self, *shape: Any) -> "Bfloat16Weight":
        """The same weight in another shape."""
        return Bfloat16Weight(self.array.reshape(*shape))

    def __rmatmul__(self, x: Array) -> Array:
        dtype = jnp.promote_types(x.dtype, self.array.dtype)
        return (x.astype(jnp.bfloat16) @ self.array.astype(jnp.bfloat16)).astype(dtype)
