"""Data of any format, told by its name."""

import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from liquidjax._bounds import shown
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.readers.arrays import read_npz
from liquidjax.tasks.readers.folder import read_folder
from liquidjax.tasks.readers.function import NAME, read_function
from liquidjax.tasks.readers.names import check_known
from liquidjax.tasks.readers.table import read_table
from liquidjax.tasks.readers.ts import read_ts

BY_SUFFIX: dict[str, Callable[..., SequenceDataset]] = {
    ".csv": read_table,
    ".parquet": read_table,
    ".npz": read_npz,
    ".ts": read_ts,
}


def read(path: str | os.PathLike, **options: Any) -> SequenceDataset:
    """Reads a file, a folder of CSV files, or what a function returns.

    Args:
        path: a file that ends in .csv, .parquet, .npz or .ts; a folder; or package.module:function.
        options: those of `read_table` for .csv and .parquet, and of `read_folder` for a folder; the others have none.

    Raises:
        FileNotFoundError: there is no such file or folder.
        ValueError: another ending, what is neither file nor folder, an option that this format does not have, or what
            the reader refuses.

    Example:
        >>> read("walks.npz", series="who")
        Traceback (most recent call last):
            ...
        ValueError: read_npz for walks.npz has no option 'series'; it has none
    """
    if not isinstance(path, str | os.PathLike) or "\0" in str(path):
        raise ValueError(f"path must be that of a file or a folder, or package.module:function, got {shown(path)}")
    reader = _reader(path)
    known = list(inspect.signature(reader).parameters)[1:]
    for option in options:
        check_known(option, known, f"{reader.__name__} for {path}", "option")
    if reader is not read_function:
        check_there(path)
    return reader(path, **options)


def _reader(path: str | os.PathLike) -> Callable[..., SequenceDataset]:
    place = Path(path)
    if os.path.isdir(place):
        return read_folder
    if isinstance(path, str) and NAME.fullmatch(path) and not os.path.exists(place):
        return read_function
    if place.suffix.lower() not in BY_SUFFIX:
        if not os.path.exists(place):
            raise FileNotFoundError(f"{path} is no file or folder, and no package.module:function")
        raise ValueError(f"{path} must be a folder, or end in {', '.join(BY_SUFFIX)}, to tell how it is read")
    return BY_SUFFIX[place.suffix.lower()]


def check_there(path: str | os.PathLike) -> None:
    """Raises the error for what is not there, and for what is neither file nor folder: a pipe would be waited for."""
    if not os.path.exists(path):
        seen = "" if os.path.isabs(path) else f", as seen from {os.getcwd()}"
        raise FileNotFoundError(f"{path} is no file or folder{seen}")
    if not os.path.isfile(path) and not os.path.isdir(path):
        raise ValueError(f"{path} must be a file or a folder, and is neither")
