"""A cell whose products of matrices are computed in bfloat16, and everything else in float32."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell
from liquidjax._types import Array, Cell, Params, Sensed, State
from liquidjax.cells.ode import is_adaptive
from liquidjax.cells.wrappers.base import TransparentWrapper, Wrapper
from liquidjax.layers.bfloat16 import Bfloat16Weight
from liquidjax.layers.linear import Linear


@dataclass(frozen=True)
class MixedPrecision(TransparentWrapper):
    """A cell that multiplies matrices in bfloat16; its parameters, its state and all other arithmetic are float32.

    x W becomes float32(bfloat16(x) bfloat16(W)) for every weight W of the cell. What a product says to the state is so
    rounded to 8 significant bits, but never the state: in bfloat16 itself it would stand still as soon as a step
    changes it by less than a 512th. Time constants, biases, gates, dt and the sums of the integrator stay as they are,
    and gradients are added up in float32. bfloat16 has the exponents of float32, so no loss has to be scaled.

    It pays where products take the time, on accelerators that multiply bfloat16 faster than float32; on a CPU it is
    slower (`python benchmarks/precision.py`). A `Readout` belongs around it, not into it, so that what it answers is
    not rounded: `Readout(MixedPrecision(CfC(...)), outputs)`.

    Args:
        cell: any cell of which every parameter with more than one axis is in a `layers.linear.Linear`, or is used as
            `x @ weight`. What has one axis is used as it is.

    Raises:
        ValueError: the solver of the cell is adaptive. When parameters are drawn: it has no matrix to multiply by, as
            an `LTC`, whose synapses are sums, or uses one otherwise. When run: parameters of less than float32.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.Readout(lj.MixedPrecision(lj.CfC(inputs=2, units=8)), outputs=1)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt=0.1)
        >>> state.dtype.name, outputs.shape
        ('float32', (10, 3, 1))

    Reference:
        Micikevicius et al., "Mixed precision training", ICLR 2018, for weights that are kept in float32; Kalamkar et
        al., "A study of BFLOAT16 for deep learning training" (2019), for bfloat16 without a scaled loss.
    """

    cell: Cell

    def __post_init__(self):
        check_cell(self.cell)
        if is_adaptive(self.cell):
            raise ValueError(
                f"MixedPrecision cannot hold {type(self.cell).__name__} with an adaptive solver, which would take the "
                "rounding of bfloat16 for its own error; give it steps of fixed length, such as lj.SemiImplicit(6)"
            )

    @property
    def outputs(self) -> int:
        return self.cell.outputs

    def init(self, key: Array) -> Params:
        """Draws the parameters of the cell, in float32."""
        params = self.cell.init(key)
        self._check_products(params)
        return params

    def sense(self, params: Params, inputs: Array, key: Array | None = None) -> Sensed:
        """What the cell senses."""
        return self.cell.sense(self.inner_params(params), inputs, key)

    def inner_params(self, params: Params) -> Params:
        """The parameters, with weights that are multiplied in bfloat16."""
        for path, leaf in jax.tree.leaves_with_path(params):
            if jnp.issubdtype(leaf.dtype, jnp.floating) and jnp.finfo(leaf.dtype).bits < 32:
                raise ValueError(
                    f"params{jax.tree_util.keystr(path)} must be float32 or float64 in MixedPrecision, which rounds "
                    f"for products by itself, got {leaf.dtype}; small steps of an optimizer would be lost in it"
                )
        return jax.tree.map(_multiplied, params, is_leaf=lambda node: isinstance(node, Linear | Bfloat16Weight))

    def inner_sensed(self, params: Params, state: State, sensed: Sensed) -> Sensed:
        return sensed

    def readout(self, params: Params, state: State, sensed: Sensed, output: Array) -> Array:
        return output

    def _check_products(self, params: Params) -> None:
        """Raises the ValueError for a cell without products, or with weights that are used otherwise."""
        cell, inner = self.cell, params
        while isinstance(cell, Wrapper) and cell.transparent:
            cell, inner = cell.cell, cell.inner_params(inner)
        name = type(cell).__name__
        if all(jnp.ndim(leaf) < 2 for leaf in jax.tree.leaves(inner)):
            raise ValueError(
                f"MixedPrecision has nothing to do in {name}, which multiplies by no matrix, so that no accelerator "
                "would be faster at it in bfloat16; leave it in float32"
            )

        def step(params: Params) -> Any:
            dtype = jnp.result_type(*jax.tree.leaves(params))
            sensed = self.sense(params, jnp.ones(self.inputs, dtype))
            return self.step(params, self.initial_state((), dtype), sensed, jnp.ones((), dtype))

        try:
            jax.eval_shape(step, jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), params))
        except (TypeError, AttributeError) as error:
            raise ValueError(
                f"MixedPrecision cannot run {name}, which uses a parameter of more than one axis otherwise than as "
                f"x @ weight: {str(error).splitlines()[0]}; make it a liquidjax.layers.linear.Linear"
            ) from error


def _multiplied(node: Any) -> Any:
    if isinstance(node, Linear):
        return node._replace(weight=_multiplied(node.weight))
    return node if isinstance(node, Bfloat16Weight) or jnp.ndim(node) < 2 else Bfloat16Weight(node)
