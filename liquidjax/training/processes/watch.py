"""Who is missing: a process that is lost or stands still holds up all others for ever, and JAX does not say which."""

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from liquidjax.training.processes import service

TIMEOUT = 30.0
"""Seconds for which a process may be silent, or behind the others."""
STATUS = 75
"""With which a process ends because of another: EX_TEMPFAIL, for what it did goes on when all are started again."""
_GIVES_UP = 20
"""Timeouts after which nobody waits any more though no process is behind: the network between them may be lost."""
_OWN_ERROR = 2.0
"""Seconds in which a process may come upon the error itself with which another has ended, and say so in its own way."""
_LONGEST = 300  # characters of an error
_FOLDER = "liquidjax/watch/"


class Said(NamedTuple):
    """What a process says of itself, again and again, each time with one more of `beats`.

    state: "alone" where no other waits for it, as while it reads data; "together" in what all do together; "ended"; or
    "failed", with why in `text`. place: how many things it has begun with the others; text: what the last of them is.
    """

    beats: int = 0
    state: str = "alone"
    place: int = 0
    text: str = ""


class Heard(NamedTuple):
    """What a process said last; on the clock, when it said something, and when it last got on."""

    said: Said
    heard: float
    moved: float


def verdict(everyone: Mapping[int, Heard], own: int, now: float, timeout: float) -> str | None:
    """Why process `own` cannot go on, in a sentence; None where it can.

    Who is behind is seen by the places: those who wait have begun something that the missing one has not. A program
    that takes long to compile holds up all of them at one place, and nobody is missing.

    Example:
        >>> everyone = {0: Heard(Said(9, "together", 4, "step 4"), 9.0, 2.0)}
        >>> everyone |= {1: Heard(Said(9, "together", 3, "step 3"), 9.0, 1.0)}
        >>> verdict(everyone, own=0, now=9.0, timeout=5.0)
        'missing at step 4: process 1, which for 8 s got no further than step 3'
        >>> verdict(everyone, own=0, now=9.0, timeout=7.5) is None
        True
    """
    here = everyone[own]
    for each in everyone.values():
        if each.said.state == "failed" and now - each.moved > _OWN_ERROR:
            return each.said.text
    silent = {n: each for n, each in everyone.items() if each.said.state != "ended" and now - each.heard > timeout}
    if silent:
        seconds = now - max(each.heard for each in silent.values())
        return f"missing: {_named(silent)}, not heard of for {seconds:.0f} s, so killed, stopped or out of reach"
    if here.said.state != "together":
        return None
    ended = {n: e for n, e in everyone.items() if e.said.state == "ended" and e.said.place < here.said.place}
    if ended:
        return f"missing at {here.said.text}: {_named(ended)}, ended before"
    still = {n: each for n, each in everyone.items() if each.said.state == "together" and now - each.moved > timeout}
    last = max((each.said for each in still.values()), key=lambda said: said.place, default=here.said)
    behind = {n: each for n, each in still.items() if each.said.place < last.place}
    if behind:  # and others wait as long
        seconds = now - max(each.moved for each in behind.values())
        place = next(iter(behind.values())).said.text
        return f"missing at {last.text}: {_named(behind)}, which for {seconds:.0f} s got no further than {place}"
    if len(still) == len(everyone) and now - here.moved > _GIVES_UP * timeout:
        return f"no process got on for {now - here.moved:.0f} s at {last.text}, and none is behind: the network is lost"
    return None


def waiting(everyone: Mapping[int, Heard], own: int, now: float, timeout: float) -> str | None:
    """For whom process `own` has been waiting, in a sentence, where that is nobody's mistake as far as it is known.

    A process may read its data, or process 0 may measure a network, for as long as that takes; but one whose disk does
    not answer looks the same, and somebody should know of whom it is.

    Example:
        >>> everyone = {0: Heard(Said(9, "together", 4, "step 1"), 9.0, 2.0)}
        >>> everyone |= {1: Heard(Said(9, "alone", 3, ""), 9.0, 1.0)}
        >>> waiting(everyone, own=0, now=9.0, timeout=5.0)
        'waits at step 1 for process 1, which for 8 s has done something by itself'
    """
    here = everyone[own]
    alone = {n: each for n, each in everyone.items() if each.said.state == "alone" and now - each.moved > timeout}
    if here.said.state != "together" or now - here.moved <= timeout or not alone:
        return None
    seconds = now - max(each.moved for each in alone.values())
    return f"waits at {here.said.text} for {_named(alone)}, which for {seconds:.0f} s has done something by itself"


