"""Calls of functions in fresh processes, so that one measurement cannot disturb the next.

Run as a program, `python -m liquidjax.experiments.shared.subprocesses MODULE FUNCTION JSON`, it is the fresh process.
"""

import contextlib
import dataclasses
import importlib
import inspect
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import typing
from collections.abc import Callable
from typing import IO, Any

from liquidjax.experiments.shared import configuration

SHARE = "share done: "
"""Begins a line on stderr that says how much of the work is done."""
POLL = 0.1
"""Seconds between two looks at `stop`."""


class Stopped(Exception):  # noqa: N818  # nothing went wrong
    """`stop` ended a process before it was done."""


def call(
    function: Callable[..., Any],
    argument: Any,
    stop: Callable[[], bool] = lambda: False,
    callback: Callable[[float], None] = lambda share: None,
) -> dict[str, Any]:
    """function(argument), computed by a new Python process.

    Args:
        function: one that a module defines, with one annotated parameter, and a NamedTuple of plain values to return.
            If it has a second parameter `callback`, it gets a function to call with the share of the work that is done.
        argument: a config dataclass.
        stop: asked several times a second; when it says True, the process is ended.
        callback: called with the shares the function reports, by another thread.

    Returns:
        What the function returned, as a dict.

    Raises:
        ChildProcessError: the process failed; the message says why.
        Stopped: `stop` ended it.
    """
    given = json.dumps(dataclasses.asdict(argument))
    command = [sys.executable, "-m", __name__, function.__module__, function.__name__, given]
    errors: list[str] = []

    def listen(lines: IO[str]) -> None:
        for line in lines:
            if line.startswith(SHARE):
                callback(float(line.removeprefix(SHARE)))
            else:
                errors.append(line)

    with tempfile.TemporaryFile("w+") as answer:
        # In a session of its own: Ctrl-C on the terminal is for this process, which then ends that one.
        process = subprocess.Popen(
            command, stdout=answer, stderr=subprocess.PIPE, text=True, env=environment(), start_new_session=True
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
            why = cause(process.returncode, "".join(errors))
            raise ChildProcessError(f"{function.__name__} of {argument} in its own process: {why}")
        answer.seek(0)
        return json.loads(answer.read().splitlines()[-1])


def environment(**variables: str) -> dict[str, str]:
    """The variables of this process and those given, for one that measures.

    Several share an accelerator, and none may take all of its memory at once; and a first compilation is to be one.
    """
    kept = {key: value for key, value in os.environ.items() if key != "JAX_COMPILATION_CACHE_DIR"}
    return kept | {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"} | variables


def cause(status: int, errors: str) -> str:
    """One line on why a process ended, from its exit status and what it wrote to stderr.

    Example:
        >>> cause(1, "Traceback ...\\nValueError: time must be at least 1\\n")
        'failed: ValueError: time must be at least 1'
    """
    if "ModuleNotFoundError" in errors:
        return "not installed: " + errors.rsplit("ModuleNotFoundError: ", 1)[1].splitlines()[0]
    if any(sign in errors for sign in ("RESOURCE_EXHAUSTED", "OutOfMemory", "out of memory", "MemoryError")):
        return "out of memory"
    if status < 0:
        return f"killed by signal {-status}" + (" (out of memory?)" if status == -9 else "")
    lines = [line for line in errors.splitlines() if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return f"failed: {lines[-1][:200]}" if lines else f"ended with status {status}"


def main() -> None:
    """The fresh process: reads the argument, calls the function, prints what it returned as JSON."""
    module, name, given = sys.argv[1:]
    function = getattr(importlib.import_module(module), name)
    kind = next(iter(typing.get_type_hints(function).values()))
    more = {"callback": _report} if "callback" in inspect.signature(function).parameters else {}
    print(json.dumps(function(configuration.build(kind, json.loads(given)), **more)._asdict()))


def _report(share: float) -> None:
    print(f"{SHARE}{share}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
