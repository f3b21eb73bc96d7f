"""A CfC whose neurons see only what their wiring connects them to."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax import wirings
from liquidjax._checks import check_choice, check_flag, check_key, check_size, settle
from liquidjax._types import Array, exportable
from liquidjax.cells.cfc import MODES, HeadParams, Mode, closed_form, init_head
from liquidjax.layers.linear import Linear, zeros
from liquidjax.wirings.graph import check_wiring


@exportable
class WiredCfCParams(NamedTuple):
    """One head per layer of the wiring, over (outputs of the layer before, own state); masked entries start at 0."""

    layers: tuple[HeadParams, ...]


@dataclass(frozen=True)
class WiredCfC:
    """CfC without backbone for each layer of a wiring; a layer reads the new state of the one before it.

    Neuron i of layer l sees the neurons j of layer l - 1 (the inputs, for the first) and of its own layer with a
    synapse j -> i, and its own previous state; see `cells.cfc.closed_form` for what it makes of them. The polarity of
    a synapse is not used. The state is in the wiring's neuron order (motor, command, inter), as it is for the LTC.

    ncps masks only the heads ff1 and ff2, only between layers, so that every neuron of its wired CfC sees all of the
    layer before and all of its own; `obey_wiring=False` is that network, for weights that come from there.

    Args:
        inputs: number of input features.
        wiring: who connects to whom.
        mode: "default", "pure" or "no_gate".
        obey_wiring: whether every head is masked by the wiring, recurrent synapses included.

    Raises:
        ValueError: an option is unknown or a size out of range.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.WiredCfC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> outputs.shape
        (10, 3, 1)

    Reference:
        `ncps.torch.WiredCfCCell` 1.0.1; Hasani et al. (2022) for the closed form, Lechner et al. (2020) for the wiring.
    """

    inputs: int
    wiring: wirings.Wiring
    mode: Mode = "default"
    obey_wiring: bool = True

    def __post_init__(self):
        settle(self, check_size, "inputs")
        check_wiring(self.wiring)
        settle(self, check_flag, "obey_wiring")
        check_choice("mode", self.mode, MODES)

    @property
    def units(self) -> int:
        return self.wiring.units

    @property
    def outputs(self) -> int:
        return self.wiring.outputs

    @property
    def graph(self) -> wirings.Graph:
        """The wiring, drawn for this number of inputs."""
        return self.wiring.graph(self.inputs)

    def masks(self) -> tuple[np.ndarray, ...]:
        """For each layer the entries of its weight that are used: bool (features, heads, units of the layer)."""
        graph = self.graph
        masks, arriving = [], abs(graph.sensory_adjacency)
        for layer in graph.layers:
            neurons = np.array(layer)
            between = arriving[:, neurons]
            within = abs(graph.adjacency[np.ix_(neurons, neurons)]) + np.eye(len(neurons), dtype=int)
            wired = np.concatenate([between, within if self.obey_wiring else np.ones_like(within)])
            heads = np.repeat(wired[:, None, :] != 0, 1 if self.mode == "pure" else 4, axis=1)
            if not self.obey_wiring:
                heads[:, 2:] = True  # time_a and time_b
            masks.append(heads)
            arriving = abs(graph.adjacency[neurons])
        return tuple(masks)

    @property
    def active_parameter_count(self) -> int:
        """The number of parameters that the masks let have an effect."""
        structure = jax.eval_shape(self.init, jax.random.key(0))
        return sum(leaf.size for leaf in jax.tree.leaves(structure)) - sum(int((~mask).sum()) for mask in self.masks())

    def init(self, key: Array) -> WiredCfCParams:
        """Draws the parameters."""
        layers, keys = [], jax.random.split(check_key(key), len(self.graph.layers))
        for mask, layer_key in zip(self.masks(), keys, strict=True):
            head = init_head(layer_key, self.mode, mask.shape[0], mask.shape[2])
            layers.append(head._replace(heads=_masked(head.heads, mask)))
        return WiredCfCParams(tuple(layers))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: WiredCfCParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the heads of the first layer."""
        heads = _masked(params.layers[0].heads, self.masks()[0])
        return Linear(heads.weight[: self.inputs], heads.bias)(inputs)

    def step(self, params: WiredCfCParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state (*batch, units), output (*batch, outputs))."""
        new: dict[int, Array] = {}  # by the number of the layer's first neuron; a layer's neurons are consecutive
        arriving = sensed
        for i, (neurons, mask, head) in enumerate(zip(self.graph.layers, self.masks(), params.layers, strict=True)):
            own = state[..., neurons[0] : neurons[-1] + 1]
            heads = _masked(head.heads, mask)
            if i == 0:
                activity = arriving + Linear(heads.weight[self.inputs :], jnp.zeros((), state.dtype))(own)
            else:
                activity = heads(jnp.concatenate([arriving, own], axis=-1))
            arriving = new[neurons[0]] = closed_form(self.mode, head, activity, dt)
        state = jnp.concatenate([new[first] for first in sorted(new)], axis=-1)
        return state, state[..., : self.outputs]


def _masked(heads: Linear, mask: np.ndarray) -> Linear:
    # By `jax.tree.map`, because a weight may be a `Bfloat16Weight`.
    return heads._replace(weight=jax.tree.map(lambda weight: jnp.where(mask, weight, 0), heads.weight))
