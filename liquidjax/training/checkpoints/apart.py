"""Checkpoints that a process of its own reads and writes, for one that has joined others.

Orbax asks JAX how many processes there are and waits for all of them when it saves, whatever its options say
(`active_processes` of one process included, orbax 0.12). Here one alone reads and writes, and the others go on: so
orbax runs where nobody has joined anybody.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from liquidjax.training.checkpoints import disk, parcel


class Apart:
    """`write` and `read` as those of `disk`."""

    def __init__(self, process: subprocess.Popen[str]):
        self._process = process

    def write(self, folder: Path, arrays: Mapping[str, np.ndarray], facts: Mapping[str, Any]) -> None:
        """See `disk.write`."""
        answer = self._asked("write", folder, parcel.packed((arrays, facts)))
        if answer["error"]:
            raise OSError(answer["error"])

    def read(self, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """See `disk.read`."""
        answer = self._asked("read", folder, "")
        found = None if answer["error"] else parcel.unpacked(answer["found"])
        if found is None:
            raise ValueError(answer["error"])
        return found

    def _asked(self, what: str, folder: Path, found: str) -> dict[str, str]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps([what, str(folder.absolute()), found]) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())
        except (OSError, ValueError) as error:
            raise OSError("the process that reads and writes checkpoints has ended") from error


@contextlib.contextmanager
def apart() -> Iterator[Apart]:
    """The other process, as long as the block; it is killed with this one, but for what it is about to write."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"JAX_PLATFORMS": "cpu"}  # it computes nothing, and takes no accelerator for itself
    command = [sys.executable, "-m", __name__]
    process = subprocess.Popen(command, text=True, start_new_session=True, env=environment, **pipes)
    try:
        yield Apart(process)
    finally:
        assert process.stdin is not None and process.stdout is not None
        with contextlib.suppress(OSError):  # where it has ended before
            process.stdin.close()
        process.wait()
        process.stdout.close()


def _serve() -> None:
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # what others print is no answer
        for line in sys.stdin:
            what, place, text = json.loads(line)
            answer = {"error": "", "found": ""}
            try:
                if what == "read":
                    answer["found"] = parcel.packed(disk.read(Path(place)))
                elif (found := parcel.unpacked(text)) is not None:
                    disk.write(Path(place), *found)
            except (ValueError, OSError, KeyError, TypeError) as error:
                answer["error"] = str(error) or repr(error)
            print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
