"""The folder a run is written to: a new one, with the settings in it, and marked where the run was interrupted."""

import dataclasses
import datetime
import json
import math
from pathlib import Path
from typing import Any

from liquidjax import _files
from liquidjax.experiments.shared import configuration

CONFIG = "config.yaml"
MARK = "interrupted.txt"
CHECKPOINTS = "checkpoints"
"""A folder that is there as long as there is something to go on with."""


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


def check_run(folder: Path) -> None:
    """Raises the ValueError for a folder that is none of a run."""
    if not (folder / CONFIG).is_file():
        what = f"has no {CONFIG}" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
        raise ValueError(f"{folder} must be the folder of a run, and {what}")


def begin(folder: Path, config: Any) -> None:
    """Makes the folder of a run, which may exist if it is empty, and writes config.yaml, every setting.

    Raises:
        ImportError: matplotlib is not installed: noticed here, not after the work.
        ValueError: the folder is not empty.
    """
    import liquidjax.plots  # noqa: F401

    check_new(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _files.write_text(folder / CONFIG, configuration.to_yaml(config))


def write_results(folder: Path, results: Any) -> None:
    """Writes results.json from nested NamedTuples, dataclasses, dicts and lists.

    JSON has no infinity, which becomes text.
    """
    _files.write_text(folder / "results.json", json.dumps(_plain(results), indent=2, allow_nan=False) + "\n")


def mark_interrupted(folder: Path, sentence: str) -> None:
    """Leaves word in the folder that the run was interrupted, and when."""
    _files.write_text(folder / MARK, f"{sentence}\n")


def go_on(folder: Path, config: Any) -> None:
    """Takes the folder of a run that did not come to its end, to go on in it.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: it is no such folder, the run came to its end, or it was begun with other settings.
    """
    import liquidjax.plots  # noqa: F401

    check_run(folder)
    if (folder / "results.json").is_file() and interruption(folder) is None and not (folder / CHECKPOINTS).is_dir():
        raise ValueError(f"the run {folder} came to its end; there is nothing to go on with")
    if (folder / CONFIG).read_text() != configuration.to_yaml(config):
        raise ValueError(
            f"the run {folder} was begun with other settings than these; leave the options out, or begin another run"
        )
    (folder / MARK).unlink(missing_ok=True)


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
