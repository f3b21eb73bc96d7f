"""Twenty series of two classes as a table: at irregular times, with missing values, of unequal lengths."""

import csv
import io
import math

import numpy as np

COLUMNS = ("who", "when", "x", "y, left", "gait", "person")
CONFIG = """
data: {source: SOURCE, series: who, time: when, target: gait, group: person}
model: {cell: GRU(units=3)}
training: {epochs: 2, batch_size: 64, tune_cpu: false}
"""
"""Settings by which it is trained: one batch, so that one program is compiled."""


def rows(series: int = 20, seed: int = 0) -> list[dict[str, str]]:
    """The rows of the table; names have commas and quotes in them, three series in a row are of one person."""
    rng, found = np.random.default_rng(seed), []
    for number in range(series):
        times = np.cumsum(rng.uniform(0.2, 2.0, size=3 + (number * 7) % 4))
        for time in times:
            x = "" if rng.random() < 0.2 else f"{math.sin((1 + number % 2) * time):.4f}"
            values = (f'walk "{number}", late', f"{time:.3f}", x, f"{rng.normal():.3f}")
            found.append(dict(zip(COLUMNS, (*values, ("slow", "fast")[number % 2], f"p{number // 3}"), strict=True)))
    return found


def as_csv(table: list[dict[str, str]]) -> str:
    """A table as a CSV file."""
    text = io.StringIO()
    writer = csv.DictWriter(text, table[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return text.getvalue()
