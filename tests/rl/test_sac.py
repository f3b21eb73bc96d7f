"""V15: soft actor-critic with liquid networks: densities, recurrent states in memory, losses, and that it learns."""

import dataclasses
import math
from typing import Any

import gymnasium
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import norm

import liquidjax as lj
from liquidjax.cells.gru import GRU
from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork
from liquidjax.rl import training as module
from liquidjax.rl.actors import ContinuousActor, DiscreteActor
from liquidjax.rl.agent import for_environment
from liquidjax.rl.critic import Critic
from liquidjax.rl.replay import Replay, Transition
from liquidjax.rl.sac import SAC, States, act, update
from liquidjax.rl.training import train

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


def spaces(sac):
    low, high = np.array([-1, 0], np.float32), np.array([1, 6], np.float32)
    return gymnasium.spaces.Discrete(4) if sac is DISCRETE else gymnasium.spaces.Box(low, high)


def test_v15_the_density_is_the_slope_of_the_distribution(x64):
    """log p(a) against a difference quotient of P(A <= a) = normal(atanh((a - centre) / radius))."""
    actor = CONTINUOUS.actor
    centre, radius = np.array([0.0, 3.0]), np.array([1.0, 3.0])
    mean, log_std = np.array([[0.3, -1.0], [1.2, 0.1]]), np.array([[-1.0, 0.5], [-7.0, 3.0]])
    output = jnp.concatenate([jnp.asarray(mean), jnp.asarray(log_std)], axis=-1)
    action, log_probability = actor.sample(output, jax.random.key(3))
    assert action.shape == (2, 2) and log_probability.shape == (2,)
    std = np.exp(np.clip(log_std, -5, 2))  # the second row is outside on both sides

    def below(a):
        return norm.cdf(np.arctanh((np.asarray(a) - centre) / radius), mean, std)

    small = 1e-6 * std * (radius**2 - (action - centre) ** 2)
    density = (below(action + small) - below(action - small)) / (2 * small)
    np.testing.assert_allclose(log_probability, np.sum(np.log(density), axis=-1), atol=1e-10)


def test_v15_the_draws_have_this_distribution():
    output = jnp.tile(jnp.array([0.3, -1.0, -1.0, 0.5]), (20000, 1))
    action, _ = CONTINUOUS.actor.sample(output, KEY)
    assert np.all(action >= jnp.array([-1, 0])) and np.all(action <= jnp.array([1, 6]))
    v = np.arctanh(np.clip((np.asarray(action, float) - [0, 3]) / [1, 3], -1 + 1e-7, 1 - 1e-7))
    np.testing.assert_allclose(v.mean(0), [0.3, -1.0], atol=0.03)
    np.testing.assert_allclose(v.std(0), np.exp([-1.0, 0.5]), rtol=0.03)


def test_v15_the_log_probability_is_finite_at_the_rim():
    """tanh(50) is 1 in floats, and log(1 - 1) would not be a number one can learn from."""
    output = jnp.array([50.0, -50.0, 0.0, 0.0])

    def log_probability(output):
        return CONTINUOUS.actor.sample(output, KEY)[1]

    assert np.isfinite(log_probability(output)) and np.all(np.isfinite(jax.grad(log_probability)(output)))


def test_v15_discrete_draws_and_expectations(x64):
    output = jnp.array([0.0, 1.0, -1.0, 0.5])
    probabilities = np.exp(output) / np.exp(output).sum()
    action, log_probability = DISCRETE.actor.sample(jnp.tile(output, (20000, 1)), KEY)
    np.testing.assert_allclose(np.bincount(action) / 20000, probabilities, atol=0.015)
    np.testing.assert_allclose(np.exp(log_probability), probabilities[np.asarray(action)], rtol=1e-10)
    values = jnp.array([1.0, 2.0, 3.0, 4.0])
    value, entropy = DISCRETE.actor.expected(output, lambda _: values, KEY)
    np.testing.assert_allclose(value, probabilities @ np.asarray(values), rtol=1e-10)
    np.testing.assert_allclose(-entropy, -np.sum(probabilities * np.log(probabilities)), rtol=1e-10)
    assert DISCRETE.actor.chosen(lambda _: values, jnp.int32(2)) == 3 and DISCRETE.actor.best(output) == 1


def test_v15_target_entropies():
    """Discrete: positive, so that alpha can rise (Velora's is negative); continuous: -1 for each action in [-1, 1]."""
    assert DISCRETE.target_entropy == pytest.approx(0.98 * math.log(4))
    network = LiquidNCPNetwork(OBSERVATIONS, 6, 4)
    assert ContinuousActor(network, (-1, -1), (1, 1)).target_entropy == -2
    assert CONTINUOUS.target_entropy == pytest.approx(-2 + math.log(3))


