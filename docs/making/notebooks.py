"""The notebooks as examples, with what they showed when they were run last.

The repository keeps notebooks without outputs. What their cells put out is kept in docs/executed/, one file each, and
is good as long as the code of the notebook is what it was; else the notebook is run, which takes up to minutes.
"""

import json
from pathlib import Path
from typing import Any

import nbformat

from making.names import ROOT
from making.writing import write

NOTEBOOKS = ROOT / "notebooks"
KEPT = ROOT / "docs" / "executed"
ORDER = ("quickstart", "anatomy", "rates_and_lost_frames", "adjoint_vs_bptt")


def names() -> list[str]:
    """Every notebook, those that build on each other in their order."""
    there = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    return sorted(there, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name))


def fresh(name: str) -> bool:
    """Whether the outputs that are kept are those of the code that is there."""
    file = KEPT / f"{name}.json"
    return file.exists() and [cell["source"] for cell in json.loads(file.read_text())] == _code(_read(name))


def pages(folder: Path, repository: str) -> None:
    """A page for each notebook, and one that lists them."""
    titles = []
    for name in names():
        if not fresh(name):
            execute(name)
        notebook = _read(name)
        kept = iter(json.loads((KEPT / f"{name}.json").read_text()))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(output) for output in next(kept)["outputs"]]
        title, _, rest = notebook.cells[0].source.partition("\n")
        titles.append((name, title.lstrip("# ")))
        notebook.cells[0].source = f"{title}\n\n{buttons(name, repository)}\n{rest}"
        write(folder / f"{name}.ipynb", nbformat.writes(notebook) + "\n")
    listed = "\n".join(f"* [{title}]({name}.ipynb)" for name, title in titles)
    files = "\n".join(name for name, _ in titles)
    write(folder / "index.md", INDEX.format(listed=listed, files=files, colab=COLAB[bool(repository)]))


def buttons(name: str, repository: str) -> str:
    """Links to the notebook itself and, where the repository is known, to Colab.

    Example:
        >>> buttons("anatomy", "")
        '{download}`Download this notebook <../../notebooks/anatomy.ipynb>`'
        >>> buttons("anatomy", "https://github.com/who/liquidjax").split(" | ")[1].splitlines()[0]
        '[Open in Colab](https://colab.research.google.com/github/who/liquidjax/blob/main/notebooks/anatomy.ipynb)'
    """
    download = f"{{download}}`Download this notebook <../../notebooks/{name}.ipynb>`"
    if not repository.startswith("https://github.com/"):
        return download
    path = f"{repository.removeprefix('https://github.com/')}/blob/main/notebooks/{name}.ipynb"
    install = f'`%pip install "liquidjax[demo] @ git+{repository}"`'
    colab = f"[Open in Colab](https://colab.research.google.com/github/{path})"
    return f"{download} | {colab}\n\nOn Colab begin with {install}.\n"


def execute(name: str) -> None:
    """Runs a notebook and keeps its outputs."""
    from nbclient import NotebookClient

    notebook = _read(name)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(NOTEBOOKS)}}
    ).execute()
    cells = [
        {"source": cell.source, "outputs": _kept(cell.outputs)} for cell in notebook.cells if cell.cell_type == "code"
    ]
    KEPT.mkdir(exist_ok=True)
    (KEPT / f"{name}.json").write_text(json.dumps(cells, indent=1) + "\n")


def _kept(outputs: list[Any]) -> list[Any]:
    """Without what changes with every run and nobody sees."""
    for output in outputs:
        output.pop("execution_count", None) if output.output_type != "execute_result" else None
    return outputs


def _read(name: str) -> Any:
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def _code(notebook: Any) -> list[str]:
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


COLAB = {
    True: "Each can be downloaded, or opened in Colab.",
    False: "Each can be downloaded. A button for Colab appears where the site is built with the address of the "
    "repository: `LIQUIDJAX_REPOSITORY=https://github.com/NAME/liquidjax make docs`.",
}
INDEX = """# Examples

Notebooks with what they showed when they were run. {colab}

{listed}

```{{toctree}}
:hidden:

{files}
```
"""
