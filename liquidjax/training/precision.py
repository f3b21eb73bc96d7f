"""In what a training computes: float32, float64 throughout, or products of matrices in bfloat16."""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import described
from liquidjax._types import Cell, Params
from liquidjax.cells.wrappers.mixed_precision import MixedPrecision

PRECISIONS = ("float32", "float64", "bfloat16")


def check_precision(name: str, value: object) -> None:
    """Raises the ValueError for what is no precision.

    Example:
        >>> check_precision("precision", "float16")
        Traceback (most recent call last):
            ...
        ValueError: precision must be one of float32, float64, bfloat16, got 'float16', whose least normal number, \
6e-05, is above most gradients, so that they would have to be scaled; bfloat16 has the range of float32
    """
    if isinstance(value, str) and value in PRECISIONS:
        return
    known = f"{name} must be one of {', '.join(PRECISIONS)}, got {described(value)}"
    if value == "float16":
        known += (
            f", whose least normal number, {float(jnp.finfo(jnp.float16).tiny):.0g}, is above most gradients, so that "
            "they would have to be scaled; bfloat16 has the range of float32"
        )
    raise ValueError(known)


def in_precision(cell: Cell, precision: str) -> Cell:
    """The cell as it is trained in a precision: itself, or in `MixedPrecision` for bfloat16.

    Raises:
        ValueError: `MixedPrecision` can do nothing for it.

    Example:
        >>> import liquidjax as lj
        >>> in_precision(lj.GRU(2, 3), "bfloat16")
        MixedPrecision(cell=GRU(inputs=2, units=3))
    """
    if precision != "bfloat16":
        return cell
    mixed = MixedPrecision(cell)
    jax.eval_shape(lambda: mixed.init(jax.random.key(0)))  # which refuses what has no product
    return mixed


def computing(precision: str) -> contextlib.AbstractContextManager[Any]:
    """A context in which JAX computes in a precision: float64 is there only where it is switched on.

    Example:
        >>> with computing("float64"):
        ...     jnp.ones(1).dtype
        dtype('float64')
    """
    return jax.enable_x64(True) if precision == "float64" else contextlib.nullcontext()


def precision_of(params: Params) -> str:
    """What JAX has to compute in, so that parameters are not shortened: "float64" where one of them is that, else
    "float32".

    Example:
        >>> precision_of({"bias": np.zeros(1)}), precision_of({"bias": jnp.zeros(1, jnp.bfloat16)})
        ('float64', 'float32')
    """
    kinds = {np.dtype(leaf.dtype) for leaf in jax.tree.leaves(params) if hasattr(leaf, "dtype")}
    return "float64" if np.dtype(np.float64) in kinds else "float32"
