"""Data sets as arrays by name in one .npz file; nothing in such a file is trusted."""

import math
import os
import re
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from liquidjax import _files
from liquidjax._bounds import shown
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.names import check_known

NAMES = ("inputs", "times", "dt", "mask", "lengths", "targets", "features", "classes", "outputs", "names", "groups")
"""The arrays that a file may hold."""
TEXTS = NAMES[6:]
MOST_RATIO, ALWAYS = 200, 2**26
"""A file may unpack to 200 times its size, or to 64 MiB: deflate makes a thousand zeros into one byte, data never."""
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    r"\{'descr': '([<>|](?:[biuf]\d{1,2}|U\d{1,9}))', 'fortran_order': (False|True), "
    r"'shape': \(((?:\d{1,19}, ?){0,8}\d{0,19})\), \} *\n",
    re.ASCII,
)


def read_npz(path: str | os.PathLike) -> SequenceDataset:
    """A data set out of the arrays of an .npz file, as `numpy.savez` and `numpy.savez_compressed` write it.

    Args:
        path: the file. It holds `inputs` (series, time, features), NaN where nothing was observed; may hold `times`
            (series, time) or (time,), or in its place `dt`, the time since the step before, of which the first of each
            series is not read; `mask` (series, time) or in its place `lengths` (series,); and `targets`, `features`,
            `classes`, `outputs`, `names` and `groups` as `SequenceDataset` has them.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: another file than that, with what is wrong in it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "walks.npz"
        >>> np.savez(file, inputs=np.ones((2, 3, 1)), lengths=[3, 1], dt=np.array([0, 0.5, 2.0]))
        >>> read_npz(file).times.tolist()
        [[0.0, 0.5, 2.5], [0.0, 0.0, 0.0]]
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return _dataset(_arrays(file))
        except MemoryError:
            raise
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        except Exception as error:  # what zipfile refuses has no class in common, and no list of them is complete
            raise ValueError(f"{path} must be a zip of arrays, and cannot be read: {shown(str(error))}") from error


def write_npz(path: str | os.PathLike, data: SequenceDataset) -> None:
    """Writes a data set as `read_npz` reads it, bit for bit, completely or not at all; see `_files.replacing`.

    Raises:
        ValueError: data without a series, or a name that ends in a NUL character, which numpy would leave out.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "walks.npz"
        >>> write_npz(file, SequenceDataset.of([[[1.0]], [[2.0], [np.nan]]], names=("ann", "bob")))
        >>> read_npz(file).inputs[..., 0].tolist(), read_npz(file).names
        ([[1.0, nan], [2.0, nan]], ('ann', 'bob'))
    """
    if not data.inputs.size:
        raise ValueError(f"inputs must be (series, time, features), at least one of each, got {data.inputs.shape}")
    with _files.replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name in NAMES:
            value = getattr(data, name, None)
            if value is None or name == "lengths":
                continue
            if name in TEXTS and (odd := [text for text in value if text.endswith("\0")]):
                raise ValueError(f"{name} must not end in a NUL character, got {shown(odd[0])}")
            array = np.array(value, np.str_) if name in TEXTS else np.asarray(value)
            # Without zip64 an array of 2 GB or more could not be written.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


def _arrays(file: BinaryIO) -> dict[str, np.ndarray]:
    """The arrays by name; what a member unpacks to is known to be no more than the file says before it is read."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    arrays: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        unpacked = sum(member.file_size for member in members)
        if unpacked > max(MOST_RATIO * size, ALWAYS):
            raise ValueError(f"must unpack to at most {MOST_RATIO} times its size of {size} bytes, got {unpacked}")
        for member in members:
            name = member.filename.removesuffix(".npy")
            check_known(name, NAMES, "a data set", "array")
            if name in arrays:
                raise ValueError(f"must hold every array once, got {shown(name)} twice")
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or member.flag_bits & 1:
                raise ValueError(f"{name} must be stored or deflated, and not encrypted")
            with archive.open(member) as content:
                arrays[name] = _array(name, content.read())
    return arrays


