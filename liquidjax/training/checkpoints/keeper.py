"""The checkpoints of one training: when one is written, which are kept, and from which it goes on."""

import contextlib
import importlib.util
import itertools
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax import _files
from liquidjax._checks import check_kind, check_number, check_size, put, settle
from liquidjax.training.checkpoints import disk
from liquidjax.training.checkpoints.alone import alone
from liquidjax.training.checkpoints.apart import apart

MISSING = 'checkpoints need orbax and filelock: pip install "liquidjax[checkpoints]"'
_NAME = re.compile(r"step-(\d{8,})(?:-(\d+))?")


def _warn(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=2)


@dataclass(frozen=True)
class Checkpoints:
    """Where a training is saved, and how often; from there the same training goes on.

    Args:
        folder: a folder of its own; it is made. With checkpoints of this training in it, the training goes on from the
            last whole one; one that is damaged is told and passed over.
        seconds: between two; 0 saves after each batch. It is also saved where it is stopped, and at its end.
        keep: how many are kept, the newest.
        notice: is told what a person should know: a damaged checkpoint, one that could not be written.

    Raises:
        ImportError: orbax or filelock is not installed.
        ValueError: numbers out of range.

    Example:
        >>> Checkpoints("runs/walks/checkpoints", seconds=60).keep
        3
    """

    folder: str | Path
    seconds: float = 60.0
    keep: int = 3
    notice: Callable[[str], None] = _warn

    def __post_init__(self):
        check_kind("folder", self.folder, str | Path, "a path")
        put(self, seconds=check_number("seconds", self.seconds, 0))
        settle(self, check_size, "keep")
        # Noticed here, not when the first is written, after a minute of training.
        if not all(importlib.util.find_spec(name) for name in ("filelock", "orbax.checkpoint")):
            raise ImportError(MISSING)

    @contextlib.contextmanager
    def opened(self, joined: bool = False) -> Iterator["Keeper"]:
        """The checkpoints for one writer, who is alone.

        Args:
            joined: whether this process has joined others, see `apart`.

        Raises:
            OSError: the folder cannot be written.
            ValueError: another training writes there, or the folder is a file.
        """
        folder = Path(self.folder)
        with alone(folder):
            _files.remove_unfinished(folder)
            with apart() if joined else contextlib.nullcontext(disk) as way:
                yield Keeper(self, way)


class Keeper:
    """The checkpoints of one training while it runs."""

    def __init__(self, checkpoints: Checkpoints, way: Any = disk):
        self.checkpoints, self.newest = checkpoints, None
        self._way = way
        """To the disk: `disk`, or one `apart`."""
        self.folder = Path(checkpoints.folder)
        self._saved = time.monotonic()

    def last(self) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        """The arrays and facts of the last whole checkpoint; None where there is none at all.

        Damaged ones after it are told and set aside.

        Raises:
            ValueError: there are some, and all of them are damaged.
        """
        damaged = []
        for folder in reversed(self._folders()):
            try:
                found = self._way.read(folder)
            except (ValueError, OSError, KeyError, TypeError) as error:
                damaged.append((folder, error))
                continue
            for other, error in damaged:
                self.checkpoints.notice(
                    f"the checkpoint {other} is damaged ({error}); going on from {folder.name}, the last that is whole"
                )
                other.rename(_free(other.with_name(f"damaged-{other.name}")))
            self.newest = folder
            return found
        if damaged:
            folder, error = damaged[0]
            raise ValueError(
                f"no checkpoint in {self.folder} is whole ({folder.name}: {error}); "
                "train from the start in another folder"
            )
        return None

    def due(self) -> bool:
        """Whether it is time for the next."""
        return time.monotonic() - self._saved >= self.checkpoints.seconds

    def save(self, step: int, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """Writes a checkpoint after so many steps and removes those that are too many.

        Where that fails, it is told, and what was there before stays.
        """
        # Never over another, which would be gone for a moment: after the last step there is one more, that it ended.
        folder = _free(self.folder / f"step-{step:08d}")
        self._saved = time.monotonic()
        try:
            self._way.write(folder, arrays, facts)
        except OSError as error:
            self.checkpoints.notice(f"the checkpoint {folder} could not be written: {error}; {self.standing}")
            return
        self.newest = folder
        for old in self._folders()[: -self.checkpoints.keep]:
            with contextlib.suppress(OSError):
                _files.remove_folder(old)

    @property
    def standing(self) -> str:
        """What there is to go on from, in words."""
        return "there is no checkpoint yet" if self.newest is None else f"the last good checkpoint is {self.newest}"

    def _folders(self) -> list[Path]:
        """Of all checkpoints, the first step first."""
        found = [(path, name) for path in self.folder.iterdir() if (name := _NAME.fullmatch(path.name))]
        return [path for path, _ in sorted(found, key=lambda each: [int(number or 1) for number in each[1].groups()])]


def _free(path: Path) -> Path:
    """A path that is not taken, like this one."""
    others = (path.with_name(f"{path.name}-{number}") for number in range(2, 10_000))
    return next((each for each in itertools.chain([path], others) if not each.exists()), path)
