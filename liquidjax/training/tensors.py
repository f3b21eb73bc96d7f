"""Arrays by name and a text in one .safetensors file with a checksum; nothing in such a file is trusted.

The format is that of the package `safetensors`, which reads these files and writes the same: eight bytes with the
length of a header in JSON, the header, the numbers of the arrays one behind the other. The text and the checksum are
metadata of the header. The checksum is the SHA-256 of the whole file with zeros in the place of its own digits, so it
leaves out nothing.

A checksum finds damage, not malice. So the header is compared with the length of the file before an array is read, and
no array is read that is not as long as its shape says.

Reference:
    "Safetensors", https://github.com/huggingface/safetensors, section "Format".
"""

import contextlib
import hashlib
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import jax.numpy as jnp
import numpy as np

from liquidjax import _files
from liquidjax.training.npz import Structure
from liquidjax.training.stored_zip import shown
from liquidjax.training.strict_json import parse

LONGEST = 1 << 24
"""Bytes of a header; a longer one is neither written nor read. The cell is in it, with the masks that it was given."""
# In the order in which the package sorts arrays: those with the largest numbers come first, so that all are aligned.
DTYPES = {
    name: np.dtype(kind)
    for name, kind in (
        *(
            ("BOOL", "?"),
            ("U8", "u1"),
            ("I8", "i1"),
            ("I16", "i2"),
            ("U16", "u2"),
            ("F16", "f2"),
            ("BF16", jnp.bfloat16),
        ),
        *(("I32", "i4"), ("U32", "u4"), ("F32", "f4"), ("C64", "c8"), ("F64", "f8"), ("I64", "i8"), ("U64", "u8")),
    )
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_METADATA, _TEXT, _DIGEST = "__metadata__", "liquidjax", "sha256"
_BLANK = "0" * 64
"""Stands in the place of the digest while it is computed."""
_CHUNK = 1 << 18  # bytes hashed at a time


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], text: str) -> None:
    """Writes arrays of plain numbers, completely or not at all; see `_files.replacing`.

    Raises:
        ValueError: an array is called __metadata__, or has a dtype that the format does not know, or the names and the
            text are longer than will be read.
    """
    for name, array in arrays.items():
        if name == _METADATA or array.dtype not in _NAMES:
            raise ValueError(
                f"{name} must be an array of one of {', '.join(map(str, DTYPES.values()))}, under another name than "
                f"{_METADATA}, got {array.dtype}; convert it, for example with astype(float32)"
            )
    order = list(_NAMES)
    ordered = sorted(arrays.items(), key=lambda named: (-order.index(named[1].dtype), named[0]))
    header: dict[str, Any] = {_METADATA: {_DIGEST: _BLANK, _TEXT: text}}
    end = 0
    for name, array in ordered:
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [begin, end]}
    encoded = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    if len(encoded) > LONGEST:
        raise ValueError(
            f"{path} must have a header of at most {LONGEST:,} bytes, got {len(encoded):,}: names of arrays and the "
            "description of the cell with its masks; a wiring that is drawn from a seed is shorter than its matrices"
        )
    with _files.replacing(path) as file:
        digest = hashlib.sha256()
        for part in (len(encoded).to_bytes(8, "little"), encoded, *(_bytes(array) for _, array in ordered)):
            file.write(part)
            digest.update(part)
        file.seek(8 + encoded.index(_BLANK.encode()))
        file.write(digest.hexdigest().encode())


@contextlib.contextmanager
def opened(path: str | os.PathLike, ours: bool = True) -> Iterator["Tensors"]:
    """A .safetensors file, for the time of the block.

    Args:
        path: the file.
        ours: whether it must be one that `write` wrote, with its text and its checksum.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or another than `write` writes, or than the package `safetensors` does.
    """
    with Path(path).open("rb") as file:
        yield Tensors(path, file, ours)


