"""What `train` shows while it works: live bars on a terminal, a line now and then elsewhere."""

import contextlib
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from liquidjax.experiments.train import Show
from liquidjax.training.loop import Epoch

PLAIN_LINES = 5


@contextlib.contextmanager
def display(networks: Sequence[str], epochs: int) -> Iterator[Show]:
    """Gives the function that takes each epoch of each network; writes to stderr, so that results can be piped.

    Args:
        networks: their names, in the order of training.
        epochs: how many each goes through.
    """
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda network, epoch: _plain(network, epoch, epochs)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[numbers]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bars = {name: progress.add_task(name, total=epochs, start=False, numbers="") for name in networks}

        def show(network: str, epoch: Epoch) -> None:
            if epoch.epoch == 1:
                progress.start_task(bars[network])
            numbers = f"loss {epoch.loss:.3f}  validation accuracy {epoch.validation_accuracy:.3f}"
            progress.update(bars[network], completed=epoch.epoch, numbers=numbers)

        yield show


def _plain(network: str, epoch: Epoch, epochs: int) -> None:
    if epoch.epoch % max(1, epochs // PLAIN_LINES) and epoch.epoch != epochs:
        return
    left = epoch.seconds / epoch.epoch * (epochs - epoch.epoch)
    print(f"{network:<5} epoch {epoch.epoch}/{epochs}  loss {epoch.loss:.3f}  "
          f"validation accuracy {epoch.validation_accuracy:.3f}  {left:.0f} s left",
          file=sys.stderr, flush=True)  # fmt: skip
