"""A composite of a user's own, which no wrapper of ours knows: what looks through cells must look through it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax


class PairParams(NamedTuple):
    """In another order than the cells."""

    second: dict[str, Any]
    first: Any


@dataclass(frozen=True)
class Pair:
    """Two cells in a tuple, of which the second hears what the first says, plus an offset."""

    cells: tuple[Any, Any]
    offset: float = 0.0

    @property
    def inputs(self):
        return self.cells[0].inputs

    @property
    def outputs(self):
        return self.cells[1].outputs

    def init(self, key):
        return PairParams({"its": self.cells[1].init(key)}, self.cells[0].init(key))

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return tuple(cell.initial_state(batch_shape, dtype) for cell in self.cells)

    def sense(self, params, inputs, key=None):
        return self.cells[0].sense(params.first, inputs, key)

    def step(self, params, state, sensed, dt):
        first, y = jax.checkpoint(self.cells[0].step)(params.first, state[0], sensed, dt)
        own = params.second["its"]
        second, y = self.cells[1].step(own, state[1], self.cells[1].sense(own, self.offset + y), dt)
        return (first, second), y
