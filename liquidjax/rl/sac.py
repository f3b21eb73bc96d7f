"""Soft actor-critic with recurrent networks."""

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from liquidjax._checks import UNRESOLVED, resolve
from liquidjax._types import Array, Params, State
from liquidjax.cells.projection import project
from liquidjax.rl.actors import Actor
from liquidjax.rl.critic import Critic
from liquidjax.rl.replay import Transition
from liquidjax.sequences.unroll import step
from liquidjax.training.descent import descend


class Learner(NamedTuple):
    """What is learnt: parameters of the actor, of two critics and of their targets (leading axis 2), log(alpha)."""

    actor: Params
    critics: Params
    targets: Params
    log_alpha: Array
    opt_state: Any
    """The state of the optimizer."""


class States(NamedTuple):
    """The recurrent states: of the actor (*batch, units), of the two critics (*batch, 2, units) or None."""

    actor: State
    critics: State


class Losses(NamedTuple):
    """Of one update, scalars; entropy of the policy in nats."""

    critic: Array
    actor: Array
    alpha: Array
    entropy: Array


@dataclass(frozen=True)
class SAC:
    """Soft actor-critic: a policy that earns much and stays as random as it can, with a recurrent actor.

    With V(s', h') = E[min_i Q'_i(s', a') - alpha log p(a' | s', h')] over the policy:

    critics:  Q_i(s, a) towards r + discount (1 - terminated) V(s', h_{t+1}),   i = 1, 2
    actor:    smaller E[alpha log p(a | s, h_t) - min_i Q_i(s, a)]
    alpha:    larger while the entropy is below target_entropy, smaller while it is above
    targets:  Q'_i <- (1 - target_rate) Q'_i + target_rate Q_i

    Each state is the one with which its observation was read, one step is differentiated. For those who come from
    Velora: its actor loss reads s_t with h_{t+1}; its target entropy for discrete actions has the wrong sign, so that
    alpha can only fall; its warm-up does not reset the states at the end of an episode. All three are right here.

    Args:
        actor: a `ContinuousActor`, a `DiscreteActor`, or an `Actor` of your own.
        critic: a `Critic` of the same kind; there are two of them.
        discount: of the reward a step later.
        target_rate: the share by which the targets follow.
        learning_rate: of Adam, for everything.
        initial_alpha: the price of entropy at the start, > 0.
        target_entropy: in nats; that of the actor when None. For few actions it is close to tossing a coin: in CartPole
            0.3 in the place of 0.98 log 2 = 0.68 learns several times faster.

    Raises:
        ValueError: a number is out of range, or the critic has another number of outputs than the actor needs.

    Example:
        >>> from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork
        >>> from liquidjax.rl.actors import DiscreteActor
        >>> actor = DiscreteActor(LiquidNCPNetwork(inputs=4, neurons=20, outputs=2))
        >>> sac = SAC(actor, Critic(NCPNetwork(inputs=4, neurons=20, outputs=2)))
        >>> learner = sac.init(jax.random.key(0))
        >>> float(learner.log_alpha)
        0.0

    Reference:
        Haarnoja et al., "Soft actor-critic algorithms and applications", 2018; Christodoulou (2019) for discrete
        actions; `velora.models.nf`, NeuroFlowCT and NeuroFlow, 0.2.0.
    """

    actor: Actor
    critic: Critic
    discount: float = 0.99
    target_rate: float = 0.005
    learning_rate: float = 3e-4
    initial_alpha: float = 1.0
    target_entropy: float = UNRESOLVED  # None means the actor's

    def __post_init__(self):
        for name, most in (
            ("discount", 1),
            ("target_rate", 1),
            ("learning_rate", math.inf),
            ("initial_alpha", math.inf),
        ):
            if not 0 < getattr(self, name) <= most:
                raise ValueError(f"{name} must be above 0 and at most {most}, got {getattr(self, name)}")
        expected = self.actor.critic_sizes
        got = (self.critic.network.inputs, self.critic.network.outputs)
        if got != expected:
            raise ValueError(
                f"the critic must have {expected[0]} inputs and {expected[1]} outputs for this actor, got "
                f"{got[0]} and {got[1]}"
            )
        resolve(self, target_entropy=self.actor.target_entropy)

    def init(self, key: Array) -> Learner:
        """Draws the parameters; the targets start as the critics."""
        actor_key, critic_key = jax.random.split(key)
        actor = self.actor.network.init(actor_key)
        critics = jax.vmap(self.critic.network.init)(jax.random.split(critic_key))
        log_alpha = jnp.log(jnp.asarray(self.initial_alpha, float))
        opt_state = optax.adam(self.learning_rate).init((actor, critics, log_alpha))
        return Learner(actor, critics, critics, log_alpha, opt_state)

    def initial_states(self, batch_shape: tuple[int, ...] = ()) -> States:
        """The states at the start of an episode."""
        return States(
            self.actor.network.initial_state(batch_shape, float), self.critic.initial_state((*batch_shape, 2), float)
        )

    def values(self, params: Params, states: State, observation: Any, action: Any) -> tuple[State, Array]:
        """(states after, values (2, *batch, outputs)) of both critics; states (*batch, 2, units)."""
        both = jax.vmap(self.critic.evaluate, in_axes=(0, -2, None, None), out_axes=(-2, 0))
        return both(params, states, observation, action)


