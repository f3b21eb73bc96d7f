"""What all processes must know before they go on: the word of process 0, or whether any of them says yes."""

from liquidjax.training.processes import service
from liquidjax.training.processes.watch import Watch

_PIECE = 1 << 20
"""Characters of a word that go in one message."""


def word_of_first(watch: Watch, what: str, word: str) -> str:
    """The word of process 0, in the place of that of the others.

    Args:
        watch: of this process.
        what: it is about, for the sentence where a process is missing.
        word: any text.
    """
    watch.begin(what)
    name = f"liquidjax/first/{watch.said.place}"
    if watch.index == 0:
        pieces = [word[i : i + _PIECE] for i in range(0, len(word), _PIECE)]
        for number, piece in enumerate(pieces):
            service.put(f"{name}/{number}", piece)
        service.put(f"{name}/pieces", str(len(pieces)))
        return word
    return "".join(service.wait(f"{name}/{number}") for number in range(int(service.wait(f"{name}/pieces"))))


def any_of_all(watch: Watch, what: str, yes: bool) -> bool:
    """Whether any process says yes; all must ask at the same place."""
    watch.begin(what)
    name = f"liquidjax/any/{watch.said.place}"
    service.put(f"{name}/{watch.index}", "yes" if yes else "no")
    return "yes" in [service.wait(f"{name}/{process}") for process in range(watch.number)]
