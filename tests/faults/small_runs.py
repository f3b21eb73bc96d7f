"""Runs of seconds, and what of them must be the same to the bit."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tiny_series import as_csv, rows

SHAPES = {
    "a network and another": "{cell: GRU(units=3), compare: [LSTM(units=2)]}",
    "with dropout, the last parameters": "{cell: 'CfC(units=3, backbone_units=4, dropout=0.3)'}",
    "members": "{cell: GRU(units=2)}",
}
TRAINING = {
    "a network and another": "{epochs: 2, batch_size: 64, checkpoint_seconds: 0.0, tune_cpu: false}",
    "with dropout, the last parameters": (
        "{epochs: 3, batch_size: 8, checkpoint_seconds: 0.0, tune_cpu: false, keep: last, optimizer: adamw, "
        "schedule: cosine, warmup: 2, weight_decay: 0.01, accumulate: 2, patience: 2}"
    ),
    "members": "{epochs: 2, batch_size: 8, checkpoint_seconds: 0.0, tune_cpu: false, members: {seed: [0, 1]}}",
}


def write(place: Path, shape: str) -> Path:
    """Writes the table and a configuration, which is returned."""
    table = place / "walks.csv"
    if not table.exists():
        table.write_text(as_csv(rows()))
    config = place / f"{shape.split()[0]}{len(shape)}.yaml"
    data = f"{{source: {table}, series: who, time: when, target: gait, group: person}}"
    config.write_text(f"data: {data}\nmodel: {SHAPES[shape]}\ntraining: {TRAINING[shape]}\n")
    return config


def outcome(folder: Path) -> dict[str, Any]:
    """All that is in the folder of a run, without the seconds."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            found[name] = "a folder"
        elif name == "results.json":
            found[name] = without_seconds(json.loads(path.read_text()))
        elif name == "metrics.jsonl":
            found[name] = [without_seconds(json.loads(line)) for line in path.read_text().splitlines()]
        elif name == "SHA256SUMS":  # of files with seconds in them
            lines = [line.split("  ") for line in path.read_text().splitlines()]
            found[name] = [
                (of, hashlib.sha256((folder / of).read_bytes()).hexdigest() == digest) for digest, of in lines
            ]
        else:
            found[name] = path.read_bytes()
    return found


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_seconds(each) for name, each in value.items() if name != "seconds"}
    return [without_seconds(each) for each in value] if isinstance(value, list) else value


def differing(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """The files that are not the same."""
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
