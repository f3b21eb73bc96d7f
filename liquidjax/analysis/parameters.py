"""How many parameters a network has."""

from typing import Any

import jax


def count_parameters(network: Any) -> int:
    """The number of parameters that can have an effect: entries that a mask sets to zero do not count.

    Args:
        network: a cell or anything else with `init(key)`. One with masks says its `active_parameter_count` itself, and
            is found in whatever is built around it.

    Example:
        >>> import liquidjax as lj
        >>> count_parameters(lj.GRU(inputs=8, units=10))
        600
        >>> sparse, dense = (lj.WiredCfC(3, wiring) for wiring in (lj.AutoNCP(8, 2), lj.FullyConnected(8)))
        >>> count_parameters(sparse) < count_parameters(dense)
        True
    """
    if hasattr(network, "active_parameter_count"):
        return network.active_parameter_count
    inner = getattr(network, "cell", None)
    if inner is None:
        return _size(network)
    return _size(network) - getattr(network, "layers", 1) * (_size(inner) - count_parameters(inner))


def _size(network: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))))
