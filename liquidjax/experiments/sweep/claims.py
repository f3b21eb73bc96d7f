"""Who trains which trial: whoever holds its lock, of which the system lets go when a process ends, however it ends.

Optuna's own heartbeats end a trial whose worker is silent as failed and draw another of other number in its place; here
the trial goes on. On machines that share a disk without sharing its locks, a lock that is free says nothing: there a
worker also says now and then that it is alive, and only a trial of which nothing has been heard is taken up.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BEAT = 20.0
"""Seconds between two words of a worker in the storage."""
SILENCE = 120.0
"""Seconds without one, after which the worker of another machine has ended."""
ALIVE = "alive"
"""Attribute of a trial that holds the last word."""
_PATIENCE = 0.5
"""Seconds between two looks at `stop`."""


class Claims:
    """The locks of the trials of one sweep, in a folder that all its workers see."""

    def __init__(self, folder: Path):
        self.folder = folder / ".locks"
        self._heard: dict[int, tuple[Any, float]] = {}
        """The last word of each trial, and when it was first read."""

    @contextlib.contextmanager
    def turn(self, stop: Callable[[], bool]) -> Iterator[bool]:
        """One worker at a time is inside, to look at the trials and to draw one; False where `stop` came first."""
        lock = self._lock("turn")
        while not stop():
            if _taken(lock, _PATIENCE):
                try:
                    yield True
                finally:
                    lock.release()
                return
        yield False

    def take(self, number: int) -> "Claim | None":
        """The trial of this number, if nobody has it."""
        lock = self._lock(f"trial-{number:04d}")
        return Claim(lock) if _taken(lock, 0) else None

    def silent(self, number: int, word: Any) -> bool:
        """Whether the worker that had a trial, whose lock is free, has ended: at once if it was on this machine."""
        if isinstance(word, list) and word[:1] == [machine()]:
            return True
        if number not in self._heard or self._heard[number][0] != word:
            self._heard[number] = (word, time.monotonic())
        return time.monotonic() - self._heard[number][1] >= SILENCE

    def _lock(self, name: str) -> Any:
        import filelock  # not everybody has it

        self.folder.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.folder / name)


class Claim:
    """A trial that nobody else takes."""

    def __init__(self, lock: Any):
        self._lock = lock

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def release(self) -> None:
        self._lock.release()

    @contextlib.contextmanager
    def alive(self, say: Callable[[str, Any], None]) -> Iterator[None]:
        """Says meanwhile that this worker is alive; what fails there is noticed by who else asks the storage.

        Args:
            say: sets an attribute of the trial.
        """
        ended = threading.Event()

        def beat() -> None:
            count = 0
            while not ended.wait(BEAT):
                count += 1
                with contextlib.suppress(Exception):
                    say(ALIVE, [*word(), count])

        say(ALIVE, word())
        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def word() -> list[Any]:
    """What a worker says of itself."""
    return [machine(), os.getpid()]


def machine() -> str:
    """This machine since it was started, or this container."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        boot = ""
    return f"{socket.gethostname()} {boot}".strip()


def _taken(lock: Any, seconds: float) -> bool:
    import filelock

    try:
        lock.acquire(timeout=seconds, poll_interval=0.02)
    except filelock.Timeout:
        return False
    return True
