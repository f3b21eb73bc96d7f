"""The extension of Sphinx that writes the generated pages, and fills numbers into those that are written by hand."""

from pathlib import Path
from typing import Any

import jinja2

from making import api, autodoc, commands, drawing, measured, notebooks, results, texts


def generate(app: Any) -> None:
    """Every page that is made out of something else in the repository."""
    folder, repository = Path(app.srcdir), app.config.repository
    drawing.wiring(folder / "_static" / "wiring.svg")
    api.pages(folder / "api")
    commands.page(folder / "api" / "commands.rst")
    notebooks.pages(folder / "examples", repository)
    results.pages(folder / "results", repository)
    texts.pages(folder / "house", repository)


def fill_in(app: Any, name: str, source: list[str]) -> None:
    """Replaces `{{ shift("GRU") }}` and the like by what was measured, and `{{ readme("Speed") }}` by that section."""
    if _by_hand(name) and ("{{" in source[0] or "{%" in source[0]):
        environment = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
        repository = app.config.repository
        source[0] = environment.from_string(source[0]).render(
            bench=measured.bench,
            best_told=measured.best_told,
            c_step=measured.c_step,
            designs=measured.designs,
            shift=measured.shift,
            shift_table=measured.shift_table,
            readme=lambda title: texts.readme(title, repository),
            repository=repository,
        )


def filled(app: Any, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages with numbers in them are always read again: Sphinx does not see where the numbers come from."""
    return [name for name in env.found_docs if "{{" in Path(env.doc2path(name)).read_text() and _by_hand(name)]


def _by_hand(name: str) -> bool:
    return not name.startswith(("api/", "examples/", "results/", "house/"))


def setup(app: Any) -> dict[str, bool]:
    """Before Sphinx looks for its sources."""
    app.add_config_value("repository", "", "env", str)
    app.connect("builder-inited", generate)
    app.connect("env-get-outdated", filled)
    app.connect("source-read", fill_in)
    app.connect("autodoc-process-docstring", autodoc.docstring)
    app.connect("autodoc-skip-member", autodoc.skip)
    app.connect("missing-reference", autodoc.type_variable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
