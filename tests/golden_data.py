"""Reference data: arrays that other packages computed, one file for each case. `golden/make.py` says where from."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parent / "golden"


class Golden(NamedTuple):
    """One file: its arrays under the names of the file, and what they are."""

    data: Any
    """All arrays by name; `in/...` went into the peer, `out/...` came out."""
    meta: dict[str, Any]
    """What was called, with which arguments."""

    @property
    def name(self) -> str:
        """The class of the peer, without its module."""
        return self.meta["call"].rsplit(".", 1)[-1]

    def part(self, kind: str) -> dict[str, np.ndarray]:
        """The arrays of a kind, `param`, `grad`, `buffer` or `wiring`, by the peer's name for them."""
        return {key.split("/", 1)[1]: self.data[key] for key in self.data if key.startswith(f"{kind}/")}


def files(*prefixes: str) -> list[Path]:
    """The files whose names start with one of the prefixes, in order."""
    return sorted(path for path in FOLDER.glob("*.npz") if path.name.startswith(prefixes))


def load(file: Path | str) -> Golden:
    """One file, by its path or by its name without the ending."""
    data = np.load(file if isinstance(file, Path) else FOLDER / f"{file}.npz")
    return Golden(data, json.loads(str(data["meta"])))


def assert_close(actual, expected, tolerance: float, name: str, least: float = 1.0):
    """The largest difference, relative to the largest entry of the expected array or to `least` if that is more."""
    assert np.shape(actual) == np.shape(expected), f"{name}: {np.shape(actual)} and {np.shape(expected)}"
    difference = np.max(np.abs(np.asarray(actual) - expected), initial=0)
    assert difference <= tolerance * max(least, np.max(np.abs(expected), initial=0)), f"{name}: {difference}"
