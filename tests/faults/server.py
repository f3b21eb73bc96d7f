"""Real `liquidjax` processes that start in no time: forked from one that has imported everything and computed nothing.

The server, `python server.py`, takes jobs as lines of JSON and is not threaded, so that a fork is safe; `Server` is its
other end. What happens to a job is in `injection`.
"""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
IMPORTED = (
    *("matplotlib.figure", "matplotlib.backends.backend_agg", "orbax.checkpoint.experimental.v1", "filelock"),
    *("pandas", "pyarrow", "sklearn.linear_model", "liquidjax.plots", "liquidjax.experiments.supervised.figures"),
)


class Ended(NamedTuple):
    """How a process ended.

    status: that of a shell, negative the signal that killed it; out, err: what it said; seen: what its injection wrote
    down, a line each.
    """

    status: int
    out: str
    err: str
    seen: list[str]

    @property
    def sentence(self) -> str:
        """The last line that it said of what is wrong."""
        return self.err.strip().rpartition("\n")[2]


class Server:
    """Starts processes, any number side by side; a context manager."""

    def __init__(self) -> None:
        paths = [str(HERE.parent), str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "server.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate("")

    def _ask(self, **job: Any) -> Any:
        """One question and its answer."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(job), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, "the server has ended"
        return json.loads(answer)

    def start(self, *arguments: object, **injected: Any) -> int:
        """Starts `liquidjax` with arguments and an injection, see `injection.install`; the number of the process."""
        return self._ask(arguments=[str(each) for each in arguments], injected=injected)

    def wait(self, number: int) -> Ended:
        """Waits for the end of what was started."""
        status, (out, err, seen) = self._ask(wait=number)
        return Ended(os.waitstatus_to_exitcode(status), out, err, seen.splitlines())

    def run(self, *arguments: object, **injected: Any) -> Ended:
        """Starts and waits."""
        return self.wait(self.start(*arguments, **injected))


def serve() -> None:
    """Answers until nobody asks any more."""
    from liquidjax import __main__ as cli

    # All that a run imports on its way, and nothing that computes.
    for name in IMPORTED:
        with contextlib.suppress(ImportError):
            __import__(name)
    running: dict[int, list[int]] = {}
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            _, status = os.waitpid(job["wait"], 0)
            answer: Any = [status, [_all(end) for end in running.pop(job["wait"])]]
        else:
            # Not files, which could not become longer where a disk is full; they hold all that a process says.
            pipes = [_pipe() for _ in range(3)]
            answer = os.fork()
            if answer == 0:
                _run(cli, job, [write for _, write in pipes])
            for _, write in pipes:
                os.close(write)
            running[answer] = [read for read, _ in pipes]
        print(json.dumps(answer), flush=True)


def _pipe() -> tuple[int, int]:
    read, write = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 1 << 20)
    return read, write


def _all(read: int) -> str:
    with open(read, "rb") as file:
        return file.read().decode(errors="replace")


def _run(cli: Any, job: dict[str, Any], ends: list[int]) -> None:
    """In the new process."""
    from faults import injection

    status = 70
    try:
        for descriptor, end in zip((1, 2), ends, strict=False):
            os.dup2(end, descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        injection.install(ends[2], **job["injected"])
        cli.main(job["arguments"])
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    serve()
