"""A model as a file of ONNX: one step, and if wanted a sequence, for any batch; run and compared before it is written.

jax2onnx converts. It replaces functions of JAX while it works, so that happens in another process, which gets the model
as a pickle of ours and gives back files; nothing of it is left in this one.

Reference:
    "Open Neural Network Exchange", https://onnx.ai; jax2onnx, https://github.com/enpasos/jax2onnx
"""

import contextlib
import dataclasses
import importlib.util
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._checks import described
from liquidjax._files import replacing
from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx.runtime import compared, in_a_line, loaded, refusal
from liquidjax.training.model import Model

MISSING = (
    'ONNX is written by jax2onnx and tried out by onnxruntime: pip install "liquidjax[onnx]", in an environment of its '
    "own, because it wants an older orbax than checkpoints do"
)
_CHILD = "liquidjax.export.onnx.process"


class Written(NamedTuple):
    """What an export is when it is done.

    path, bytes: the file of a step and its length; sequence, sequence_bytes: that of a sequence, None where none was
    wanted; difference: the largest from the model, see `comparison.difference`.
    """

    path: Path
    bytes: int
    difference: float
    sequence: Path | None = None
    sequence_bytes: int | None = None


def write(
    model: Model, path: str | os.PathLike, *, sequence: str | os.PathLike | None = None, dtype: str = "float32"
) -> Written:
    """Exports a model to ONNX: a file that is compared with the model by onnxruntime, or none.

    A step reads `features` (batch, features), in the units of the data and NaN where one was not observed, `dt`
    (batch,), the time since the step before, and the state, `state.cell` and the like. It gives `answers` and the state
    after it, `next_state.cell` and the like. A sequence has the same names, and time as the first axis of `features`,
    `dt` and `answers`. What is in the metadata of the file: `features`, `answers`, `state` (that before the first step,
    of one series), all in JSON, `kind`, `first_dt`, `cell` and `liquidjax`.

    Args:
        model: of a cell whose class can be imported in another process, with an integrator of fixed steps.
        path: the file of a step; an existing one is replaced. `.onnx` is the usual ending.
        sequence: the file of a sequence; None for none.
        dtype: what is computed in, "float32" or "float64".

    Returns:
        The files, their lengths, and the largest difference from the model.

    Raises:
        ImportError: jax2onnx, onnx or onnxruntime is not installed.
        FileNotFoundError: there is no folder to write into.
        ValueError: a model that cannot be exported, with its cell and the reason, or answers other than those of the
            model; then no file was written.
    """
    check_installed()
    files = [_checked("path", path), *([] if sequence is None else [_checked("sequence", sequence)])]
    if len({os.path.realpath(file) for file in files}) < len(files):
        raise ValueError(f"sequence must be another file than path, got {described(str(sequence))} for both")
    deployed = Deployed(model, dtype)
    contents = converted(deployed)[: len(files)]
    largest = compared(deployed, [loaded(deployed, each) for each in contents])
    with contextlib.ExitStack() as stack:
        for file, content in zip(files, contents, strict=True):
            stack.enter_context(replacing(file)).write(content)
    if sequence is None:
        return Written(files[0], len(contents[0]), largest)
    return Written(files[0], len(contents[0]), largest, files[1], len(contents[1]))


def check_installed() -> None:
    """Raises the ImportError that says how to install what writes ONNX. jax2onnx is not imported here."""
    for name in ("jax2onnx", "onnx", "onnxruntime"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(MISSING)


def converted(deployed: Deployed) -> list[bytes]:
    """The files of a step and of a sequence, made by another process."""
    params = jax.tree.map(np.asarray, deployed.model.params)  # out of the memory of any accelerator
    try:
        sent = pickle.dumps(dataclasses.replace(deployed, model=dataclasses.replace(deployed.model, params=params)))
    except Exception as error:  # pickle has no class for what cannot be pickled
        raise refusal(deployed, f"it cannot be sent to the process that converts, {in_a_line(error)}") from error
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JAX_")}
    # Its modules are found where this process finds them, and its numbers are computed on the processor.
    places = os.pathsep.join(path or os.getcwd() for path in sys.path if isinstance(path, str))
    environment = kept | {"JAX_PLATFORMS": "cpu", "PYTHONPATH": places}
    command = [sys.executable, "-P", "-m", _CHILD]
    done = subprocess.run(command, input=sent, capture_output=True, env=environment)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        last = said[-1] if said else "without a word"
        raise refusal(deployed, f"the process that converts ended with {done.returncode}, {in_a_line(last)}")
    files, reason = pickle.loads(done.stdout)  # of our own process
    if reason is not None:
        raise refusal(deployed, reason)
    return files


def _checked(name: str, path: Any) -> Path:
    if not isinstance(path, str | os.PathLike) or not str(path):
        raise ValueError(f"{name} must be the name of a file such as 'model.onnx', got {described(path)}")
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{name} must be the name of a file such as 'model.onnx', and {path} is a folder")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"there is no folder {path.parent} to write {path.name} into")
    return path
