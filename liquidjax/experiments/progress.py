"""What a command shows while it trains: live bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from liquidjax.experiments.train import Show
from liquidjax.training.loop import Epoch

PLAIN_LINES = 5
Tick = Callable[[str, int, float, str], None]
"""Called with a job, its epochs done, its seconds so far, and what else to show of it."""


@contextlib.contextmanager
def display(networks: Sequence[str], epochs: int) -> Iterator[Show]:
    """Gives the function that takes each epoch of each network, for `train`.

    Args:
        networks: their names, in the order of training.
        epochs: how many each goes through.
    """
    with bars(networks, epochs) as tick:

        def show(network: str, epoch: Epoch) -> None:
            numbers = f"loss {epoch.loss:.3f}  validation accuracy {epoch.validation_accuracy:.3f}"
            tick(network, epoch.epoch, epoch.seconds, numbers)

        yield show


@contextlib.contextmanager
def bars(jobs: Sequence[str], epochs: int) -> Iterator[Tick]:
    """Gives the function that shows how far each job is; writes to stderr, so that results can be piped.

    Args:
        jobs: their names, in their order.
        epochs: how many each goes through.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        width = max(map(len, jobs))
        yield lambda job, epoch, seconds, numbers: _plain(job.ljust(width), epoch, epochs, seconds, numbers)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks = {job: progress.add_task(job, total=epochs, start=False, numbers="") for job in jobs}

        def tick(job: str, epoch: int, seconds: float, numbers: str) -> None:
            if not progress.tasks[tasks[job]].started:
                progress.start_task(tasks[job])
            progress.update(tasks[job], completed=epoch, numbers=numbers)

        yield tick


def _plain(job: str, epoch: int, epochs: int, seconds: float, numbers: str) -> None:
    if epoch % max(1, epochs // PLAIN_LINES) and epoch != epochs:
        return
    left = seconds / epoch * (epochs - epoch)
    print(f"{job} epoch {epoch}/{epochs}  {numbers}  {left:.0f} s left", file=sys.stderr, flush=True)
