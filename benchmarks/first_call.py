"""How long does the first call of an LTC training step take: tracing and compiling, in a fresh process?

It should not depend on the number of time steps, which are a loop, nor grow beyond 12 unfolds, which are one from there
on. Each point is compiled in three fresh processes.
Usage: python benchmarks/first_call.py [--processes 3]
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import results
from comparison import spread, verdict
from rounds import Entry, Worker, say
from setting import Setting

BASE = Setting("LTC", 32, "AutoNCP", inputs=8, batch=64, time=64, what="train")
SETTINGS = {
    "time steps": [BASE.replace(time=time, batch=4) for time in (64, 1024, 16384)],
    "unfolds": [BASE.replace(unfolds=unfolds) for unfolds in (1, 6, 12, 24, 48)],
}
SECONDS, INDEPENDENT = 3.0, 1.25


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=3, help="fresh processes for each point (default 3)")
    processes = parser.parse_args().processes
    question = "The first call of an LTC training step"
    with results.collected("first_call", question, processes) as add:
        for axis, settings in SETTINGS.items():
            add(part(axis, settings, processes))


def part(axis: str, settings: list[Setting], processes: int) -> dict[str, Any]:
    """The rows and goals for one thing that is varied."""
    seconds = [[compiled(setting) for _ in range(processes)] for setting in settings]
    rows: list[dict[str, Any]] = [
        {"setting": str(setting)} | spread("compile seconds", each)
        for setting, each in zip(settings, seconds, strict=True)
    ]
    middle = [row["compile seconds"] for row in rows]
    longest = verdict(f"less than {SECONDS:g} s each", max(middle), SECONDS, at_most=True)
    if axis == "time steps":
        independent = verdict(
            f"longest at most {INDEPENDENT:g} times the shortest", max(middle) / min(middle), INDEPENDENT, at_most=True
        )
    else:
        twelve = middle[[setting.unfolds for setting in settings].index(12)]
        independent = verdict(
            f"beyond 12 unfolds at most {INDEPENDENT:g} times as long as with 12",
            max(middle[-2:]) / twelve,
            INDEPENDENT,
            at_most=True,
        )
    return {
        "setting": f"more {axis}",
        "what": "tracing and compiling a training step",
        "rows": rows,
        "goals": [longest, independent],
    }


def compiled(setting: Setting) -> float:
    """Seconds for tracing and compiling in a fresh process, without the run."""
    say(str(setting))
    entry = Entry("liquidjax", "liquidjax", setting)
    with tempfile.TemporaryDirectory() as folder, Worker(entry, Path(folder), cap_seconds=600) as worker:
        return worker.answer()["compile seconds"]


if __name__ == "__main__":
    main()
