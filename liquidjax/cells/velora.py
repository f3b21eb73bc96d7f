"""The liquid cell of Velora: a gate between two candidates behind a sparse input, and a skip past the state."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice, check_flag, check_key, check_size, put, settle
from liquidjax._types import Array, exportable
from liquidjax.layers.linear import Linear, zeros
from liquidjax.layers.sparse import INITIALISERS, init_sparse, masked
from liquidjax.wirings.custom import as_tuples, ternary

HEADS = 5


@exportable
class NCPLiquidCellParams(NamedTuple):
    """heads: weight (inputs + units, 5, units), bias (5, units). The heads are g, h, f_g, f_h, proj."""

    heads: Linear


@dataclass(frozen=True)
class NCPLiquidCell:
    """Velora's liquid cell: a CfC of duration 1 without backbone, with a linear skip from its input to its output.

    z = [u, x];  s = sigmoid(f_g(z) + f_h(z));  x <- (1 - s) tanh(g(z)) + s tanh(h(z));  y = proj(z) + x

    All five heads read the inputs through the mask and every neuron of the state. The state stays in (-1, 1), y does
    not. The cell does not look at dt, although its source's docstring has a t: where the data are irregular take a
    `CfC`, or give dt as an input.

    For those who come from Velora: a batch of one keeps its axis, and `update_mask`, which there does not reach the
    heads, is `dataclasses.replace(cell, mask=...)`, which reaches all of them.

    Args:
        inputs: number of input features.
        units: number of neurons; all are outputs.
        mask: (inputs, units), entry [source, target] -1, 0 or 1; any nested sequence or array.
        initialiser: of each head, one of those of `SparseLinear`.
        signed: whether the polarity in the mask is used, or only where it is not 0, as in Velora.

    Raises:
        ValueError: an option is unknown, a size out of range, or the mask no matrix (inputs, units) of -1, 0 and 1.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = NCPLiquidCell(inputs=3, units=2, mask=[[1, 0], [-1, 1], [0, -1]])
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 1, 3)))
        >>> state.shape, outputs.shape
        ((1, 2), (10, 1, 2))

    Reference:
        `velora.models.lnn.NCPLiquidCell` 0.2.0, after Hasani et al. (2022), equation 4.
    """

    inputs: int
    units: int
    mask: Any  # stored as a tuple of tuples, so that the cell can be hashed
    initialiser: str = "kaiming_uniform"
    signed: bool = False

    def __post_init__(self):
        settle(self, check_size, "inputs", "units")
        mask = ternary("mask", self.mask)
        if mask.shape != (self.inputs, self.units):
            raise ValueError(f"mask must be (inputs, units) = {(self.inputs, self.units)}, got shape {mask.shape}")
        put(self, mask=as_tuples(mask))
        check_choice("initialiser", self.initialiser, tuple(INITIALISERS))
        settle(self, check_flag, "signed")

    @property
    def outputs(self) -> int:
        return self.units

    @property
    def parameter_count(self) -> int:
        """All parameters, masked ones included: 5 units (inputs + units + 1)."""
        return HEADS * self.units * (self.inputs + self.units + 1)

    @property
    def active_parameter_count(self) -> int:
        """The parameters that state and output depend on."""
        return self.parameter_count - HEADS * int(np.sum(np.array(self.mask) == 0))

    def init(self, key: Array) -> NCPLiquidCellParams:
        """Draws the parameters."""
        mask = np.concatenate([self.mask, np.ones((self.units, self.units), int)])
        keys = jax.random.split(check_key(key), HEADS)
        weight, bias = jax.vmap(lambda k: init_sparse(k, mask, self.initialiser))(keys)
        return NCPLiquidCellParams(Linear(jnp.moveaxis(weight, 0, 1), bias))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> Array:
        """Zeros (*batch_shape, units)."""
        return zeros(batch_shape, self.units, dtype)

    def sense(self, params: NCPLiquidCellParams, inputs: Array, key: Array | None = None) -> Array:
        """What the inputs (*batch, inputs) contribute to the heads: (*batch, 5, units)."""
        weight = masked(params.heads.weight[: self.inputs], self.mask, self.signed)
        return Linear(weight, params.heads.bias)(inputs)

    def step(self, params: NCPLiquidCellParams, state: Array, sensed: Array, dt: Array) -> tuple[Array, Array]:
        """(state, output), both (*batch, units); dt is not used."""
        recurrent = Linear(params.heads.weight[self.inputs :], jnp.zeros((), state.dtype))
        heads = sensed + recurrent(state)
        g, h, f_g, f_h, proj = (heads[..., i, :] for i in range(HEADS))
        gate = jax.nn.sigmoid(f_g + f_h)
        state = jnp.tanh(g) * (1 - gate) + jnp.tanh(h) * gate
        return state, proj + state
