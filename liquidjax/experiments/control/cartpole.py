"""A pole on a cart, of which position and angle are seen: physics of our own, for any number of them at once."""

import functools
from dataclasses import dataclass
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array
from liquidjax.experiments.control.plant import STEP, Linear, Moved, balancing

GRAVITY, CART, POLE, HALF_LENGTH = 9.8, 1.0, 0.1, 0.5
"""m / s^2, kg, kg, m: those of gymnasium's CartPole."""
TRACK, LEAN = 2.4, np.deg2rad(12)
"""Where it has fallen: cart beyond so many metres, or pole beyond so many radians."""
STATE_COST = np.diag([1.0, 20.0, 0.1, 0.1])
FORCE_COST = np.diag([0.1])
"""x'Qx + u'Ru is the cost of a second."""


@dataclass(frozen=True)
class CartPole:
    """States (..., 4): position, angle and their velocities; the action is a force on the cart of up to 10 N.

    Example:
        >>> plant = CartPole()
        >>> states = jnp.asarray(plant.starts(3, seed=0))
        >>> moved = plant.advance(states, jnp.zeros((3, 1)), jnp.ones(3, bool), jnp.array([0, 1, 4]))
        >>> moved.lived.tolist(), bool(jnp.all(moved.states[0] == states[0]))
        ([0, 1, 4], True)

    Reference:
        Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve difficult learning control problems",
        1983; without friction, as Florian, "Correct equations for the dynamics of the cart-pole system", 2007, has it.
    """

    name: ClassVar[str] = "cart-pole"
    frame: ClassVar[int] = 4
    positions: ClassVar[int] = 2
    actions: ClassVar[int] = 1
    limit: ClassVar[float] = 10.0
    features: ClassVar[tuple[str, ...]] = ("position", "angle")
    noise_unit: ClassVar[tuple[float, ...]] = (0.1, 0.05)
    exploration: ClassVar[float] = 0.2
    falls: ClassVar[bool] = True
    fallen: ClassVar[float] = float(STATE_COST[0, 0] * TRACK**2 + STATE_COST[1, 1] * LEAN**2)
    traced: ClassVar[bool] = True

    def starts(self, number: int, seed: int) -> np.ndarray:
        """See `Plant`: up to 0.3 m and 3.4 degrees from the middle, and moving."""
        return np.random.default_rng(seed).uniform(-1, 1, (number, 4)) * [0.3, 0.06, 0.3, 0.3]

    def full(self, states: Array) -> Array:
        """See `Plant`: the state itself."""
        return states

    def advance(self, states: Array, actions: Array, alive: Array, steps: Array) -> Moved:
        """See `Plant`."""

        def step(number: Array, moved: Moved) -> Moved:
            moving = moved.alive & (number < steps)
            new = runge_kutta(moved.states, actions[..., 0], STEP)
            fell = (jnp.abs(new[..., 0]) > TRACK) | (jnp.abs(new[..., 1]) > LEAN)
            return Moved(
                jnp.where(moving[..., None], new, moved.states),
                moved.alive & ~(moving & fell),
                moved.cost + jnp.where(moving, STEP * cost(moved.states, actions), 0),
                moved.lived + moving.astype(int),
            )

        nothing = jnp.zeros(alive.shape, states.dtype)
        start = Moved(states, alive, nothing, jnp.zeros(alive.shape, int))
        return jax.lax.fori_loop(0, jnp.max(steps), step, start)

    def linear(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Plant`: at rest, upright."""
        A, B = jax.jacfwd(lambda x, u: runge_kutta(x, u, STEP), argnums=(0, 1))(jnp.zeros(4), jnp.zeros(()))
        return np.asarray(A, float), np.asarray(B, float)[:, None]

    def expert(self) -> Linear:
        """See `Plant`: the linear-quadratic regulator of the cost."""
        return _expert(self)


@functools.cache
def _expert(plant: CartPole) -> Linear:
    return balancing(*plant.linear(), STATE_COST, FORCE_COST, plant.frame)


def cost(states: Array, actions: Array) -> Array:
    """Of a second, (...)."""
    return states**2 @ jnp.asarray(np.diag(STATE_COST), states.dtype) + FORCE_COST[0, 0] * actions[..., 0] ** 2


def derivative(states: Array, force: Array) -> Array:
    """d/dt of position, angle (0 upright, above 0 to the right) and their velocities, under a force on the cart.

        angle'' = (g sin a - cos a f) / (l (4/3 - m cos^2 a / M)),  position'' = f - m l angle'' cos a / M
        f = (force + m l angle'^2 sin a) / M,  M = cart + m,  l half the length of the pole, m its mass

    Args:
        states: (..., 4).
        force: (...), N.
    """
    angle, velocity, turning = states[..., 1], states[..., 2], states[..., 3]
    sin, cos = jnp.sin(angle), jnp.cos(angle)
    total = CART + POLE
    pushed = (force + POLE * HALF_LENGTH * turning**2 * sin) / total
    turned = (GRAVITY * sin - cos * pushed) / (HALF_LENGTH * (4 / 3 - POLE * cos**2 / total))
    return jnp.stack([velocity, turning, pushed - POLE * HALF_LENGTH * turned * cos / total, turned], axis=-1)


def runge_kutta(states: Array, force: Array, h: float) -> Array:
    """One step of the classical method of order 4, the force held."""
    first = derivative(states, force)
    second = derivative(states + h / 2 * first, force)
    third = derivative(states + h / 2 * second, force)
    fourth = derivative(states + h * third, force)
    return states + h / 6 * (first + 2 * second + 2 * third + fourth)