@both
def test_v15_shapes_of_a_step(sac, x64):
    learner = sac.init(KEY)
    for batch in ((), (5,)):
        states = sac.initial_states(batch)
        new, action = act(sac, learner, states, jnp.ones((*batch, OBSERVATIONS)), KEY)
        assert jax.tree.map(jnp.shape, new) == jax.tree.map(jnp.shape, states)
        assert new.actor.shape == (*batch, 2)
        assert action.shape == (batch if sac is DISCRETE else (*batch, 2))
        assert sac is DISCRETE or new.critics.shape == (*batch, 2, 3)
    given = jnp.int32(3) if sac is DISCRETE else jnp.array([0.5, 2.0])
    new, action = act(sac, learner, sac.initial_states(), jnp.ones(OBSERVATIONS), KEY, given)
    np.testing.assert_array_equal(action, given)
    if sac is CONTINUOUS:  # the critics have seen the action that was taken
        for i in range(2):
            params = jax.tree.map(lambda leaf, i=i: leaf[i], learner.critics)
            state, _ = sac.critic.evaluate(params, jnp.zeros(3), jnp.ones(OBSERVATIONS), given)
            np.testing.assert_allclose(new.critics[i], state, atol=1e-10)


def test_v15_act_without_a_key_is_the_best_action(x64):
    learner = CONTINUOUS.init(KEY)
    state, observation = jnp.zeros(2), jnp.ones(OBSERVATIONS)
    new, action = CONTINUOUS.actor.act(learner.actor, state, observation)
    output = lj.step(CONTINUOUS.actor.network, learner.actor, state, observation)[1]
    np.testing.assert_allclose(action, [np.tanh(output[0]), 3 + 3 * np.tanh(output[1])], rtol=1e-10)
    drawn = CONTINUOUS.actor.act(learner.actor, state, observation, KEY)
    np.testing.assert_array_equal(drawn[0], new)
    assert np.any(drawn[1] != action)


@both
def test_v15_the_memory_pairs_each_observation_with_the_state_it_was_read_with(sac, monkeypatch, x64):
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


def by_hand(sac, learner, batch):
    """The losses as the papers write them, sample by sample and critic by critic; discrete, so nothing is drawn."""
    critics = [jax.tree.map(lambda leaf, i=i: leaf[i], learner.critics) for i in range(2)]
    targets = [jax.tree.map(lambda leaf, i=i: leaf[i], learner.targets) for i in range(2)]
    alpha = jnp.exp(learner.log_alpha)

    def policy(params, state, observation):
        return jax.nn.softmax(lj.step(sac.actor.network, params, state, observation)[1])

    def critic_loss(critics):
        total = 0.0
        for i in range(len(batch.reward)):
            p = policy(learner.actor, batch.next_state.actor[i], batch.next_observation[i])
            q = jnp.minimum(*(sac.critic.network.apply(t, batch.next_observation[i]) for t in targets))
            value = jnp.sum(p * (q - alpha * jnp.log(p)))
            y = batch.reward[i] + (0.0 if batch.terminated[i] else 0.99 * value)
            for c in critics:
                total += (sac.critic.network.apply(c, batch.observation[i])[batch.action[i]] - y) ** 2
        return total / len(batch.reward)

    def actor_loss(actor):
        total = 0.0
        for i in range(len(batch.reward)):
            p = policy(actor, batch.state.actor[i], batch.observation[i])
            q = jnp.minimum(*(sac.critic.network.apply(c, batch.observation[i]) for c in critics))
            total += jnp.sum(p * (alpha * jnp.log(p) - q))
        return total / len(batch.reward)

    return (critic_loss, critics), (actor_loss, learner.actor)


def test_v15_losses_and_gradients_by_hand(x64):
    sac = DISCRETE
    batch = some_batch(sac, size=3)
    learner = sac.init(KEY)
    learner = learner._replace(targets=jax.tree.map(lambda leaf: 0.7 * leaf, learner.critics))
    new, losses = update(sac, learner, batch, KEY)
    (critic_loss, critics), (actor_loss, actor) = by_hand(sac, learner, batch)
    value, of_critics = jax.value_and_grad(critic_loss)(critics)
    np.testing.assert_allclose(losses.critic, value, rtol=1e-10)
    value, of_actor = jax.value_and_grad(actor_loss)(actor)
    np.testing.assert_allclose(losses.actor, value, rtol=1e-10)
    # The first moment of Adam after one step is a tenth of the gradient.
    moments: Any = new.opt_state[0].mu
    assert isinstance(moments, tuple)
    jax.tree.map(lambda m, g: np.testing.assert_allclose(m, 0.1 * g, atol=1e-10), moments[0], of_actor)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *of_critics)
    jax.tree.map(lambda m, g: np.testing.assert_allclose(m, 0.1 * g, atol=1e-10), moments[1], stacked)
    np.testing.assert_allclose(moments[2], 0.1 * (losses.entropy - sac.target_entropy), rtol=1e-10)
    expected = jax.tree.map(lambda old, c: 0.995 * old + 0.005 * c, learner.targets, new.critics)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), new.targets, expected)


