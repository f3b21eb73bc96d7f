"""Time series to forecast: a sum of sines, and two chaotic systems solved with diffrax.

All of them are computed in float64. The noise is drawn from a seed; the series beneath it is always the same. (On
another machine a chaotic series may take another course after some 35 Lyapunov times, where rounding has grown to
the size of the series: as valid a solution, but not the same numbers.)
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._bounds import check_not_negative, check_positive
from liquidjax._checks import check_size

AMPLITUDES, FREQUENCIES = (1.0, 0.5, 0.3), (1.0, 2.3, 3.7)
SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
LYAPUNOV_EXPONENT = 0.9056
"""The largest of the Lorenz system, per unit of time (Sprott, "Chaos and Time-Series Analysis", 2003)."""
GROWTH, DECAY, POWER, DELAY = 0.2, 0.1, 10, 17.0
TRANSIENT = {"lorenz": 10.0, "mackey_glass": 1000.0}
"""Time that passes before the first point, so that the start is forgotten."""
MOST_POINTS, LONGEST = 100_000, 10_000
"""Of a section, and units of time of a series: the solvers' steps and the past of Mackey-Glass are kept in memory."""


@dataclass(frozen=True)
class Sampling:
    """Where a series is sampled, and how noisily.

    Raises:
        ValueError: a section without points, an interval that is not above 0, noise below 0, or too long a series.

    Example:
        >>> Sampling(train=200, test=100, interval=0.1, noise=0.05).times[:3].tolist()
        [0.0, 0.1, 0.2]
    """

    train: int
    """Points of the training section."""
    test: int
    """Points of the test section, which follows it."""
    interval: float
    """Time from one point to the next, in the unit of time of the system's equation."""
    noise: float
    """Standard deviation of the Gaussian noise, as a share of that of the series."""

    def __post_init__(self):
        check_size("train", self.train, 1, MOST_POINTS)
        check_size("test", self.test, 1, MOST_POINTS)
        check_positive("interval", self.interval)
        check_not_negative("noise", self.noise)
        if (self.train + self.test) * self.interval > LONGEST:
            raise ValueError(
                f"(train + test) * interval must be at most {LONGEST:,} units of time, got "
                f"({self.train} + {self.test}) * {self.interval}"
            )

    @property
    def times(self) -> np.ndarray:
        """The times of the points, (train + test,), from 0."""
        return np.arange(self.train + self.test) * self.interval


class System(NamedTuple):
    """A series to forecast: its name, its solution (time,) -> (time, dimensions), and the unit of its forecasts.

    A forecast is as good as it is long, and that is told in `unit`, which lasts `unit_length` of the equation's time.
    """

    title: str
    solve: Callable[[np.ndarray], np.ndarray]
    unit: str
    unit_length: float


def sines(times: np.ndarray) -> np.ndarray:
    """sin t + 0.5 sin 2.3 t + 0.3 sin 3.7 t, float64 (time, 1); it repeats itself after 62.8 units of time.

    Example:
        >>> sines(np.array([0.0, np.pi])).round(3)
        array([[0.   ],
               [0.162]])
    """
    return np.sin(np.outer(times, FREQUENCIES)) @ np.array(AMPLITUDES)[:, None]


def lorenz_slope(t: object, state: jax.Array, args: object = None) -> jax.Array:
    """dx/dt = 10 (y - x), dy/dt = x (28 - z) - y, dz/dt = x y - 8/3 z for a state (3,)."""
    x, y, z = state
    return jnp.stack([SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z])


