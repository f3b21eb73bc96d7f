"""Parameters on disk: one .npz file with readable names and a checksum, no pickle.

An array is called after its place in the tree: `cell.synapses.weight`. What the parameters belong to is in the member
`cell.json`. `liquidjax.training.npz` is the file, `liquidjax.training.description` the text.
"""

import json
import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax.training import description, npz

_LONGEST = 1 << 20  # bytes of a description that are taken apart; a longer one must be the same to the letter
_MOST_LISTED = 30  # problems in one message
_PYTHON = {bool: np.bool_, int: np.int64, float: np.float64, complex: np.complex128}


def save(path: str | os.PathLike, params: Any, cell: Any = None) -> None:
    """Writes a tree of arrays to one file, which is there completely or not at all, whoever else writes it.

    Args:
        path: the file; an existing one is replaced. `.npz` is the usual ending.
        params: a pytree of arrays of booleans, integers, floating point or complex numbers, or of Python numbers.
        cell: what the parameters belong to: a cell, a model, or a dict or tuple of such. The file then says so, see
            `saved_for`, and `load` can compare it.

    Raises:
        ValueError: a leaf is of another kind, two places of the tree have the same name, or the cell has a part that
            another process could not compare, such as a lambda.

    Example:
        >>> import jax, liquidjax as lj, tempfile, pathlib
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=3))
        >>> params = cell.init(jax.random.key(0))
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
        >>> save(file, params, cell)
        >>> load(file, like=params, cell=cell).capacitance.shape
        (3,)
    """
    arrays = {name: _as_numpy(name, leaf) for name, leaf in by_name(params).items()}
    npz.write(path, arrays, None if cell is None else description.to_text(cell))


def load(path: str | os.PathLike, like: Any, cell: Any = None) -> Any:
    """Reads what `save` wrote, bit for bit.

    Args:
        path: the file.
        like: a tree of the expected structure, shapes and dtypes: parameters, or their structures
            `jax.eval_shape(cell.init, jax.random.key(0))`.
        cell: what the parameters are for, compared with what they were saved for; None compares nothing but `like`.

    Returns:
        A tree of the structure of `like`. An array is one of JAX, or of numpy where JAX would shorten its numbers (64
        bits while `jax_enable_x64` is off); where `like` has a number of Python or numpy, it is such a number.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, holds other names, shapes or dtypes than `like`, was saved for another cell,
            or, if one is given, does not say for which; what differs is listed.
    """
    named = by_name(like)
    expected = {name: _structure(name, leaf) for name, leaf in named.items()}
    wanted = None if cell is None else description.to_text(cell)
    with npz.opened(path) as archive:
        problems = [] if wanted is None else _other_cell(path, archive, wanted)
        problems += other_arrays(expected, archive.structures)
        if problems:
            more = [f"and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
            raise ValueError(
                f"{path} does not hold the expected parameters: {'; '.join(problems[:_MOST_LISTED] + more)}"
            )
        leaves = [as_leaf(archive.array(name), leaf) for name, leaf in named.items()]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def saved_for(path: str | os.PathLike) -> Any:
    """The description of the cell that the parameters in a file belong to; None where `save` was not told.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged.

    Example:
        >>> import jax, liquidjax as lj, tempfile, pathlib
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
        >>> save(file, cell.init(jax.random.key(0)), cell)
        >>> saved_for(file)
        {'class': 'liquidjax.GRU', 'inputs': 2, 'units': 3}
    """
    with npz.opened(path) as archive:
        return _saved_for(path, archive)


def by_name(tree: Any) -> dict[str, Any]:
    """Every leaf under the names of its place, joined by dots; in the order of the tree."""
    leaves = jax.tree.leaves_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator=".") or "params": leaf for path, leaf in leaves}
    if len(named) < len(leaves):
        raise ValueError("two arrays of the tree would have the same name; use keys without dots")
    for name in named:
        if "\0" in name:  # zip would cut the name there
            raise ValueError(f"the keys of the tree must be without the character 0, got {name!r}; use another")
    return named


