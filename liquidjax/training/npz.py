"""Arrays by name and a text in one .npz file with a checksum; nothing in such a file is trusted.

The file is a zip of .npy members, see `liquidjax.training.stored_zip`, so `numpy.load` reads it too. Headers and sizes
are compared before an array is read, and a header is read as the one text that numpy writes there, not as Python.
"""

import contextlib
import math
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from liquidjax import _files
from liquidjax.training.stored_zip import StoredZip, shown, writing

_TEXT = "cell.json"
_MAGIC = b"\x93NUMPY\x01\x00"
_SHAPE = r"\(((?:\d{1,19}, ?){0,64}\d{0,19})\)"
_HEADER = re.compile(
    r"\{'descr': '([<>|][biufc]\d{1,2})', 'fortran_order': (False|True), 'shape': " + _SHAPE + r", \} *\n"
)


class Structure(NamedTuple):
    """What there is to know of an array before it is read."""

    dtype: Any
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.dtype} {self.shape}"


class _Header(NamedTuple):
    """What is before the numbers of a member, and how many bytes of it."""

    structure: Structure
    fortran_order: bool
    length: int


def write(path: str | os.PathLike, arrays: Mapping[str, np.ndarray], text: str | None) -> None:
    """Writes arrays of plain numbers, completely or not at all; see `_files.replacing`."""
    with _files.replacing(path) as file, writing(file) as archive:
        if text is not None:
            archive.writestr(zipfile.ZipInfo(_TEXT), text)
        for name, array in arrays.items():
            # Without zip64 an array of 2 GB or more could not be written.
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)


@contextlib.contextmanager
def opened(path: str | os.PathLike) -> Iterator["Archive"]:
    """A file that `write` wrote, for the time of the block.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, or another than `write` writes.
    """
    with Path(path).open("rb") as file:
        yield Archive(path, file)


class Archive:
    """The open file: checksum, directory, headers and sizes are checked, no array is read.

    Attributes:
        structures: of each array, by name.
        text_length: bytes of the text; None where there is none.
    """

    def __init__(self, path: str | os.PathLike, file: BinaryIO):
        self._zip = StoredZip(path, file, "train again")
        members = dict(self._zip.members)
        text = members.pop(_TEXT, None)
        self.text_length = None if text is None else text.file_size
        self._headers = {name: self._header(member) for name, member in members.items()}
        self.structures = {name.removesuffix(".npy"): header.structure for name, header in self._headers.items()}

    def array(self, name: str) -> np.ndarray:
        """An array, read only."""
        header = self._headers[f"{name}.npy"]
        numbers = np.frombuffer(self._zip.read(f"{name}.npy"), header.structure.dtype, offset=header.length)
        return numbers.reshape(header.structure.shape, order="F" if header.fortran_order else "C")

    def text(self) -> bytes:
        """The text, in UTF-8."""
        return self._zip.read(_TEXT)

    def _header(self, member: zipfile.ZipInfo) -> _Header:
        name, before = shown(member.filename), len(_MAGIC) + 2
        start = self._zip.read(member.filename, before + 0xFFFF)
        length = before + int.from_bytes(start[len(_MAGIC) : before], "little")
        found = _HEADER.fullmatch(start[before:length].decode("latin1"))
        if not member.filename.endswith(".npy") or not start.startswith(_MAGIC) or found is None:
            raise self._zip.foreign(f"{name} must begin with the header that numpy gives a .npy of numbers")
        try:
            dtype = np.dtype(found[1])
        except TypeError as error:
            raise self._zip.foreign(f"{name} must have a type that numpy knows, got {found[1]}") from error
        structure = Structure(dtype, tuple(int(size) for size in found[3].split(",") if size.strip()))
        expected = length + dtype.itemsize * math.prod(structure.shape)
        if member.file_size != expected:
            raise self._zip.foreign(f"{name} must have {expected} bytes for {structure}, got {member.file_size}")
        return _Header(structure, found[2] == "True", length)