class Tensors:
    """The open file: checksum, header and sizes are checked, no array is read.

    Attributes:
        structures: of each array, by name.
        text: as it was written; none in a file of others.
        metadata: texts by name; none in a file of ours.
    """

    def __init__(self, path: str | os.PathLike, file: BinaryIO, ours: bool = True):
        self._path, self._file, self._ours = path, file, ours
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= min(size - 8, LONGEST):
            raise self._damaged(f"a header of {length} bytes in a file of {size}")
        encoded = file.read(length)
        try:
            header = parse(encoded)
        except ValueError as error:
            raise self._damaged(f"its header is no JSON, {error}") from error
        if not isinstance(header, dict):
            raise self._damaged("its header must be an object of JSON")
        metadata = header.pop(_METADATA, {})
        self.text, self.metadata = (self._checked(metadata, encoded), {}) if ours else ("", self._texts(metadata))
        self._first = 8 + length
        self._begins: dict[str, int] = {}
        self.structures = {name: self._structure(name, entry) for name, entry in header.items()}
        self._check_places(size - self._first)

    def array(self, name: str) -> np.ndarray:
        """An array, read only."""
        structure = self.structures[name]
        self._file.seek(self._first + self._begins[name])
        contents = self._file.read(_size(structure))
        return np.frombuffer(contents, structure.dtype).reshape(structure.shape)

    def _checked(self, metadata: Any, encoded: bytes) -> str:
        """The text of a file of ours, when its checksum fits."""
        if not isinstance(metadata, dict) or metadata.keys() != {_DIGEST, _TEXT}:
            raise self._damaged(f"its metadata must be {_DIGEST} and {_TEXT}")
        digest, text = metadata[_DIGEST], metadata[_TEXT]
        if not isinstance(digest, str) or not isinstance(text, str) or digest != self._digest(encoded, digest):
            raise self._damaged("its checksum does not fit")
        return text

    def _texts(self, metadata: Any) -> dict[str, str]:
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise self._damaged("its metadata must be texts")
        return metadata

    def _digest(self, encoded: bytes, digest: str) -> str | None:
        """What the digest must be; None where what stands in its place has not the form of one."""
        if not re.fullmatch("[0-9a-f]{64}", digest) or encoded.count(digest.encode()) != 1:
            return None
        found = hashlib.sha256(len(encoded).to_bytes(8, "little"))
        found.update(encoded.replace(digest.encode(), _BLANK.encode()))
        while chunk := self._file.read(_CHUNK):
            found.update(chunk)
        return found.hexdigest()

    def _structure(self, name: str, entry: Any) -> Structure:
        if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
            raise self._foreign(f"{shown(name)} must have dtype, shape and data_offsets")
        dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
        if not isinstance(dtype, str) or dtype not in DTYPES:
            raise self._foreign(f"{shown(name)} must be one of {', '.join(DTYPES)}, got {shown(str(dtype))}")
        if not _are_sizes(shape) or len(shape) > 64 or not _are_sizes(offsets) or len(offsets) != 2:
            raise self._foreign(f"{shown(name)} must have a list of sizes as its shape, and two places in the file")
        structure = Structure(DTYPES[dtype], tuple(shape))
        if offsets[1] - offsets[0] != _size(structure):
            raise self._foreign(f"{shown(name)} must take as many bytes as its shape and dtype say")
        self._begins[name] = offsets[0]
        return structure

    def _check_places(self, space: int) -> None:
        end = 0
        for name in sorted(self.structures, key=lambda name: (self._begins[name], _size(self.structures[name]))):
            if self._begins[name] != end:
                raise self._foreign(f"{shown(name)} must begin where the array before it ends")
            end += _size(self.structures[name])
        if end != space:
            raise self._foreign("its arrays must fill the space behind its header")

    def _damaged(self, reason: str) -> ValueError:
        if not self._ours:
            return ValueError(f"{self._path} is no .safetensors file, or is damaged or cut short: {reason}")
        return ValueError(
            f"{self._path} is damaged, cut short, or not written by liquidjax: {reason}; restore it from a copy or "
            "train again"
        )

    def _foreign(self, reason: str) -> ValueError:
        writer = "liquidjax" if self._ours else "the package safetensors"
        return ValueError(f"{self._path} is not a file that {writer} wrote: {reason}")


def _are_sizes(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int and 0 <= value < 1 << 63 for value in values)


def _size(structure: Structure) -> int:
    return structure.dtype.itemsize * math.prod(structure.shape)


def _bytes(array: np.ndarray) -> memoryview:
    """The bytes of an array in the order of C; not copied where it is in this order already."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
