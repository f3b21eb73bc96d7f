"""The coordination service of JAX in a process of its own.

Where process 0 holds it, as `jax.distributed` has it, the other processes are ended by XLA the moment that process 0 is
killed, with a trace of C++ and no word about who was lost; and while process 0 stands still, so does the service. Here
it outlives process 0 for as long as the others need to say what happened.

This file is run by its path and imports nothing of the package, so that it starts in a moment.
"""

import contextlib
import importlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

_READY, _END = "ready", "end"
_FOREVER = 10**6
"""Seconds after which the service itself takes a process for dead: that is left to `watch.py`."""

_LEAVING = 10.0
"""Seconds for which the others may still hear why process 0 has ended, and take their leave."""


@contextlib.contextmanager
def coordinator(address: str, processes: int, linger: float) -> Iterator[Callable[[], None]]:
    """The service at an address, such as "[::]:1234", for so many processes, as long as the block.

    Args:
        address: where it listens.
        processes: that join.
        linger: seconds for which it goes on where this process is killed.

    Returns:
        What is called where this process ends without leaving the block.

    Raises:
        OSError: it cannot listen there.
    """
    command = [sys.executable, __file__, address, str(processes), str(linger)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # A session of its own: what a terminal or `timeout` sends to the group is for those who train.
    service = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
    assert service.stdin is not None and service.stdout is not None and service.stderr is not None
    if service.stdout.readline().strip() != _READY:
        lines = service.stderr.read().strip().splitlines() or ["it ended"]
        raise OSError(f"the coordinator must listen at {address}, and cannot: {lines[-1]}; another port may be free")
    told = service.stdin

    def end() -> None:
        with contextlib.suppress(OSError, ValueError):  # it is not waited for: the others may be about to leave
            told.write(f"{_END}\n")
            told.close()

    try:
        yield end
    finally:
        end()


def _serve(address: str, processes: int, linger: float) -> None:
    library = importlib.import_module("jaxlib._jax")
    # Two services of gRPC may listen at one port, and each then gets some of the calls.
    socket.create_server(("", int(address.rpartition(":")[2])), reuse_port=False).close()
    service = library.get_distributed_runtime_service(
        address, processes, heartbeat_timeout=_FOREVER, shutdown_timeout=1, recoverable=True
    )
    print(_READY, flush=True)
    time.sleep(_LEAVING if sys.stdin.readline().strip() == _END else linger)
    service.shutdown()


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
