"""Explicit constraints: putting parameters that must not be negative back into their ranges."""

import dataclasses
from numbers import Number
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._checks import described
from liquidjax._types import Params
from liquidjax.cells.exchange import exchanged
from liquidjax.cells.ltc import LTC, LTCParams


def project(params: Params, cell: Any = None) -> Params:
    """Puts the parameters of every LTC with explicit constraints in a pytree back into their ranges.

    weight, leak_conductance >= 0 and capacitance >= 1e-6, each moved to the nearest allowed value. Call it after every
    optimizer step when `constraints="explicit"`; the training steps of this package do. What is stored for implicit
    constraints must not be moved; so name the cell, unless every LTC in the pytree is explicit.

    Args:
        params: any pytree with `LTCParams` in it; with a cell its parameters, or copies stacked on a leading axis.
        cell: the LTC, or what holds it: a `Readout`, a `Block`, a `Stack`, any dataclass of cells whose `init` calls
            theirs. Only its LTCs with explicit constraints are projected. None for all `LTCParams` there are.

    Returns:
        The same pytree with the values moved.

    Raises:
        ValueError: params are no pytree of arrays, or not of the structure that `cell.init` gives.

    Example:
        >>> import jax, liquidjax as lj
        >>> cell = lj.LTC(inputs=1, wiring=lj.FullyConnected(units=2), constraints="explicit")
        >>> params = cell.init(jax.random.key(0))
        >>> lj.project(params._replace(leak_conductance=jnp.array([-1.0, 1.0])), cell).leak_conductance
        Array([0., 1.], dtype=float32)

    Reference:
        `apply_weight_constraints` of ncps 1.0.1; the floor of the capacitance is that of the original LTC code.
    """
    for leaf in jax.tree.leaves(params):
        if isinstance(leaf, type) or not (hasattr(leaf, "shape") or isinstance(leaf, Number)):
            raise ValueError(f"params must be a pytree of arrays, got {described(leaf)} in it")
    if cell is None:
        return jax.tree.map(lambda node: _projected(node) if _is_ltc(node) else node, params, is_leaf=_is_ltc)
    if isinstance(cell, type) or not hasattr(cell, "init"):
        raise ValueError(f"cell must be an LTC, or a cell that holds one, got {described(cell)}")
    marking = exchanged(cell, _marking)
    if marking is cell:
        return params
    structure = jax.eval_shape(marking.init, jax.random.key(0))
    return jax.tree.map(
        lambda mark, node: _projected(node) if isinstance(mark, _Marked) else node, structure, params, is_leaf=_is_ltc
    )


class _Marked(LTCParams):
    """The parameters of an LTC with explicit constraints."""


def _marking(value: Any) -> Any:
    """An LTC with explicit constraints as one whose `init` marks its parameters; anything else as it is."""
    if not isinstance(value, LTC) or value.constraints != "explicit":
        return value

    class Marking(type(value)):
        def init(self, key):
            return _Marked(*super().init(key))

    return Marking(**{field.name: getattr(value, field.name) for field in dataclasses.fields(value)})


def _is_ltc(node: Any) -> bool:
    return isinstance(node, LTCParams)


def _projected(ltc: LTCParams) -> LTCParams:
    return ltc._replace(
        leak_conductance=jnp.maximum(ltc.leak_conductance, 0),
        capacitance=jnp.maximum(ltc.capacitance, 1e-6),
        synapses=ltc.synapses._replace(weight=jnp.maximum(ltc.synapses.weight, 0)),
        sensory_synapses=ltc.sensory_synapses._replace(weight=jnp.maximum(ltc.sensory_synapses.weight, 0)),
    )
