"""What the commands say, and how."""

import contextlib
import shlex
import sys
from pathlib import Path

from liquidjax.experiments.shared import run_folder


def warn_of_interruption(run: Path) -> None:
    if sentence := run_folder.interruption(run):
        print(f"liquidjax: this run did not come to its end: {sentence}", file=sys.stderr)


def notice(sentence: str) -> None:
    say(f"liquidjax: {sentence}")


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # a log on a full disk does not end a training
        print(text, file=sys.stderr, flush=True)


def quoted(path: Path) -> str:
    """A path as a shell takes it, with quotes where it needs them."""
    return shlex.quote(str(path))


def count(number: int, what: str, several: str = "") -> str:
    return f"{number} {what if number == 1 else several or f'{what}s'}"
