"""Whether parameters, a state and inputs belong to a cell: structures and shapes, for free inside `jax.jit`."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_array, check_kind, described
from liquidjax._types import Array, Cell, Integrator, Params, State


class _Structure(NamedTuple):
    """How a tree is built, and for each leaf its place, such as `.linear.bias`, and its shape."""

    tree: Any
    places: tuple[str, ...]
    shapes: list[tuple[int, ...]]


def check_cell(cell: Any) -> None:
    """Raises the ValueError for what is no cell."""
    check_kind("cell", cell, Cell, "a Cell such as lj.GRU(inputs=2, units=8)")


def check_integrator(integrator: Any) -> None:
    """Raises the ValueError for what is no integrator."""
    check_kind("integrator", integrator, Integrator, "an Integrator such as lj.SemiImplicit(unfolds=6)")


def check_params(owner: Any, params: Params) -> None:
    """Raises ValueError for parameters that are not of the structure and shapes of what `owner.init` returns."""
    expected = _params_structure(owner)
    leaves, structure = jax.tree.flatten(params)
    if structure == expected.tree:
        shapes = _shapes(leaves)
        if shapes == expected.shapes:
            return
        place, wanted, got = next(x for x in zip(expected.places, expected.shapes, shapes, strict=True) if x[1] != x[2])
        raise ValueError(
            f"params{place} must have the shape {wanted}, as from {type(owner).__name__}.init(key) of "
            f"this cell, got {got}"
        )
    given = _places(params)
    missing = [place for place in expected.places if place not in given]
    surplus = [place for place in given if place not in expected.places]
    what = f"without params{missing[0]}" if missing else f"with params{surplus[0]}" if surplus else "of other classes"
    got = described(params) if jax.tree_util.treedef_is_leaf(structure) else f"a {type(params).__name__} {what}"
    raise ValueError(f"params must be what {type(owner).__name__}.init(key) of this cell returns, got {got}")


def check_state(cell: Cell, state: State, batch_shape: tuple[int, ...]) -> None:
    """Raises ValueError when `state` is not of the structure and shapes of the cell's initial state."""
    expected = _state_structure(cell, batch_shape)
    leaves, structure = jax.tree.flatten(state)
    if structure != expected.tree:
        raise ValueError(
            f"state must have the structure {expected.tree} as from {type(cell).__name__}"
            f".initial_state({batch_shape}), got {structure}"
        )
    for place, wanted, got, leaf in zip(expected.places, expected.shapes, _shapes(leaves), leaves, strict=True):
        if got != wanted:
            raise ValueError(f"state{place} must be (*batch, units) = {wanted}, got shape {got}")
        if getattr(leaf.dtype, "kind", "?") not in "fiuV":
            raise ValueError(f"state{place} must be an array of real numbers, got {leaf.dtype}")


def check_inputs(cell: Cell, inputs: Array) -> None:
    """Raises ValueError for inputs of one time step that are not floating point (*batch, inputs)."""
    if inputs.ndim < 1 or inputs.shape[-1] != cell.inputs or not jnp.issubdtype(inputs.dtype, jnp.floating):
        raise ValueError(
            f"inputs must be floating point (*batch, inputs = {cell.inputs}), got {inputs.dtype} {inputs.shape}"
        )


def check_features(layer: Any, inputs: Any) -> Array:
    """The inputs of a layer as an array, or ValueError for what is not (*batch, inputs)."""
    inputs = check_array("inputs", inputs)
    if inputs.ndim < 1 or inputs.shape[-1] != layer.inputs:
        raise ValueError(f"inputs must be (*batch, inputs = {layer.inputs}), got shape {inputs.shape}")
    return inputs


# A stream asks for the same ones at every step.
@functools.lru_cache(maxsize=256)
def _params_structure(owner: Any) -> _Structure:
    return _structure(jax.eval_shape(lambda: owner.init(jax.random.key(0))))


@functools.lru_cache(maxsize=256)
def _state_structure(cell: Cell, batch_shape: tuple[int, ...]) -> _Structure:
    return _structure(jax.eval_shape(lambda: cell.initial_state(batch_shape, jnp.float32)))


def _structure(tree: Any) -> _Structure:
    return _Structure(jax.tree.structure(tree), tuple(_places(tree)), _shapes(jax.tree.leaves(tree)))


def _shapes(leaves: list) -> list[tuple[int, ...]]:
    try:
        return [leaf.shape for leaf in leaves]
    except AttributeError:  # one of Python's numbers; np.shape takes them too, but is slow for arrays of JAX
        return [np.shape(leaf) for leaf in leaves]


def _places(tree: Any) -> list[str]:
    return [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(tree)]
