"""How many parameters a network has, and networks of about as many."""

import bisect
from collections.abc import Callable
from typing import Any

import jax

from liquidjax._types import Cell


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


def matched_in_size(parameters: int, build: Callable[[int], Cell]) -> Cell:
    """The cell `build(units)` whose number of parameters is nearest to `parameters`.

    Example:
        >>> import liquidjax as lj
        >>> matched_in_size(620, lambda units: lj.GRU(inputs=8, units=units)).units
        10
    """
    # The largest that is not larger, or the next; a cell has more parameters than units, so the search ends.
    fitting = bisect.bisect_right(range(1, parameters + 1), parameters, key=lambda n: count_parameters(build(n)))
    units = max(1, fitting)
    return min(build(units), build(units + 1), key=lambda cell: abs(count_parameters(cell) - parameters))


def _size(network: Any) -> int:
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))))