@both
def test_v15_both_states_matter_each_in_its_place(sac):
    """The actor's loss reads h_t and not h_{t+1}; the critics' loss reads h_{t+1}, for their targets."""
    batch, learner = some_batch(sac), sac.init(KEY)

    def losses(**changes):
        return update(sac, learner, batch._replace(**changes), KEY)[1]

    other = jax.tree.map(lambda leaf: -leaf, (batch.state, batch.next_state))
    usual = losses()
    assert losses(next_state=other[1]).actor == usual.actor and losses(next_state=other[1]).critic != usual.critic
    assert losses(state=other[0]).actor != usual.actor
    # Only recurrent critics read h_t in their own loss.
    assert (losses(state=other[0]).critic == usual.critic) == (sac is DISCRETE)
    for_targets = batch.next_state._replace(critics=other[1].critics)
    assert (losses(next_state=for_targets).critic == usual.critic) == (sac is DISCRETE)
    ended = np.ones_like(batch.terminated)
    assert losses(next_state=other[1], terminated=ended).critic == losses(terminated=ended).critic


@both
@pytest.mark.parametrize("too_low", [True, False])
def test_v15_alpha_rises_while_the_entropy_is_too_low_and_else_falls(sac, too_low):
    batch, learner = some_batch(sac), sac.init(KEY)
    entropy = float(update(sac, learner, batch, KEY)[1].entropy)
    aimed = dataclasses.replace(sac, target_entropy=entropy + (0.5 if too_low else -0.5))
    new, _ = update(aimed, learner, batch, KEY)
    assert (float(new.log_alpha) > float(learner.log_alpha)) == too_low


def test_the_ring_forgets_the_oldest_and_draws_the_rest():
    replay = Replay(4)
    with pytest.raises(ValueError, match="must hold a transition before it is sampled"):
        replay.sample(np.random.default_rng(0), 1)
    for number in range(6):
        states = States(np.full(2, number, np.float32), None)
        replay.add(Transition(np.full(3, number), number, float(number), np.full(3, number + 1), False, states, states))
        assert len(replay) == min(number + 1, 4)
    batch = replay.sample(np.random.default_rng(0), 200)
    assert set(batch.action) == {2, 3, 4, 5} and batch.reward.dtype == np.float32
    np.testing.assert_array_equal(batch.state.actor[:, 0], batch.action)
    np.testing.assert_array_equal(batch.next_observation[:, 0], batch.observation[:, 0] + 1)
    with pytest.raises(ValueError, match="capacity must be an integer of at least 1, got 0"):
        Replay(0)


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


def test_actions_have_the_type_of_their_space(x64):
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


def test_parameters_that_are_not_finite_are_not_returned():
    """The first step of Adam is its rate: beyond float32 the losses before it are fine, and what was learnt is not."""
    env = Broken("nothing", 0.0, at=1)
    sac = agent(env, 4, 4, learning_rate=1e39)
    with pytest.raises(FloatingPointError, match=r"at step 3 the losses are .* or what was learnt is no longer finite"):
        train(env, sac, steps=3, batch_size=2, warmup=2)
    with pytest.raises(FloatingPointError, match="at step 3 the losses are"):
        train(env, sac, steps=9, batch_size=2, warmup=2)


def test_explicit_constraints_hold_after_an_update():
    """Adam's first step of 10 takes half of the parameters below 0: those of the explicit actor stop there."""

    def network(constraints, outputs=4):
        return lj.LTC(OBSERVATIONS, lj.FullyConnected(5, outputs), constraints=constraints)

    sac = SAC(DiscreteActor(network("explicit")), Critic(network("implicit")), learning_rate=10.0)
    batch = jax.tree.map(np.asarray, some_batch(sac)._replace(action=np.arange(16) % 4))
    learner = sac.init(KEY)
    new, losses = update(sac, learner, batch, KEY)
    assert np.isfinite(losses).all()
    assert jnp.min(new.actor.sensory_synapses.weight) == 0 and jnp.min(new.actor.synapses.weight) == 0
    assert jnp.min(new.actor.capacitance) == np.float32(1e-6)
    # What implicit constraints store is not touched: each has moved by 10, below 0 too.
    moved = abs(new.critics.synapses.weight - learner.critics.synapses.weight)
    np.testing.assert_allclose(moved, 10, rtol=1e-3)
    assert jnp.min(new.critics.synapses.weight) < 0


def test_the_optimizer_is_adam_for_everything():
    sac, batch = DISCRETE, some_batch(DISCRETE)
    learner = sac.init(KEY)
    new, _ = update(sac, learner, batch, KEY)
    count = optax.tree.get(new.opt_state, "count")
    assert isinstance(count, jax.Array) and int(count) == 1
    moved = jnp.max(jnp.abs(new.actor.motor.bias - learner.actor.motor.bias))
    assert float(moved) == pytest.approx(1e-2, rel=1e-2)  # Adam's first step is the learning rate
