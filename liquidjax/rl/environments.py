"""One environment of gymnasium, or many at once, in one form: what a training loop asks of them."""

from typing import Any, NamedTuple

import numpy as np


class Stepped(NamedTuple):
    """What one step gave, `batch` for one environment is () and for n of them (n,).

    following (*batch, observations) is what an episode that ends saw last, not where the next one begins. lived, bool
    (*batch), is False where the step was no step of an episode: there gymnasium only resets.
    """

    following: Any
    reward: Any
    terminated: Any
    truncated: Any
    lived: np.ndarray


class Single:
    """One environment: anything with gymnasium's `reset`, `step` and `action_space`."""

    batch = ()

    def __init__(self, env: Any):
        self.env, self.following = env, None

    def step(self, action: np.ndarray) -> Stepped:
        """One step with an action of the environment's space."""
        self.following, reward, terminated, truncated, _ = self.env.step(action)
        return Stepped(self.following, reward, terminated, truncated, np.array(True))

    def begin(self, ended: np.ndarray) -> tuple[Any, np.ndarray]:
        """(observation to act on, whether it is the first of an episode, bool (*batch)), given what has ended."""
        return (self.env.reset()[0] if ended else self.following), ended


class Vector:
    """A `gymnasium.vector.VectorEnv`, in any of its modes of automatic reset.

    NextStep, gymnasium's default, spends a step on each reset: the action of that step is not used, and `lived` is
    False. SameStep has the last observation in its infos. Disabled waits for `reset` with a mask.
    """

    def __init__(self, env: Any):
        self.env, self.batch = env, (env.num_envs,)
        mode = env.metadata.get("autoreset_mode", "NextStep")
        self.mode = getattr(mode, "value", mode)
        self.resets_next = np.zeros(self.batch, bool)
        self.observation: Any = None

    def step(self, action: np.ndarray) -> Stepped:
        """One step of all environments with actions (n, ...)."""
        self.observation, reward, terminated, truncated, infos = self.env.step(action)
        following, lived = self.observation, ~self.resets_next
        if self.mode == "SameStep":
            following = np.array(following)
            for row in np.flatnonzero(terminated | truncated):
                following[row] = infos["final_obs"][row]
        return Stepped(following, reward, terminated, truncated, lived)

    def begin(self, ended: np.ndarray) -> tuple[Any, np.ndarray]:
        """(observations to act on, which of them are the first of an episode, bool (n,)), given what has ended."""
        if self.mode == "SameStep":
            return self.observation, ended
        if self.mode == "Disabled":
            return (self.env.reset(options={"reset_mask": ended})[0] if ended.any() else self.observation), ended
        begun, self.resets_next = self.resets_next, ended
        return self.observation, begun


def environments(env: Any) -> Single | Vector:
    """The environment, or the environments of a vector, in one form."""
    return Vector(env) if hasattr(env, "num_envs") else Single(env)
