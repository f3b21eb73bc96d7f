"""Which series go into which batch: by length, in an order that two numbers say, so that it can go on from anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from liquidjax._checks import check_array, check_flag, check_size, put, settle

MOST_BUCKETS = 6
"""Each is a shape of its own, which is compiled once."""


class Rows(NamedTuple):
    """One batch: rows int (batch,), -1 where it is filled up; time: its steps; place: its number in the epoch."""

    rows: np.ndarray
    time: int
    place: int


@dataclass(frozen=True, eq=False)
class Batches:
    """Series of about the same length in batches of one size, each epoch in another order.

    The order of an epoch is a function of (seed, epoch) and of nothing else, so a position in a training is two
    numbers, the epoch and the batch in it, and it goes on from there as if it had not been interrupted. Every series
    comes once an epoch; where a bucket does not fill its last batch, that is filled with nothing.

    Args:
        lengths: of the series, int (series,), at least 1.
        size: series in a batch.
        seed: of the order.
        shuffle: whether there is an order to draw; else they come as they are, the short ones first.

    Raises:
        ValueError: no series, or numbers out of range.

    Example:
        >>> batches = Batches([3, 9, 4, 9], size=2)
        >>> [(sorted(batch.rows.tolist()), batch.time) for batch in sorted(batches.epoch(0), key=lambda b: b.time)]
        [([0, 2], 4), ([1, 3], 9)]
        >>> all((a.rows == b.rows).all() for a, b in zip(batches.epoch(7, start=1), list(batches.epoch(7))[1:]))
        True
    """

    lengths: np.ndarray
    size: int
    seed: int = 0
    shuffle: bool = True

    def __post_init__(self):
        lengths = check_array("lengths", self.lengths, "iu", on_host=True).astype(int)
        if lengths.ndim != 1 or not len(lengths) or lengths.min() < 1:
            raise ValueError(f"lengths must be (series,), one or more of at least 1, got {self.lengths}")
        put(self, lengths=lengths, seed=check_size("seed", self.seed, 0))
        settle(self, check_size, "size")
        settle(self, check_flag, "shuffle")

    @property
    def buckets(self) -> list[tuple[np.ndarray, int]]:
        """(rows, time) of the series of each bucket, the shortest first; most of them fill a batch or more."""
        order = np.argsort(self.lengths, kind="stable")
        count = min(MOST_BUCKETS, max(1, len(order) // self.size))
        times = sorted({int(self.lengths[part[-1]]) for part in np.array_split(order, count)})
        bucket = np.searchsorted(times, self.lengths)
        return [(np.flatnonzero(bucket == i), time) for i, time in enumerate(times)]

    def __len__(self) -> int:
        """Batches in an epoch."""
        return sum(-(-len(rows) // self.size) for rows, _ in self.buckets)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Rows]:
        """The batches of an epoch, 0, 1, ..., from its batch `start` on."""
        check_size("start", start, 0)
        rng = np.random.default_rng((self.seed, check_size("epoch", epoch, 0)))
        made: list[tuple[np.ndarray, int]] = []
        for rows, time in self.buckets:
            drawn = rng.permutation(rows) if self.shuffle else rows
            filled = np.full(-(-len(rows) // self.size) * self.size, -1)
            filled[: len(rows)] = drawn
            made += [(part, time) for part in filled.reshape(-1, self.size)]
        order = rng.permutation(len(made)) if self.shuffle else np.arange(len(made))
        for place in range(start, len(made)):
            rows, time = made[order[place]]
            yield Rows(rows, time, place)
