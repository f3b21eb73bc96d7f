"""What a program of JAX consists of, loops and branches looked into."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import Jaxpr, JaxprEqn


def jaxprs(jaxpr: Jaxpr) -> Iterator[Jaxpr]:
    """It, and every program within it."""
    yield jaxpr
    for equation in jaxpr.eqns:
        for leaf in jax.tree.leaves(equation.params, is_leaf=_is_program):
            if _is_program(leaf):
                yield from jaxprs(getattr(leaf, "jaxpr", leaf))


def equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """Every operation."""
    for each in jaxprs(jaxpr):
        yield from each.eqns


def floating_kinds(jaxpr: Jaxpr) -> set[str]:
    """The dtypes of floating point of all that goes in, comes out, or is computed on the way."""
    kinds = set()
    for each in jaxprs(jaxpr):
        variables = [*each.invars, *each.constvars, *each.outvars]
        for equation in each.eqns:
            variables += [*equation.invars, *equation.outvars]
        dtypes = (getattr(variable.aval, "dtype", None) for variable in variables)
        kinds |= {
            str(dtype) for dtype in dtypes if dtype is not None and jax.numpy.issubdtype(dtype, jax.numpy.floating)
        }
    return kinds


def _is_program(leaf: Any) -> bool:
    return isinstance(leaf, Jaxpr) or isinstance(getattr(leaf, "jaxpr", None), Jaxpr)
