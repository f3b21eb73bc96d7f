"""Bytes that a process and an accelerator took."""

import sys
from pathlib import Path
from typing import Any, Literal


def resident_bytes() -> int | None:
    """Resident bytes of this process now; None where the system does not tell."""
    return _status("VmRSS")


def peak_bytes() -> int | None:
    """Most resident bytes of this process so far; None where the system does not tell."""
    return _status("VmHWM")


def restart_peak() -> int | None:
    """Makes the peak start again from what is resident now, which is returned; None where that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return resident_bytes()


def device_peak_bytes(device: Any) -> int | None:
    """Most bytes in use on an accelerator of JAX so far; None for a CPU, which does not count them."""
    return (device.memory_stats() or {}).get("peak_bytes_in_use")


def _status(name: Literal["VmRSS", "VmHWM"]) -> int | None:
    # ru_maxrss would count the parent, of which a new process is a copy until it starts its own program.
    if not sys.platform.startswith("linux"):
        return None
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name))
