"""V15: training an agent in an environment: recurrent states in memory, that it learns, and what it refuses."""

import math
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liquidjax.cells.gru import GRU
from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork
from liquidjax.rl import training as module
from liquidjax.rl.actors import ContinuousActor, DiscreteActor
from liquidjax.rl.agent import for_environment
from liquidjax.rl.critic import Critic
from liquidjax.rl.replay import Replay, Transition
from liquidjax.rl.sac import SAC, act
from liquidjax.rl.training import train
from small_agents import CONTINUOUS, DISCRETE, KEY, OBSERVATIONS, Counting, assert_equal, both, spaces


class Target(gymnasium.Env):
    """One step an episode: the reward is highest at action 1.4."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-2, 2, (1,))

    def reset(self, *, seed=None, options=None):
        return np.ones(1), {}

    def step(self, action):
        return np.ones(1), -float((action[0] - 1.4) ** 2), True, False, {}


def agent(env, actor_neurons, critic_neurons, **settings):
    return for_environment(
        env,
        lambda inputs, outputs: LiquidNCPNetwork(inputs, actor_neurons, outputs),
        lambda inputs, outputs: NCPNetwork(inputs, critic_neurons, outputs),
        **settings,
    )


@both
def test_v15_the_memory_pairs_each_observation_with_the_state_it_was_read_with(sac, monkeypatch, x64, promotes):
    """h_t leads to h_{t+1} through s_t; states are those of the step before, and zero after an end, in warm-up too."""
    kept: list[Transition] = []

    class Recording(Replay):
        def add(self, transition):
            kept.append(transition)
            super().add(transition)

    monkeypatch.setattr(module, "Replay", Recording)
    learner = sac.init(KEY)
    steps = []
    run = train(
        Counting(spaces(sac)), sac, steps=11, warmup=11, learner=learner, on_step=lambda n, losses: steps.append(losses)
    )
    assert steps == [None] * 11 and len(kept) == 11 and [e.steps for e in run.episodes] == [3, 3, 3]
    assert [e.end for e in run.episodes] == [3, 6, 9]
    assert_equal(run.learner, learner)
    for number, transition in enumerate(kept):
        expected, _ = act(sac, learner, transition.state, transition.observation, KEY, transition.action)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), transition.next_state, expected)
        if number % 3 == 0:
            assert_equal(transition.state, sac.initial_states())
            assert transition.observation[2] == 0
        else:
            assert_equal(transition.state, kept[number - 1].next_state)
            np.testing.assert_array_equal(transition.observation, kept[number - 1].next_observation)
            assert np.any(transition.state.actor)
        np.testing.assert_allclose(transition.reward, np.sum(transition.action), rtol=1e-10)
    # The end of the task is kept, running out of time is none.
    assert [bool(t.terminated) for t in kept] == [number in (2, 8) for number in range(11)]


@both
def test_v15_training_is_reproducible_and_calls_back(sac):
    def run():
        steps, episodes = [], []
        result = train(
            Counting(spaces(sac)),
            sac,
            steps=14,
            batch_size=4,
            warmup=6,
            on_step=lambda n, losses: steps.append((n, losses)),
            on_episode=episodes.append,
        )
        return result, steps, episodes

    first, steps, episodes = run()
    assert [n for n, _ in steps] == list(range(1, 15)) and [losses is None for _, losses in steps] == [True] * 6 + [
        False
    ] * 8
    assert episodes == first.episodes and [e.number for e in episodes] == [1, 2, 3, 4]
    second, *_ = run()
    assert_equal(first.learner, second.learner)
    other = train(Counting(spaces(sac)), sac, steps=14, batch_size=4, warmup=6, seed=1)
    assert np.any(jax.tree.leaves(other.learner.actor)[0] != jax.tree.leaves(first.learner.actor)[0])


def test_actions_have_the_type_of_their_space(x64, promotes):
    """`Counting` asks its space whether it contains the action: one of float32 contains none of float64."""
    train(Counting(spaces(CONTINUOUS)), CONTINUOUS, steps=5, batch_size=2, warmup=2)


def test_any_cell_can_be_the_actor():
    sac = SAC(DiscreteActor(GRU(OBSERVATIONS, 4)), Critic(GRU(OBSERVATIONS, 4)))
    run = train(Counting(gymnasium.spaces.Discrete(4)), sac, steps=8, batch_size=2, warmup=2)
    assert len(run.episodes) == 2


def test_v15_a_continuous_action_is_learnt():
    env = Target()
    sac = agent(env, 10, 20, learning_rate=1e-2, initial_alpha=0.1)
    run = train(env, sac, steps=500, batch_size=64)
    rewards = [e.reward for e in run.episodes]
    assert np.mean(rewards[:100]) < -1.5
    _, action = sac.actor.act(run.learner.actor, sac.initial_states().actor, jnp.ones(1))
    assert abs(float(action[0]) - 1.4) < 0.3


def test_v15_cartpole_is_learnt():
    """Random actions reach about 22; in 2500 steps the mean of the last ten episodes is several times that."""
    env = gymnasium.make("CartPole-v1")
    sac = agent(env, 20, 64, learning_rate=3e-3, target_rate=0.01, initial_alpha=0.2, target_entropy=0.3)
    run = train(env, sac, steps=2500, batch_size=64, warmup=300)
    rewards = [e.reward for e in run.episodes]
    assert np.mean(rewards[:10]) < 40 and np.mean(rewards[-10:]) > 80, rewards


def test_what_does_not_fit_is_named():
    liquid = LiquidNCPNetwork(3, 6, 4)
    cases: Any = (
        (lambda: ContinuousActor(liquid, (0.0,), (1.0,)), "2 outputs for each action.*got 4 outputs, 1 and 1 numbers"),
        (lambda: ContinuousActor(liquid, (0, 1), (1, 1)), "low must be below high"),
        (lambda: ContinuousActor(liquid, (0, 0), (1, math.inf)), "both finite"),
        (lambda: DiscreteActor(LiquidNCPNetwork(3, 6, 1)), "at least 2 outputs, got 1"),
        (lambda: SAC(DiscreteActor(liquid), Critic(NCPNetwork(3, 6, 1))), "3 inputs and 4 outputs .*, got 3 and 1"),
        (lambda: SAC(DISCRETE.actor, DISCRETE.critic, discount=1.1), "discount must be above 0 and at most 1, got 1.1"),
        (
            lambda: for_environment(Counting(gymnasium.spaces.MultiBinary(2))),
            "actions must be Discrete from 0 or a Box",
        ),
        (lambda: for_environment(Counting(gymnasium.spaces.Discrete(2, start=1))), "actions must be Discrete from 0"),
        (lambda: train(Target(), DISCRETE, steps=0), "steps must be an integer of at least 1, got 0"),
    )
    for make, message in cases:
        with pytest.raises(ValueError, match=message):
            make()
    env = Counting(gymnasium.spaces.Discrete(2))
    env.observation_space = gymnasium.spaces.Box(0, 1, (2, 2))
    with pytest.raises(ValueError, match=r"see gymnasium\.wrappers\.FlattenObservation"):
        for_environment(env)


class Broken(gymnasium.Env):
    """Gives a number of the caller's in the place of a right one, at one of its steps; episodes last 1000 steps."""

    observation_space, action_space = Target.observation_space, Target.action_space

    def __init__(self, what, value, at):
        self.what, self.value, self.at, self.time = what, value, at, 0

    def reset(self, *, seed=None, options=None):
        return np.full(1, self.value if self.what == "reset" else 1.0), {}

    def step(self, action):
        self.time += 1
        now = self.time == self.at
        observed = np.full(1, self.value if now and self.what == "observation" else 1.0)
        reward = self.value if now and self.what == "reward" else 0.0
        return observed, reward, False, self.time % 1000 == 0, {}


