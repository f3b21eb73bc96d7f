"""Results on disk: one JSON file for each script, with what is needed to understand its numbers later."""

import contextlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import markdown

from liquidjax.experiments.shared.machine import load_average, versions

FOLDER = Path(__file__).parent / "results"
PACKAGES = ("liquidjax", "jax", "jaxlib", "optax", "flax", "keras", "torch", "ncps", "numpy", "scikit-learn", "aeon")


@contextlib.contextmanager
def collected(name: str, question: str, rounds: int) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Gives the function that takes each part of a result as soon as it is there, and prints its table.

    They are written to results/NAME.json part by part, so that a run that is stopped has not been in vain; the file
    says whether it is complete.
    """
    result: dict[str, Any] = {
        "command": " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]]),
        "question": question,
        "complete": False,
        "rounds": rounds,
        "machine": machine(),
        "versions": versions(PACKAGES),
        "load": {"at the start": load(), "at the end": None},
        "results": [],
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{name}.json"

    def write() -> None:
        path.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n")

    def add(part: dict[str, Any]) -> None:
        result["results"].append(part)
        result["load"]["at the end"] = load()
        write()
        print(markdown.part(part), flush=True)

    yield add
    result["complete"] = True
    write()


def read(folder: Path) -> list[dict[str, Any]]:
    """All results in a folder, by name."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "architecture": platform.machine(),
        "system": platform.system(),
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": names[0] if names else platform.processor(),
        "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
    }


def load() -> float | None:
    """Runnable processes on average over the last minute; on an idle machine near 0."""
    average = load_average()
    return None if average is None else round(average, 2)
