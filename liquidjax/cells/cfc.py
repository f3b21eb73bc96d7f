"""Closed-form continuous-time networks, dense and wired."""

import functools
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._checks import check_choice, check_key, check_number, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, init_linear, zeros

Mode = Literal["default", "pure", "no_gate"]
MODES = ("default", "pure", "no_gate")


def lecun_tanh(x: Array) -> Array:
    """1.7159 tanh(0.666 x), as ncps and the original CfC code have it (LeCun's slope is 2/3)."""
    return 1.7159 * jnp.tanh(0.666 * x)


ACTIVATIONS = {
    "lecun_tanh": lecun_tanh,
    "tanh": jnp.tanh,
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),
}


@exportable
class HeadParams(NamedTuple):
    """What turns the features of a CfC layer into its new state.

    heads: weight (features, heads, units), bias (heads, units). The heads are (ff1, ff2, time_a, time_b) in the modes
    "default" and "no_gate", (ff1,) in "pure". w_tau and A, (units,), exist in "pure" only, else they are None.
    """

    heads: Linear
    w_tau: Array | None
    A: Array | None


@exportable
class CfCParams(NamedTuple):
    """Parameters of a CfC. The first backbone layer, or the heads where there is none, reads (inputs, state)."""

    backbone: tuple[Linear, ...]
    head: HeadParams


class Sensed(NamedTuple):
    """features: the share of the inputs in the first matrix product; keep: dropout factors of each backbone layer."""

    features: Array
    keep: tuple[Array, ...] | None


def init_head(key: Array, mode: Mode, features: int, units: int) -> HeadParams:
    """Draws the heads; w_tau starts at 0 and A at 1 (ncps means that too, but overwrites both with noise)."""
    if mode == "pure":
        return HeadParams(init_linear(key, features, units, heads=1), jnp.zeros(units), jnp.ones(units))
    return HeadParams(init_linear(key, features, units, heads=4), None, None)


def closed_form(mode: Mode, head: HeadParams, activity: Array, dt: Array) -> Array:
    """The new state (*batch, units) from the outputs (*batch, heads, units) of the heads and dt, (*batch) or scalar.

    default:  tanh(ff1) (1 - g) + tanh(ff2) g   with g = sigmoid(time_a dt + time_b)
    no_gate:  tanh(ff1) + tanh(ff2) g
    pure:     A - A exp(-dt (|w_tau| + |ff1|)) ff1

    Reference:
        Hasani et al., "Closed-form continuous-time neural networks", Nature Machine Intelligence 4 (2022), equations
        3 and 4, as ncps 1.0.1 has them for torch: "pure" sets B = -A and takes absolute values.
    """
    dt = dt[..., None]
    if mode == "pure":
        assert head.w_tau is not None and head.A is not None  # init_head gives them to this mode
        ff1 = activity[..., 0, :]
        return head.A - head.A * jnp.exp(-dt * (jnp.abs(head.w_tau) + jnp.abs(ff1))) * ff1
    ff1, ff2, time_a, time_b = (activity[..., i, :] for i in range(4))
    gate = jax.nn.sigmoid(time_a * dt + time_b)
    if mode == "no_gate":
        return jnp.tanh(ff1) + gate * jnp.tanh(ff2)
    return jnp.tanh(ff1) * (1 - gate) + gate * jnp.tanh(ff2)


@dataclass(frozen=True)
class CfC:
    """Closed-form continuous-time network: the solution of a liquid neuron approximated in closed form, no solver.

    z = backbone([u, x]), then the new state from the heads ff1, ff2, time_a, time_b of z and from dt; see
    `closed_form` for the three modes. The output is the state. A CfC is no flow: dt = 0 changes the state too.

    Args:
        inputs: number of input features.
        units: number of neurons.
        mode: "default", "pure" or "no_gate".
        backbone_units: width of the backbone.
        backbone_layers: number of its layers, 0 for none.
        activation: of the backbone: "lecun_tanh", "tanh", "relu", "silu" or "gelu".
        dropout: share of the backbone's features dropped after each of its layers, while `unroll` has a key. (ncps
            drops after every layer but the first, so nothing with one layer.)

    Raises:
        ValueError: an option is unknown or a size out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.CfC(inputs=2, units=8)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        Hasani et al. (2022). Same numbers as `ncps.torch.CfC` 1.0.1 for the same parameters.
    """

    inputs: int
    units: int
    mode: Mode = "default"
    backbone_units: int = 128
    backbone_layers: int = 1
    activation: str = "lecun_tanh"
    dropout: float = 0.0

    def __post_init__(self):
        settle(self, check_size, "inputs", "units", "backbone_units")
        settle(self, functools.partial(check_size, least=0), "backbone_layers")
        settle(self, check_number, "dropout")
        check_choice("mode", self.mode, MODES)
        check_choice("activation", self.activation, tuple(ACTIVATIONS))
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

    @property
    def outputs(self) -> int:
        return self.units

    def init(self, key: Array) -> CfCParams:
        """Draws the parameters."""
        head_key, *keys = jax.random.split(check_key(key), 1 + self.backbone_layers)
        sizes = [self.inputs + self.units] + [self.backbone_units] * self.backbone_layers
        backbone = tuple(init_linear(k, *pair) for k, *pair in zip(keys, sizes[:-1], sizes[1:], strict=True))
        return CfCParams(backbone, init_head(head_key, self.mode, sizes[-1], self.units))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: CfCParams, inputs: Array, key: Array | None = None) -> Sensed:
        """The part of the first matrix product that reads the inputs (*batch, inputs)."""
        first = (params.backbone or (params.head.heads,))[0]
        features = Linear(first.weight[: self.inputs], first.bias)(inputs)
        if key is None or self.dropout == 0:
            return Sensed(features, None)
        shape = (*inputs.shape[:-1], self.backbone_units)
        keys = jax.random.split(key, self.backbone_layers)
        kept = 1 - self.dropout
        return Sensed(features, tuple(jax.random.bernoulli(k, kept, shape).astype(inputs.dtype) / kept for k in keys))

    def step(self, params: CfCParams, state: Array, sensed: Sensed, dt: Array) -> tuple[Array, Array]:
        """(state, output), which are the same (*batch, units)."""
        layers = (*params.backbone, params.head.heads)
        recurrent = Linear(layers[0].weight[self.inputs :], jnp.zeros((), state.dtype))
        z = recurrent(state) + sensed.features
        for i, layer in enumerate(layers[1:]):
            z = ACTIVATIONS[self.activation](z)
            if sensed.keep is not None:
                z = z * sensed.keep[i]
            z = layer(z)
        state = closed_form(self.mode, params.head, z, dt)
        return state, state
