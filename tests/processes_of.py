"""Processes that train together on this machine, started and waited for."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

PROGRAM = Path(__file__).with_name("joined_training.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROGRAM.parents[1]), str(PROGRAM.parent)])}
LONGEST = 240.0
"""Seconds after which nobody is waited for."""


class Ended(NamedTuple):
    """status: of the process, negative for a signal, None where it had to be killed; seconds: until it ended."""

    status: int | None
    out: str
    err: str
    seconds: float

    @property
    def found(self) -> dict[str, Any]:
        """What it printed of its training, see `joined_training.found`; gloo has lines of its own where it connects."""
        return json.loads(self.out.splitlines()[-1])


def free_port() -> int:
    with socket.create_server(("", 0)) as server:
        return server.getsockname()[1]


def together(
    number: int = 2,
    devices: int = 2,
    acts: dict[int, Any] | None = None,
    own: dict[int, Any] | None = None,
    here: Sequence[int] | None = None,
    **same: Any,
) -> list[Ended]:
    """The ends of all processes, by their number.

    Args:
        number: of processes.
        devices: of each.
        acts: what some do to themselves, (what, in which question to stop).
        own: settings of the training that some have for themselves.
        here: which are started; all of them when None.
        same: timeout, coming, folder, training.
    """
    coordinator = f"localhost:{free_port()}"
    same = {"folder": "", "timeout": 60.0, "training": {}, **same}
    commands = []
    for process in range(number) if here is None else here:
        given = {"process": process, "processes": number, "coordinator": coordinator, "devices": devices, **same}
        given |= {"act": (acts or {}).get(process), "training": {**same["training"], **(own or {}).get(process, {})}}
        commands.append([sys.executable, str(PROGRAM), json.dumps(given)])
    stopped = {process for process, (what, _) in (acts or {}).items() if what == "SIGSTOP"}
    return ended(commands, stopped)


def ended(commands: list[list[str]], stopped: Set[int] = frozenset(), **options: Any) -> list[Ended]:
    """Starts all commands, and waits until each has ended, or for too long, but not for one that will be stopped."""
    begun, pipes = time.monotonic(), {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started: list[Any] = [
        subprocess.Popen(
            command, text=True, env={**ENVIRONMENT, "XLA_FLAGS": os.environ["XLA_FLAGS"]}, **pipes, **options
        )
        for command in commands
    ]
    seconds: dict[int, float] = {}
    while len(seconds.keys() | stopped) < len(started) and time.monotonic() - begun < LONGEST:
        for number, process in enumerate(started):
            if number not in seconds and process.poll() is not None:
                seconds[number] = time.monotonic() - begun
        time.sleep(0.05)
    all_of = []
    for number, process in enumerate(started):
        if number not in seconds:
            process.kill()
        out, err = process.communicate()
        status = process.returncode if number in seconds else None
        all_of.append(Ended(status, out, err, seconds.get(number, LONGEST)))
    return all_of
