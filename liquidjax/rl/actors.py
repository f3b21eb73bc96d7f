"""Policies on recurrent networks, for reinforcement learning."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_cell
from liquidjax._checks import check_array, described, put
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.unroll import step

LOG_STD = (-5.0, 2.0)
Values = Callable[[Array | None], Array]
"""action -> Q(s, action), (..., *batch, 1); for discrete actions None -> Q(s, .), (..., *batch, actions)."""


class Actor(Protocol):
    """A policy: what soft actor-critic asks of one, over continuous and over discrete actions."""

    @property
    def network(self) -> Cell:
        """Its inputs are observations."""
        ...

    @property
    def target_entropy(self) -> float:
        """The entropy to aim at, in nats."""
        ...

    @property
    def critic_sizes(self) -> tuple[int, int]:
        """(inputs, outputs) that the network of a critic for these actions has."""
        ...

    def seen_by_critic(self, action: Array) -> Array | None:
        """What a critic reads of an action; None where it has a value for every action."""
        ...

    def sample(self, output: Array, key: Array) -> tuple[Array, Array]:
        """(action, log p(action) (*batch)) from the output of the network."""
        ...

    def best(self, output: Array) -> Array:
        """The action without noise."""
        ...

    def act(self, params: Params, state: State, observation: Any, key: Array | None = None) -> tuple[State, Array]:
        """(state after, action) for observation (*batch, observations): a draw, or the best action without a key."""
        ...

    def expected(self, output: Array, values: Values, key: Array) -> tuple[Array, Array]:
        """(Q, log p), both (*batch), in the mean over the policy, from the output of the network."""
        ...

    def chosen(self, values: Values, action: Array) -> Array:
        """Q of the action: (..., *batch)."""
        ...


@dataclass(frozen=True)
class ContinuousActor:
    """A policy over continuous actions, a Gaussian behind a tanh: a = centre + radius tanh(v), v ~ N(mean, std).

    mean and log(std) are the outputs of the network, log(std) cut to [-5, 2]. centre = (low + high) / 2, radius =
    (high - low) / 2, and log p(a) = log N(v; mean, std) - sum log(radius (1 - tanh(v)^2)), computed without the
    rounding that Velora holds off with a summand of 1e-6.

    Args:
        network: any cell with 2 outputs for each action, a `LiquidNCPNetwork` as a rule; its inputs are observations.
        low: the smallest value of each action, one number for each.
        high: the largest.

    Raises:
        ValueError: the numbers of outputs and limits do not fit, or low < high, both finite, does not hold.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liquidjax.models.ncp import LiquidNCPNetwork
        >>> actor = ContinuousActor(LiquidNCPNetwork(inputs=3, neurons=20, outputs=2), low=(-2.0,), high=(2.0,))
        >>> params = actor.network.init(jax.random.key(0))
        >>> state = actor.network.initial_state((5,))
        >>> state, action = actor.act(params, state, jnp.ones((5, 3)), jax.random.key(1))
        >>> action.shape
        (5, 1)

    Reference:
        Haarnoja et al., "Soft actor-critic", ICML 2018, appendix C; `velora.models.sac.SACActor` 0.2.0.
    """

    network: Cell
    low: tuple[float, ...]
    high: tuple[float, ...]

    def __post_init__(self):
        check_cell(self.network)
        for name in ("low", "high"):
            given = getattr(self, name)
            limits = check_array(name, given)
            if limits.ndim != 1:
                raise ValueError(f"{name} must be a number for each action, got {described(given)}")
            put(self, **{name: tuple(float(limit) for limit in given)})
        actions = (len(self.low), len(self.high))
        if actions != (self.network.outputs / 2,) * 2:
            raise ValueError(
                f"network must have 2 outputs for each action, low and high a number for each, "
                f"got {self.network.outputs} outputs, {actions[0]} and {actions[1]} numbers"
            )
        if not all(-math.inf < low < high < math.inf for low, high in zip(self.low, self.high, strict=True)):
            raise ValueError(f"low must be below high, both finite, got {self.low} and {self.high}")

    @property
    def target_entropy(self) -> float:
        """-1 for each action measured in radii, which is Velora's -|A| where actions are in [-1, 1]."""
        return sum(math.log((high - low) / 2) - 1 for low, high in zip(self.low, self.high, strict=True))

    @property
    def critic_sizes(self) -> tuple[int, int]:
        """Observations with the action after them, and one value."""
        return self.network.inputs + len(self.low), 1

    def seen_by_critic(self, action: Array) -> Array:
        """The action."""
        return action

    def sample(self, output: Array, key: Array) -> tuple[Array, Array]:
        """(action (*batch, actions), log p(action) (*batch)) from the output of the network."""
        mean, log_std = jnp.split(output, 2, axis=-1)
        log_std = jnp.clip(log_std, *LOG_STD)
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        v = mean + jnp.exp(log_std) * noise
        log_normal = -(noise**2) / 2 - log_std - math.log(2 * math.pi) / 2
        # log(1 - tanh(v)^2), which has no 1 - 1 for a large v.
        log_slope = 2 * (math.log(2) - v - jax.nn.softplus(-2 * v))
        return self._scaled(v), jnp.sum(log_normal - log_slope - jnp.log(self._radius(v)), axis=-1)

    def best(self, output: Array) -> Array:
        """The action without noise (*batch, actions)."""
        return self._scaled(jnp.split(output, 2, axis=-1)[0])

    def act(self, params: Params, state: State, observation: Any, key: Array | None = None) -> tuple[State, Array]:
        """(state after, action) for observation (*batch, observations): a draw, or the best action without a key."""
        return _act(self, params, state, observation, key)

    def expected(self, output: Array, values: Values, key: Array) -> tuple[Array, Array]:
        """(Q, log p), both (*batch), of one draw: their means over the policy, with gradients through the draw."""
        action, log_probability = self.sample(output, key)
        return values(action)[..., 0], log_probability

    def chosen(self, values: Values, action: Array) -> Array:
        """Q of the action (*batch, actions): (..., *batch)."""
        return values(action)[..., 0]

    def _radius(self, like: Array) -> Array:
        return jnp.asarray((np.array(self.high) - self.low) / 2, like.dtype)

    def _scaled(self, v: Array) -> Array:
        return jnp.asarray((np.array(self.high) + self.low) / 2, v.dtype) + self._radius(v) * jnp.tanh(v)