@pytest.mark.parametrize("value", [math.nan, math.inf, -1e39])
@pytest.mark.parametrize("what", ["observation", "reward", "reset"])
def test_what_is_not_finite_is_refused_before_it_is_learnt_from(what, value):
    env, updates = Broken(what, value, at=4), []
    place = "observation of the reset at step 0" if what == "reset" else f"{what} at step 4"
    with pytest.raises(ValueError, match=f"the {place} must be finite in float32, got .*mend the environment"):
        train(env, agent(env, 4, 4), steps=9, batch_size=2, warmup=2, on_step=lambda n, _: updates.append(n))
    assert updates == ([] if what == "reset" else [1, 2, 3])


def test_a_diverged_run_stops_at_the_next_step_and_not_at_the_end_of_the_episode():
    """A reward of 1e30 has a square beyond float32: the first update, at step 3, has an infinite loss."""
    env, seen = Broken("reward", 1e30, at=1), []
    with pytest.raises(
        FloatingPointError, match=r"at step 3 the losses are .*inf.* try a smaller learning rate than 0\.0003"
    ):
        # The transition of step 1 is one of three in the memory, drawn 20 times.
        train(env, agent(env, 4, 4), steps=99, batch_size=20, warmup=2, on_step=lambda n, _: seen.append(n))
    assert seen == [1, 2, 3]


@pytest.mark.filterwarnings("ignore:overflow")  # of optax
def test_parameters_that_are_not_finite_are_not_returned(promotes):
    """The first step of Adam is its rate: beyond float32 the losses before it are fine, and what was learnt is not."""
    env = Broken("nothing", 0.0, at=1)
    sac = agent(env, 4, 4, learning_rate=1e39)
    with pytest.raises(FloatingPointError, match=r"at step 3 the losses are .* or what was learnt is no longer finite"):
        train(env, sac, steps=3, batch_size=2, warmup=2)
    with pytest.raises(FloatingPointError, match="at step 3 the losses are"):
        train(env, sac, steps=9, batch_size=2, warmup=2)
