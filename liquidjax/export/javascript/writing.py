"""Writes a model as a module of JavaScript, after it has been run and compared with the model itself."""

import os
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from liquidjax._checks import check_flag
from liquidjax._files import write_text
from liquidjax.export import comparison
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.file import checked_path
from liquidjax.export.javascript import node
from liquidjax.export.javascript.program import JavaScript
from liquidjax.export.javascript.source import said, source
from liquidjax.training.model import Model

ENDINGS = (".js", ".mjs")


class Written(NamedTuple):
    """What was written, and what is known of it.

    path, bytes: of the file.
    node: by which it was run; None where there is none that works, and then nothing below is known.
    difference: the largest from the model itself, see `comparison.difference`.
    microseconds: that a step took on this machine.
    """

    path: Path
    bytes: int
    node: str | None
    difference: float | None
    microseconds: float | None


def write(model: Model, path: str | os.PathLike, *, overwrite: bool = False) -> Written:
    """Writes a model as one module of JavaScript with a function for a step: plain arithmetic, in double.

    It exports `init()`, the state before a series, and `step(state, inputs, dt)`, [the state after it, outputs]. A step
    reads features in the units of the data, NaN where one was not observed, and the time since the step before, and
    gives the answer so far, see `Deployed`. Further `names`, `firstDt`, `selftest()`, and of a cell with coefficients
    `timeConstants(state, inputs)`. The module is that of C, `liquidjax.export.c`, translated.

    Where there is Node, the module is run and its answers are compared with those of the model on irregular series; a
    module that answers otherwise is not written.

    Args:
        model: of a cell of liquidjax, in any wrappers, with a fixed-step integrator.
        path: the file, which ends in .js or .mjs; Node takes .js for a module where package.json says so.
        overwrite: whether a file that is there already is replaced.

    Returns:
        What was written.

    Raises:
        ValueError: a model that cannot be said in JavaScript, with the reason; answers that differ; another argument.
        FileExistsError: there is such a file.

    Example:
        >>> import jax, liquidjax as lj, tempfile
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=1))
        >>> model = lj.Model(cell, cell.init(jax.random.key(0)))
        >>> written = write(model, Path(tempfile.mkdtemp()) / "pilot.js")
        >>> "export function step(before, inputs, dt)" in written.path.read_text()
        True
    """
    check_flag("overwrite", overwrite)
    deployed = Deployed(model, "float64")
    path = checked_path(path, ENDINGS, overwrite)
    program = said(deployed)
    with tempfile.TemporaryDirectory() as folder:
        text, known = _compared(program, deployed, Path(folder), path.name)
    checked_path(path, ENDINGS, overwrite)  # it took a while
    write_text(path, text)
    return Written(path, len(text.encode()), *known)


class _Known(NamedTuple):
    """The last three fields of `Written`."""

    node: str | None = None
    difference: float | None = None
    microseconds: float | None = None


def _compared(program: JavaScript, deployed: Deployed, folder: Path, file: str) -> tuple[str, _Known]:
    """The text of a module that answers as the model does, see `comparison.agreed`, and what is known of it."""
    text, known, tool = "", _Known(), node.found()
    if tool is not None and not node.works(tool):
        tool = None

    def distance(given: Readings, wanted: np.ndarray) -> float:
        nonlocal text, known
        text = source(program, deployed, file, given, wanted)
        if tool is None:
            return 0.0  # nobody can say here
        ran = node.run(tool, text, folder, given)
        found = comparison.difference(deployed, ran.answers, wanted)
        known = _Known(tool, found, ran.microseconds)
        return found

    try:
        comparison.agreed(deployed, distance)
    except comparison.DisagreementError as error:
        name = type(deployed.cell).__name__
        raise ValueError(f"{name} cannot be exported to JavaScript: {error}; no file was written") from error
    return text, known
