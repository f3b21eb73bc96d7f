"""Contenders in rounds, A B C A B C: each in a process of its own, one of which runs at a time.

So thread pools and allocators of different libraries do not disturb each other, and a machine whose speed drifts does
not favour one: ratios are taken within a round.
"""

import json
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
import weights
from setting import Setting

from liquidjax.experiments.shared import subprocesses

WORKER = Path(__file__).with_name("worker.py")


class Entry(NamedTuple):
    """A contender with what it runs. `cores` limits it to so many cores (Linux only), None to none."""

    label: str
    contender: str
    setting: Setting
    cores: int | None = None


@dataclass
class Record:
    """What came out for one entry; `failure` says why nothing did."""

    label: str
    facts: dict[str, Any] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)
    failure: str = ""


class WorkerError(Exception):
    """A worker that could not go on, and why."""


class Worker:
    """The process of an entry. Use it in a `with` block, which ends it.

    Args:
        entry: what it runs.
        folder: where it finds the weights and writes what its libraries say.
        cap_seconds: how long an answer may take.

    Raises:
        WorkerError: from every method, when the process ends or takes too long.
    """

    def __init__(self, entry: Entry, folder: Path, cap_seconds: float):
        self._cap = cap_seconds
        with tempfile.NamedTemporaryFile(dir=folder, suffix=".log", delete=False) as log:
            self._log = Path(log.name)
            arrays = folder / f"{abs(hash(entry.setting))}.npz"
            drawn: dict[str, Any] = weights.draw(entry.setting)
            if not arrays.exists():
                np.savez(arrays, **drawn)
            setting = json.dumps(vars(entry.setting))
            command = [sys.executable, str(WORKER), entry.contender, setting, str(arrays)]
            if entry.cores is not None:
                command = ["taskset", "--cpu-list", f"0-{entry.cores - 1}", *command]
            variables = subprocesses.environment(TORCHINDUCTOR_CACHE_DIR=str(folder))
            pipe = subprocess.PIPE
            self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=log, text=True, env=variables)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def answer(self) -> Any:
        """The next line it prints."""
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(self._cap):
                raise WorkerError(f"took longer than {self._cap:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(self._cause())
        return json.loads(line)

    def _cause(self) -> str:
        return subprocesses.cause(self._process.wait(), self._log.read_text(errors="replace"))

    def ask(self, word: str) -> Any:
        """The answer to a word."""
        assert self._process.stdin is not None
        try:
            print(word, file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise WorkerError(self._cause()) from None
        return self.answer()


def measure(entries: Sequence[Entry], rounds: int, cap_seconds: float = 600.0, at_once: bool = False) -> list[Record]:
    """Runs all entries in rounds and says on stderr how far it is.

    Args:
        entries: who takes part; the first one is what the others are compared with.
        rounds: how many are counted, after one that is not.
        cap_seconds: how long one answer of a worker may take; the first contains imports and compilation.
        at_once: whether all begin at the same time, for where time is short and there are cores for all; the time for
            compiling is then not that of a process that has the machine to itself.

    Returns:
        A record for each entry, in their order.
    """
    records = [Record(entry.label) for entry in entries]
    workers: dict[int, Worker] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            for number, entry in enumerate(entries):
                say(f"{entry.label}: {entry.setting}")
                if entry.cores is not None and not shutil.which("taskset"):
                    records[number].failure = "needs taskset, which Linux has"
                    continue
                workers[number] = Worker(entry, Path(folder), cap_seconds)
                if not at_once:
                    records[number].facts |= attempt(workers, number, records, "") or {}
            for number in list(workers) if at_once else ():
                records[number].facts |= attempt(workers, number, records, "") or {}
            for count in range(rounds + 1):
                say(f"round {count} of {rounds}" if count else "warm-up")
                for number in list(workers):
                    seconds = attempt(workers, number, records, "run")
                    if count and seconds is not None:
                        records[number].seconds.append(seconds)
            for number in list(workers):
                records[number].facts |= attempt(workers, number, records, "end") or {}
        finally:
            for worker in workers.values():
                worker.__exit__(None, None, None)
    return records


def attempt(workers: dict[int, Worker], number: int, records: list[Record], word: str) -> Any:
    """A worker's answer to a word; one that fails takes part no more, with the reason in its record."""
    record = records[number]
    try:
        answer = workers[number].ask(word) if word else workers[number].answer()
        if isinstance(answer, dict) and "refused" in answer:
            raise WorkerError(f"cannot: {answer['refused']}")
    except WorkerError as failure:
        record.failure, record.seconds = str(failure), []
        say(f"{record.label}: {failure}")
        workers.pop(number).__exit__(None, None, None)
        return None
    return answer


def say(text: str) -> None:
    """Shows progress."""
    print(text, file=sys.stderr, flush=True)
