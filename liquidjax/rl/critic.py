"""Action values of networks with or without a state, for reinforcement learning."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp

from liquidjax._belong import check_cell
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.unroll import step


@runtime_checkable
class Stateless(Protocol):
    """A network without state, a frozen dataclass: `NCPNetwork`, `ODENet`, `SparseLinear`, or one of your own."""

    @property
    def inputs(self) -> int:
        """Number of input features."""
        ...

    @property
    def outputs(self) -> int:
        """Number of output features."""
        ...

    def init(self, key: Array) -> Params:
        """Draws the parameters."""
        ...

    def apply(self, params: Params, inputs: Array) -> Array:
        """y (*batch, outputs) for inputs (*batch, inputs)."""
        ...


@dataclass(frozen=True)
class Critic:
    """Action values: Q(s, a) with one output for continuous actions, Q(s, .) with one for each discrete action.

    Args:
        network: any cell, such as a `LiquidNCPNetwork`, or a network without state, such as an `NCPNetwork`. Its inputs
            are observations, for continuous actions with the action after them.

    Raises:
        ValueError: the network is neither.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from liquidjax.models.ncp import LiquidNCPNetwork
        >>> critic = Critic(LiquidNCPNetwork(inputs=3 + 1, neurons=20, outputs=1))
        >>> params = critic.network.init(jax.random.key(0))
        >>> state, values = critic.evaluate(params, critic.initial_state((5,)), jnp.ones((5, 3)), jnp.zeros((5, 1)))
        >>> values.shape
        (5, 1)

    Reference:
        `velora.models.sac`, SACCritic, SACCriticNCP and their discrete kinds, 0.2.0.
    """

    network: Cell | Stateless

    def __post_init__(self):
        if not isinstance(self.network, Stateless):
            check_cell(self.network)

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> State:
        """The state of the network before the first observation; None for a network without one."""
        return None if isinstance(self.network, Stateless) else self.network.initial_state(batch_shape, dtype)

    def evaluate(
        self, params: Params, state: State, observation: Any, action: Any | None = None
    ) -> tuple[State, Array]:
        """(state after, values (*batch, outputs)) for observation (*batch, observations); action None if discrete."""
        inputs = observation if action is None else jnp.concatenate([observation, action], axis=-1)
        if isinstance(self.network, Stateless):
            return None, self.network.apply(params, inputs)
        return step(self.network, params, state, inputs, validate=False)
