"""Counts on a jaxpr, before anything is compiled: the residuals of a gradient, and how much it computes."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.core import ShapedArray
from jax.extend.core import Jaxpr, Literal

from liquidjax._types import Params


def residual_bytes(function: Callable[..., Any], params: Params, *data: Any) -> int:
    """Bytes of the residuals: what the gradient of function(params, *data) keeps for its backward pass.

    They are counted in the trace, as `jax.ad_checkpoint.print_saved_residuals` lists them: no buffer of the compiler
    enters. Parameters and data count nothing, however reshaped, because they are there anyway. What the backward pass
    computes again comes on top, a part at a time.

    Args:
        function: what is differentiated with respect to its first argument.
        params: parameters, or their shapes and dtypes.
        data: the other arguments, likewise.

    Returns:
        Their number.

    Example:
        >>> import jax.numpy as jnp
        >>> residual_bytes(lambda p, x: jnp.sum(jnp.sin(p) * x), jnp.ones(10), jnp.ones(10))  # cos(p), float32
        40
    """
    closed = jax.make_jaxpr(lambda *given: jax.vjp(lambda p: function(p, *given[1:]), given[0])[1])(params, *data)
    count = len(jax.tree.leaves(params))
    given = [place < count for place in range(len(closed.jaxpr.invars))]
    computed = _computed(closed.jaxpr, given)
    kept = {
        id(var): _shaped(var).size * _shaped(var).dtype.itemsize
        for var, by_params in zip(closed.jaxpr.outvars, computed, strict=True)
        if by_params and not any(var is argument for argument in closed.jaxpr.invars)
    }
    return sum(kept.values())


def _computed(jaxpr: Jaxpr, given: Sequence[bool]) -> list[bool]:
    """Which outputs depend on the inputs that are marked."""
    marked = {id(var) for var, mark in zip(jaxpr.invars, given, strict=True) if mark}
    for eqn in jaxpr.eqns:
        marks = [not isinstance(var, Literal) and id(var) in marked for var in eqn.invars]
        # jit is looked into, because data passes through it; of everything else all outputs depend on all inputs.
        inner = _computed(eqn.params["jaxpr"].jaxpr, marks) if eqn.primitive.name in ("jit", "pjit") else None
        for place, var in enumerate(eqn.outvars):
            if any(marks) if inner is None else inner[place]:
                marked.add(id(var))
    return [not isinstance(var, Literal) and id(var) in marked for var in jaxpr.outvars]


def count_tanh(function: Callable[..., Any], *arguments: Any) -> int:
    """How many numbers `tanh` is computed of in a call of the function, loops included.

    An LTC computes one for each synapse and solver step, so this measures work and no clock does.

    Example:
        >>> import jax.numpy as jnp
        >>> loop = lambda x: jax.lax.fori_loop(0, 5, lambda _, x: jnp.tanh(x), x)
        >>> count_tanh(loop, jnp.ones(3)), count_tanh(jax.grad(lambda x: jnp.sum(loop(x))), jnp.ones(3))
        (15, 15)
    """
    return _count(jax.make_jaxpr(function)(*arguments).jaxpr)


def _count(jaxpr: Jaxpr) -> int:
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "tanh":
            total += math.prod(_shaped(eqn.outvars[0]).shape)
        inner = [leaf for leaf in jax.tree.leaves(eqn.params, is_leaf=_is_program) if _is_program(leaf)]
        total += eqn.params.get("length", 1) * sum(_count(getattr(program, "jaxpr", program)) for program in inner)
    return total


def _shaped(var: Any) -> ShapedArray:
    assert isinstance(var.aval, ShapedArray)
    return var.aval


def _is_program(leaf: Any) -> bool:
    return isinstance(leaf, Jaxpr) or isinstance(getattr(leaf, "jaxpr", None), Jaxpr)
