"""The process that converts: a pickle of a `Deployed` comes in, a pickle of its files, a step and a sequence, goes out.

Run by `liquidjax.export.onnx.writing`, which says why; nobody else should.
"""

import json
import os
import pickle
import sys
from importlib.metadata import version

from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx.runtime import in_a_line, initial_state

_STEP = """\
One step of {cell}. features (batch, {features}): in the units of the data{gaps}; dt (batch): the time since the step \
before, {first_dt:g} for a first step; state: next_state of the step before, for a first step what "state" in the \
metadata says of each series. answers (batch, {answers}): {kind}, the answer so far."""
_SEQUENCE = """\
A sequence of steps of {cell}. features (time, batch, {features}): in the units of the data{gaps}; dt (time, batch): \
the time since the step before, {first_dt:g} for a first step; state: for the beginning of a series what "state" in \
the metadata says, else next_state of the sequence before. answers (time, batch, {answers}): {kind}, the answer so far \
after each step."""


def files(deployed: Deployed) -> list[bytes]:
    """The files of a step and of a sequence.

    Raises:
        ValueError: an operation that cannot be written.
    """
    from liquidjax.export.onnx.graph import sequence_of, to_bytes
    from liquidjax.export.onnx.step import step_graph

    step, writer, said = step_graph(deployed), version("liquidjax"), metadata(deployed)
    text = {
        "cell": type(deployed.cell).__name__,
        "features": len(deployed.features),
        "gaps": "" if deployed.model.preparation is None else ", NaN where one was not observed",
        "first_dt": deployed.first_dt,
        "answers": len(deployed.answers),
        "kind": deployed.kind,
    }
    return [
        to_bytes(step, "step", _STEP.format(**text), said, writer),
        to_bytes(sequence_of(step), "sequence", _SEQUENCE.format(**text), said, writer),
    ]


def metadata(deployed: Deployed) -> dict[str, str]:
    """What a file says of itself: texts by name, lists and arrays in JSON."""
    state = {name: start.tolist() for name, start in initial_state(deployed, ()).items()}
    return {
        "features": json.dumps(deployed.features),
        "answers": json.dumps(deployed.answers),
        "kind": deployed.kind,
        "first_dt": repr(float(deployed.first_dt)),
        "state": json.dumps(state),
        "cell": repr(deployed.cell),
        "liquidjax": version("liquidjax"),
    }


def main() -> None:
    """Reads and writes; what libraries print goes to stderr."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        pickle.dump(_answer(), out)


def _answer() -> tuple[list[bytes] | None, str | None]:
    """(files, None), or (None, why there are none)."""
    try:
        deployed = pickle.load(sys.stdin.buffer)
    except Exception as error:  # what loads is anybody's class
        return None, (
            f"the process that converts cannot import it, {in_a_line(error)}; its classes and functions must be at the "
            "top of modules that can be imported, so not of a notebook or of the script that runs"
        )
    try:
        return files(deployed), None
    except ValueError as error:
        return None, " ".join(str(error).split())[:500]


if __name__ == "__main__":
    main()
