"""Training an agent in one environment or in many at once."""

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from liquidjax._checks import check_size
from liquidjax.rl.environments import environments
from liquidjax.rl.replay import Replay, Transition
from liquidjax.rl.sac import SAC, Learner, Losses, act, update


class Episode(NamedTuple):
    """One episode: its number from 1, its steps, the sum of its rewards, the step of the run it ended at, and where.

    Numbers are counted in each environment by itself.
    """

    number: int
    steps: int
    reward: float
    end: int
    environment: int = 0


class Run(NamedTuple):
    """What was learnt, and the finished episodes."""

    learner: Learner
    episodes: list[Episode]


def train(
    env: Any,
    sac: SAC,
    *,
    steps: int,
    batch_size: int = 256,
    warmup: int | None = None,
    capacity: int = 1_000_000,
    seed: int = 0,
    learner: Learner | None = None,
    on_step: Callable[[int, Losses | None], None] | None = None,
    on_episode: Callable[[Episode], None] | None = None,
) -> Run:
    """Trains an agent in an environment, or in many at once, with one update for each step after the warm-up.

    The states start anew with each episode, in the warm-up too, each environment by itself. A step of a vector of
    environments is a step of all of them, with one call of the compiled policy for all of their observations.

    Args:
        env: an environment of gymnasium, or anything with its `reset`, `step` and `action_space`; or a
            `gymnasium.vector.VectorEnv`, in any mode of automatic reset.
        sac: the agent, as from `for_environment`.
        steps: of the environment, warm-up included. In gymnasium's default mode a vector spends one on each reset.
        batch_size: transitions in an update.
        warmup: steps with random actions and without updates before; as many as give twice the batch size of
            transitions when None.
        capacity: transitions that are remembered.
        seed: of everything that is random; environment i of a vector gets seed + i.
        learner: to go on from; drawn anew when None.
        on_step: called after each step with its number and the losses, None in the warm-up.
        on_episode: called after each episode.

    Returns:
        What was learnt, and the finished episodes in the order in which they ended.

    Raises:
        ValueError: a size is out of range; or the environment gives an observation or a reward that is not finite,
            with its step, before anything is learnt from it.
        FloatingPointError: the losses of an update are no longer finite, or the parameters after the last one.

    Example:
        >>> import gymnasium
        >>> from liquidjax.rl.agent import for_environment
        >>> env = gymnasium.make("CartPole-v1")
        >>> run = train(env, for_environment(env), steps=40, batch_size=8)
        >>> sum(episode.steps for episode in run.episodes) <= 40
        True
        >>> envs = gymnasium.make_vec("CartPole-v1", num_envs=4)
        >>> run = train(envs, for_environment(envs), steps=40, batch_size=8)
        >>> {episode.environment for episode in run.episodes} <= {0, 1, 2, 3}
        True
    """
    envs = environments(env)
    count = math.prod(envs.batch)
    check_size("steps", steps)
    check_size("batch_size", batch_size)
    warmup = math.ceil(2 * batch_size / count) if warmup is None else warmup
    check_size("warmup", warmup, least=0)
    key, init_key = jax.random.split(jax.random.key(seed))
    now = sac.init(init_key) if learner is None else learner
    rng, replay, episodes = np.random.default_rng(seed), Replay(min(capacity, steps * count)), []
    env.action_space.seed(seed)
    observation = _finite("observation of the reset", env.reset(seed=seed)[0], 0)
    initial = jax.device_get(sac.initial_states(envs.batch))
    states, losses = initial, None
    numbers, starts, totals = np.zeros(count, int), np.zeros(count, int), np.zeros(count)
    for number in range(1, steps + 1):
        key, act_key, update_key = jax.random.split(key, 3)
        given = env.action_space.sample() if number <= warmup else None
        # The losses of the step before come along: the action has waited for its update anyway.
        (next_states, action), seen = jax.device_get((act(sac, now, states, observation, act_key, given), losses))
        _check_learning((seen, action), seen, number - 1, sac)
        action = np.asarray(action, env.action_space.dtype)  # a Box of float32 does not contain float64
        following, reward, terminated, truncated, lived = envs.step(action)
        following, _ = _finite("observation", following, number), _finite("reward", reward, number)
        for each in _each(Transition(observation, action, reward, following, terminated, states, next_states), lived):
            replay.add(each)
        if number > warmup:
            now, losses = update(sac, now, replay.sample(rng, batch_size), update_key)
        if on_step is not None:
            on_step(number, losses)
        totals += np.where(lived, np.asarray(reward, float), 0.0)
        ended = lived & (np.asarray(terminated, bool) | np.asarray(truncated, bool))
        for place in np.flatnonzero(ended).tolist():
            numbers[place] += 1
            length = number - int(starts[place])
            episodes.append(Episode(int(numbers[place]), length, float(totals[place]), number, place))
            if on_episode is not None:
                on_episode(episodes[-1])
        observation, begun = envs.begin(ended)
        observation = _finite("observation of the reset" if begun.any() else "observation", observation, number)
        states = _restarted(begun, initial, next_states)
        starts[begun.ravel()], totals[begun.ravel()] = number, 0.0
    if losses is not None:
        _check_learning((losses, now._replace(opt_state=None)), losses, steps, sac)
    return Run(now, episodes)


def _each(transitions: Transition, lived: np.ndarray) -> Iterator[Transition]:
    """The transitions of the environments that made a step, one by one."""
    if lived.ndim == 0:
        yield transitions
        return
    for place in np.flatnonzero(lived):
        yield jax.tree.map(lambda leaf, place=place: leaf[place], transitions)


def _restarted(begun: np.ndarray, initial: Any, states: Any) -> Any:
    """The states, those of a new episode where one has begun."""
    if not begun.any():
        return states

    def chosen(fresh: np.ndarray, old: np.ndarray) -> np.ndarray:
        return np.where(np.expand_dims(begun, tuple(range(begun.ndim, old.ndim))), fresh, old)

    return jax.tree.map(chosen, initial, states)


def _finite(name: str, value: Any, step: int) -> np.ndarray:
    """What the environment gave, as an array of its own of float32: an environment may write into the one it gave."""
    with np.errstate(over="ignore"):
        value = np.array(value, np.float32)
    if not np.isfinite(value).all():
        raise ValueError(f"the {name} at step {step} must be finite in float32, got {value}; mend the environment")
    return value


def _check_learning(learnt: Any, losses: Losses | None, step: int, sac: SAC) -> None:
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(learnt)):
        raise FloatingPointError(
            f"at step {step} the losses are {losses}, or what was learnt is no longer finite; try "
            f"a smaller learning rate than {sac.learning_rate}"
        )
