"""One writer at a time."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

_LOCK = ".lock"


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Holds the lock of a folder, which is made; the system lets go of it when a process ends, however it ends.

    Raises:
        OSError: the folder cannot be written.
        ValueError: another process holds the lock, or the folder is a file.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with alone(folder), alone(folder):
        ...     pass
        Traceback (most recent call last):
        ...
        ValueError: another training is writing to ...; wait until it has ended, or choose another folder
    """
    import filelock  # not everybody has it

    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, and is a file; choose another")
    folder.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(folder / _LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise ValueError(
            f"another training is writing to {folder}; wait until it has ended, or choose another folder"
        ) from None
    try:
        # A lock that was there already can be held where nothing new can be written.
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
        yield
    finally:
        lock.release()
