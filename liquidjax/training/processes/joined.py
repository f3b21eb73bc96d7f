"""How processes come together, and how each leaves."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator

import jax
import numpy as np
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from liquidjax._checks import check_number
from liquidjax.training.processes import service
from liquidjax.training.processes.coordinator import coordinator as serving
from liquidjax.training.processes.place import Place, place
from liquidjax.training.processes.watch import STATUS, TIMEOUT, Watch

COMING = 300.0
"""Seconds within which all processes must have come."""
_FOREVER = 10**6
_watches: list[Watch] = []


def current() -> Watch | None:
    """The watch of this process, where it has joined others."""
    return _watches[-1] if _watches else None


@contextlib.contextmanager
def joined(
    coordinator: str | None = None,
    index: int | None = None,
    number: int | None = None,
    *,
    timeout: float = TIMEOUT,
    coming: float = COMING,
) -> Iterator[Watch | None]:
    """Inside, this process is one of several whose devices compute together, by `jax.distributed`.

    Where one of them is killed, stands still or ends with an error, each of the others ends within about the timeout,
    with a sentence that names it and the status 75: nothing that they compute together would ever end. Every process
    that is started must run the same program on the same data.

    Args:
        coordinator: HOST:PORT of process 0, where all meet; this and the next two are looked for in the environment and
            in what JAX knows of clusters when None, see `place`.
        index: of this process, from 0.
        number: of processes; one alone joins nobody.
        timeout: seconds for which a process may be silent, or behind the others.
        coming: seconds within which all must have come.

    Returns:
        The watch over the others; None for one alone.

    Raises:
        OSError: process 0 cannot listen at the port.
        RuntimeError: JAX has computed something already.
        ValueError: the place of this process is not known, or numbers are out of range.

    Example:
        >>> with joined(number=1) as watch:  # "10.0.0.1:1234", index=0, number=2
        ...     print(watch)
        None
    """
    here = place(coordinator, index, number)
    timeout = check_number("timeout", timeout, 0, 1e6, above=True)
    if here.number == 1:
        yield None
        return
    service_of_first = serving(f"[::]:{here.port}", here.number, timeout + 20)
    with service_of_first if here.process == 0 else contextlib.nullcontext(lambda: None) as leaving:
        _connect(here, check_number("coming", coming, 0, 1e6, above=True))
        with Watch(here.process, here.number, timeout, leaving).watching() as watch:
            _watches.append(watch)
            try:
                with watch.together():
                    _meet(watch)
                yield watch
                watch.say("ended")
            except BaseException as error:
                sentence = " ".join(str(error).split()) or type(error).__name__
                if isinstance(error, service.Unreachable):
                    # A computation may notice first that a process is lost, but not which: that comes out meanwhile.
                    watch.error = sentence
                    watch.wait()
                with contextlib.suppress(service.Unreachable):
                    watch.say("failed", f"process {here.process} ended with an error: {sentence}")
                raise
            finally:
                _watches.remove(watch)
                if here.process == 0:
                    watch.wait_for_the_others()
        with contextlib.suppress(service.Unreachable):
            jax.distributed.shutdown()


def _connect(here: Place, coming: float) -> None:
    """Joins the others; XLA would end this process with a trace of C++ where they do not come."""

    def late() -> None:
        if here.process and not _listens(here):
            missing = f"nobody listens at {here.coordinator}, so process 0 has not been started, or is out of reach"
        else:
            others = (
                f"one of the processes 1 to {here.number - 1}" if here.number > 2 else f"process {1 - here.process}"
            )
            missing = f"{others} has not come to {here.coordinator} for {coming:g} s"
        _say(here, f"ends here: {missing}")
        os._exit(STATUS)

    jax.config.update("jax_enable_recoverability", True)  # no process is ended by XLA because another is lost
    jax.config.update("jax_enable_preemption_service", False)  # which would take SIGTERM for itself
    timer = threading.Timer(coming, late)
    timer.daemon = True
    timer.start()
    try:
        jax.distributed.initialize(
            here.coordinator,
            here.number,
            here.process,
            initialization_timeout=_FOREVER,
            heartbeat_timeout_seconds=_FOREVER,
            # The service of process 0 that JAX starts by itself; nobody goes there, see `coordinator.py`.
            coordinator_bind_address="localhost:0",
        )
    finally:
        timer.cancel()


def _say(here: Place, sentence: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"liquidjax: process {here.process} of {here.number} {sentence}\n".encode())


def _listens(here: Place) -> bool:
    host = (here.coordinator or "").rpartition(":")[0].strip("[]")
    with contextlib.suppress(OSError), socket.create_connection((host, here.port), 5):
        return True
    return False


def _meet(watch: Watch) -> None:
    """All devices compute something together for the first time."""
    watch.begin("the first computation of all devices")
    mesh = jax.make_mesh((jax.device_count(),), ("all",), axis_types=(AxisType.Auto,))
    count = jax.jit(jax.shard_map(lambda one: jax.lax.psum(one, "all"), mesh=mesh, in_specs=P(), out_specs=P()))
    with _without_stdout():
        assert np.asarray(count(np.float32(1))) == jax.device_count()


@contextlib.contextmanager
def _without_stdout() -> Iterator[None]:
    """What is written to stdout inside is gone: gloo writes lines of its own there when it connects."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 1)
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
