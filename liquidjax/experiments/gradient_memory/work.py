"""Work that other processes do, and someone who waits for it and says so."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

Callback = Callable[[str], None]
"""Called with a line of text when something has been measured, and while that takes long."""
Stop = Callable[[], bool]
ALIVE = 10.0
"""Seconds after which a line says that a measurement goes on."""


@dataclass
class Work:
    """Measurements in other processes, and someone who waits for them and says so."""

    pool: ThreadPoolExecutor
    callback: Callback
    stop: Stop

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """function(*arguments) to come."""
        return self.pool.submit(function, *arguments)

    def wait(self, future: Future, what: str, start: float, share: float | Callable[[], float]) -> Any:
        """The result. share: of the work since `start` that is done, or a function that says so."""
        while True:
            try:
                return future.result(ALIVE)
            except TimeoutError:
                if future.done():
                    raise
                self.callback(
                    f"{what}, {time.perf_counter() - start:.0f} s so far"
                    + time_left(start, share() if callable(share) else share)
                )


def time_left(start: float, share: float) -> str:
    """The time left in words, if so much of the work since `start` is done."""
    if not 0 < share < 1:
        return ""
    seconds = (time.perf_counter() - start) * (1 - share) / share
    return f" (about {seconds:.0f} s left)" if seconds < 100 else f" (about {seconds / 60:.0f} minutes left)"