def _as_numpy(name: str, leaf: Any) -> np.ndarray:
    """The array that is written."""
    _refuse_key(name, leaf)
    if type(leaf) in _PYTHON:
        try:
            return np.array(leaf, _PYTHON[type(leaf)])
        except OverflowError as error:
            raise ValueError(f"{name} must be a number that int64 can hold, got {leaf}") from error
    # A mask would be lost; bytes in another order and more than 64 bits are for other machines and not for JAX; and
    # .npy does not know bfloat16.
    plain = isinstance(leaf, jax.Array | np.ndarray | np.generic) and not isinstance(leaf, np.ma.MaskedArray)
    array = np.asarray(leaf, order="C") if plain else np.zeros(0, object)
    if array.dtype.kind not in "biufc" or array.dtype.char in "gG" or not array.dtype.isnative:
        raise ValueError(
            f"{name} must be an array of ordinary numbers, which .npy can hold, got "
            f"{array.dtype if plain else type(leaf).__name__}; convert it, for example with "
            "astype(float32)"
        )
    return array


def _structure(name: str, leaf: Any) -> npz.Structure:
    """What `like` expects at this place."""
    _refuse_key(name, leaf)
    if type(leaf) in _PYTHON:
        return npz.Structure(np.dtype(_PYTHON[type(leaf)]), ())
    if not (hasattr(leaf, "dtype") and hasattr(leaf, "shape")):
        raise ValueError(f"{name} of `like` must be an array, its structure or a number, got {leaf!r}")
    return npz.Structure(leaf.dtype, tuple(leaf.shape))


def _refuse_key(name: str, leaf: Any) -> None:
    if isinstance(leaf, jax.Array | jax.ShapeDtypeStruct) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        raise ValueError(
            f"{name} must be an array of ordinary numbers, which .npy can hold, got {leaf.dtype}; put "
            "jax.random.key_data(key) in its place, and make a key again of what was loaded with "
            "jax.random.wrap_key_data(data)"
        )


def as_leaf(array: np.ndarray, like: Any) -> Any:
    if type(like) in _PYTHON:
        return array.item()
    if isinstance(like, np.generic):
        return array[()]
    # While jax_enable_x64 is off, JAX would shorten numbers of 64 bits to 32.
    return jnp.asarray(array) if jax.dtypes.canonicalize_dtype(array.dtype) == array.dtype else array.copy()


def other_arrays(expected: dict[str, npz.Structure], found: dict[str, npz.Structure]) -> list[str]:
    problems = [f"missing {name}" for name in expected.keys() - found.keys()]
    problems += [f"unexpected {npz.shown(name)}" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        if expected[name] != found[name]:
            problems.append(f"{name} must be {expected[name]}, got {found[name]}")
    return sorted(problems)


def _other_cell(path: str | os.PathLike, archive: npz.Archive, wanted: str) -> list[str]:
    if archive.text_length is None:
        raise ValueError(
            f"{path} does not say which cell it was saved for: save it with `cell`, or load it without "
            "`cell` if you know that it belongs to this one"
        )
    if archive.text_length == len(wanted.encode()) and archive.text() == wanted.encode():
        return []
    if archive.text_length > _LONGEST:
        return [
            f"the cell: saved another, of a description of {archive.text_length:,} bytes, given one of {len(wanted):,}"
        ]
    found = description.differences(_saved_for(path, archive), json.loads(wanted))
    return [f"{place or 'the cell'}: saved {saved}, given {given}" for place, saved, given in found]


def _saved_for(path: str | os.PathLike, archive: npz.Archive) -> Any:
    if archive.text_length is None:
        return None
    if archive.text_length > _LONGEST:
        raise ValueError(
            f"{path} has a description too long to be taken apart, {archive.text_length:,} bytes; compare "
            "it with a cell by load(..., cell=cell)"
        )
    try:
        return json.loads(archive.text())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is not a file that liquidjax wrote: its description is no JSON") from error
