"""A text file that grows line by line, to be read meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from liquidjax import _files


class Growing:
    """Takes text as `print` gives it; what cannot be written, as on a full disk, is told and written later.

    Args:
        path: the file; it is written anew.
        notice: is told, once for each time that it begins to fail.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, notice: Callable[[str], None]):
        self.path, self.notice = path, notice
        self.lines: list[str] = []
        self.begun = ""
        """All of it, and the beginning of the next line."""
        self.whole = True
        """Whether all of it is on the disk."""
        self.path.open("wb").close()

    def write(self, text: str) -> int:
        """Takes some text; it goes to the disk with the end of its line."""
        self.begun += text
        if text.endswith("\n"):
            self.lines.append(self.begun)
            self.begun = ""
            try:
                self._append(self.lines[-1])
            except OSError as error:
                if self.whole:
                    self.notice(f"{self.path} could not be written: {error}; it is kept, and written later")
                self.whole = False
        return len(text)

    def end(self) -> None:
        """What is not on the disk yet must go there now.

        Raises:
            OSError: it cannot be written.
        """
        if not self.whole:
            _files.write_text(self.path, "".join(self.lines))
            self.whole = True

    def _append(self, text: str) -> None:
        if not self.whole:  # a part of a line may be there
            self.end()
            return
        with self.path.open("ab", buffering=0) as file:
            line = text.encode()
            if file.write(line) != len(line):
                self.whole = False
                self.end()


@contextmanager
def growing(path: Path, notice: Callable[[str], None]) -> Iterator[Growing]:
    """A `Growing` that is on the disk at the end of the block.

    Example:
        >>> import tempfile
        >>> place = Path(tempfile.mkdtemp()) / "lines.txt"
        >>> with growing(place, print) as file:
        ...     print("one", file=file)
        >>> place.read_text()
        'one\\n'
    """
    file = Growing(path, notice)
    yield file
    file.end()
