"""Arguments and arrays under the names of another package, read strictly: none missing, none unknown, no guess."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax.layers.linear import Linear

REQUIRED = object()
"""Stands for the default of an argument that has none."""


def check_names(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raises the ValueError for an argument that `owner` does not have, with the nearest one it has.

    Example:
        >>> check_names("LTC of ncps 1.0.1", ["unts"], ["input_size", "units"])
        Traceback (most recent call last):
            ...
        ValueError: LTC of ncps 1.0.1 has no argument 'unts', did you mean 'units'? It has input_size, units
    """
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(str(name), known, 1)
            guess = f", did you mean {near[0]!r}? It" if near else "; it"
            raise ValueError(f"{owner} has no argument {name!r}{guess} has {', '.join(known) or 'none'}")


def complete(owner: str, given: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    """The given arguments, and for those left out their defaults.

    Args:
        owner: whose arguments they are.
        given: a mapping from names to values.
        known: for each name its default, or `REQUIRED`.

    Raises:
        ValueError: no mapping, an unknown argument, or one missing that is required.

    Example:
        >>> complete("LTC", {"units": 4}, {"units": REQUIRED, "ode_unfolds": 6})
        {'units': 4, 'ode_unfolds': 6}
    """
    if not isinstance(given, Mapping):
        raise ValueError(f"arguments of {owner} must be a mapping from names to values, got {given!r}")
    check_names(owner, given, known)
    for name, default in known.items():
        if default is REQUIRED and name not in given:
            raise ValueError(f"{owner} needs the argument {name!r}; it got {', '.join(given) or 'none'}")
    return {name: given.get(name, default) for name, default in known.items()}


def stack_heads(heads: Sequence[Any]) -> Linear:
    """Layers (weight (inputs, units), bias (units,)) as heads of one: (inputs, heads, units) and (heads, units).

    Example:
        >>> heads = [Linear(np.ones((2, 3)), np.ones(3))] * 4
        >>> stack_heads(heads).weight.shape
        (2, 4, 3)
    """
    return Linear(*(jax.tree.map(lambda *parts: np.stack(parts, axis=parts[0].ndim - 1), *heads)))


class StateDict:
    """The arrays of a module by their names there, each handed out with the shape it must have.

    Example:
        >>> arrays = StateDict("a layer", {"weight": np.ones((2, 3)), "bias": np.ones(2)})
        >>> arrays.take("weight", 2, 3).shape
        (2, 3)
        >>> arrays.check_all_taken()
        Traceback (most recent call last):
            ...
        ValueError: state_dict has 'bias', which a layer with these arguments does not have
    """

    def __init__(self, owner: str, arrays: Any):
        if not isinstance(arrays, Mapping):
            raise ValueError(f"state_dict must be a mapping from names to arrays, got {type(arrays).__name__}")
        self.owner, self.arrays, self.taken = owner, arrays, set()

    def take(self, name: str, *shape: int) -> Any:
        """The numbers of this name; a ValueError where they are missing, of another shape, or no floats."""
        array = self._array(name, shape)
        if not jnp.issubdtype(array.dtype, jnp.floating):
            raise ValueError(f"state_dict[{name!r}] must be floating point, got {array.dtype}")
        return array

    def mask(self, name: str, expected: np.ndarray, remedy: str) -> None:
        """Raises a ValueError with the remedy where the mask of this name is not the expected one."""
        differ = int(np.count_nonzero(self._array(name, expected.shape) != expected))
        if differ:
            raise ValueError(
                f"state_dict[{name!r}] must be the mask of the wiring, but they differ in {differ} of "
                f"{expected.size} possible synapses; {remedy}"
            )

    def check_all_taken(self, but: Iterable[str] = ()) -> None:
        """Raises the ValueError for an array nobody took."""
        if surplus := sorted(set(self.arrays) - self.taken - set(but)):
            raise ValueError(f"state_dict has {surplus[0]!r}, which {self.owner} with these arguments does not have")

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        if name not in self.arrays:
            raise ValueError(f"state_dict must have {name!r} for these arguments; it has {', '.join(self.arrays)}")
        array = np.asarray(self.arrays[name])
        if array.shape != shape:
            raise ValueError(f"state_dict[{name!r}] must have shape {shape} for these arguments, got {array.shape}")
        self.taken.add(name)
        return array
