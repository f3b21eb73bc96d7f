"""The parameters of a cell as Flax keeps them: groups within groups, every array under its own name.

The names are those of our files: what `training.parameters` calls `cell.synapses.weight` is `weight` in the group
`synapses` in the group `cell`. Both doors have the same, so weights go from one to the other by name.
"""

import functools
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._belong import check_params
from liquidjax._checks import check_key, check_kind, described
from liquidjax._types import Cell, Params
from liquidjax.sequences.steps import StepInputs, masked_step
from liquidjax.training.parameters import by_name

_MOST_LISTED = 5  # names in one message


def to_names(params: Params) -> dict[str, Any]:
    """The parameters as a dict of dicts, with an array, or what stands for one, under each name.

    Example:
        >>> import liquidjax as lj
        >>> names = to_names(lj.CfC(inputs=2, units=3).init(jax.random.key(0)))
        >>> names["backbone"]["0"]["weight"].shape
        (5, 128)
    """
    return grouped(by_name(params))


def grouped(flat: Mapping[str, Any]) -> dict[str, Any]:
    """What stands under full names such as `synapses.weight` as a dict of dicts."""
    names: dict[str, Any] = {}
    for name, leaf in flat.items():
        *groups, last = name.split(".")
        group = names
        for part in groups:
            group = group.setdefault(part, {})
        group[last] = leaf
    return names


def from_names(cell: Cell, names: Any) -> Params:
    """The parameters of a cell out of what `to_names` gives; also out of Flax's own dicts.

    Raises:
        ValueError: names too many or too few, or arrays of other shapes than those of the cell.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> from_names(cell, {"inputs": {"weight": 0, "bias": 0}})
        Traceback (most recent call last):
        ...
        ValueError: the parameters must have the names that GRU.init gives, got them without recurrent.bias, ...
    """
    check_kind("the parameters", names, Mapping, "a dict of names, as Flax keeps them")
    expected, given = by_name(outline(cell)), by_name(names)
    missing, surplus = sorted(expected.keys() - given.keys()), sorted(given.keys() - expected.keys())
    if missing or surplus:
        got = [f"them without {_listed(missing)}"] * bool(missing) + [f"also {_listed(surplus)}"] * bool(surplus)
        raise ValueError(
            f"the parameters must have the names that {type(cell).__name__}.init gives, got {' and '.join(got)}"
        )
    params = jax.tree.unflatten(jax.tree.structure(outline(cell)), [given[name] for name in expected])
    check_params(cell, params)
    return params


def drawn_params(cell: Cell, key: Any, dtype: Any = None) -> Params:
    """The parameters that `cell.init` draws, in a dtype if one is named."""
    return in_dtype(cell.init(check_key(key)), dtype)


def in_dtype(params: Params, dtype: Any) -> Params:
    """The parameters cast to a dtype of floating point numbers, as they are where it is None."""
    if dtype is None:
        return params
    try:
        kind = jnp.dtype(dtype)
        if not jnp.issubdtype(kind, jnp.floating):
            raise TypeError
    except TypeError:
        raise ValueError(f"param_dtype must be a dtype such as jnp.bfloat16, got {described(dtype)}") from None
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, kind), params)


def check_names(what: str, given: Any, cell: Cell, kind: type, expected: str) -> None:
    """Raises the ValueError for what is no mapping from names of parameters of the cell to something of a kind."""
    check_kind(what, given, Mapping, 'a dict by the names of parameters, such as {"inputs.weight": ...}')
    names = list(by_name(outline(cell)))
    for name in given:
        if name not in names:
            near = get_close_matches(str(name), names, 1, 0) or names
            raise ValueError(f"{what} must name parameters of the cell such as {near[0]!r}, got {name!r}")
        check_kind(f"{what}[{name!r}]", given[name], kind, expected)


def outline(cell: Cell) -> Params:
    """The shapes of what `cell.init` returns."""
    return _outline(cell, jnp.result_type(float))


@functools.lru_cache(maxsize=256)
def has_dropout(cell: Cell) -> bool:
    """Whether a step of the cell depends on a key: `sense` always takes one, and most cells make nothing of it.

    Example:
        >>> import liquidjax as lj
        >>> has_dropout(lj.Readout(lj.CfC(2, 3, dropout=0.1), 1)), has_dropout(lj.Readout(lj.CfC(2, 3), 1))
        (True, False)
    """

    def outputs(key: Any, params: Params) -> Any:
        now = StepInputs(jnp.ones((1, cell.inputs), dtype), jnp.ones((), dtype), key=key)
        return masked_step(cell, params, cell.initial_state((1,), dtype), now)

    params = outline(cell)
    dtype = jnp.result_type(*jax.tree.leaves(params))
    program = jax.make_jaxpr(outputs)(jax.random.key(0), params).jaxpr
    needed = set(map(id, program.outvars))
    for equation in reversed(program.eqns):
        if not needed.isdisjoint(map(id, equation.outvars)):
            needed.update(map(id, equation.invars))
    return id(program.invars[0]) in needed


@functools.lru_cache(maxsize=256)
def _outline(cell: Cell, default: Any) -> Params:
    """The default dtype is what `init` draws in: it may change while a process runs."""
    return jax.eval_shape(lambda: cell.init(jax.random.key(0)))


def _listed(names: list[str]) -> str:
    more = [f"{len(names) - _MOST_LISTED} more"] if len(names) > _MOST_LISTED else []
    return ", ".join(names[:_MOST_LISTED] + more)
