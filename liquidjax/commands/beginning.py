"""How a command begins: the folder of its run, and a processor that is tuned."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from liquidjax.commands.words import quoted, say
from liquidjax.cpu import tune_cpu
from liquidjax.experiments.shared import run_folder


def place_of(
    command: str, config: Path | None, folder: Path | None, resume: Path | None
) -> contextlib.AbstractContextManager[Path]:
    """The folder of a run that begins, or of one that goes on.

    Raises:
        ValueError: neither is asked for, or both are.
    """
    if (config is None) == (resume is None):
        raise ValueError(f"{command} needs a configuration, or --resume with the folder of a run, and not both")
    if config is not None:
        return folder_of(config, folder)
    if folder is not None:
        raise ValueError("a run goes on in its own folder: leave out --folder, or --resume")
    assert resume is not None  # one of the two is given
    return contextlib.nullcontext(resume)


@contextlib.contextmanager
def folder_of(config: Path, folder: Path | None) -> Iterator[Path]:
    """The folder asked for, or one named after the settings and the time, which is gone again if nothing came of it."""
    if folder is not None:
        run_folder.check_new(folder)
        yield folder
        return
    folder = run_folder.fresh_folder(config.stem)
    try:
        yield folder
    finally:
        with contextlib.suppress(OSError):
            folder.rmdir()  # only if it is empty


@contextlib.contextmanager
def how_to_go_on(folder: Path) -> Iterator[None]:
    """Says it in an error of the disk or the folder, where there is something to go on with."""
    try:
        yield
    except OSError as error:
        if (folder / run_folder.CONFIG).is_file() and (folder / run_folder.CHECKPOINTS).is_dir():
            raise OSError(f"{error}; once that is mended, go on: liquidjax train --resume {quoted(folder)}") from error
        raise


def tune() -> None:
    """In a process that has computed already, such as a notebook, it is too late: that costs time, not the run."""
    try:
        tune_cpu()
    except RuntimeError:
        say("liquidjax: JAX has computed in this process already, so XLA is not tuned, and training takes longer")
