"""Small agents, an environment that counts, and transitions of random numbers."""

import functools

import gymnasium
import jax
import numpy as np
import pytest

from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork
from liquidjax.rl.actors import ContinuousActor, DiscreteActor
from liquidjax.rl.critic import Critic
from liquidjax.rl.replay import Transition
from liquidjax.rl.sac import SAC

KEY = jax.random.key(0)
OBSERVATIONS = 3
DISCRETE = SAC(
    DiscreteActor(LiquidNCPNetwork(OBSERVATIONS, 6, 4)), Critic(NCPNetwork(OBSERVATIONS, 8, 4)), learning_rate=1e-2
)
CONTINUOUS = SAC(
    ContinuousActor(LiquidNCPNetwork(OBSERVATIONS, 6, 4), (-1.0, 0.0), (1.0, 6.0)),
    Critic(LiquidNCPNetwork(OBSERVATIONS + 2, 8, 1)),  # recurrent critics
)
both = pytest.mark.parametrize("sac", [DISCRETE, CONTINUOUS], ids=["discrete", "continuous"])


@functools.cache
def _drawn(sac, x64):
    return jax.device_get(jax.jit(sac.init)(KEY))


def learner_of(sac):
    """What `sac.init(KEY)` gives, drawn once for all tests, as arrays of numpy."""
    return _drawn(sac, jax.config.read("jax_enable_x64"))


def some_batch(sac, size=16):
    """Transitions of which every entry is another random number."""
    rng = np.random.default_rng(0)

    def numbers(*shape):
        return rng.normal(size=shape).astype(np.float32)

    def states():
        return jax.tree.map(lambda leaf: 0.5 * numbers(*leaf.shape), sac.initial_states((size,)))

    if sac is DISCRETE:
        action = rng.integers(0, 4, size)
    else:
        action = rng.uniform((-1, 0), (1, 6), size=(size, 2)).astype(np.float32)
    return Transition(
        numbers(size, OBSERVATIONS),
        action,
        numbers(size),
        numbers(size, OBSERVATIONS),
        np.arange(size) % 3 == 0,
        states(),
        states(),
    )


def assert_equal(left, right):
    jax.tree.map(np.testing.assert_array_equal, jax.device_get(left), jax.device_get(right))


class Counting(gymnasium.Env):
    """Observes its time step; an episode ends after 3 steps, and every second one by running out of time."""

    observation_space = gymnasium.spaces.Box(-9, 9, (OBSERVATIONS,))

    def __init__(self, action_space):
        self.action_space, self.episode, self.time = action_space, 0, 0

    def observed(self):
        return np.array([1.0, self.episode, self.time])

    def reset(self, *, seed=None, options=None):
        self.episode, self.time = self.episode + 1, 0
        return self.observed(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.time += 1
        over = self.time == 3
        return (
            self.observed(),
            float(np.sum(action)),
            over and self.episode % 2 == 1,
            over and self.episode % 2 == 0,
            {},
        )


def spaces(sac):
    low, high = np.array([-1, 0], np.float32), np.array([1, 6], np.float32)
    return gymnasium.spaces.Discrete(4) if sac is DISCRETE else gymnasium.spaces.Box(low, high)
