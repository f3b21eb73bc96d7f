"""What is controlled: physics in steps that never change, between which an action is held."""

import functools
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from liquidjax.experiments.control.riccati import held, regulator

STEP = 0.01
"""Seconds of a step of physics."""


class Moved(NamedTuple):
    """What came of some steps of physics, (..., states) and the others (...).

    alive: which have not fallen; cost: its integral over these steps; lived: steps that were taken. What falls stays
    where it fell and takes no more steps.
    """

    states: Any
    alive: Any
    cost: Any
    lived: Any


class Linear(NamedTuple):
    """An expert: gain @ [positions, velocities] + offset, cut off at the limit of the plant."""

    gain: np.ndarray
    offset: np.ndarray


class Plant(Protocol):
    """A system with some positions that are seen and as many velocities that are hidden.

    name: of the task.
    frame: steps of physics from one frame of the sensors to the next, as in training.
    positions, actions: how many; an action lies within -limit and limit.
    features: names of the positions.
    noise_unit: standard deviations of noise 1 on each position, in their own units; exploration: that of what is added
        to the actions of a demonstration, as a share of the limit.
    falls: whether it can fall, so that it is asked who survives; fallen: cost of a second after the fall.
    traced: whether `advance` can be traced by JAX.
    """

    name: ClassVar[str]
    frame: ClassVar[int]
    positions: ClassVar[int]
    actions: ClassVar[int]
    limit: ClassVar[float]
    features: ClassVar[tuple[str, ...]]
    noise_unit: ClassVar[tuple[float, ...]]
    exploration: ClassVar[float]
    falls: ClassVar[bool]
    fallen: ClassVar[float]
    traced: ClassVar[bool]

    def starts(self, number: int, seed: int) -> np.ndarray:
        """States (number, states) in which an episode begins."""
        ...

    def full(self, states: Any) -> Any:
        """[positions, velocities] (..., 2 positions) of states (..., states)."""
        ...

    def advance(self, states: Any, actions: Any, alive: Any, steps: Any) -> Moved:
        """Some steps of physics, each with its action (..., actions) held, int (...), `frame` at most."""
        ...

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """(A, B) of the positions and velocities over one step of physics, as far as they are known beforehand."""
        ...

    def expert(self) -> Linear:
        """Who sees the velocities."""
        ...


def balancing(A: np.ndarray, B: np.ndarray, Q: np.ndarray, R: np.ndarray, frame: int) -> Linear:
    """The linear-quadratic regulator that acts at each frame, of a system over one step of physics.

    Args:
        A, B: of the system.
        Q, R: cost of a second.
        frame: steps of physics from one frame to the next.

    Example:
        >>> A, B = constant_velocity(1)
        >>> A, B = A, B + np.array([[0.0], [STEP]])  # the action is the acceleration
        >>> balancing(A, B, np.eye(2), np.eye(1), frame=4).gain.round(2)
        array([[-0.97, -1.7 ]])
    """
    duration = frame * STEP
    gain = -regulator(*held(A, B, frame), duration * Q, duration * R)
    return Linear(gain, np.zeros(len(gain)))


@functools.cache
def constant_velocity(positions: int, actions: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """(A, B) over one step of physics of whatever goes on as it goes: all that is known of a system of that kind."""
    A = np.eye(2 * positions)
    A[:positions, positions:] = STEP * np.eye(positions)
    return A, np.zeros((2 * positions, actions))
