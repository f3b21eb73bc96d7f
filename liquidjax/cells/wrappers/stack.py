"""A deep network of equal cells, one after another in every time step."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax

from liquidjax._belong import check_cell
from liquidjax._checks import check_key, check_size, settle
from liquidjax._types import Array, Cell, Params, State, exportable
from liquidjax.layers.layer_norm import LayerNorm, init_layer_norm
from liquidjax.layers.linear import Linear, init_linear


@exportable
class StackParams(NamedTuple):
    """projection: (inputs, width), None where the two are equal; each layer's parameters; norm: the last one."""

    projection: Linear | None
    layers: tuple[Params, ...]
    norm: LayerNorm


class StackSensed(NamedTuple):
    """inputs at the width of the cells, (*batch, width), and the key for dropout, None without."""

    projected: Array
    key: Array | None


@dataclass(frozen=True)
class Stack:
    """Layers of equal cells: y = norm(cell_n(... cell_1(projection(x)))), each with parameters and a state of its own.

    Inputs are projected to the width of the cells only where the sizes differ. The stack is a cell itself: `unroll`
    runs it over sequences with any dt, `step` over streams at the same cost for every step. What the source returns is
    the last of its outputs, outputs[-1].

    Args:
        inputs: number of input features.
        cell: of every layer, a `Block` as a rule; as many outputs as inputs, the width of the stack.
        layers: number of layers.

    Raises:
        ValueError: a size is out of range, or the cell changes the width.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> network = lj.Stack(inputs=2, cell=lj.Block(lj.GatedLinear(8, 8)), layers=3)
        >>> params = network.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(network, params, jnp.ones((10, 3, 2)))
        >>> outputs[-1].shape
        (3, 8)

    Reference:
        `Edifice.Liquid.build` of Edifice 0.2.0, for any cell; what differs at the start is as in `Block`.
    """

    inputs: int
    cell: Cell
    layers: int = 4

    def __post_init__(self):
        settle(self, check_size, "inputs", "layers")
        check_cell(self.cell)
        if self.cell.inputs != self.cell.outputs:
            raise ValueError(
                f"cell must have as many outputs as inputs, because each layer feeds the next; got "
                f"{self.cell.inputs} inputs and {self.cell.outputs} outputs"
            )

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    def init(self, key: Array) -> StackParams:
        """Draws the parameters."""
        projection_key, *keys = jax.random.split(check_key(key), 1 + self.layers)
        projection = None if self.inputs == self.outputs else init_linear(projection_key, self.inputs, self.outputs)
        return StackParams(projection, tuple(map(self.cell.init, keys)), init_layer_norm(self.outputs))

    def initial_state(self, batch_shape: tuple[int, ...] = (), dtype: Any = float) -> tuple[State, ...]:
        """The initial state of the cell, once for each layer."""
        return tuple(self.cell.initial_state(batch_shape, dtype) for _ in range(self.layers))

    def sense(self, params: StackParams, inputs: Array, key: Array | None = None) -> StackSensed:
        """The inputs (*batch, inputs) at the width of the cells."""
        key = None if key is None else check_key(key)
        return StackSensed(inputs if params.projection is None else params.projection(inputs), key)

    def step(
        self, params: StackParams, state: tuple[State, ...], sensed: StackSensed, dt: Array
    ) -> tuple[tuple[State, ...], Array]:
        """(state of each layer, output (*batch, width))."""

        def run(params: Params, state: State, inputs: Array, key: Array | None) -> tuple[State, Array]:
            return self.cell.step(params, state, self.cell.sense(params, inputs, key), dt)

        return self.through_layers(params, state, sensed, run)

    def through_layers(
        self, params: StackParams, state: tuple[State, ...], sensed: StackSensed, run: Callable[..., Any]
    ) -> tuple[tuple[State, ...], Array]:
        """(state of each layer, output) out of `run` of each; the time steps may be one or all of them at once."""
        x, states = sensed.projected, []
        for i, (layer, old) in enumerate(zip(params.layers, state, strict=True)):
            new, x = run(layer, old, x, _layer_key(sensed.key, i))
            states.append(new)
        return tuple(states), params.norm(x)


def _layer_key(key: Array | None, layer: int) -> Array | None:
    """The key of a layer, out of the key of a time step, or out of several of them; None without."""
    if key is None:
        return None
    fold = lambda k: jax.random.fold_in(k, layer)  # noqa: E731
    return jax.vmap(fold)(key) if key.ndim else fold(key)
