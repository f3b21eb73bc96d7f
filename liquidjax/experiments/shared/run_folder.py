"""The folder a run is written to: a new one, and marked where the run was interrupted."""

import datetime
from pathlib import Path

from liquidjax import _files

MARK = "interrupted.txt"


def fresh_folder(name: str) -> Path:
    """Makes runs/<name>-<date>-<time>, with a number behind it where that is taken already."""
    stem = f"{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}"
    for number in range(1, 1000):
        folder = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            pass
    raise FileExistsError(f"runs/{stem} and 999 more exist")


def check_new(folder: Path) -> None:
    """Raises the ValueError for a folder that holds something, or is a file; makes nothing."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, and is a file; choose another folder")
    if folder.is_dir() and any(folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder")


def begin(folder: Path) -> None:
    """Makes the folder of a run; it may exist if it is empty.

    Raises:
        ValueError: it is not empty.
    """
    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)


def mark_interrupted(folder: Path, sentence: str) -> None:
    """Leaves word in the folder that the run was interrupted, and when."""
    _files.write_text(folder / MARK, f"{sentence}\n")


def interruption(folder: Path) -> str | None:
    """What `mark_interrupted` left in the folder of a run; None if the run came to its end."""
    return (folder / MARK).read_text().strip() if (folder / MARK).is_file() else None
