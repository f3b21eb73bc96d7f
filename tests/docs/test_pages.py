"""The blocks of the pages run as they stand, one after another, and show what they say."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```(python|pycon)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# docs/flax.md has a test of its own.
PAGES = [page for page in sorted([*DOCS.glob("*.md"), *DOCS.glob("guides/*.md")]) if page.name != "flax.md"]


def blocks(page: Path) -> list[tuple[str, str]]:
    """(language, code) of each block."""
    return BLOCK.findall(page.read_text())


def test_there_are_pages_with_blocks():
    assert sum(len(blocks(page)) for page in PAGES) > 20


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.stem)
def test_the_blocks_of_a_page_run_and_show_what_it_says(page, tmp_path, monkeypatch, promotes):
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for language, code in blocks(page):
        if language == "python":
            exec(compile(code, page.name, "exec"), names)
            continue
        shown = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), 0)
        assert shown.examples, code
        said: list[str] = []
        failed = doctest.DocTestRunner(verbose=False).run(shown, out=said.append, clear_globs=False).failed
        assert not failed, "".join(said)
        names.update(shown.globs)
