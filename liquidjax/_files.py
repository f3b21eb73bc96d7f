"""Files that are there completely or not at all, however many processes write them."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: str | os.PathLike) -> Iterator[BinaryIO]:
    """A new file, open for writing and reading, that takes the place of `path` at the end of the block.

    It is written beside `path` under a name of its own, put on the disk, renamed, and then the folder is put on the
    disk too. Where the block fails, it is removed, and what was at `path` stays.

    Args:
        path: the file; an existing one is replaced.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "numbers.bin"
        >>> with replacing(file) as new:
        ...     _ = new.write(b"123")
        >>> file.read_bytes()
        b'123'
    """
    path = Path(path)
    # Not tempfile: its files are for their owner alone, these are as open as any other of the folder.
    temporary = path.with_name(f".liquidjax-{secrets.token_hex(8)}.tmp")
    file = temporary.open("x+b")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Writes a text file in UTF-8, completely or not at all; see `replacing`.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "note.txt"
        >>> write_text(file, "a = 1")
        >>> file.read_text()
        'a = 1'
    """
    with replacing(path) as file:
        file.write(text.encode())


def sync_folder(folder: Path) -> None:
    # Without it a power cut may undo the renaming. Some systems cannot open a folder, some file systems cannot sync
    # one: there the file is in its place all the same, and nothing has failed.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
