"""The extension of Sphinx that writes the generated pages and tells autodoc how docstrings are read."""

from pathlib import Path
from typing import Any

from making import api, autodoc


def generate(app: Any) -> None:
    """Every page that is made out of something else in the repository."""
    folder = Path(app.srcdir)
    api.pages(folder / "api")


def setup(app: Any) -> dict[str, bool]:
    """Before Sphinx looks for its sources."""
    app.connect("builder-inited", generate)
    app.connect("autodoc-process-docstring", autodoc.docstring)
    app.connect("autodoc-skip-member", autodoc.skip)
    app.connect("missing-reference", autodoc.type_variable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
