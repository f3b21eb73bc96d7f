"""The parameters of a cell as Linen keeps them, and back."""

from typing import Any

from flax import linen

from liquidjax._belong import check_cell
from liquidjax._flax.names import from_names, to_names
from liquidjax._types import Cell, Params
from liquidjax.cells import projection


def to_linen(params: Params) -> dict[str, Any]:
    """The parameters of a cell as Linen keeps them: a dict of dicts, by their names.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> params = to_linen(lj.GRU(inputs=2, units=3).init(jax.random.key(0)))
        >>> params["recurrent"]["bias"].shape
        (3, 3)
    """
    return to_names(params)


def from_linen(cell: Cell, params: Any) -> Params:
    """The parameters of a cell, for `liquidjax.unroll`, `Stream`, `Model` and whatever else takes them.

    Args:
        cell: the cell they belong to.
        params: what Linen keeps of one `RNNCell`: `variables["params"]["cell"]["params"]` where it is called `cell`.

    Raises:
        ValueError: names or shapes that are not those of the cell.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> from liquidjax.linen import RNN
        >>> variables = RNN(cell).init(jax.random.key(0), jnp.ones((4, 5, 2)))
        >>> model = lj.Model(cell, from_linen(cell, variables["params"]["cell"]["params"]))
    """
    check_cell(cell)
    return from_names(cell, linen.unbox(params))


def project(cell: Cell, params: Any) -> Any:
    """What Linen keeps of one `RNNCell`, with every LTC of explicit constraints put back into its ranges.

    Args:
        cell: the cell they belong to.
        params: as for `from_linen`; boxes of `partitioning` stay around their arrays.

    Raises:
        ValueError: names or shapes that are not those of the cell.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=1, wiring=lj.FullyConnected(units=2), constraints="explicit")
        >>> params = to_linen(cell.init(jax.random.key(0)))
        >>> params["leak_conductance"] = jnp.array([-1.0, 1.0])
        >>> project(cell, params)["leak_conductance"]
        Array([0., 1.], dtype=float32)

    Reference:
        `liquidjax.project`.
    """
    return linen.meta.replace_boxed(params, to_linen(projection.project(from_linen(cell, params), cell)))
