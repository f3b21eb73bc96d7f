"""Real `liquidjax` processes that start in no time: forked from one that has imported everything and computed nothing.

The server, `python server.py`, takes jobs as lines of JSON and is not threaded, so that a fork is safe; `Server` is its
other end. What happens to a job is in `injection`.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent


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
    """Starts processes, any number side by side; a context manager.

    Args:
        place: a folder for what they say.
    """

    def __init__(self, place: Path):
        self.place, self.count = place, 0
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

    def ask(self, **job: Any) -> Any:
        """One question and its answer."""
        assert self.process.stdin and self.process.stdout
        print(json.dumps(job), file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        assert answer, "the server has ended"
        return json.loads(answer)

    def start(self, *arguments: object, **injected: Any) -> tuple[int, Path]:
        """Starts `liquidjax` with these arguments and an injection, see `injection.install`."""
        self.count += 1
        said = self.place / f"job{self.count}"
        return self.ask(arguments=[str(each) for each in arguments], said=str(said), injected=injected), said

    def wait(self, started: tuple[int, Path]) -> Ended:
        """Waits for the end of what was started."""
        number, said = started
        status = os.waitstatus_to_exitcode(self.ask(wait=number))
        texts = [Path(f"{said}.{kind}") for kind in ("out", "err", "seen")]
        out, err, seen = (path.read_text(errors="replace") if path.exists() else "" for path in texts)
        for path in texts:
            path.unlink(missing_ok=True)
        return Ended(status, out, err, seen.splitlines())

    def run(self, *arguments: object, **injected: Any) -> Ended:
        """Starts and waits."""
        return self.wait(self.start(*arguments, **injected))


def serve() -> None:
    """Answers until nobody asks any more."""
    from liquidjax import __main__ as cli

    # All that a run imports on its way, and nothing that computes.
    for name in ("matplotlib.figure", "orbax.checkpoint.experimental.v1", "pandas", "pyarrow", "sklearn.linear_model"):
        with contextlib.suppress(ImportError):
            __import__(name)
    for line in sys.stdin:
        job = json.loads(line)
        if "wait" in job:
            print(json.dumps(os.waitpid(job["wait"], 0)[1]), flush=True)
            continue
        number = os.fork()
        if number == 0:
            _run(cli, job)
        print(json.dumps(number), flush=True)


def _run(cli: Any, job: dict[str, Any]) -> None:
    """In the new process."""
    from faults import injection

    status = 70
    try:
        # Pipes would fill, and files are of a fixed length where a disk is full: so they are opened before.
        for descriptor, kind in ((1, "out"), (2, "err")):
            os.dup2(os.open(f"{job['said']}.{kind}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), descriptor)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        injection.install(f"{job['said']}.seen", **job["injected"])
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