def lorenz(times: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """The Lorenz system, float64 (time, 3), on its attractor: from (1, 1, 1), after 10 units of time.

    Args:
        times: (time,), increasing, from 0.
        tolerance: relative and absolute, of each solver step.

    Example:
        >>> lorenz(np.arange(100) * 0.1).shape
        (100, 3)

    Reference:
        Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963).
    """
    with jax.enable_x64(True):
        return np.asarray(_lorenz(jnp.asarray(times) + TRANSIENT["lorenz"], tolerance))


@jax.jit
def _lorenz(times: jax.Array, tolerance: float) -> jax.Array:
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lorenz_slope),
        diffrax.Dopri5(),
        t0=0.0,
        t1=times[-1],
        dt0=None,
        y0=jnp.ones(3),
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        max_steps=10_000_000,
    )
    assert solution.ys is not None
    return solution.ys


def mackey_glass_slope(value: jax.Array, delayed: jax.Array) -> jax.Array:
    """dx/dt = 0.2 x(t - 17) / (1 + x(t - 17)^10) - 0.1 x(t)."""
    return GROWTH * delayed / (1 + delayed**POWER) - DECAY * value


def mackey_glass(times: np.ndarray, tolerance: float = 1e-10) -> np.ndarray:
    """The Mackey-Glass equation, float64 (time, 1), from a past of 1.2 everywhere, after 1000 units of time.

    Solved by the method of steps: over one delay the delayed value is known, the dense output of the solution over
    the delay before, so a delay equation becomes one ordinary differential equation after the other. The kinks that
    the start leaves in the derivatives lie where one ends and the next begins.

    Args:
        times: (time,), increasing, from 0; 17 units of them are one delay.
        tolerance: relative and absolute, of each solver step.

    Example:
        >>> mackey_glass(np.arange(100.0)).shape
        (100, 1)

    Reference:
        Mackey and Glass, "Oscillation and chaos in physiological control systems", Science 197 (1977); the method in
        Bellen and Zennaro, "Numerical Methods for Delay Differential Equations" (2003), section 3.4.
    """
    times = np.asarray(times) + TRANSIENT["mackey_glass"]
    delays = int(times[-1] // DELAY) + 1
    with jax.enable_x64(True):
        return np.asarray(_mackey_glass(jnp.asarray(times), delays, tolerance))[:, None]


@functools.partial(jax.jit, static_argnames="delays")
def _mackey_glass(times: jax.Array, delays: int, tolerance: float) -> jax.Array:
    def over_one_delay(slope, start, past):
        """The dense output, in time since the beginning of the delay."""
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            diffrax.Dopri8(),  # with a dense output of seventh order, for the next delay reads it
            t0=0.0,
            t1=DELAY,
            dt0=None,
            y0=start,
            args=past,
            saveat=diffrax.SaveAt(dense=True),
            stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
            max_steps=1024,
        )
        assert solution.interpolation is not None
        return solution.interpolation

    def following(past, _):
        def slope(t, value, past):
            return mackey_glass_slope(value, past.evaluate(t))

        dense = over_one_delay(slope, past.evaluate(DELAY), past)
        return dense, dense

    before = over_one_delay(lambda t, value, past: jnp.zeros_like(value), jnp.asarray(1.2), None)
    _, solutions = jax.lax.scan(following, before, length=delays)

    def at(time):
        delay = time // DELAY
        return jax.tree.map(lambda leaf: leaf[delay.astype(int)], solutions).evaluate(time - delay * DELAY)

    return jax.lax.map(at, times)


def add_noise(values: np.ndarray, noise: float, seed: int) -> np.ndarray:
    """values (time, dimensions) with Gaussian noise, its standard deviation `noise` times that of each dimension.

    Example:
        >>> noisy = add_noise(np.array([[-1.0], [1.0]]), noise=0.1, seed=0)
        >>> noisy.round(3).tolist()
        [[-0.987], [0.987]]
    """
    return values + noise * values.std(axis=0) * np.random.default_rng(seed).standard_normal(values.shape)


SYSTEMS = {
    "sines": System("Sum of sines", sines, "units of time", 1.0),
    "lorenz": System("Lorenz", lorenz, "Lyapunov times", 1 / LYAPUNOV_EXPONENT),
    "mackey_glass": System("Mackey-Glass", mackey_glass, "units of time", 1.0),
}
