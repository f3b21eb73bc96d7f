"""A zip whose members are stored as they are, with a checksum of the whole file; nothing in such a file is trusted.

It is an ordinary uncompressed zip. The comment at its end is the SHA-256 of all bytes before it: the checksums of zip
leave out some bytes of its directory, this one leaves out none.

A checksum finds damage, not malice. So members are stored, which leaves no room for a bomb, and names and sizes are
compared before anything is read.
"""

import contextlib
import hashlib
import os
import struct
import zipfile
from collections.abc import Iterator
from typing import BinaryIO

_DIGEST = 64  # hexadecimal digits of SHA-256
_CHUNK = 1 << 18  # bytes hashed at a time
_LOCAL = struct.Struct("<6x2H16x2H")
"""Before each member of a zip: its flags, its method, and the lengths of its name and of what is added to it."""


@contextlib.contextmanager
def writing(file: BinaryIO) -> Iterator[zipfile.ZipFile]:
    """A zip to write members into; at the end of the block the checksum is behind it.

    Args:
        file: empty, open for writing and reading; see `_files.replacing`.
    """
    with zipfile.ZipFile(file, "w") as archive:
        yield archive
        archive.comment = b"0" * _DIGEST  # keeps the place
    digest = _digest(file, file.seek(-_DIGEST, os.SEEK_END))
    file.seek(-_DIGEST, os.SEEK_END)
    file.write(digest)


class StoredZip:
    """The open file: checksum, directory and sizes are checked, no member is read.

    Args:
        path: how messages call it.
        file: what `writing` wrote, open for reading.
        remedy: what else helps where the file is damaged than a copy of it.

    Attributes:
        members: as zip describes them, by name.

    Raises:
        ValueError: the file is damaged, or another than `writing` writes.
    """

    def __init__(self, path: str | os.PathLike, file: BinaryIO, remedy: str):
        self._path = path
        length = max(file.seek(0, os.SEEK_END) - _DIGEST, 0)
        if _digest(file, length) != file.read():
            raise ValueError(
                f"{path} is damaged, cut short, or not written by liquidjax: its checksum does not fit; "
                f"restore it from a copy or {remedy}"
            )
        with self._zip_errors():
            self._zip = zipfile.ZipFile(file)
        self.members = self._checked_members(file)

    def read(self, name: str, most: int = -1) -> bytes:
        """The first bytes of a member, or all of them."""
        with self._zip_errors(), self._zip.open(name) as member:
            return member.read(most)

    def foreign(self, reason: str) -> ValueError:
        """The error of a file that somebody else wrote."""
        return ValueError(f"{self._path} is not a file that liquidjax wrote: {reason}")

    def _checked_members(self, file: BinaryIO) -> dict[str, zipfile.ZipInfo]:
        """The directory, which must say the same as the headers before the members, one close behind the other."""
        members = self._zip.infolist()
        names = {member.orig_filename for member in members}
        if len(self._zip.comment) != _DIGEST or len(names) < len(members) or names != set(self._zip.namelist()):
            raise self.foreign("its directory must hold every name once, with the checksum behind it")
        end = 0
        for member in members:
            name = shown(member.filename)
            if member.header_offset != end or end > self._zip.start_dir - _LOCAL.size:
                raise self.foreign(f"{name} must be where the member before it ends")
            file.seek(end)
            flags, method, name_length, extra_length = _LOCAL.unpack(file.read(_LOCAL.size))
            # Only names in UTF-8 may be marked: no encryption, no sizes that come later.
            if member.compress_type | method or (member.flag_bits | flags) & ~0x800:
                raise self.foreign(f"{name} must be stored as it is, not compressed or encrypted")
            if member.compress_size != member.file_size:
                raise self.foreign(f"{name} must have one size, got {member.compress_size} and {member.file_size}")
            end += _LOCAL.size + name_length + extra_length + member.file_size
        if end != self._zip.start_dir:
            raise self.foreign("its members must fill the space before its directory")
        return {member.filename: member for member in members}

    @contextlib.contextmanager
    def _zip_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, MemoryError):
            raise
        except Exception as error:  # what zipfile refuses has no class in common, and no list of them is complete
            raise self.foreign(f"its zip cannot be read, {error!r}") from error


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