class Watch:
    """Says in a thread how far this process is, hears how far the others are, and ends it where one is missing.

    The processes must have joined each other, see `joined`. Where one is missing, nothing that is computed together
    ends any more, so this process ends too, from the thread: with a sentence on stderr and the status `STATUS`.

    Args:
        index: of this process.
        number: of processes.
        timeout: seconds for which a process may be silent, or behind the others.
        leaving: called before it ends this process.
    """

    def __init__(self, index: int, number: int, timeout: float, leaving: Callable[[], None] = lambda: None):
        self.index, self.number, self.timeout = index, number, timeout
        self.said = Said()
        self.error = ""
        """That a computation of this process has met, maybe because another process is lost."""
        self._leaving = leaving
        self._told = 0
        """The place at which it was last told who is waited for."""
        self._over = threading.Event()
        self._lock = threading.Lock()
        now = self._reached = time.monotonic()
        self.everyone = {process: Heard(Said(), now, now) for process in range(number)}

    @contextlib.contextmanager
    def watching(self) -> Iterator["Watch"]:
        """The thread runs inside."""
        thread = threading.Thread(target=self._run, name="watch", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            thread.join()

    def begin(self, what: str) -> None:
        """This process begins what all do; it waits for the others now, and they for it."""
        self.said = Said(0, "together", self.said.place + 1, what)

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """What is begun inside is done by all; after it nobody waits for this process."""
        try:
            yield
        finally:
            self.said = self.said._replace(state="alone")

    def say(self, state: str, text: str = "") -> None:
        """Says that this process "ended" or "failed", now."""
        with self._lock:
            self.said = self.said._replace(state=state, text=text or self.said.text)
            self._tell()

    def wait(self) -> None:
        """Gives the thread the time to find out who is missing, where the computation has noticed it first."""
        self._over.wait(1.5 * self.timeout)

    def wait_for_the_others(self) -> None:
        """Until each has ended, or said nothing for too long."""
        begun = time.monotonic()
        while time.monotonic() - begun < self.timeout:
            with contextlib.suppress(service.Unreachable):
                said = {name: Said(*json.loads(word)) for name, word in service.found(_FOLDER).items()}
                if all(each.state in ("ended", "failed") for each in said.values()):
                    return
            time.sleep(0.1)

    def look(self) -> None:
        """Says where this process is, hears where the others are, and leaves where one is missing."""
        try:
            with self._lock:
                self._tell()
            words = service.found(_FOLDER)
            self._reached = time.monotonic()
        except service.Unreachable:
            words = {}
            if time.monotonic() - self._reached > self.timeout:
                self._end("the coordinator, which process 0 has started, is out of reach")
        now = time.monotonic()
        for name, word in words.items():
            said, before = Said(*json.loads(word)), self.everyone[int(name)]
            moved = before.moved if said[1:] == before.said[1:] else now
            self.everyone[int(name)] = Heard(said, before.heard if said == before.said else now, moved)
        if self.said.state in ("ended", "failed"):
            return  # on its way out by itself
        if sentence := verdict(self.everyone, self.index, now, self.timeout):
            self._end(sentence)
        place = self.said.place
        if place != self._told and (sentence := waiting(self.everyone, self.index, now, self.timeout)):
            self._told = place
            self._say(sentence)

    def _tell(self) -> None:
        beats = self.everyone[self.index].said.beats + 1
        service.put(f"{_FOLDER}{self.index}", json.dumps(self.said._replace(beats=beats)))

    def _run(self) -> None:
        while not self._over.wait(min(1.0, self.timeout / 10)):
            self.look()

    def _end(self, sentence: str) -> None:
        with contextlib.suppress(Exception):
            self.say("failed", sentence)
        self._leaving()
        # Where it is the one that others wait for, its own error is why; else it is that another is lost.
        behind = any(each.said.place > self.said.place for each in self.everyone.values())
        met = f"; it met an error itself: {self.error[:_LONGEST]}" if self.error and behind else ""
        self._say(f"ends here: {sentence}{met}")
        os._exit(STATUS)

    def _say(self, sentence: str) -> None:
        with contextlib.suppress(OSError):
            os.write(2, f"liquidjax: process {self.index} of {self.number} {sentence}\n".encode())


def _named(processes: Mapping[int, Heard]) -> str:
    numbers = ", ".join(map(str, sorted(processes)))
    return f"processes {numbers}" if len(processes) > 1 else f"process {numbers}"
