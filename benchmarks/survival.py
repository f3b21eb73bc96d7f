"""Faults on purpose: kills, signals, flipped bits, full disks, files of anybody's; what comes of them is counted.

The trials are those of tests/faults. The counts go to results/survival.json and into the README, between its two marks.

Usage: python benchmarks/survival.py [--seed N]
"""

import argparse
import json
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
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

README = HOUSE / "README.md"
BEGIN, END = "<!-- counted by make faults -->", "<!-- end -->"
NAMES = {
    "kill": "`liquidjax train` killed (SIGKILL), once or twice",
    "SIGTERM": "SIGTERM",
    "SIGINT": "Ctrl-C",
    "checkpoint": "checkpoint: a bit flipped, or cut off",
    "model file": "model file: a bit flipped, or cut off",
    "file of parameters": "file of parameters: the same",
    "run folder": "settings, curves, results, model of a run: the same",
    "settings of a run to go on": "settings of a run to go on: the same",
    "configuration": "configuration that is nearly right, or huge",
    "forged model": "model file with other contents under a right checksum",
}
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
    numbers = everything.count_of(sizes)
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
            rows = [row(count) for count in counts(shown(name, trials, numbers[name]))]
            add({"setting": setting, "what": what, "rows": rows, "goals": []})
    result = json.loads((results.FOLDER / "survival.json").read_text())
    write_readme(result)
    wrong = sum(row["trials"] - row["as it should be"] for part in result["results"] for row in part["rows"])
    print(f"{wrong or 'No'} trials ended as they should not; the counts are in {README}")
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
        "what came of it": outcomes(count.outcomes),
    }


def outcomes(found: Mapping[str, int]) -> str:
    """What came of trials, the most frequent first."""
    return "; ".join(f"{number} {what}" for what, number in sorted(found.items(), key=lambda each: -each[1]))


def write_readme(result: dict[str, Any]) -> None:
    """Puts the table of a result into the README, between its marks."""
    found: dict[str, Counter[str]] = {}
    fine: Counter[str] = Counter()
    for row in (row for part in result["results"] for row in part["rows"]):
        kind = row["fault"].partition(",")[0]  # a bit flipped, or cut off; from inside, or by the clock
        fine[kind] += row["as it should be"]
        for each in row["what came of it"].split("; "):
            number, _, what = each.partition(" ")
            found.setdefault(kind, Counter())[what] += int(number)
    lines = [
        [NAMES.get(kind, kind), str(each.total()), str(fine[kind]), outcomes(each)] for kind, each in found.items()
    ]
    table = markdown(["fault", "trials", "as it should be", "what came of it"], lines, "lrrl")
    text = README.read_text()
    README.write_text(re.sub(rf"(?s){BEGIN}.*?{END}", lambda _: f"{BEGIN}\n\n{table}\n\n{END}", text))


if __name__ == "__main__":
    main()
