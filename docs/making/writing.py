"""Files that are written only when they change, so that Sphinx builds again only what did."""

from pathlib import Path


def write(path: Path, text: str) -> None:
    """Writes the text, unless it is there."""
    if not path.exists() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def heading(title: str, rule: str) -> str:
    """A heading of reStructuredText.

    Example:
        >>> print(heading("Cells", "="), end="")
        Cells
        =====
    """
    return f"{title}\n{rule * len(title)}\n"
