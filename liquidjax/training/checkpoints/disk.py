"""One checkpoint on disk: arrays written by orbax, and a manifest of ours by which any damage is noticed.

The folder of a checkpoint holds `arrays/`, as orbax writes it, and `manifest.json`: what each array is, with a hash of
its numbers; a hash of each file, so that orbax never reads a damaged one; facts; and a hash of all this.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax._files import hidden, sync, sync_folder, write_text
from liquidjax.training import strict_json

MANIFEST = "manifest.json"
_ARRAYS = "arrays"
_FORMAT = 1
_LARGEST_MANIFEST = 1 << 26  # bytes; it names arrays and files and holds no numbers of theirs
_BESIDE = 4096  # bytes that say what an array is, about


def write(folder: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
    """Writes a checkpoint, which is there completely or not at all.

    Args:
        folder: the place of the checkpoint, where nothing is yet; the folder it lies in must exist.
        arrays: of numbers, by name.
        facts: dicts, lists, text, finite numbers, booleans and None.

    Raises:
        OSError: it cannot be written, for example because the disk is full.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp()) / "step-00000001"
        >>> write(folder, {"weight": np.arange(3.0)}, {"epoch": 1})
        >>> read(folder)
        ({'weight': array([0., 1., 2.])}, {'epoch': 1})
    """
    unfinished = hidden(folder)
    try:
        unfinished.mkdir()
        arrays = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
        _check_room(unfinished / "room", sum(array.nbytes + _BESIDE for array in arrays.values()) + (1 << 20))
        _write_arrays(unfinished / _ARRAYS, arrays)
        content = {
            "format": _FORMAT,
            "arrays": {name: _of_array(array) for name, array in arrays.items()},
            "files": {name: _hash_of_file(file) for name, file in _files(unfinished / _ARRAYS).items()},
            "facts": dict(facts),
        }
        write_text(unfinished / MANIFEST, _sealed(content))
        unfinished.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def read(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and facts of a checkpoint, bit for bit.

    Raises:
        ValueError: it is damaged, or `write` did not write it; what is wrong first.
    """
    content = _content(folder / MANIFEST)
    found = _files(folder / _ARRAYS)
    if other := sorted(found.keys() ^ content["files"].keys()):
        raise ValueError(f"{_ARRAYS}/{other[0]} is {'not in the manifest' if other[0] in found else 'missing'}")
    for name, file in found.items():
        if _hash_of_file(file) != content["files"][name]:
            raise ValueError(f"{_ARRAYS}/{name} is not what was written")
    arrays = _read_arrays(folder / _ARRAYS, content["arrays"])
    for name, array in arrays.items():
        if _of_array(array) != content["arrays"][name]:
            raise ValueError(f"the array {name} is not what was written")
    return arrays, content["facts"]


def _check_room(file: Path, size: int) -> None:
    """Raises the OSError where so many bytes have no room, before orbax is asked.

    On a disk that becomes full meanwhile it fails too, but its threads write traces of that into the terminal.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    with file.open("xb") as new:
        try:
            os.posix_fallocate(new.fileno(), 0, size)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some systems of files cannot tell
                raise
    file.unlink()


def _write_arrays(folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
    import orbax.checkpoint.experimental.v1 as orbax  # takes a quarter of a second

    # By number: a name may have characters that a path cannot. And orbax refuses arrays without numbers.
    numbered = {str(i): array for i, array in enumerate(arrays.values()) if array.size}
    folder.mkdir()
    try:
        if numbered:
            with _quiet():
                orbax.save(str(folder.absolute() / "orbax"), numbered)
        for file in _files(folder).values():
            sync(file)
    except (ValueError, RuntimeError) as error:  # that is how a full disk comes out of tensorstore
        text = " ".join(str(error).split())  # with all that tensorstore knows, on many lines
        raise OSError(f"orbax could not write it: {text if len(text) <= 200 else text[:197] + '...'}") from error
    for each in (folder, *(path for path in folder.rglob("*") if path.is_dir())):
        sync_folder(each)


def _read_arrays(folder: Path, described: Mapping[str, Any]) -> dict[str, np.ndarray]:
    import orbax.checkpoint.experimental.v1 as orbax

    empty = {name: np.empty(what["shape"], np.dtype(what["dtype"])) for name, what in described.items()}
    with _quiet():
        loaded = orbax.load(str(folder.absolute() / "orbax")) if any(array.size for array in empty.values()) else {}
    return {name: np.asarray(loaded[str(i)]) if empty[name].size else empty[name] for i, name in enumerate(empty)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Orbax writes the traces of what it raises to the log as well."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _of_array(array: np.ndarray) -> dict[str, Any]:
    return {
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "sha256": hashlib.sha256(array.tobytes()).hexdigest(),
    }


def _sealed(content: dict[str, Any]) -> str:
    """The text of a manifest, which begins with the hash of the rest."""
    text = json.dumps(content, allow_nan=False)
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}\n"


def _content(manifest: Path) -> dict[str, Any]:
    try:
        if manifest.stat().st_size > _LARGEST_MANIFEST:
            raise ValueError(f"{MANIFEST} is too long")
        with manifest.open(newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{MANIFEST} cannot be read: {error}") from error
    content = text[65:-1]
    if text != f"{hashlib.sha256(content.encode()).hexdigest()}\n{content}\n":
        raise ValueError(f"{MANIFEST} is not what was written")
    found = strict_json.parse(content)
    if found["format"] != _FORMAT:
        raise ValueError(f"{MANIFEST} is of format {found['format']}, and this version of liquidjax reads {_FORMAT}")
    return found


def _files(folder: Path) -> dict[str, Path]:
    """Every file below a folder, by its place in it."""
    paths = sorted(path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix(): path for path in paths}


def _hash_of_file(path: Path) -> str:
    if path.is_symlink() or not path.is_file():
        return "not a file"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