@dataclass(frozen=True)
class DiscreteActor:
    """A policy over discrete actions: p(a) = softmax(output of the network).

    Args:
        network: any cell with an output for each action, a `LiquidNCPNetwork` as a rule; its inputs are observations.

    Raises:
        ValueError: the network has fewer than 2 outputs.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liquidjax.models.ncp import LiquidNCPNetwork
        >>> actor = DiscreteActor(LiquidNCPNetwork(inputs=4, neurons=20, outputs=2))
        >>> params = actor.network.init(jax.random.key(0))
        >>> state, action = actor.act(params, actor.network.initial_state(), jnp.ones(4))
        >>> action.shape, action.dtype
        ((), dtype('int32'))

    Reference:
        Christodoulou, "Soft actor-critic for discrete action settings", 2019; `velora.models.sac.SACActorDiscrete`
        0.2.0.
    """

    network: Cell

    def __post_init__(self):
        check_cell(self.network)
        if self.network.outputs < 2:
            raise ValueError(f"network must have at least 2 outputs, got {self.network.outputs}")

    @property
    def target_entropy(self) -> float:
        """0.98 log |A|, a share of the largest possible entropy; Velora has it negative, so its alpha only falls."""
        return 0.98 * math.log(self.network.outputs)

    @property
    def critic_sizes(self) -> tuple[int, int]:
        """Observations, and a value for each action."""
        return self.network.inputs, self.network.outputs

    def seen_by_critic(self, action: Array) -> None:
        """Nothing."""

    def sample(self, output: Array, key: Array) -> tuple[Array, Array]:
        """(action int (*batch), log p(action) (*batch)) from the output of the network."""
        action = jax.random.categorical(key, output)
        return action, self._of(jax.nn.log_softmax(output), action)

    def best(self, output: Array) -> Array:
        """The most probable action, int (*batch)."""
        return jnp.argmax(output, axis=-1)

    def act(self, params: Params, state: State, observation: Any, key: Array | None = None) -> tuple[State, Array]:
        """(state after, action) for observation (*batch, observations): a draw, or the best action without a key."""
        return _act(self, params, state, observation, key)

    def expected(self, output: Array, values: Values, key: Array) -> tuple[Array, Array]:
        """(Q, log p), both (*batch), as exact means over the policy; nothing is drawn."""
        log_probabilities = jax.nn.log_softmax(output)
        probabilities = jnp.exp(log_probabilities)
        return jnp.sum(probabilities * values(None), axis=-1), jnp.sum(probabilities * log_probabilities, axis=-1)

    def chosen(self, values: Values, action: Array) -> Array:
        """Q of the action int (*batch): (..., *batch)."""
        return self._of(values(None), action)

    def _of(self, values: Array, action: Array) -> Array:
        return jnp.sum(values * jax.nn.one_hot(action, self.network.outputs, dtype=values.dtype), axis=-1)


def _act(actor: Actor, params: Params, state: State, observation: Any, key: Array | None) -> tuple[State, Array]:
    state, output = step(actor.network, params, state, observation, validate=False)
    return state, actor.best(output) if key is None else actor.sample(output, key)[0]
