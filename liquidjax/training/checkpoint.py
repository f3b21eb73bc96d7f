"""Parameters on disk: one .npz file with readable names and a checksum, no pickle.

The file is an ordinary uncompressed zip of .npy members, one for each array, so `numpy.load` reads it too. A member is
called after its place in the tree: `cell.synapses.weight`. The comment at the end of the zip is the SHA-256 of all
bytes before it: the checksums of zip leave out some bytes of its directory, this one leaves out none.
"""

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

_DIGEST = 64  # hexadecimal digits of SHA-256


def save(path: str | os.PathLike, params: Any) -> None:
    """Writes a tree of arrays to one file, which is there completely or not at all.

    Args:
        path: the file; an existing one is replaced. `.npz` is the usual ending.
        params: a pytree of arrays of booleans, integers, floating point or complex numbers.

    Raises:
        ValueError: a leaf is of another kind, or two places of the tree have the same name.

    Example:
        >>> import jax, liquidjax as lj, tempfile, pathlib
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=3))
        >>> params = cell.init(jax.random.key(0))
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "params.npz"
        >>> save(file, params)
        >>> load(file, like=params).capacitance.shape
        (3,)
    """
    path = Path(path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, leaf in _named(params).items():
            array = _as_numpy(name, leaf)
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.comment = b"0" * _DIGEST  # keeps the place
    payload = buffer.getvalue()[:-_DIGEST]
    temporary = path.with_name(f"{path.name}.tmp")
    with temporary.open("wb") as file:
        file.write(payload + _digest(payload))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def load(path: str | os.PathLike, like: Any) -> Any:
    """Reads what `save` wrote, bit for bit.

    Args:
        path: the file.
        like: a tree of the expected structure, shapes and dtypes: parameters, or their outline
            `jax.eval_shape(cell.init, jax.random.key(0))`.

    Returns:
        A tree of arrays of the structure of `like`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or holds other names, shapes or dtypes than `like`; all of them are listed.
    """
    contents = Path(path).read_bytes()
    payload, digest = contents[:-_DIGEST], contents[-_DIGEST:]
    if digest != _digest(payload):
        raise ValueError(f"{path} is damaged, cut short, or not written by liquidjax: its checksum does not fit; "
                         "restore it from a copy or train again")  # fmt: skip
    with np.load(io.BytesIO(contents), allow_pickle=False) as archive:
        found = dict(archive)
    expected = _named(like)
    problems = [f"missing {name}" for name in expected.keys() - found.keys()]
    problems += [f"unexpected {name}" for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        wanted, got = (f"{x.dtype} {x.shape}" for x in (expected[name], found[name]))
        if wanted != got:
            problems.append(f"{name} must be {wanted}, got {got}")
    if problems:
        raise ValueError(f"{path} does not hold the expected parameters: {'; '.join(sorted(problems))}")
    leaves = [jnp.asarray(found[name], found[name].dtype) for name in expected]
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _named(tree: Any) -> dict[str, Any]:
    """Every leaf under the names of its place, joined by dots; in the order of the tree."""
    leaves = jax.tree.leaves_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator=".") or "params": leaf for path, leaf in leaves}
    if len(named) < len(leaves):
        raise ValueError("two arrays of the tree would have the same name; use keys without dots")
    return named


def _as_numpy(name: str, leaf: Any) -> np.ndarray:
    # Keys of jax.random refuse to become numpy arrays; bfloat16 becomes one that .npy does not know.
    key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    array = np.zeros(0, object) if key else np.asarray(leaf)
    if array.dtype.kind not in "biufc":
        raise ValueError(f"{name} must be an array of ordinary numbers, which .npy can hold, got "
                         f"{getattr(leaf, 'dtype', type(leaf).__name__)}; convert it, for example with "
                         "astype(float32)")  # fmt: skip
    return array


def _digest(payload: bytes) -> bytes:
    return hashlib.sha256(payload).hexdigest().encode()
