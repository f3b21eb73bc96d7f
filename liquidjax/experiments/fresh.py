"""Calls of functions in fresh processes, so that one measurement cannot disturb the next.

Run as a program, `python -m liquidjax.experiments.fresh MODULE FUNCTION JSON`, it is the fresh process.
"""

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Any

from liquidjax.experiments import config as configs


def call(function: Callable[[Any], Any], argument: Any, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """function(argument), computed by a new Python process.

    Args:
        function: one that a module defines, with one annotated parameter, and a NamedTuple of plain values to return.
        argument: a config dataclass.
        environment: variables the process gets besides those of this one.

    Returns:
        What the function returned, as a dict.

    Raises:
        ChildProcessError: the process failed; the message ends with its last line on stderr.
    """
    given = json.dumps(dataclasses.asdict(argument))
    command = [sys.executable, "-m", __name__, function.__module__, function.__name__, given]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if done.returncode:
        said = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        killed = f"killed by signal {-done.returncode} (9: out of memory?); " if done.returncode < 0 else ""
        raise ChildProcessError(f"{function.__name__} of {argument} failed in its own process: {killed}{said}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """The fresh process: reads the argument, calls the function, prints what it returned as JSON."""
    module, name, given = sys.argv[1:]
    function = getattr(importlib.import_module(module), name)
    kind = next(iter(typing.get_type_hints(function).values()))
    print(json.dumps(function(configs.build(kind, json.loads(given)))._asdict()))


if __name__ == "__main__":
    main()