def _array(name: str, content: bytes) -> np.ndarray:
    """The array of a .npy; its header is read as the one text that numpy writes there, not as Python."""
    start = len(_MAGIC) + 2
    length = start + int.from_bytes(content[len(_MAGIC) : start], "little")
    found = _HEADER.fullmatch(content[start:length].decode("latin1"))
    if not content.startswith(_MAGIC) or found is None:
        raise ValueError(f"{name} must be an array of numbers, booleans or text as numpy writes it, and is not")
    try:
        dtype = np.dtype(found[1])
    except TypeError as error:
        raise ValueError(f"{name} must have a type that numpy knows, got {found[1]}") from error
    shape = tuple(int(axis) for axis in found[3].split(",") if axis.strip())
    expected = length + dtype.itemsize * math.prod(shape)
    if len(content) != expected:
        raise ValueError(f"{name} must have {expected} bytes for {dtype} {shape}, got {len(content)}")
    if not dtype.itemsize:  # of texts without letters there may be any number in no bytes
        raise ValueError(f"{name} must have a type of at least one byte, got {found[1]}")
    return np.frombuffer(content, dtype, offset=length).reshape(shape, order="F" if found[2] == "True" else "C")


def _dataset(arrays: dict[str, Any]) -> SequenceDataset:
    if "inputs" not in arrays:
        raise ValueError(f"expected the array inputs (series, time, features), got {', '.join(arrays) or 'none'}")
    for one, other in (("times", "dt"), ("mask", "lengths")):
        if one in arrays and other in arrays:
            raise ValueError(f"expected {one} or {other}, got both; leave one out")
    for name, array in arrays.items():
        kinds, expected = ("U", "texts, in one axis") if name in TEXTS else ("iuf", "numbers")
        kinds, expected = ("b", "booleans") if name == "mask" else (kinds, expected)
        if array.dtype.kind not in kinds or (name in TEXTS and array.ndim != 1):
            raise ValueError(f"{name} must be {expected}, got {array.dtype} {array.shape}")
        # In the order of bytes of this machine, which JAX asks for.
        arrays[name] = tuple(array.tolist()) if name in TEXTS else array.astype(array.dtype.newbyteorder("="))
    inputs = arrays["inputs"]
    if inputs.ndim != 3 or not inputs.size:  # a file without a number in it may say that it has any number of series
        raise ValueError(f"inputs must be (series, time, features), at least one of each, got shape {inputs.shape}")
    if "lengths" in arrays:
        arrays["mask"] = _mask(arrays.pop("lengths"), inputs.shape)
    if "dt" in arrays:
        arrays["times"] = _times(arrays.pop("dt"), inputs.shape, arrays.get("mask"))
    return SequenceDataset(**arrays)


def _mask(lengths: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    series, time = shape[:2]
    if lengths.shape != (series,) or lengths.dtype.kind not in "iu" or not np.all((lengths >= 1) & (lengths <= time)):
        raise ValueError(
            f"lengths must be {series} integers from 1 to {time}, got {lengths.dtype} {lengths.shape} "
            f"{lengths.ravel()[:5].tolist()}"
        )
    return np.arange(time) < lengths[:, None]


def _times(dt: np.ndarray, shape: tuple[int, ...], mask: np.ndarray | None) -> np.ndarray:
    series, time = shape[:2]
    if dt.shape not in ((series, time), (time,)) or dt.dtype.kind not in "iuf":
        raise ValueError(f"dt must be numbers (series, time) = {(series, time)}, got {dt.dtype} {dt.shape}")
    steps = np.broadcast_to(dt, (series, time)).astype(float)
    valid = np.ones(steps.shape, bool) if mask is None or mask.shape != steps.shape else mask.astype(bool)
    used = valid & (np.arange(time) > 0)
    if not np.all((steps > 0) & np.isfinite(steps) | ~used):
        row, step = np.argwhere(used & ~((steps > 0) & np.isfinite(steps)))[0]
        raise ValueError(f"dt must be above 0 and finite, got {steps[row, step]} in series {row + 1}, step {step}")
    return np.cumsum(np.where(used, steps, 0), axis=1)
