"""Writes a model as a C file, after it has been compiled and compared with the model itself."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax._checks import check_flag
from liquidjax._files import write_text
from liquidjax.export import comparison
from liquidjax.export.c import compiler
from liquidjax.export.c.compiler import Ran
from liquidjax.export.c.program import Program
from liquidjax.export.c.source import said, source
from liquidjax.export.c.step import state_fields
from liquidjax.export.c.words import check_name
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.file import checked_path
from liquidjax.training.model import Model

ENDINGS = (".c",)


class Written(NamedTuple):
    """What was written, and what is known of it.

    path, bytes: of the file; state_bytes: of the state of a series.
    compiler: by which it was compiled and run; None where there is none that works, and then nothing below is known.
    difference: the largest from the model itself, see `comparison.difference`.
    object_bytes: of code and constants as compiled with -O2 for this machine; None without the program `size`.
    nanoseconds: that a step took on this machine.
    """

    path: Path
    bytes: int
    state_bytes: int
    compiler: str | None
    difference: float | None
    object_bytes: int | None
    nanoseconds: float | None


def write(
    model: Model, path: str | os.PathLike, *, dtype: str = "float32", name: str = "model", overwrite: bool = False
) -> Written:
    """Writes a model as one C99 file with a function for a step: it allocates nothing and needs C alone.

    The function reads features in the units of the data, NaN where one was not observed, and the time since the step
    before, and gives the answer so far, see `Deployed`. The file says how it is used, and has a test of its own.

    Where there is a C compiler, the file is compiled and its answers are compared with those of the model on irregular
    series; a file that answers otherwise is not written.

    Args:
        model: of a cell of liquidjax, in any wrappers, with a fixed-step integrator.
        path: the file, which ends in .c.
        dtype: "float32", float in C, or "float64", double.
        name: what all names in the file begin with, so that files of several models can be linked together.
        overwrite: whether a file that is there already is replaced.

    Returns:
        What was written.

    Raises:
        ValueError: a model that cannot be said in C, with the reason; answers that differ; another argument.
        FileExistsError: there is such a file.

    Example:
        >>> import jax, liquidjax as lj, tempfile
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=1))
        >>> model = lj.Model(cell, cell.init(jax.random.key(0)))
        >>> written = write(model, Path(tempfile.mkdtemp()) / "pilot.c", name="pilot")
        >>> "int pilot_step(pilot_state *state, " in written.path.read_text(), written.state_bytes
        (True, 32)
    """
    check_name(name)
    check_flag("overwrite", overwrite)
    deployed = Deployed(model, dtype)
    path = checked_path(path, ENDINGS, overwrite)
    program = said(deployed, name)
    with tempfile.TemporaryDirectory() as folder:
        text, ran = _compared(program, deployed, Path(folder), path.name)
    checked_path(path, ENDINGS, overwrite)  # it took a while
    write_text(path, text)
    width = np.dtype(dtype).itemsize
    state_bytes = width * sum(max(size, 1) for size, _ in state_fields(deployed).values())
    return Written(path, len(text.encode()), state_bytes, *ran)


class _Known(NamedTuple):
    """The last four fields of `Written`."""

    compiler: str | None = None
    difference: float | None = None
    object_bytes: int | None = None
    nanoseconds: float | None = None


def _compared(program: Program, deployed: Deployed, folder: Path, file: str) -> tuple[str, _Known]:
    """The text of a file that answers as the model does, see `comparison.agreed`, and what is known of it."""
    text, known = "", _Known()

    def distance(given: Readings, wanted: np.ndarray) -> float:
        nonlocal text, known
        text = source(program, deployed, file, given, wanted)
        tool, ran = _run(program, folder, text, wanted.shape[-1], given)
        if ran is None:
            return 0.0  # nobody can say here
        found = comparison.difference(deployed, ran.answers, wanted)
        known = _Known(tool, found, ran.object_bytes, ran.nanoseconds)
        return found

    try:
        comparison.agreed(deployed, distance)
    except comparison.DisagreementError as error:
        name = type(deployed.cell).__name__
        raise ValueError(f"{name} cannot be exported to C: {error}; no file was written") from error
    return text, known


def _run(program: Program, folder: Path, text: str, outputs: int, given: Readings) -> tuple[str | None, Ran | None]:
    """(the compiler, what the compiled text answers), both None where there is no compiler that works."""
    tool = compiler.found()
    if tool is None:
        return None, None
    file = folder / "model.c"
    file.write_text(text)
    try:
        return tool, compiler.run(tool, file, program.name, program.dtype, outputs, given)
    except (OSError, ValueError):
        if compiler.works(tool, folder):
            raise
        return None, None
