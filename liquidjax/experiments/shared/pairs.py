"""Work that is done pair by pair, a design on a task, side by side on the cores; what is finished is kept."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from liquidjax import _files
from liquidjax.experiments.shared import run_folder
from liquidjax.experiments.shared.progress import Callback
from liquidjax.training.checkpoints.alone import alone
from liquidjax.training.members import side_by_side


class Key(NamedTuple):
    """What a pair is found by."""

    task: str
    design: str


Pair = TypeVar("Pair", bound=Any)
"""A NamedTuple with `task` and `design` that JSON can hold."""


class Result(NamedTuple):
    """The run folder, the pairs that are finished, and where it was interrupted, if it was."""

    folder: Path
    pairs: list[Any]
    interrupted: str | None = None


def carried_out(
    config: Any,
    folder: Path,
    resume: bool,
    wanted: Sequence[Key],
    compute: Callable[[], list[Pair]],
    write: Callable[[list[Pair], str | None], None],
) -> Result:
    """Begins a run or goes on with one, computes its pairs and writes what came of them; marked until that is whole.

    Args:
        config: the settings of the run.
        folder: of the run, which `run_folder.check_ready` has looked at.
        resume: whether the run goes on.
        wanted: all pairs.
        compute: gives those that are finished, see `computed`.
        write: writes them into the folder, and the sentence that says that some are missing, if they are.
    """
    with alone(folder / run_folder.CHECKPOINTS):
        (run_folder.go_on if resume else run_folder.begin)(folder, config)
        pairs = compute()
        interrupted = None
        if len(pairs) < len(wanted):
            interrupted = f"Interrupted with {len(pairs)} of {len(wanted)} pairs of a design and a task finished."
        # Before the results: results without a mark are those of a run that came to its end, pictures and all.
        run_folder.mark_interrupted(folder, interrupted or run_folder.NOT_WRITTEN)
        write(pairs, interrupted)
        if not interrupted:
            run_folder.end(folder)
    return Result(folder, pairs, interrupted)


def computed(
    kind: type[Pair],
    wanted: Sequence[Key],
    compute: Callable[[Key], Pair | None],
    kept: Path,
    say: Callable[[Pair], str],
    callback: Callback,
    stop: Callable[[], bool],
) -> list[Pair]:
    """All pairs that are finished, in the order in which they are wanted; those that are not yet are computed.

    Args:
        kind: of the pairs.
        wanted: the pairs.
        compute: computes one; None where it was stopped. It is called in several threads.
        kept: the folder with a file for each finished pair. What is damaged there is computed again.
        say: what the callback shows of a pair.
        callback: called for each finished pair with the task and how many of its designs are finished.
        stop: asked before each pair; when it says True, what is not finished is left.

    Raises:
        FloatingPointError: one diverged, with its name.
    """
    finished = (read_pair(kind, file) for file in kept.glob("*.json"))
    found = {Key(pair.task, pair.design): pair for pair in finished if pair is not None}
    done = {task: sum(key.task == task for key in found) for task, _ in wanted}
    start, lock = time.perf_counter(), threading.Lock()

    def one(key: Key) -> None:
        if stop():
            return
        try:
            pair = compute(key)
        except FloatingPointError as error:
            raise FloatingPointError(f"{key.design} on {key.task}: {error}") from error
        if pair is None:
            return
        _files.write_text(kept / file_name(key), json.dumps(pair._asdict()))
        with lock:
            found[key] = pair
            done[key.task] += 1
            callback(key.task, done[key.task], time.perf_counter() - start, say(pair))

    side_by_side(one, [key for key in wanted if key not in found])
    return [found[key] for key in wanted if key in found]


def read_pair(kind: type[Pair], file: Path) -> Pair | None:
    """A finished pair; None where the file is none, which is then computed again."""
    try:
        pair = kind(**json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError):
        return None
    return pair if file.name == file_name(Key(pair.task, pair.design)) else None


def write_pairs(file: Path, pairs: Sequence[Any]) -> None:
    """A JSON list with a line for each pair."""
    lines = ",\n".join(json.dumps(pair._asdict(), allow_nan=False) for pair in pairs)
    _files.write_text(file, f"[\n{lines}\n]\n")


def read_pairs(kind: type[Pair], file: Path) -> list[Pair]:
    """The pairs of such a file."""
    return [kind(**each) for each in json.loads(file.read_text(encoding="utf-8"))]


def file_name(key: Key) -> str:
    """Of the file of a pair, whatever characters its names have.

    Example:
        >>> file_name(Key("sines", "LTC-NCP"))[-5:], len(file_name(Key("sines", "CfC (mixed rates)")))
        ('.json', 21)
    """
    return f"{hashlib.sha256(f'{key.task} {key.design}'.encode()).hexdigest()[:16]}.json"
