"""Faults on purpose: kills, signals, flipped bits, full disks, files of anybody's; what comes of them is counted.

The trials are those of tests/faults. The counts go to results/survival.json and into the README, between its two marks.

Usage: python benchmarks/survival.py [--seed N]
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).parent.parent
sys.path[:0] = [str(HOUSE), str(HOUSE / "tests")]

import results  # noqa: E402

import conftest  # noqa: E402, F401  # the quick flags of XLA, before JAX is imported
from faults import everything  # noqa: E402
from faults.server import Server  # noqa: E402
from faults.trial import Count, Trial, counts  # noqa: E402
from liquidjax.experiments.shared.progress import bars  # noqa: E402
from liquidjax.experiments.shared.tables import markdown  # noqa: E402

BEGIN, END = "<!-- counted by make faults -->", "<!-- end -->"
SECTIONS = {
    "kills": ("Killed, or asked to stop", "`liquidjax train` at a moment of its life, then `--resume`"),
    "damage": ("Damaged files", "a bit flipped, or the end cut off"),
    "files": ("Files of anybody's", "configurations, tables, data sets and models that are nearly right"),
    "disks": ("Disks and neighbours", "full disks, two writers, folders that are not to be written"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="of what is damaged where (default 0)")
    options = parser.parse_args()
    place, sizes = Path(tempfile.mkdtemp(prefix="faults-")), everything.WHOLE
    sizes_of, found = everything.count_of(sizes), {}
    with Server() as server, results.collected("survival", "What it survives", 1) as add:
        runs = everything.references(server, place, sizes)
        for name, (setting, what) in SECTIONS.items():
            folder = place / name
            folder.mkdir()
            trials = {
                "kills": lambda folder: everything.of_kills(runs, folder, sizes, options.seed),
                "damage": lambda folder: everything.of_damage(runs, folder, sizes, options.seed),
                "files": lambda folder: everything.of_files(folder, sizes.mutated, options.seed),
                "disks": lambda folder: everything.of_disks(runs, folder, sizes),
            }[name](folder)
            found[name] = counts(shown(name, trials, sizes_of[name]))
            add({"setting": setting, "what": what, "rows": list(map(row, found[name])), "goals": []})
    readme = HOUSE / "README.md"
    readme.write_text(with_table(readme.read_text(), table(found)))
    wrong = sum(count.trials - count.fine for each in found.values() for count in each)
    print(f"{wrong or 'No'} trials ended as they should not; the counts are in {readme}")
    sys.exit(bool(wrong))


def shown(name: str, trials: Iterable[Trial], number: int) -> list[Trial]:
    """The trials, with a bar; those that are not fine are printed."""
    found = []
    with bars([name], number) as callback:
        for trial in trials:
            found.append(trial)
            callback(name, min(len(found), number), 0.0, trial.kind)
            if not trial.fine:
                print(trial, file=sys.stderr, flush=True)
    return found


def row(count: Count) -> dict[str, Any]:
    """A line of the results."""
    return {
        "fault": count.kind,
        "trials": count.trials,
        "as it should be": count.fine,
        "what came of it": outcomes(count),
    }


def outcomes(count: Count) -> str:
    ordered = sorted(count.outcomes.items(), key=lambda each: -each[1])
    return "; ".join(f"{what} {number}" if len(ordered) > 1 else what for what, number in ordered)


def table(found: dict[str, list[Count]]) -> str:
    """The table of the README."""
    lines = [
        [count.kind, str(count.trials), str(count.fine), outcomes(count)] for each in found.values() for count in each
    ]
    return markdown(["fault", "trials", "as it should be", "what came of it"], lines, "lrrl")


def with_table(text: str, table: str) -> str:
    """A text with another table between its marks."""
    return re.sub(rf"(?s){re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{table}\n{END}", text)


if __name__ == "__main__":
    main()
