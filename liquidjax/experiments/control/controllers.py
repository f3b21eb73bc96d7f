"""Who controls: a network behind a filter or without one, the expert, an engineer's filter and gain, or nobody."""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array, Cell, Params
from liquidjax.experiments.control.filters import Filter, Kalman
from liquidjax.experiments.control.plant import STEP, Linear
from liquidjax.sequences.steps import StepInputs, masked_step
from liquidjax.tasks.preparation import Preparation


class Controller(Protocol):
    """What is called at each frame, of members (members, rows, ...) that get them at the same times (rows,)."""

    def begin(self, members: int, rows: int) -> Any:
        """Its memory before the first frame."""
        ...

    def act(
        self, params: Params, memory: Any, received: Array, action: Array, since: Array, call: Array
    ) -> tuple[Any, Array]:
        """(memory, action (members, rows, actions)) after a frame.

        Args:
            params: of a network, with a leading axis (members,); None of all others.
            memory: before it.
            received: [positions, velocities] (members, rows, 2 positions) as the frame has them; who is honest looks at
                the positions only.
            action: what was held since the frame before.
            since: steps of physics that passed since then, as far as it is told, int (rows,).
            call: bool (rows,); where it is False there is no frame: what comes of it is not looked at.
        """
        ...


class NetworkMemory(NamedTuple):
    """state: of the cell; filtered: of the filter, () where there is none."""

    state: Any
    filtered: Any


@dataclass(frozen=True)
class NetworkController:
    """A trained cell: frames scaled as in its training, dt in frames of the training, actions cut off at the limit.

    Args:
        cell: of the network.
        preparation: of its training data.
        limit: of the actions.
        filter: in front of it, or None.
        calm: time constant of a low-pass filter of its actions, in steps of physics; None for none.
    """

    cell: Cell
    preparation: Preparation
    limit: float
    filter: Filter | None = None
    calm: float | None = None

    def begin(self, members: int, rows: int) -> NetworkMemory:
        """See `Controller`."""
        state = self.cell.initial_state((members, rows), jnp.zeros(()).dtype)
        return NetworkMemory(state, () if self.filter is None else self.filter.begin(members, rows))

    def act(
        self, params: Params, memory: NetworkMemory, received: Array, action: Array, since: Array, call: Array
    ) -> tuple[NetworkMemory, Array]:
        """See `Controller`."""
        made = self.preparation
        assert made.target_mean is not None and made.target_spread is not None
        positions, filtered = received[..., : len(made.mean)], memory.filtered
        if self.filter is not None:
            filtered, positions = self.filter.step(filtered, positions, action, since, call)
        dtype = received.dtype
        inputs = (positions - jnp.asarray(made.mean, dtype)) / jnp.asarray(made.spread, dtype)
        dt = since.astype(dtype) * (STEP / made.time_unit)

        def of_member(params: Params, state: Any, inputs: Array) -> tuple[Any, Array]:
            return masked_step(self.cell, params, state, StepInputs(inputs, dt, call))

        state, output = jax.vmap(of_member)(params, memory.state, inputs)
        asked = output * jnp.asarray(made.target_spread, dtype) + jnp.asarray(made.target_mean, dtype)
        asked = jnp.clip(asked, -self.limit, self.limit)
        if self.calm is not None:
            asked = action - jnp.expm1(-since.astype(dtype) / self.calm)[:, None] * (asked - action)
        return NetworkMemory(state, filtered), asked


@dataclass(frozen=True, eq=False)
class Expert:
    """The expert, who sees the velocities too, at the same frames as everybody; noise is on the positions only."""

    linear: Linear
    limit: float

    def begin(self, members: int, rows: int) -> tuple[()]:
        """See `Controller`: it needs no memory."""
        return ()

    def act(
        self, params: None, memory: tuple[()], received: Array, action: Array, since: Array, call: Array
    ) -> tuple[tuple[()], Array]:
        """See `Controller`."""
        return (), linear_action(self.linear, self.limit, received)


@dataclass(frozen=True, eq=False)
class Estimated:
    """The expert behind a Kalman filter, in the place of velocities that it cannot see: the engineer's answer."""

    linear: Linear
    limit: float
    filter: Kalman

    def begin(self, members: int, rows: int) -> Any:
        """See `Controller`."""
        return self.filter.begin(members, rows)

    def act(
        self, params: None, memory: Any, received: Array, action: Array, since: Array, call: Array
    ) -> tuple[Any, Array]:
        """See `Controller`."""
        memory, _ = self.filter.step(memory, received[..., : self.filter.positions], action, since, call)
        return memory, linear_action(self.linear, self.limit, memory.mean)


@dataclass(frozen=True)
class Nobody:
    """No action at all."""

    def begin(self, members: int, rows: int) -> tuple[()]:
        """See `Controller`."""
        return ()

    def act(
        self, params: None, memory: tuple[()], received: Array, action: Array, since: Array, call: Array
    ) -> tuple[tuple[()], Array]:
        """See `Controller`."""
        return (), jnp.zeros_like(action)


def linear_action(linear: Linear, limit: float, full: Any) -> Any:
    """gain @ full + offset, cut off at the limit, for full (..., 2 positions); of numpy or of JAX.

    Example:
        >>> linear_action(Linear(np.array([[3.0, 0.0]]), np.zeros(1)), 1.0, np.array([[0.1, 5.0], [2.0, 0.0]])).tolist()
        [[0.30000000000000004], [1.0]]
    """
    gain, offset = (np.asarray(each, full.dtype) for each in linear)
    return (full @ gain.T + offset).clip(-limit, limit)
