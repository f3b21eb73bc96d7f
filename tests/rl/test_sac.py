"""V15: soft actor-critic with liquid networks: densities, losses, gradients, and what an update keeps."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.stats import norm

import liquidjax as lj
from liquidjax.models.ncp import LiquidNCPNetwork
from liquidjax.rl.actors import ContinuousActor, DiscreteActor
from liquidjax.rl.critic import Critic
from liquidjax.rl.replay import Replay, Transition
from liquidjax.rl.sac import SAC, States, act, update
from small_agents import CONTINUOUS, DISCRETE, KEY, OBSERVATIONS, both, learner_of, some_batch


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
    assert np.all(action >= jnp.array([-1.0, 0])) and np.all(action <= jnp.array([1.0, 6]))
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
    learner = learner_of(sac)
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
    learner = learner_of(CONTINUOUS)
    state, observation = jnp.zeros(2), jnp.ones(OBSERVATIONS)
    new, action = CONTINUOUS.actor.act(learner.actor, state, observation)
    output = lj.step(CONTINUOUS.actor.network, learner.actor, state, observation)[1]
    np.testing.assert_allclose(action, [np.tanh(output[0]), 3 + 3 * np.tanh(output[1])], rtol=1e-10)
    drawn = CONTINUOUS.actor.act(learner.actor, state, observation, KEY)
    np.testing.assert_array_equal(drawn[0], new)
    assert np.any(drawn[1] != action)


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


def test_v15_losses_and_gradients_by_hand(x64, promotes):
    sac = DISCRETE
    batch = some_batch(sac, size=3)
    learner = learner_of(sac)
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
    batch, learner = some_batch(sac), learner_of(sac)

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
    batch, learner = some_batch(sac), learner_of(sac)
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


def test_explicit_constraints_hold_after_an_update():
    """Adam's first step of 10 takes half of the parameters below 0: those of the explicit actor stop there."""

    def network(constraints, outputs=4):
        return lj.LTC(OBSERVATIONS, lj.FullyConnected(5, outputs), constraints=constraints)

    sac = SAC(DiscreteActor(network("explicit")), Critic(network("implicit")), learning_rate=10.0)
    batch = jax.tree.map(np.asarray, some_batch(sac)._replace(action=np.arange(16) % 4))
    learner = learner_of(sac)
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
    learner = learner_of(sac)
    new, _ = update(sac, learner, batch, KEY)
    count = optax.tree.get(new.opt_state, "count")
    assert isinstance(count, jax.Array) and int(count) == 1
    moved = jnp.max(jnp.abs(new.actor.motor.bias - learner.actor.motor.bias))
    assert float(moved) == pytest.approx(1e-2, rel=1e-2)  # Adam's first step is the learning rate
