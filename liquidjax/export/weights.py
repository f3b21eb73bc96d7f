"""The parameters of a model as .safetensors, with a description in JSON: what any framework can read.

It is the file of `Model.save`, so `lj.load` reads it too. An array is called after its place in the parameters,
`cell.synapses.weight`; the metadata `liquidjax` is a text in JSON that says what the cell, its wiring and all else is:

    from safetensors import safe_open
    with safe_open("model.safetensors", framework="numpy") as file:  # or "pt"
        arrays = {name: file.get_tensor(name) for name in file.keys()}
        about = json.loads(file.metadata()["liquidjax"])

Reference:
    "Safetensors", https://github.com/huggingface/safetensors
"""

import contextlib
import os
from pathlib import Path

import numpy as np

from liquidjax import _files
from liquidjax._checks import check_kind
from liquidjax.export.comparison import Written
from liquidjax.training import parameters, tensors
from liquidjax.training.model import Model

_Contents = dict[str, tuple[tuple[int, ...], bytes]]
"""Shape and bytes of each array."""


def write(model: Model, path: str | os.PathLike) -> Written:
    """Writes the parameters to a file that is read back and compared bit for bit before it is there.

    They are read with the package safetensors where it is installed, else with what reads models here.

    Args:
        model: any model, in any precision.
        path: the file; an existing one is replaced. `.safetensors` is the usual ending.

    Returns:
        The file, its length, and a difference of 0.

    Raises:
        ValueError: the cell cannot be described, see `Model.save`, or what is read is not what was written.

    Example:
        >>> import jax, liquidjax as lj, tempfile, pathlib
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> write(lj.Model(cell, cell.init(jax.random.key(0))), file).difference
        0.0
    """
    check_kind("model", model, Model, "a Model, as lj.load or fit(...).model() gives it")
    path = Path(path)
    wanted = {
        name: (np.shape(leaf), np.asarray(leaf).tobytes()) for name, leaf in parameters.by_name(model.params).items()
    }
    temporary = _files.hidden(path)
    try:
        model.save(temporary)
        found = _read(temporary)
        if found != wanted:
            other = sorted(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
            raise ValueError(f"{path} must hold the parameters bit for bit, and does not: {', '.join(other[:20])}")
        size = temporary.stat().st_size
        temporary.replace(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    _files.sync_folder(path.parent)
    return Written(path, size, 0.0)


def _read(path: Path) -> _Contents:
    try:
        from safetensors import deserialize
    except ImportError:
        with tensors.opened(path) as file:
            return {name: (like.shape, file.array(name).tobytes()) for name, like in file.structures.items()}
    arrays = dict(deserialize(path.read_bytes()))  # not its numpy, which may lack bfloat16
    return {name: (tuple(array["shape"]), bytes(array["data"])) for name, array in arrays.items()}
