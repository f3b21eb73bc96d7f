"""The agent that fits an environment."""

from collections.abc import Callable
from typing import Any

from liquidjax._types import Cell
from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork
from liquidjax.rl.actors import Actor, ContinuousActor, DiscreteActor
from liquidjax.rl.critic import Critic, Stateless
from liquidjax.rl.sac import SAC


def liquid_policy(inputs: int, outputs: int) -> Cell:
    """Velora's actor: a `LiquidNCPNetwork` with 20 neurons."""
    return LiquidNCPNetwork(inputs, 20, outputs)


def stateless_values(inputs: int, outputs: int) -> Stateless:
    """Velora's critic: an `NCPNetwork` with 128 neurons."""
    return NCPNetwork(inputs, 128, outputs)


def for_environment(
    env: Any,
    actor: Callable[[int, int], Cell] = liquid_policy,
    critic: Callable[[int, int], Cell | Stateless] = stateless_values,
    **settings: Any,
) -> SAC:
    """The agent for an environment of gymnasium, its networks as Velora has them unless others are given.

    Args:
        env: one or a vector of them; observations Box (observations,), actions Discrete or Box (actions,) with finite
            limits.
        actor: makes the network of the actor out of its numbers of inputs and outputs, such as `liquidjax.GRU`.
        critic: makes the network of the critics.
        settings: of `SAC`.

    Returns:
        The agent.

    Raises:
        ValueError: spaces of another kind, with what wraps them.

    Example:
        >>> import gymnasium, liquidjax as lj
        >>> env = gymnasium.make("CartPole-v1")
        >>> wired = lambda inputs, outputs: lj.LTC(inputs, lj.AutoNCP(16, outputs))
        >>> for_environment(env, actor=wired, discount=0.9).actor.network.outputs
        2
    """
    from gymnasium import spaces  # not a dependency: whoever has an environment has it

    seen = getattr(env, "single_observation_space", env.observation_space)
    actions = getattr(env, "single_action_space", env.action_space)
    if not isinstance(seen, spaces.Box) or len(seen.shape) != 1:
        raise ValueError(
            f"observations must be a Box of one axis, got {seen}; see gymnasium.wrappers.FlattenObservation"
        )
    inputs = seen.shape[0]
    policy: Actor
    if isinstance(actions, spaces.Discrete) and actions.start == 0:
        policy = DiscreteActor(actor(inputs, int(actions.n)))
    elif isinstance(actions, spaces.Box) and len(actions.shape) == 1:
        network = actor(inputs, 2 * actions.shape[0])
        policy = ContinuousActor(network, tuple(actions.low.tolist()), tuple(actions.high.tolist()))
    else:
        raise ValueError(f"actions must be Discrete from 0 or a Box of one axis, got {actions}")
    return SAC(policy, Critic(critic(*policy.critic_sizes)), **settings)
