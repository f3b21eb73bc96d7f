"""What is done to a process from inside, at an exact place: each call by which it changes a file is counted."""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "shutil.rmtree"}


def install(
    seen: int,
    below: str = "",
    at: int = 0,
    action: str = "",
    room_at: int = 0,
    bound: bool = False,
    files: str = "",
) -> None:
    """Prepares what will happen to this process.

    Args:
        seen: a descriptor to which is written what the action came before.
        below: the folder in which changes are counted.
        at: the number, from 1, of the change before which the action comes; 0 for never.
        action: "kill" (SIGKILL), "SIGINT", "SIGTERM", "stop" (SIGSTOP, until it is told to go on), or "full" (from
            then on no file can become longer, as on a full disk).
        room_at: the number of the change from which there is room again.
        bound: whether the modes of files bind it, also where it is root's.
        files: "count" to write down every change, "steps" those that put a checkpoint into its place.
    """
    if bound and os.getuid() == 0:
        _give_up_privileges()
    number = 0

    def note(text: str) -> None:
        os.write(seen, f"{text}\n".encode())

    def change(what: str) -> None:
        nonlocal number
        number += 1
        if files == "count" or (files == "steps" and "rename" in what and "-> step-" in what):
            note(what)
        if number == at:
            note(what)
            _act(action)
        if number == room_at:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    _watch(below, change)


def _give_up_privileges() -> None:
    """Of Linux: without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH root is like others."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, data = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, data):
        raise OSError(ctypes.get_errno(), "capget")
    for place in range(3):  # effective, permitted, inheritable
        data[place] &= ~0b110
    if libc.capset(header, data):
        raise OSError(ctypes.get_errno(), "capset")


def _act(action: str) -> None:
    if action == "full":
        # What is written fails in the kernel, also in libraries that are not Python's.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    elif action:
        name = {"kill": "SIGKILL", "stop": "SIGSTOP"}.get(action, action)
        os.kill(os.getpid(), getattr(signal, name))


def _watch(below: str, change: Callable[[str], None]) -> None:
    inside = False

    def hook(event: str, arguments: Any) -> None:
        nonlocal inside
        if inside or (event not in CHANGES and event != "open"):
            return
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR) or not isinstance(path, str):
                return
        path = os.fspath(arguments[0]) if not isinstance(arguments[0], int) else ""
        relative = event in CHANGES and len(arguments) > 1 and isinstance(arguments[-1], int) and arguments[-1] >= 0
        if not relative and not str(path).startswith(below):
            return
        inside = True
        try:
            target = ""
            if event == "os.rename":
                target = f" -> {os.path.basename(os.fspath(arguments[1]))}"
            change(f"{event.removeprefix('os.')} {str(path).removeprefix(below).lstrip('/')}{target}")
        finally:
            inside = False

    synced = os.fsync

    def fsync(descriptor: int) -> None:
        change("fsync")
        synced(descriptor)

    os.fsync = fsync
    sys.addaudithook(hook)
