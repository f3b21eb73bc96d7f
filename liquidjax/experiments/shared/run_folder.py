"""The folder a run is written to: a new one, with the settings in it, and marked where the run was interrupted."""

import contextlib
import dataclasses
import datetime
import hashlib
import json
import math
from pathlib import Path
from typing import Any

from liquidjax import _files
from liquidjax.experiments.shared import configuration
from liquidjax.training.description import differences

CONFIG = "config.yaml"
MARK = "interrupted.txt"
RESULTS = "results.json"
"""There and no mark beside it, a run came to its end."""
SUMS = "SHA256SUMS"
"""Of the files that have no checksum in them; `sha256sum --check SHA256SUMS` reads it too."""
CHECKPOINTS = "checkpoints"
"""A folder that is there as long as there is something to go on with."""

NOT_WRITTEN = "Everything is computed, and the report is not written yet."
"""The word that is left before results are written to which a report and pictures belong."""
_NOTHING_LEFT = "the run {} came to its end; there is nothing to go on with"


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


def check_new(folder: Path, but: str = "") -> None:
    """Raises the ValueError for a folder that holds something (`but` may be there), or is a file; makes nothing."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} must be a folder, and is a file; choose another folder")
    if folder.is_dir() and any(path.name != but for path in folder.iterdir()):
        raise ValueError(f"{folder} is not empty; choose another folder")


def check_run(folder: Path) -> None:
    """Raises the ValueError for a folder that is none of a run."""
    if not (folder / CONFIG).is_file():
        what = f"has no {CONFIG}" if folder.is_dir() else "is a file" if folder.exists() else "does not exist"
        raise ValueError(f"{folder} must be the folder of a run, and {what}")


def check_ready(folder: Path, resume: bool) -> None:
    """Whether a run can begin, or go on, in a folder; to be asked before anything is made in it.

    Raises:
        ImportError: matplotlib is not installed: noticed here, not after the work.
        ValueError: the folder is not empty; or, to go on, is none of a run, or of one that came to its end.
    """
    import liquidjax.plots  # noqa: F401

    if not resume:
        check_new(folder)
        return
    check_run(folder)
    if _ended(folder) and not (folder / CHECKPOINTS).is_dir():
        _files.remove_unfinished(folder)  # of who was killed when nothing else was left to do
        raise ValueError(_NOTHING_LEFT.format(folder))


def begin(folder: Path, config: Any) -> None:
    """Makes the folder of a run, which may exist if it is empty, and writes config.yaml, every setting.

    Where its folder of checkpoints is there, held by who begins the run, there is a copy in it.

    Raises:
        ImportError: matplotlib is not installed: noticed here, not after the work.
        ValueError: the folder is not empty.
    """
    import liquidjax.plots  # noqa: F401

    check_new(folder, but=CHECKPOINTS)
    folder.mkdir(parents=True, exist_ok=True)
    text = configuration.to_yaml(config)
    if (folder / CHECKPOINTS).is_dir():
        _files.write_text(folder / CHECKPOINTS / CONFIG, text)  # first: so there is no config.yaml without its copy
    _files.write_text(folder / CONFIG, text)


def write_results(folder: Path, results: Any) -> None:
    """Writes results.json from nested NamedTuples, dataclasses, dicts and lists.

    JSON has no infinity, which becomes text.
    """
    _files.write_text(folder / RESULTS, json.dumps(_plain(results), indent=2, allow_nan=False) + "\n")


def mark_interrupted(folder: Path, sentence: str) -> None:
    """Leaves word in the folder that the run was interrupted, and when."""
    _files.write_text(folder / MARK, f"{sentence}\n")


def write_sums(folder: Path, *names: str) -> None:
    """Writes down the SHA-256 of files of the folder, so that damage in them is noticed."""
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    _files.write_text(folder / SUMS, "".join(lines))


def check_sum(file: Path) -> None:
    """Raises the ValueError where a file is another than `write_sums` saw; where it saw none, nothing is known."""
    sums = file.with_name(SUMS)
    if sums.is_file():
        line = f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}"
        if line not in sums.read_text(encoding="utf-8", errors="replace").splitlines():
            raise ValueError(f"{file} is damaged, or was changed: it is not what {SUMS} says was written")


def end(folder: Path) -> None:
    """Leaves word that the run came to its end: takes the mark away, then what there was to go on with."""
    (folder / MARK).unlink(missing_ok=True)
    _files.sync_folder(folder)
    with contextlib.suppress(OSError):
        _files.remove_folder(folder / CHECKPOINTS)


def go_on(folder: Path, config: Any) -> None:
    """Takes the folder of a run that did not come to its end, to go on in it.

    A mark that it was interrupted stays until its end.

    Raises:
        ValueError: it is no such folder, the run came to its end, or it was begun with other settings.
    """
    check_run(folder)
    _files.remove_unfinished(folder)
    if _ended(folder):
        end(folder)
        raise ValueError(_NOTHING_LEFT.format(folder))
    (folder / SUMS).unlink(missing_ok=True)  # the files will change
    copy = folder / CHECKPOINTS / CONFIG
    begun = configuration.read(copy if copy.is_file() else folder / CONFIG, type(config))
    was, now = (json.loads(json.dumps(dataclasses.asdict(each))) for each in (begun, config))
    if found := changed(was, now):
        raise ValueError(
            f"the run {folder} was begun with other settings than these ({found}); leave the options out, "
            f"change {CONFIG} back, or begin another run"
        )


def changed(was: Any, now: Any) -> str:
    """Which settings are not what they were, in words; "" where all are.

    Args:
        was, now: nested dicts, as JSON has them.

    Example:
        >>> changed({"training": {"epochs": 3, "seed": 0}}, {"training": {"epochs": 9, "seed": 0}})
        '`training.epochs` was 3 and is 9 now'
    """
    return "; ".join(f"`{place}` was {saved} and is {given} now" for place, saved, given in differences(was, now))


def interruption(folder: Path) -> str | None:
    """What `mark_interrupted` left in the folder of a run; None if the run came to its end."""
    return (folder / MARK).read_text(encoding="utf-8").strip() if (folder / MARK).is_file() else None


def _ended(folder: Path) -> bool:
    return (folder / RESULTS).is_file() and not (folder / MARK).is_file()


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
