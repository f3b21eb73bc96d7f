"""Files that are there completely or not at all, however many processes write them."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HIDDEN, _UNFINISHED = ".liquidjax-", ".tmp"


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
    temporary = hidden(path)
    file = temporary.open("x+b")
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno and error.filename is None:  # as of a full disk
            raise OSError(error.errno, error.strerror, str(path)) from error
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


def there_already(path: Path, option: str) -> FileExistsError:
    """The error of a command that writes over nothing, with the option by which another file is named."""
    return FileExistsError(f"{path} is there already, and is not written over; name another file with {option}")


def hidden(path: Path) -> Path:
    """A name beside a path that nobody else uses, for what is not finished yet or being removed."""
    return path.with_name(f"{_HIDDEN}{secrets.token_hex(8)}{_UNFINISHED}")


def remove_folder(folder: Path) -> None:
    """Removes a folder so that at no moment a part of it is left under its name.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> remove_folder(folder)
        >>> folder.exists()
        False
    """
    aside = hidden(folder)
    with contextlib.suppress(FileNotFoundError):
        folder.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


def remove_unfinished(folder: Path) -> None:
    """Removes what those who were killed while they wrote or removed left in a folder; nobody may be writing there."""
    for path in folder.glob(f"{_HIDDEN}*{_UNFINISHED}"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    # Without it a power cut may undo the renaming. Some systems cannot open a folder, some file systems cannot sync
    # one: there the file is in its place all the same, and nothing has failed.
    with contextlib.suppress(OSError):
        sync(folder)


def sync(path: Path) -> None:
    """Puts a file or a folder on the disk, as it is by now."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
