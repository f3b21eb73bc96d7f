"""Filters in front of a controller: what it reads in the place of what came from the sensors."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array
from liquidjax.experiments.control.riccati import held

MOST = 100
"""Steps of physics that a filter can look back; more count as so many."""


class Filter(Protocol):
    """Takes frames as they come, of members (members, rows, ...) that get them at the same times (rows,)."""

    def begin(self, members: int, rows: int) -> Any:
        """Before the first frame."""
        ...

    def step(self, state: Any, received: Array, action: Array, since: Array, call: Array) -> tuple[Any, Array]:
        """(state, positions (members, rows, positions)) after a frame.

        Args:
            state: before it.
            received: the positions as the frame has them.
            action: what was held since the frame before, (members, rows, actions).
            since: steps of physics since then, int (rows,).
            call: bool (rows,); where it is False there is no frame, and the state stays.
        """
        ...


class LowPassState(NamedTuple):
    """value: (members, rows, positions); started: bool (rows,)."""

    value: Array
    started: Array


@dataclass(frozen=True)
class LowPass:
    """y <- y + (1 - exp(-since / constant)) (x - y), from the first frame on.

    Args:
        positions: how many.
        constant: the time constant, in steps of physics.

    Example:
        >>> f = LowPass(1, constant=4.0)
        >>> state, since, call = f.begin(1, 1), jnp.array([4]), jnp.array([True])
        >>> for x in (0.0, 1.0):
        ...     state, y = f.step(state, jnp.full((1, 1, 1), x), jnp.zeros((1, 1, 1)), since, call)
        >>> round(float(y[0, 0, 0]), 3)
        0.632
    """

    positions: int
    constant: float

    def begin(self, members: int, rows: int) -> LowPassState:
        """See `Filter`."""
        return LowPassState(jnp.zeros((members, rows, self.positions)), jnp.zeros(rows, bool))

    def step(
        self, state: LowPassState, received: Array, action: Array, since: Array, call: Array
    ) -> tuple[LowPassState, Array]:
        """See `Filter`."""
        share = -jnp.expm1(-since.astype(received.dtype) / self.constant)
        share = jnp.where(state.started, share, 1)[:, None]
        value = jnp.where(call[:, None], state.value + share * (received - state.value), state.value)
        return LowPassState(value, state.started | call), value


class KalmanState(NamedTuple):
    """mean: (members, rows, states); covariance: (rows, states, states), which does not depend on what is read."""

    mean: Array
    covariance: Array
    started: Array


@dataclass(frozen=True, eq=False)
class Kalman:
    """The Kalman filter of a linear system x <- Ax + Bu + w, of whose states the first ones are read with noise.

    predict: m <- A^n m + B_n u,  P <- A^n P A^n' + Q_n;   update: K = P H' (H P H' + R)^-1,  m <- m + K (y - H m),
    P <- (1 - K H) P

    over the n steps of physics that have passed, in which the action was held.

    Args:
        A, B: of one step of physics, (states, states) and (states, actions).
        disturbance: covariance of w in one step, (states, states).
        noise: standard deviations of what is read, (positions,).
        start: standard deviations of the states before the first frame, about 0, (states,).

    Reference:
        Kalman, "A new approach to linear filtering and prediction problems", 1960.
    """

    A: np.ndarray
    B: np.ndarray
    disturbance: np.ndarray
    noise: np.ndarray
    start: np.ndarray

    @functools.cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(A^n, B_n, Q_n) of each number of steps n up to `MOST`."""
        over = [held(self.A, self.B, steps) for steps in range(MOST + 1)]
        disturbed = [np.zeros_like(self.A)]
        for _ in range(MOST):
            disturbed.append(self.A @ disturbed[-1] @ self.A.T + self.disturbance)
        return np.stack([A for A, _ in over]), np.stack([B for _, B in over]), np.stack(disturbed)

    @property
    def positions(self) -> int:
        return len(self.noise)

    def begin(self, members: int, rows: int) -> KalmanState:
        """See `Filter`."""
        size = len(self.A)
        covariance = jnp.broadcast_to(jnp.diag(jnp.asarray(self.start**2, float)), (rows, size, size))
        return KalmanState(jnp.zeros((members, rows, size)), covariance, jnp.zeros(rows, bool))

    def step(
        self, state: KalmanState, received: Array, action: Array, since: Array, call: Array
    ) -> tuple[KalmanState, Array]:
        """See `Filter`; the whole estimate is the mean of the state."""
        steps = jnp.where(state.started, jnp.minimum(since, MOST), 0)
        A, B, Q = (jnp.asarray(table, received.dtype)[steps] for table in self.tables)
        mean = _product(A, state.mean) + _product(B, action)
        half = jnp.sum(A[:, :, :, None] * state.covariance[:, None], axis=2)
        covariance = jnp.sum(half[:, :, None] * A[:, None], axis=-1) + Q
        # One reading after another, for their noises do not depend on each other: so there is nothing to invert.
        for number, noise in enumerate(self.noise):
            gain = covariance[:, :, number] / (covariance[:, number, number] + float(noise) ** 2)[:, None]
            mean = mean + gain * (received[..., number] - mean[..., number])[..., None]
            covariance = covariance - gain[:, :, None] * covariance[:, None, number]
        mean = jnp.where(call[:, None], mean, state.mean)
        covariance = jnp.where(call[:, None, None], covariance, state.covariance)
        return KalmanState(mean, covariance, state.started | call), mean[..., : self.positions]


def _product(matrix: Array, vectors: Array) -> Array:
    """matrix (rows, n, m) @ vectors (..., rows, m): XLA is slow at many small products, and quick at a sum."""
    return jnp.sum(matrix * vectors[..., None, :], axis=-1)
