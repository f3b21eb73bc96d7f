"""The operation that was the first to give numbers that are not finite: a computation is gone through one by one.

JAX's own `jax_debug_nans` stops at any operation that gives a NaN, also where NaN came in and means "unknown", and it
names a loop, not what is in it.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import source_info_util
from jax.extend.core import ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, jaxpr_as_fun

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")


class Found(NamedTuple):
    """An operation and the line that asks for it, "" where that is none of a user's: it is the one around it then."""

    operation: str
    line: str


def first_operation(function: Callable[..., Any], *arguments: Any) -> str | None:
    """The first operation in a call of a function whose result is not finite though all that it is given is.

    Loops and functions are looked into where what comes out of them is not finite.

    Returns:
        Its name and the line of code that asks for it; None where there is none.

    Example:
        >>> first_operation(lambda x: jnp.sqrt(x - 2) + jnp.log(x), 1.0)[:8]
        'sqrt at '
        >>> first_operation(lambda x: jnp.nansum(x), jnp.array([1.0, jnp.nan])) is None
        True
    """
    closed = jax.make_jaxpr(function)(*arguments)
    found = _first(closed.jaxpr, closed.consts, jax.tree.leaves(arguments))
    return None if found is None else " at ".join(filter(None, found))


def _first(jaxpr: Jaxpr, consts: Sequence[Any], arguments: Sequence[Any]) -> Found | None:
    """The first in a jaxpr, with the values that it computes from these."""
    known: dict[Any, Any] = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*consts, *arguments), strict=True))
    for eqn in jaxpr.eqns:
        given = [each.val if isinstance(each, Literal) else known[each] for each in eqn.invars]
        results = _results(jaxpr, eqn, known)
        if not all(map(_finite, results.values())) and (found := _within(eqn, given)) is not None:
            return found._replace(line=found.line or source_info_util.summarize(eqn.source_info))
        known |= results
    return None


def _results(jaxpr: Jaxpr, eqn: JaxprEqn, known: dict[Any, Any]) -> dict[Any, Any]:
    """What an equation gives, by variable: that of a jaxpr with nothing else in it."""
    read = list(dict.fromkeys(each for each in eqn.invars if not isinstance(each, Literal)))
    written = [each for each in eqn.outvars if not isinstance(each, DropVar)]
    unnamed = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
    alone = jaxpr.replace(constvars=[], invars=read, outvars=written, eqns=[eqn], debug_info=unnamed)
    given = [known[each] for each in read]
    if "donated_invars" in eqn.params:  # they are looked at again
        given = [jnp.copy(each) for each in given]
    values = jaxpr_as_fun(ClosedJaxpr(alone, ()))(*given)
    return dict(zip(written, values, strict=True))


def _within(eqn: JaxprEqn, given: list[Any]) -> Found | None:
    """The first in an equation whose results are not finite: itself, where it is nothing but an operation."""
    name, params = eqn.primitive.name, eqn.params
    if name == "scan":
        return _in_scan(params, given)
    if name == "while":
        return _in_while(params, given)
    if name == "cond":
        branch = params["branches"][int(jnp.clip(given[0], 0, len(params["branches"]) - 1))]
        return _first(branch.jaxpr, branch.consts, given[1:])
    for inner in (params[key] for key in _INNER if isinstance(params.get(key), ClosedJaxpr | Jaxpr)):
        closed = inner if isinstance(inner, ClosedJaxpr) else ClosedJaxpr(inner, ())
        return _first(closed.jaxpr, closed.consts, given)
    return Found(name, "") if all(map(_finite, given)) else None


def _in_scan(params: dict[str, Any], given: list[Any]) -> Found | None:
    body, kept, carried = params["jaxpr"], params["num_consts"], params["num_carry"]
    consts, carry, steps = given[:kept], given[kept : kept + carried], given[kept + carried :]
    run = jax.jit(jaxpr_as_fun(body))
    order = range(params["length"])
    for i in reversed(order) if params["reverse"] else order:
        arguments = [*consts, *carry, *(each[i] for each in steps)]
        results = run(*arguments)
        if not all(map(_finite, results)) and (found := _first(body.jaxpr, body.consts, arguments)) is not None:
            return found
        carry = results[:carried]
    return None


def _in_while(params: dict[str, Any], given: list[Any]) -> Found | None:
    asked, kept = params["cond_nconsts"], params["cond_nconsts"] + params["body_nconsts"]
    cond, body = params["cond_jaxpr"], params["body_jaxpr"]
    goes_on, run = (jax.jit(jaxpr_as_fun(each)) for each in (cond, body))
    carry = given[kept:]
    while bool(goes_on(*given[:asked], *carry)[0]):
        arguments = [*given[asked:kept], *carry]
        carry = run(*arguments)
        if not all(map(_finite, carry)) and (found := _first(body.jaxpr, body.consts, arguments)) is not None:
            return found
    return None


def _finite(value: Any) -> bool:
    """Whether all its numbers are finite; what are no numbers of floating point, are."""
    if not jnp.issubdtype(jnp.result_type(value), jnp.inexact):
        return True
    return bool(np.isfinite(np.asarray(value, dtype=np.complex128)).all())
