"""The file that an export is written to."""

import os
from pathlib import Path
from typing import Any

from liquidjax._checks import described


def checked_path(path: Any, endings: tuple[str, ...], overwrite: bool) -> Path:
    """The path of a file that can be written now.

    Args:
        path: what was given.
        endings: of which it must have one.
        overwrite: whether a file that is there already is replaced.

    Raises:
        ValueError: it is no path, or ends otherwise.
        FileNotFoundError: there is no such folder.
        FileExistsError: there is such a file, or a folder of that name.

    Example:
        >>> checked_path("pilot.py", (".js", ".mjs"), overwrite=False)
        Traceback (most recent call last):
            ...
        ValueError: path must end in .js or .mjs, got 'pilot.py'
    """
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path must be the name of a file such as 'model{endings[0]}', got {described(path)}")
    path = Path(path)
    if path.suffix not in endings:
        raise ValueError(f"path must end in {' or '.join(endings)}, got {described(str(path))}")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    if path.is_dir() or (path.exists() and not overwrite):
        raise FileExistsError(f"{path} is there already; choose another name, or say overwrite=True")
    return path
