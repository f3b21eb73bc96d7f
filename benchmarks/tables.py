"""Makes results/README.md and results/overview.png from the JSON files in results/.

Usage: python benchmarks/tables.py
"""

import argparse
from pathlib import Path

import markdown
import picture
import results


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    print(f"wrote {write(results.FOLDER)}")


def write(folder: Path) -> Path:
    """The table and the picture of a folder of results."""
    found = results.read(folder)
    parts = ["# Results of the benchmarks\n", f"{INTRODUCTION}\n"]
    if picture.draw(found, folder / "overview.png"):
        parts.append("![How many times as long as liquidjax the others take](overview.png)\n")
    path = folder / "README.md"
    path.write_text("\n".join([*parts, *map(markdown.section, found)]))
    return path


INTRODUCTION = """Made by `python benchmarks/tables.py` from the JSON files beside it. Each contender runs in a process
of its own, one at a time and in turn; `ms` is the median over the rounds and `ratio` the median of what it took divided
by what the first row took in the same round, both with quartiles. `first call` is tracing, compiling and the first run.
`compiled temporary memory` is what the compiled program needs besides arguments and results, which torch does not tell.
`process memory` is the peak above that of the imports. The estimators run one after another in one process, and their
numbers are what the head of `estimators.py` says; the defaults of ours were chosen on these very data sets."""


if __name__ == "__main__":
    main()
