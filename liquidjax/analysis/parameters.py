"""How many parameters a network has."""

from typing import Any

import jax

from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.stack import Stack


def count_parameters(network: Any) -> int:
    """The number of parameters that can have an effect: entries that a mask sets to zero do not count.

    Args:
        network: a cell or anything else with `init(key)`.

    Example:
        >>> import liquidjax as lj
        >>> count_parameters(lj.GRU(inputs=8, units=10))
        600
        >>> sparse, dense = (lj.WiredCfC(3, wiring) for wiring in (lj.AutoNCP(8, 2), lj.FullyConnected(8)))
        >>> count_parameters(sparse) < count_parameters(dense)
        True
    """
    structure = jax.eval_shape(network.init, jax.random.key(0))
    return sum(leaf.size for leaf in jax.tree.leaves(structure)) - _masked(network)


def _masked(network: Any) -> int:
    if isinstance(network, WiredCfC):
        return sum(int((~mask).sum()) for mask in network.masks())
    if hasattr(network, "active_parameter_count"):  # those with masks of their own say it
        return network.parameter_count - network.active_parameter_count
    inner = getattr(network, "cell", None)  # what wrappers are built around
    copies = network.layers if isinstance(network, Stack) else 1
    return 0 if inner is None else copies * _masked(inner)
