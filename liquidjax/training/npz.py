"""Arrays by name and a text in one .npz file with a checksum; nothing in such a file is trusted.

The file is an ordinary uncompressed zip of .npy members, so `numpy.load` reads it too. The comment at the end of the
zip is the SHA-256 of all bytes before it: the checksums of zip leave out some bytes of its directory, this one leaves
out none.

A checksum finds damage, not malice. So members are stored as they are, names, headers and sizes are compared before
anything is read, and a header is read as the one text that numpy writes there, not as Python.
"""

import contextlib
import hashlib
import math
import os
import re
import struct
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from liquidjax import _files

_DIGEST = 64  # hexadecimal digits of SHA-256
_CHUNK = 1 << 18  # bytes hashed at a time
_TEXT = "cell.json"
_LOCAL = struct.Struct("<6x2H16x2H")
"""Before each member of a zip: its flags, its method, and the lengths of its name and of what is added to it."""
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
    with _files.replacing(path) as file:
        with zipfile.ZipFile(file, "w") as archive:
            if text is not None:
                archive.writestr(zipfile.ZipInfo(_TEXT), text)
            for name, array in arrays.items():
                # Without zip64 an array of 2 GB or more could not be written.
                with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                    np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.comment = b"0" * _DIGEST  # keeps the place
        digest = _digest(file, file.seek(-_DIGEST, os.SEEK_END))
        file.seek(-_DIGEST, os.SEEK_END)
        file.write(digest)


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
        self._path = path
        length = max(file.seek(0, os.SEEK_END) - _DIGEST, 0)
        if _digest(file, length) != file.read():
            raise ValueError(
                f"{path} is damaged, cut short, or not written by liquidjax: its checksum does not fit; "
                "restore it from a copy or train again"
            )
        with self._zip_errors():
            self._zip = zipfile.ZipFile(file)
        members = self._checked_members(file)
        text = members.pop(_TEXT, None)
        self.text_length = None if text is None else text.file_size
        self._headers = {name: self._header(member) for name, member in members.items()}
        self.structures = {name.removesuffix(".npy"): header.structure for name, header in self._headers.items()}

    def array(self, name: str) -> np.ndarray:
        """An array, read only."""
        header = self._headers[f"{name}.npy"]
        numbers = np.frombuffer(self._read(f"{name}.npy"), header.structure.dtype, offset=header.length)
        return numbers.reshape(header.structure.shape, order="F" if header.fortran_order else "C")

    def text(self) -> bytes:
        """The text, in UTF-8."""
        return self._read(_TEXT)

    def _checked_members(self, file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
        """The directory, which must say the same as the headers before the members, one close behind the other."""
        members = self._zip.infolist()
        names = {member.orig_filename for member in members}
        if len(self._zip.comment) != _DIGEST or len(names) < len(members) or names != set(self._zip.namelist()):
            raise self._foreign("its directory must hold every name once, with the checksum behind it")
        end = 0
        for member in members:
            name = shown(member.filename)
            if member.header_offset != end or end > self._zip.start_dir - _LOCAL.size:
                raise self._foreign(f"{name} must be where the member before it ends")
            file.seek(end)
            flags, method, name_length, extra_length = _LOCAL.unpack(file.read(_LOCAL.size))
            # Only names in UTF-8 may be marked: no encryption, no sizes that come later.
            if member.compress_type | method or (member.flag_bits | flags) & ~0x800:
                raise self._foreign(f"{name} must be stored as it is, not compressed or encrypted")
            if member.compress_size != member.file_size:
                raise self._foreign(f"{name} must have one size, got {member.compress_size} and {member.file_size}")
            end += _LOCAL.size + name_length + extra_length + member.file_size
        if end != self._zip.start_dir:
            raise self._foreign("its members must fill the space before its directory")
        return {member.filename: member for member in members}

    def _header(self, member: zipfile.ZipInfo) -> _Header:
        name, before = shown(member.filename), len(_MAGIC) + 2
        start = self._read(member.filename, before + 0xFFFF)
        length = before + int.from_bytes(start[len(_MAGIC) : before], "little")
        found = _HEADER.fullmatch(start[before:length].decode("latin1"))
        if not member.filename.endswith(".npy") or not start.startswith(_MAGIC) or found is None:
            raise self._foreign(f"{name} must begin with the header that numpy gives a .npy of numbers")
        try:
            dtype = np.dtype(found[1])
        except TypeError as error:
            raise self._foreign(f"{name} must have a type that numpy knows, got {found[1]}") from error
        structure = Structure(dtype, tuple(int(size) for size in found[3].split(",") if size.strip()))
        expected = length + dtype.itemsize * math.prod(structure.shape)
        if member.file_size != expected:
            raise self._foreign(f"{name} must have {expected} bytes for {structure}, got {member.file_size}")
        return _Header(structure, found[2] == "True", length)

    def _read(self, name: str, most: int = -1) -> bytes:
        with self._zip_errors(), self._zip.open(name) as member:
            return member.read(most)

    @contextlib.contextmanager
    def _zip_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, MemoryError):
            raise
        except Exception as error:  # what zipfile refuses has no class in common, and no list of them is complete
            raise self._foreign(f"its zip cannot be read, {error!r}") from error

    def _foreign(self, reason: str) -> ValueError:
        return ValueError(f"{self._path} is not a file that liquidjax wrote: {reason}")


def shown(name: str) -> str:
    """A name out of a file as it may stand in a message.

    Example:
        >>> shown("cell.weight"), shown("a\\nb")
        ('cell.weight', "'a\\\\nb'")
    """
    return name if name and name.isprintable() and len(name) <= 200 else ascii(name)[:200]


def _digest(file: BinaryIO, length: int) -> bytes:
    """Of the first bytes of the file, which is left behind them."""
    found = hashlib.sha256()
    file.seek(0)
    for start in range(0, length, _CHUNK):
        found.update(file.read(min(_CHUNK, length - start)))
    return found.hexdigest().encode()
