"""A residual block around a cell, the layer deep networks of cells are stacked from."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell
from liquidjax._checks import check_flag, check_key, check_number, settle
from liquidjax._types import Array, Cell, Params, Sensed, State, exportable
from liquidjax.cells.wrappers.base import TransparentWrapper
from liquidjax.layers.layer_norm import LayerNorm, init_layer_norm
from liquidjax.layers.linear import Linear, init_linear


@exportable
class FeedForwardParams(NamedTuple):
    """norm: of what comes in; gate and up: (width, 4 width); down: (4 width, width)."""

    norm: LayerNorm
    gate: Linear
    up: Linear
    down: Linear


@exportable
class BlockParams(NamedTuple):
    """norm: of what the cell reads; the cell's parameters; feed_forward: None where there is none."""

    norm: LayerNorm
    cell: Params
    feed_forward: FeedForwardParams | None


class BlockSensed(NamedTuple):
    """inputs (*batch, width), what the cell senses of them, and the key for dropout, None without."""

    inputs: Array
    cell: Any
    key: Array | None


@dataclass(frozen=True)
class Block(TransparentWrapper):
    """A cell on a residual stream: y = x + dropout(cell(norm(x))).

    With `feed_forward`, a SwiGLU layer follows: y <- y + dropout(W3 (silu(W1 norm(y)) * (W2 norm(y)))), 4 times as wide
    inside. The block is a cell itself, with the state of the cell in it.

    Args:
        cell: it must have as many outputs as inputs, the width of the stream.
        dropout: share of what is added to the stream that is dropped, while `unroll` has a key.
        feed_forward: whether a SwiGLU layer follows the cell.

    Raises:
        ValueError: the share is out of range, or the cell changes the width.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> block = lj.Block(lj.GatedLinear(8, 8), feed_forward=True)
        >>> params = block.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(block, params, jnp.ones((10, 3, 8)), dt=0.1)
        >>> outputs.shape
        (10, 3, 8)

    Reference:
        `build_ltc_layer` and `build_with_ffn` of Edifice 0.2.0 (`Edifice.Liquid`), for any cell; the norms start at
        scale 1, there at random, and the biases of the SwiGLU layer within 1 / sqrt(fan-in), there at 0. SwiGLU:
        Shazeer, "GLU variants improve transformer" (2020).
    """

    cell: Cell
    dropout: float = 0.1
    feed_forward: bool = False

    def __post_init__(self):
        check_cell(self.cell)
        settle(self, check_number, "dropout")
        settle(self, check_flag, "feed_forward")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")
        if self.cell.inputs != self.cell.outputs:
            raise ValueError(
                f"cell must have as many outputs as inputs, because they are added to each other; got "
                f"{self.cell.inputs} inputs and {self.cell.outputs} outputs"
            )

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    def init(self, key: Array) -> BlockParams:
        """Draws the parameters."""
        cell_key, *keys = jax.random.split(check_key(key), 4)
        width, feed_forward = self.outputs, None
        if self.feed_forward:
            sizes = ((width, 4 * width), (width, 4 * width), (4 * width, width))
            layers = (init_linear(k, *size) for k, size in zip(keys, sizes, strict=True))
            feed_forward = FeedForwardParams(init_layer_norm(width), *layers)
        return BlockParams(init_layer_norm(width), self.cell.init(cell_key), feed_forward)

    def sense(self, params: BlockParams, inputs: Array, key: Array | None = None) -> BlockSensed:
        """What the cell senses of the normalised inputs (*batch, width)."""
        cell_key, key = (None, None) if key is None else jax.random.split(key)
        return BlockSensed(inputs, self.cell.sense(params.cell, params.norm(inputs), cell_key), key)

    def inner_params(self, params: BlockParams) -> Params:
        return params.cell

    def inner_sensed(self, params: BlockParams, state: State, sensed: BlockSensed) -> Sensed:
        return sensed.cell

    def readout(self, params: BlockParams, state: State, sensed: BlockSensed, output: Array) -> Array:
        keys = (None, None) if sensed.key is None else jax.random.split(sensed.key)
        y = sensed.inputs + self._dropped(output, keys[0])
        if params.feed_forward is not None:
            y = y + self._dropped(_swiglu(params.feed_forward, y), keys[1])
        return y

    def _dropped(self, x: Array, key: Array | None) -> Array:
        if key is None or self.dropout == 0:
            return x
        return jnp.where(jax.random.bernoulli(key, 1 - self.dropout, x.shape), x / (1 - self.dropout), 0)


def _swiglu(params: FeedForwardParams, x: Array) -> Array:
    normed = params.norm(x)
    return params.down(jax.nn.silu(params.gate(normed)) * params.up(normed))
