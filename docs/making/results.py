"""The pages of results: tables and pictures out of the JSON files that the benchmarks left, and the reports."""

import re
import shutil
import sys
from pathlib import Path

from making.measured import RESULTS
from making.names import ROOT
from making.texts import linked
from making.writing import write

# The modules of benchmarks/ are found by their names while they are imported, and not later: one is called markdown.
sys.path.insert(0, str(ROOT / "benchmarks"))
import markdown as tables
import picture
import results
from tables import INTRODUCTION

sys.path.remove(str(ROOT / "benchmarks"))


def pages(folder: Path, repository: str) -> None:
    """Benchmarks out of their JSON files; each experiment whose report is committed, with its pictures."""
    found = results.read(RESULTS)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = folder / "overview.png"
    if not drawn.exists() or drawn.stat().st_mtime < max(file.stat().st_mtime for file in RESULTS.glob("*.json")):
        picture.draw(found, drawn)
    parts = [
        "# Benchmarks\n",
        f"{INTRODUCTION}\n",
        "![How many times as long as liquidjax others take](overview.png)\n",
    ]
    write(folder / "benchmarks.md", _unbracketed("\n".join([*parts, *map(tables.section, found)])))
    others = {"ltc_start": (RESULTS / "ltc_start.md").read_text()}
    for report in sorted(RESULTS.glob("*/report.md")):
        name = report.parent.name
        for image in (*report.parent.glob("*.png"), *report.parent.glob("*.gif")):
            shutil.copy2(image, folder / f"{name}_{image.name}")
        others[name] = re.sub(r"\]\((\w+\.(?:png|gif))\)", rf"]({name}_\1)", report.read_text())
    for name, text in others.items():
        write(folder / f"{name}.md", linked(text, "results", repository))
    write(folder / "index.md", INDEX.format(files="\n".join(["benchmarks", *sorted(others)])))


def _unbracketed(text: str) -> str:
    """Tables of numbers hold no HTML."""
    return text.replace("<", "&lt;")


INDEX = """# Results and benchmarks

Tables and pictures on these pages are made from the files that the measurements left in `benchmarks/results/`, when
the site is built. Every one of them says where liquid networks lose, too.

```{{toctree}}
{files}
```

What a run survives, counted by `make faults`, is on the page [What it survives](/survives.md).
"""
