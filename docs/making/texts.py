"""Texts that live elsewhere in the repository, as pages or parts of pages: their links then lead to pages."""

import re
from pathlib import Path

from making.names import ROOT
from making.writing import write

PAGES = {
    "README.md": "index.md",
    "ARCHITECTURE.md": "house/architecture.md",
    "CONTRIBUTING.md": "house/extending.md",
    "CHANGELOG.md": "house/changelog.md",
    "CITATION.cff": "cite.md",
    "docs/": "guides/index.md",
    "benchmarks/results/README.md": "results/benchmarks.md",
    "benchmarks/results/overview.png": "results/benchmarks.md",
    "benchmarks/results/ltc_start.md": "results/ltc_start.md",
}
"""Where what the repository calls by a path is on the site."""


def page_of(path: str) -> str | None:
    """The page for a file of the repository, or None.

    Example:
        >>> page_of("docs/flax.md"), page_of("notebooks/anatomy.ipynb"), page_of("configs/digits.yaml")
        ('flax.md', 'examples/anatomy.ipynb', None)
    """
    if path in PAGES:
        return PAGES[path]
    if found := re.fullmatch(r"docs/(\w+\.md)", path):
        return found[1]
    if found := re.fullmatch(r"notebooks/(\w+\.ipynb)", path):
        return f"examples/{found[1]}"
    if found := re.fullmatch(r"benchmarks/results/(\w+)(/report\.md)?", path):
        return f"results/{found[1]}.md"
    return None


def linked(text: str, folder: str, repository: str) -> str:
    """Markdown whose links to files are links to pages, or to the repository where that is known, or plain text.

    Args:
        text: Markdown out of the root of the repository.
        folder: of the page that it becomes a part of, "" for the first.
        repository: its address, or "".

    Example:
        >>> linked("[how](docs/flax.md), [with](configs/digits.yaml)", "house", "")
        '[how](/flax.md), `configs/digits.yaml`'
    """

    def replaced(found: re.Match) -> str:
        mark, name, target = found.groups()
        path, _, anchor = target.partition("#")
        if "://" in target or not path or mark:
            return found[0]
        if (page := page_of(path)) is not None:
            return f"[{name}](/{page}{f'#{anchor}' if anchor else ''})"
        return f"[{name}]({repository}/blob/main/{path})" if repository else f"`{path}`"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", replaced, text)


def readme(title: str, repository: str = "") -> str:
    """A section of README.md without its heading."""
    found = re.search(
        rf"^#+ {re.escape(title)}\n(.*?)(?=^## |\Z)", _code_aside((ROOT / "README.md").read_text()), re.M | re.S
    )
    if found is None:
        raise ValueError(f"README.md must have a section {title!r}, which a page of the site takes over")
    return linked(re.sub(r"<!--.*?-->\n?", "", found[1]), "", repository).replace("\x00", "#").strip()


def _code_aside(text: str) -> str:
    """Comments in code look like headings: their # is hidden for the search."""
    return re.sub(r"```.*?```", lambda code: code[0].replace("#", "\x00"), text, flags=re.S)


def pages(folder: Path, repository: str) -> None:
    """How it is built, how it is extended, what changed."""
    for source, title in (
        ("ARCHITECTURE.md", "How it is built"),
        ("CONTRIBUTING.md", "Extending it"),
        ("CHANGELOG.md", "What changed"),
    ):
        text = linked((ROOT / source).read_text(), "house", repository)
        write(folder / PAGES[source].removeprefix("house/"), re.sub(r"\A# .*", f"# {title}", text))
