"""A run is killed, or asked to stop, at any moment, and goes on: to the bit as if nothing had been."""

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from faults.server import Ended, Server
from faults.small_runs import differing, outcome, write
from faults.trial import Trial, short

REFUSED = (
    "must be the folder of a run, and has no config.yaml",
    "must be the folder of a run, and does not exist",
    "came to its end; there is nothing to go on with",
)
"""What `--resume` says where there is nothing to go on with: not yet, or not any more."""


class Reference:
    """The run that nothing happens to, of one shape: its outcome, and the changes of files that it makes.

    Args:
        server: that runs it.
        place: a folder for it.
        shape: see `small_runs`.
    """

    def __init__(self, server: Server, place: Path, shape: str):
        self.server, self.place, self.shape = server, place, shape
        self.config = write(place, shape)
        folder = place / f"{self.config.stem}-whole"
        begun = time.monotonic()
        ended = server.run("train", self.config, "--folder", folder, below=str(folder), files="count")
        self.seconds = time.monotonic() - begun
        assert ended.status == 0, ended
        self.changes, self.outcome = ended.seen, outcome(folder)

    def killed(self, folder: Path, *moments: int) -> Trial:
        """Killed at the n-th change of a file; going on, at the next moment; and so on, and then left in peace."""
        arguments, places = ["train", self.config, "--folder", folder], []
        for moment in moments:
            ended = self.server.run(*arguments, below=str(folder), at=moment, action="kill")
            if ended.status != -signal.SIGKILL:
                break  # it came to its end before
            places.append(where(ended.seen[-1]))
            if not (folder / "config.yaml").is_file():
                break
            arguments = ["train", "--resume", folder]
        return self.gone_on("kill, at a change of a file", folder, ", then ".join(places) or "never")

    def killed_after(self, folder: Path, seconds: float) -> Trial:
        """Another process, begun by a shell's means, is killed after so many seconds."""
        command = [sys.executable, "-m", "liquidjax", "train", str(self.config), "--folder", str(folder)]
        quiet: Any = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, **quiet)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return self.gone_on("kill, at a moment of the clock", folder, f"after {seconds:.1f} s")

    def stopped(self, folder: Path, moment: int, name: str) -> Trial:
        """Asked to stop at the n-th change of a file."""
        ended = self.server.run("train", self.config, "--folder", folder, below=str(folder), at=moment, action=name)
        kind, place = f"{name}", where(ended.seen[-1]) if ended.seen else "never"
        if ended.status != 128 + getattr(signal, name):
            return Trial(kind, place, f"ended with status {ended.status}", False, short(ended.err))
        if not (folder / "interrupted.txt").is_file():  # there was nothing left to train
            same = differing(outcome(folder), self.outcome)
            return Trial(kind, place, "came to its end" if not same else f"another {same[0]}", not same)
        told = re.search(r"^To go on: liquidjax train --resume (.+)$", ended.out, re.M)
        if not told or "Traceback" in ended.err:
            return Trial(kind, place, "did not say how to go on", False, short(ended.out[-300:]))
        return self.gone_on(kind, Path(shlex.split(told[1])[0]), place)

    def gone_on(self, kind: str, folder: Path, place: str) -> Trial:
        """Whether what is left of a run goes on to the same end."""
        newest = _newest(folder)
        ended = self.server.run("train", "--resume", folder, below=str(folder), files="steps")
        if ended.status == 2 and any(sentence in ended.sentence for sentence in REFUSED):
            if REFUSED[2] not in ended.sentence:
                return Trial(kind, place, "nothing was begun", True, short(ended.sentence))
            differs = differing(outcome(folder), self.outcome)
            return Trial(kind, place, f"another {differs[0]}" if differs else "was at its end", not differs)
        if ended.status:
            return Trial(kind, place, f"ended with status {ended.status}", False, short(ended.err))
        if differs := differing(outcome(folder), self.outcome):
            return Trial(kind, place, f"another {differs[0]}", False, short(ended.err))
        if lost := _lost(newest, ended):
            return Trial(kind, place, lost, False)
        return Trial(kind, place, "went on to the same bits", True)


def moments(changes: list[str], count: int, seed: int) -> list[int]:
    """So many numbers of changes: one of each kind of change, as far as they go, and others anywhere."""
    generator = np.random.default_rng(seed)
    kinds: dict[str, list[int]] = {}
    for number, change in enumerate(changes, start=1):
        kinds.setdefault(re.sub(r"[0-9a-f]{16}|step-\d+", "*", change), []).append(number)
    one_of_each = [int(generator.choice(numbers)) for numbers in kinds.values()]
    chosen = one_of_each[:: max(1, len(one_of_each) * 2 // count)][: count // 2]
    spread = np.linspace(1, len(changes), count - len(chosen) + 2).astype(int)[1:-1]
    return sorted([*chosen, *map(int, spread)])


def where(change: str) -> str:
    """In words, what a change of a file belongs to."""
    names = {
        "fsync": "putting a file on the disk",
        "checkpoints/config.yaml": "writing the settings",
        "config.yaml": "writing the settings",
        "model.safetensors": "writing the model",
        "results.json": "writing the results",
        "sample.csv": "writing the results",
        "overview.png": "writing the picture",
        "metrics.jsonl": "writing the curves",
        "interrupted.txt": "writing the results",
    }
    for name, words in names.items():
        if name in change:
            return words
    if "rename checkpoints ->" in change or re.search(r"^(remove|rmdir|shutil)", change):
        return "removing checkpoints"
    return "writing a checkpoint" if "checkpoints" in change else "making the folder"


def _newest(folder: Path) -> tuple[str, int]:
    """The last network that has a checkpoint, and the step of its newest."""
    found = [(path.parent.name, int(path.name.split("-")[1])) for path in (folder / "checkpoints").glob("*/step-*")]
    return max(found, default=("", 0))


def _lost(newest: tuple[str, int], ended: Ended) -> str:
    """Says so where a step that had been saved was computed again."""
    network, step = newest
    for line in ended.seen:
        found = re.search(r"checkpoints/(\d+)/\S+ -> step-(\d+)", line)
        if found and (found[1] < network or (found[1] == network and int(found[2]) < step)):
            return f"step {found[2]} of network {found[1]} was lost"
    return ""
