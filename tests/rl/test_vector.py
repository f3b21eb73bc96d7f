"""Soft actor-critic in many environments at once: transitions, recurrent states, episodes and seeds of each."""

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv

import liquidjax as lj
from liquidjax.models.ncp import LiquidNCPNetwork
from liquidjax.rl import SAC, ContinuousActor, Critic, DiscreteActor, for_environment, train, training
from liquidjax.rl.environments import environments
from liquidjax.rl.replay import Replay, Transition
from liquidjax.rl.sac import act
from small_agents import learner_of

KEY = jax.random.key(0)
MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]
LENGTHS = (2, 3, 5)
DISCRETE = SAC(DiscreteActor(LiquidNCPNetwork(3, 6, 4)), Critic(lj.GRU(3, 4)))
CONTINUOUS = SAC(
    ContinuousActor(LiquidNCPNetwork(3, 6, 4), (-1.0, 0.0), (1.0, 6.0)), Critic(LiquidNCPNetwork(3 + 2, 8, 1))
)
both = pytest.mark.parametrize("sac", [DISCRETE, CONTINUOUS], ids=["discrete", "continuous"])


class Counting(gymnasium.Env):
    """Observes its own number, its episode and its time step; every second episode ends by running out of time."""

    observation_space = gymnasium.spaces.Box(-99, 99, (3,))

    def __init__(self, action_space, place, length):
        self.action_space, self.place, self.length, self.seeds = action_space, place, length, []
        self.episode = self.time = 0

    def observed(self):
        return np.array([self.place, self.episode, self.time], np.float32)

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        self.episode, self.time = self.episode + 1, 0
        return self.observed(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self.time += 1
        over, odd = self.time == self.length, self.episode % 2 == 1
        return self.observed(), float(np.sum(action)), over and odd, over and not odd, {}


class Target(gymnasium.Env):
    """One step an episode: the reward is highest at action 1.4."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-2, 2, (1,))

    def reset(self, *, seed=None, options=None):
        return np.ones(1, np.float32), {}

    def step(self, action):
        return np.ones(1, np.float32), -float((action[0] - 1.4) ** 2), True, False, {}


def counting(sac, mode=AutoresetMode.NEXT_STEP, copy=True):
    low, high = np.array([-1, 0], np.float32), np.array([1, 6], np.float32)
    space = gymnasium.spaces.Discrete(4) if isinstance(sac.actor, DiscreteActor) else gymnasium.spaces.Box(low, high)
    makers = [lambda i=i, length=length: Counting(space, i, length) for i, length in enumerate(LENGTHS)]
    return SyncVectorEnv(makers, autoreset_mode=mode, copy=copy)


@both
@pytest.mark.parametrize(("mode", "copy"), [*((mode, True) for mode in MODES), *((mode, False) for mode in MODES[:2])])
def test_each_environment_has_transitions_and_states_of_its_own(sac, mode, copy, monkeypatch, x64, promotes):
    """Whether gymnasium resets within a step, in a step of its own, or on request; and writes into what it gave."""
    kept: list[Transition] = []

    class Recording(Replay):
        def add(self, transition):
            kept.append(transition)
            super().add(transition)

    monkeypatch.setattr(training, "Replay", Recording)
    learner = learner_of(sac)
    steps = 13
    run = train(counting(sac, mode, copy), sac, steps=steps, warmup=steps, batch_size=2, learner=learner)
    # In its own mode of NextStep a reset takes the step after an episode.
    pause = mode == AutoresetMode.NEXT_STEP
    for place, length in enumerate(LENGTHS):
        own = [t for t in kept if t.observation[0] == place]
        assert len(own) == steps - (steps // (length + 1) if pause else 0)
        for number, transition in enumerate(own):
            episode, time = 1 + number // length, number % length
            np.testing.assert_array_equal(transition.observation, [place, episode, time])
            np.testing.assert_array_equal(transition.next_observation, [place, episode, time + 1])
            assert bool(transition.terminated) == (time == length - 1 and episode % 2 == 1)
            np.testing.assert_allclose(transition.reward, np.sum(transition.action), rtol=1e-6)
            expected = sac.initial_states() if time == 0 else own[number - 1].next_state
            jax.tree.map(np.testing.assert_array_equal, transition.state, jax.device_get(expected))
            after, _ = act(sac, learner, transition.state, transition.observation, KEY, transition.action)
            jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-7), transition.next_state, after)
        episodes = [e for e in run.episodes if e.environment == place]
        assert [e.number for e in episodes] == list(range(1, len(episodes) + 1)) and len(episodes) >= 2
        assert {e.steps for e in episodes} == {length}
        assert [e.end for e in episodes] == [(length + pause) * (n + 1) - pause for n in range(len(episodes))]
        for n, e in enumerate(episodes):
            rewards = [float(t.reward) for t in own[n * length : (n + 1) * length]]
            assert e.reward == pytest.approx(sum(rewards), rel=1e-6)
    assert [e.end for e in run.episodes] == sorted(e.end for e in run.episodes)


def test_each_environment_has_a_seed_of_its_own_and_draws_of_its_own():
    envs = counting(DISCRETE)
    train(envs, DISCRETE, steps=2, warmup=2, batch_size=2, seed=7)
    members = [env for env in envs.envs if isinstance(env, Counting)]
    assert [env.seeds[0] for env in members] == [7, 8, 9]
    learner = learner_of(CONTINUOUS)
    _, action = act(CONTINUOUS, learner, CONTINUOUS.initial_states((3,)), jnp.ones((3, 3)), KEY)
    assert len(np.unique(np.asarray(action), axis=0)) == 3


def test_one_policy_call_serves_all_environments(monkeypatch):
    """A step of the vector calls the compiled policy once, with all observations; a step makes one update."""
    shapes, updates = [], []

    def watched(sac, learner, states, observation, *rest):
        shapes.append(observation.shape)
        return act(sac, learner, states, observation, *rest)

    monkeypatch.setattr(training, "act", watched)
    train(counting(DISCRETE), DISCRETE, steps=6, warmup=2, batch_size=2, on_step=lambda n, loss: updates.append(loss))
    assert shapes == [(3, 3)] * 6 and [loss is None for loss in updates] == [True] * 2 + [False] * 4


def test_the_warm_up_gathers_twice_a_batch():
    losses = []
    train(counting(DISCRETE), DISCRETE, steps=8, batch_size=8, on_step=lambda n, loss: losses.append(loss))
    assert [loss is None for loss in losses] == [True] * 6 + [False] * 2  # 16 transitions, 3 a step


def test_processes_of_their_own_give_the_same():
    """`AsyncVectorEnv` against `SyncVectorEnv`, with gymnasium's own environment."""
    makers = [lambda: gymnasium.make("CartPole-v1")] * 2
    sac = for_environment(gymnasium.make("CartPole-v1"), lj.GRU, lj.GRU)
    runs = []
    for envs in (SyncVectorEnv(makers), AsyncVectorEnv(makers, context="spawn")):
        runs.append(train(envs, sac, steps=30, warmup=26, batch_size=4))
        envs.close()
    assert runs[0].episodes == runs[1].episodes and len(runs[0].episodes) > 0
    jax.tree.map(np.testing.assert_array_equal, runs[0].learner, runs[1].learner)


def test_environments_that_are_one_array():
    """`make_vec` gives CartPole as one computation on arrays, not as a list of environments."""
    envs = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")
    run = train(envs, for_environment(envs, lj.GRU, lj.GRU), steps=60, warmup=60, batch_size=4)
    assert {episode.environment for episode in run.episodes} == {0, 1, 2}
    for place in range(3):
        own = [e for e in run.episodes if e.environment == place]
        assert [e.reward for e in own] == [e.steps for e in own]  # CartPole gives 1 a step, and 0 for a reset


def test_a_continuous_action_is_learnt_from_several_at_once():
    envs = SyncVectorEnv([Target] * 4, autoreset_mode=AutoresetMode.SAME_STEP)
    sac = for_environment(envs, learning_rate=1e-2, initial_alpha=0.1)
    run = train(envs, sac, steps=300, batch_size=64)
    assert len(run.episodes) == 4 * 300
    _, action = sac.actor.act(run.learner.actor, sac.initial_states().actor, jnp.ones(1))
    assert abs(float(action[0]) - 1.4) < 0.3


def test_what_is_not_finite_is_refused():
    class Broken(gymnasium.Env):
        observation_space, action_space = Target.observation_space, Target.action_space

        def reset(self, *, seed=None, options=None):
            return np.ones(1, np.float32), {}

        def step(self, action):
            return np.full(1, np.nan, np.float32), 0.0, False, False, {}

    envs = SyncVectorEnv([Target, Broken], autoreset_mode=AutoresetMode.SAME_STEP)
    with pytest.raises(ValueError, match="the observation at step 1 must be finite in float32"):
        train(envs, for_environment(envs, lj.GRU, lj.GRU), steps=3, warmup=2, batch_size=2)


def test_one_environment_and_a_vector_have_one_form():
    assert environments(Target()).batch == () and environments(counting(DISCRETE)).batch == (3,)


def test_any_network_without_a_state_can_be_the_critic():
    sac = SAC(DISCRETE.actor, Critic(lj.ODENet(3, 4, 4)))
    assert sac.initial_states((3,)).critics is None
    assert len(train(counting(sac), sac, steps=4, warmup=2, batch_size=2).episodes) == 2
