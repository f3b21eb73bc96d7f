"""A memory of what an agent lived through, recurrent states included."""

from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._checks import check_size


class Transition(NamedTuple):
    """One step of an agent, or a batch of them; every leaf an array with the same leading axes.

    state is that before the observation was read, h_t, and next_state that after it, h_{t+1}, with which
    next_observation is to be read. terminated is True where the task ended, not where time ran out.
    """

    observation: Any
    action: Any
    reward: Any
    next_observation: Any
    terminated: Any
    state: Any
    next_state: Any


class Replay:
    """A ring of the last `capacity` transitions, in arrays of numpy.

    For those who come from Velora: there only h_{t+1} is kept, and its actor loss reads s_t with it. Both are kept
    here. They were computed with the parameters of their time, and age as these change.

    Args:
        capacity: the number of transitions kept, at least 1.

    Raises:
        ValueError: capacity is not an integer of at least 1; or `sample` is asked of an empty memory.

    Example:
        >>> replay = Replay(capacity=100)
        >>> zeros = np.zeros(4, np.float32)
        >>> replay.add(Transition(zeros, 0, 1.0, zeros, False, state=zeros, next_state=zeros))
        >>> replay.sample(np.random.default_rng(0), 32).observation.shape
        (32, 4)
    """

    def __init__(self, capacity: int):
        check_size("capacity", capacity)
        self.capacity = capacity
        self.added = 0
        self._store: Any = None

    def __len__(self) -> int:
        return min(self.added, self.capacity)

    def add(self, transition: Transition) -> None:
        """Keeps one transition, in the place of the oldest where there is no room."""
        transition = jax.tree.map(np.asarray, transition)
        if self._store is None:
            self._store = jax.tree.map(lambda x: np.zeros((self.capacity, *x.shape), _narrow(x.dtype)), transition)
        place = self.added % self.capacity
        for kept, new in zip(jax.tree.leaves(self._store), jax.tree.leaves(transition), strict=True):
            kept[place] = new
        self.added += 1

    def sample(self, rng: np.random.Generator, size: int) -> Transition:
        """A batch of `size` transitions, drawn uniformly with replacement."""
        if not self.added:
            raise ValueError("a memory must hold a transition before it is sampled; add one first")
        rows = rng.integers(len(self), size=size)
        return jax.tree.map(lambda kept: kept[rows], self._store)


def _narrow(dtype: np.dtype) -> Any:
    return np.float32 if dtype == np.float64 else dtype  # python's numbers are float64; what is computed is float32
