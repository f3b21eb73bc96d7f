"""What a command shows while it trains: live bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

PLAIN_LINES = 5
SILENCE = 10.0
"""Seconds after which there is another line, whatever happens."""
Callback = Callable[[str, int, float, str], None]
"""Called with a job, its epochs done, its seconds so far, and the numbers to show of it."""


@contextlib.contextmanager
def bars(jobs: Sequence[str], epochs: int | Mapping[str, int]) -> Iterator[Callback]:
    """Gives the function that shows how far each job is; writes to stderr, so that results can be piped.

    Args:
        jobs: their names, in their order.
        epochs: how many each goes through; a number for each where they differ.
    """
    console, totals = Console(stderr=True), _totals(jobs, epochs)
    if not console.is_terminal:
        with _Lines(totals).shown() as lines:
            yield lines
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:  # a bar that has not started moves to and fro
        tasks = {job: progress.add_task(job, total=totals[job], start=False, numbers="") for job in jobs}

        def callback(job: str, epoch: int, seconds: float, numbers: str) -> None:
            if not progress.tasks[tasks[job]].started:
                progress.start_task(tasks[job])
            progress.update(tasks[job], completed=epoch, numbers=numbers)

        yield callback


class _Lines:
    """A line for the first epoch of a job, each fifth of it and the last, and at least one in ten seconds."""

    def __init__(self, totals: Mapping[str, int]) -> None:
        self.totals, self.width = totals, max(map(len, totals))
        self.last, self.fifths = time.monotonic(), dict.fromkeys(totals, -1)
        self.first: dict[str, tuple[int, float]] = {}
        self.state = f"{next(iter(totals))}: compiling"

    @contextlib.contextmanager
    def shown(self) -> Iterator[Callback]:
        """Gives the function that takes each epoch; while it is not called, a thread says that the work goes on."""
        ended = threading.Event()

        def watch() -> None:
            start = time.monotonic()
            while not ended.wait(min(1.0, SILENCE / 4)):
                if time.monotonic() - self.last >= SILENCE:
                    self.say(f"{self.state}, {time.monotonic() - start:.0f} s so far")

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield self.callback
        finally:
            ended.set()
            thread.join()

    def callback(self, job: str, epoch: int, seconds: float, numbers: str) -> None:
        # Counted from the first report on, for what was before it is mostly the compilation.
        first_epoch, first_seconds = self.first.setdefault(job, (epoch, seconds))
        left, total = "", self.totals[job]
        if epoch > first_epoch:
            rate = (seconds - first_seconds) / (epoch - first_epoch)
            left = f"  {rate * (total - epoch):.0f} s left"
        self.state = f"{job}: epoch {epoch}/{total}{left}"
        if epoch == total:
            self.state = f"{job} is done; what comes next compiles, or is evaluated"
        fifth = epoch * PLAIN_LINES // total
        if fifth > self.fifths[job] or epoch == total or time.monotonic() - self.last >= SILENCE:
            self.fifths[job] = fifth
            self.say(f"{job.ljust(self.width)} epoch {epoch}/{total}  {numbers}{left}")

    def say(self, line: str) -> None:
        self.last = time.monotonic()
        with contextlib.suppress(OSError):  # a log on a full disk does not end a training
            print(line, file=sys.stderr, flush=True)


def _totals(jobs: Sequence[str], epochs: int | Mapping[str, int]) -> dict[str, int]:
    return {job: epochs if isinstance(epochs, int) else epochs[job] for job in jobs}
