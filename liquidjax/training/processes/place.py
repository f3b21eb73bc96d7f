"""Where a process belongs among those that train together."""

import os
from typing import NamedTuple

from liquidjax._bounds import shown
from liquidjax._checks import check_size
from liquidjax.training.processes import service

_COORDINATOR, _INDEX, _NUMBER = "JAX_COORDINATOR_ADDRESS", "JAX_PROCESS_ID", "JAX_NUM_PROCESSES"


class Place(NamedTuple):
    """coordinator: HOST:PORT where all meet, None for one alone; process: which this is; number: of all of them."""

    coordinator: str | None
    process: int
    number: int

    @property
    def port(self) -> int:
        """Of the coordinator."""
        return int((self.coordinator or "").rpartition(":")[2])


def place(coordinator: str | None = None, index: int | None = None, number: int | None = None) -> Place:
    """The place of this process: what it is told; else what the environment says; else what JAX detects.

    In the environment it is JAX_COORDINATOR_ADDRESS, JAX_PROCESS_ID and JAX_NUM_PROCESSES; JAX detects Slurm, Open MPI,
    Kubernetes and a pod of TPUs.

    Raises:
        ValueError: it cannot be known, or is out of range.

    Example:
        >>> place("localhost:1234", index=1, number=2)
        Place(coordinator='localhost:1234', process=1, number=2)
    """
    given = coordinator or os.environ.get(_COORDINATOR)
    index = _of_environment(_INDEX) if index is None else index
    number = _of_environment(_NUMBER) if number is None else number
    if None in (given, index, number) and number != 1:
        address, count, own = service.detected()
        given = given or address
        number, index = count if number is None else number, own if index is None else index
    if number == 1 and index in (None, 0):
        return Place(None, 0, 1)
    if given is None or index is None or number is None:
        raise ValueError(
            "the place of this process must be known: the coordinator (HOST:PORT of process 0), the process id and the "
            f"number of processes, by options, by {_COORDINATOR}, {_INDEX} and {_NUMBER}, or by a cluster that JAX "
            f"knows, such as Slurm or Open MPI; got {given}, {index}, {number}"
        )
    host, _, port = given.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"the coordinator must be HOST:PORT, such as 10.0.0.1:1234, got {shown(given)}")
    number = check_size("the number of processes", number)
    if check_size("the process id", index, 0) >= number:
        raise ValueError(f"the process id must be below the number of processes, {number}, got {index}")
    return Place(given, index, number)


def _of_environment(name: str) -> int | None:
    text = os.environ.get(name)
    if text is None or text.isdecimal():
        return None if text is None else int(text)
    raise ValueError(f"{name} must be an integer of at least 0, got {shown(text)}")
