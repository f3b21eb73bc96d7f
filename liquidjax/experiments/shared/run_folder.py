"""The folder a run is written to: a new one, with the settings in it, and marked where the run was interrupted."""

import dataclasses
import datetime
import json
import math
from pathlib import Path
from typing import Any

from liquidjax import _files
from liquidjax.experiments.shared import configuration

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


def begin(folder: Path, config: Any) -> None:
    """Makes the folder of a run, which may exist if it is empty, and writes config.yaml, every setting.

    Raises:
        ImportError: matplotlib is not installed: noticed here, not after the work.
        ValueError: the folder is not empty.
    """
    import liquidjax.plots  # noqa: F401

    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _files.write_text(folder / "config.yaml", configuration.to_yaml(config))


def write_results(folder: Path, results: Any) -> None:
    """Writes results.json from nested NamedTuples, dataclasses, dicts and lists.

    JSON has no infinity, which becomes text.
    """
    _files.write_text(folder / "results.json", json.dumps(_plain(results), indent=2, allow_nan=False) + "\n")


def mark_interrupted(folder: Path, sentence: str) -> None:
    """Leaves word in the folder that the run was interrupted, and when."""
    _files.write_text(folder / MARK, f"{sentence}\n")


def interruption(folder: Path) -> str | None:
    """What `mark_interrupted` left in the folder of a run; None if the run came to its end."""
    return (folder / MARK).read_text().strip() if (folder / MARK).is_file() else None


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    elif isinstance(value, tuple) and (names := getattr(value, "_fields", None)):
        value = dict(zip(names, value, strict=True))
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
