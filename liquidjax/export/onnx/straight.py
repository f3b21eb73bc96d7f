"""A function of JAX as one line of operations: calls are opened, what no input has a part in is computed."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.extend.core as jex
import numpy as np
from jax.core import Tracer

_CALLS = {
    "jit": "jaxpr",
    "pjit": "jaxpr",
    "checkpoint": "jaxpr",
    "remat2": "jaxpr",
    "closed_call": "call_jaxpr",
    "custom_jvp_call": "call_jaxpr",
    "custom_vjp_call": "call_jaxpr",
}
"""Operations that do no more than call, and where what they call stands."""


class Program(NamedTuple):
    """inputs: variables; equations: in their order, each with an output that is needed; outputs: variables or literals;
    constants: the numbers of variables that no equation and no input gives.
    """

    inputs: list[Any]
    equations: list[Any]
    outputs: list[Any]
    constants: dict[Any, np.ndarray]


def straight(function: Callable[..., Any], given: Sequence[Any]) -> Program:
    """The operations of a function of arrays that gives a flat sequence of arrays.

    Args:
        function: what is traced, or a `ClosedJaxpr`.
        given: for each argument the numbers where they are known, else a `jax.ShapeDtypeStruct`.

    Returns:
        The program of the arguments that are not known.

    Example:
        >>> weight = np.ones((2, 2), np.float32)
        >>> affine = jax.jit(lambda x, w: (jax.nn.relu(x @ w), w + w))
        >>> program = straight(affine, [jax.ShapeDtypeStruct((3, 2), np.float32), weight])
        >>> [equation.primitive.name for equation in program.equations]
        ['dot_general', 'max']
    """
    specs = [each for each in given if isinstance(each, jax.ShapeDtypeStruct)]
    called = function if isinstance(function, jex.ClosedJaxpr) else jax.make_jaxpr(function)(*map(_outline, given))

    def run(*unknown: Any) -> list[Any]:
        left = iter(unknown)
        values = [next(left) if isinstance(each, jax.ShapeDtypeStruct) else each for each in given]
        return _computed(called.jaxpr, called.consts, values)

    traced = jax.make_jaxpr(run)(*specs)
    jaxpr = traced.jaxpr
    equations, needed = [], set(_variables(jaxpr.outvars))
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            equations.append(equation)
            needed.update(_variables(equation.invars))
    constants = {v: np.asarray(c) for v, c in zip(jaxpr.constvars, traced.consts, strict=True) if v in needed}
    return Program(jaxpr.invars, equations[::-1], jaxpr.outvars, constants)


def computed(equations: Sequence[Any], values: dict[Any, Any]) -> None:
    """Adds to the values of variables those that the equations give."""
    for equation in equations:
        inputs = [each.val if isinstance(each, jex.Literal) else values[each] for each in equation.invars]
        called = equation.params.get(_CALLS.get(equation.primitive.name, ""))
        if called is not None:
            closed = isinstance(called, jex.ClosedJaxpr)
            found = _computed(called.jaxpr if closed else called, called.consts if closed else (), inputs)
        elif any(isinstance(each, Tracer) for each in inputs) or not _sizes_are_known(equation.outvars):
            found = _bound(equation, inputs)
        else:
            with jax.ensure_compile_time_eval():
                found = _bound(equation, inputs)
        values.update(zip(equation.outvars, found, strict=True))


def _computed(jaxpr: Any, constants: Sequence[Any], inputs: Sequence[Any]) -> list[Any]:
    values = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*constants, *inputs), strict=True))
    computed(jaxpr.eqns, values)
    return [each.val if isinstance(each, jex.Literal) else values[each] for each in jaxpr.outvars]


def _bound(equation: Any, inputs: Sequence[Any]) -> Sequence[Any]:
    found = equation.primitive.bind(*inputs, **equation.params)
    return found if equation.primitive.multiple_results else [found]


def _variables(atoms: Sequence[Any]) -> Iterator[jex.Var]:
    return (each for each in atoms if not isinstance(each, jex.Literal))


def _sizes_are_known(variables: Sequence[Any]) -> bool:
    return all(isinstance(size, int) for each in variables for size in each.aval.shape)


def _outline(given: Any) -> Any:
    return given if isinstance(given, jax.ShapeDtypeStruct) else jax.ShapeDtypeStruct(np.shape(given), given.dtype)