@functools.partial(jax.jit, static_argnames="sac")
def act(
    sac: SAC, learner: Learner, states: States, observation: Any, key: Array, action: Any | None = None
) -> tuple[States, Array]:
    """One step of the agent: (states after, action); the action is drawn, unless one is given."""
    state, drawn = sac.actor.act(learner.actor, states.actor, observation, key)
    action = drawn if action is None else jnp.asarray(action)
    seen = sac.actor.seen_by_critic(action)
    return States(state, sac.values(learner.critics, states.critics, observation, seen)[0]), action


@functools.partial(jax.jit, static_argnames="sac")
def update(sac: SAC, learner: Learner, batch: Transition, key: Array) -> tuple[Learner, Losses]:
    """One step of Adam on a batch of transitions, whose states are `States`: (learner, losses before the step).

    All gradients are those of the same parameters. Those with explicit constraints are put back into their ranges.
    """
    now_key, next_key = jax.random.split(key)

    def smaller(critics: Params, states: State, observation: Any) -> Callable[[Array | None], Array]:
        return lambda action: sac.values(critics, states, observation, action)[1].min(axis=0)

    def policy(actor: Params, state: State, observation: Any) -> Array:
        return step(sac.actor.network, actor, state, observation, validate=False)[1]

    def loss(params):
        actor, critics, log_alpha = params
        fixed_actor, fixed_critics, alpha = jax.lax.stop_gradient((actor, critics, jnp.exp(log_alpha)))

        output = policy(fixed_actor, batch.next_state.actor, batch.next_observation)
        values = smaller(learner.targets, batch.next_state.critics, batch.next_observation)
        value, log_probability = sac.actor.expected(output, values, next_key)
        later = jnp.where(batch.terminated, 0.0, value - alpha * log_probability)
        target = batch.reward + sac.discount * later
        q = sac.actor.chosen(lambda a: sac.values(critics, batch.state.critics, batch.observation, a)[1], batch.action)
        critic_loss = jnp.sum(jnp.mean((q - target) ** 2, axis=-1))

        output = policy(actor, batch.state.actor, batch.observation)
        value, log_probability = sac.actor.expected(
            output, smaller(fixed_critics, batch.state.critics, batch.observation), now_key
        )
        actor_loss = jnp.mean(alpha * log_probability - value)
        entropy = -jnp.mean(jax.lax.stop_gradient(log_probability))
        alpha_loss = log_alpha * (entropy - sac.target_entropy)
        return critic_loss + actor_loss + alpha_loss, Losses(critic_loss, actor_loss, alpha_loss, entropy)

    params = (learner.actor, learner.critics, learner.log_alpha)
    gradient, losses = jax.grad(loss, has_aux=True)(params)
    (actor, critics, log_alpha), opt_state = descend(optax.adam(sac.learning_rate), gradient, learner.opt_state, params)
    actor, critics = project(actor, sac.actor.network), project(critics, sac.critic.network)
    targets: Any = optax.incremental_update(critics, learner.targets, sac.target_rate)
    return Learner(actor, critics, targets, log_alpha, opt_state), losses
