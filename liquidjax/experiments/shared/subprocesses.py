"""Calls of functions in fresh processes, so that one measurement cannot disturb the next.

Run as a program, `python -m liquidjax.experiments.fresh MODULE FUNCTION JSON`, it is the fresh process.
"""

import contextlib
import dataclasses
import importlib
import inspect
import json
import os
import subprocess
import sys
import tempfile
import threading
import typing
from collections.abc import Callable, Mapping
from typing import IO, Any

from liquidjax.experiments.shared import configuration as configs

SHARE = "share done: "
"""Begins a line on stderr that says how much of the work is done."""
POLL = 0.1
"""Seconds between two looks at `stop`."""


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """`stop` ended a process before it was done."""


def call(
    function: Callable[..., Any],
    argument: Any,
    environment: Mapping[str, str] | None = None,
    stop: Callable[[], bool] = lambda: False,
    tell: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """function(argument), computed by a new Python process.

    Args:
        function: one that a module defines, with one annotated parameter, and a NamedTuple of plain values to return.
            If it has a second parameter `tell`, it gets a function to call with the share of the work that is done.
        argument: a config dataclass.
        environment: variables the process gets besides those of this one.
        stop: asked several times a second; when it says True, the process is ended.
        tell: called with the shares the function tells, by another thread.

    Returns:
        What the function returned, as a dict.

    Raises:
        ChildProcessError: the process failed; the message ends with its last line on stderr.
        Stopped: `stop` ended it.
    """
    given = json.dumps(dataclasses.asdict(argument))
    command = [sys.executable, "-m", __name__, function.__module__, function.__name__, given]
    said: list[str] = []

    def listen(lines: IO[str]) -> None:
        for line in lines:
            if line.startswith(SHARE):
                tell(float(line.removeprefix(SHARE)))
            else:
                said.append(line.strip())

    with tempfile.TemporaryFile("w+") as answer:
        # In a session of its own: Ctrl-C on the terminal is for this process, which then ends that one.
        process = subprocess.Popen(
            command,
            stdout=answer,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
        assert process.stderr is not None
        listener = threading.Thread(target=listen, args=(process.stderr,), daemon=True)
        listener.start()
        try:
            while process.poll() is None:
                if stop():
                    raise Stopped
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(POLL)
        finally:
            process.kill()  # nothing if it has ended
            process.wait()
            listener.join()
            process.stderr.close()
        if process.returncode:
            last = next((line for line in reversed(said) if line), "it said nothing")
            number = -process.returncode
            killed = f"killed by signal {number} (9: out of memory?); " if number > 0 else ""
            raise ChildProcessError(f"{function.__name__} of {argument} failed in its own process: {killed}{last}")
        answer.seek(0)
        return json.loads(answer.read().splitlines()[-1])


def main() -> None:
    """The fresh process: reads the argument, calls the function, prints what it returned as JSON."""
    module, name, given = sys.argv[1:]
    function = getattr(importlib.import_module(module), name)
    kind = next(iter(typing.get_type_hints(function).values()))
    more = {"tell": _tell} if "tell" in inspect.signature(function).parameters else {}
    print(json.dumps(function(configs.build(kind, json.loads(given)), **more)._asdict()))


def _tell(share: float) -> None:
    print(f"{SHARE}{share}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
