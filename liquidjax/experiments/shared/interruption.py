"""Ctrl-C and SIGTERM ask a command to stop, which it does as soon as it can; a second one ends it at once."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator

ONE_SIGNAL = 0.5
"""Seconds: what comes so soon after the first is the same one; `timeout` sends it to a process and to its group."""
STOPPING = "stopping; what is done so far is being saved (once more to end at once, without)"


class Interruption:
    """Called, it says whether a signal has come."""

    def __init__(self) -> None:
        self.signal: int | None = None
        """The first that came."""

    def __call__(self) -> bool:
        return self.signal is not None

    @property
    def status(self) -> int:
        """The exit status a shell expects: 130 for Ctrl-C, 143 for SIGTERM, 0 if none came."""
        return 0 if self.signal is None else 128 + self.signal


@contextlib.contextmanager
def interruptible(saves: bool) -> Iterator[Interruption]:
    """Inside, Ctrl-C and SIGTERM raise nothing; outside they do again what they did before.

    An exception would not do: it can be raised where it is swallowed (in a callback of the garbage collector, of which
    JAX has one), and while XLA compiles, Python runs no handler. So a thread waits for the signals.

    Args:
        saves: whether the command looks at the flag and saves something; if not, the first signal ends it at once.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():  # only that one gets signals
        yield interruption
        return
    # Who starts a program in the background, or with nohup, may have it ignore Ctrl-C.
    numbers = [each for each in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(each) != signal.SIG_IGN]
    receiver, sender = socket.socketpair()
    sender.setblocking(False)

    def wait() -> None:
        first = 0.0
        while byte := receiver.recv(1):
            if byte[0] not in numbers:
                continue
            if interruption() and time.monotonic() - first < ONE_SIGNAL:
                continue
            if interruption() or not saves:
                _end(byte[0])
            first = time.monotonic()
            interruption.signal = byte[0]
            with contextlib.suppress(OSError):  # without this thread a second one would do nothing
                print(f"liquidjax: {STOPPING}", file=sys.stderr, flush=True)

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    file_before = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(file_before)
        sender.close()
        thread.join()
        receiver.close()


def _end(number: int) -> None:
    """Ends the process without a word from anyone else."""
    with contextlib.suppress(OSError):
        cursor = "\x1b[?25h\n" if os.isatty(2) else ""  # bars hide it
        os.write(2, f"{cursor}liquidjax: interrupted\n".encode())
    os._exit(128 + number)
