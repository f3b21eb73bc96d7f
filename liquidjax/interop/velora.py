"""Weights of Velora 0.2.0 as a layer, cell or network and parameters of ours; needs neither torch nor Velora."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice
from liquidjax._types import Params
from liquidjax.cells.linear import Linear
from liquidjax.cells.sparse import SparseLinear, SparseLinearParams
from liquidjax.cells.velora import NCPLiquidCell, NCPLiquidCellParams
from liquidjax.interop.ncps import _check_shapes
from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork, NCPParams
from liquidjax.wirings.layered import LayerMasks

_NETWORK_ARGUMENTS = {
    "in_features": None,
    "n_neurons": None,
    "out_features": None,
    "sparsity_level": 0.5,
    "init_type": "kaiming_uniform",
}
# None marks an argument without default.
_ARGUMENTS = {
    "SparseLinear": {"in_features": None, "out_features": None, "bias": True, "init_type": "kaiming_uniform"},
    "NCPLiquidCell": {"in_features": None, "n_hidden": None, "init_type": "kaiming_uniform"},
    "LiquidNCPNetwork": _NETWORK_ARGUMENTS,
    "NCPNetwork": _NETWORK_ARGUMENTS,
}
_HEADS = ("g_head", "h_head", "f_head_to_g", "f_head_to_h", "proj")


def from_velora(
    name: str, arguments: Mapping[str, Any], state_dict: Mapping[str, np.ndarray], masks: Any
) -> tuple[Any, Params]:
    """Turns a trained module of Velora into one of ours and parameters that compute the same numbers.

    For those who come from Velora: a batch of one keeps its axis here. The masks are needed because Velora draws them
    from global generators; its buffers hold them without their signs.

    Args:
        name: "SparseLinear", "NCPLiquidCell", "LiquidNCPNetwork" or "NCPNetwork".
        arguments: of the constructor, by name; what is missing has the default of Velora 0.2.0.
        state_dict: of the module, with numpy arrays: `{k: v.numpy() for k, v in module.state_dict().items()}`.
        masks: as the constructor took them, as numpy arrays: (out_features, in_features) for a SparseLinear,
            (in_features, n_hidden) for an NCPLiquidCell; for the networks `inter`, `command`, `motor` and `recurrent`
            by name, `{k: v.numpy() for k, v in vars(module.masks).items()}`.

    Returns:
        module: a `SparseLinear`, `NCPLiquidCell`, `LiquidNCPNetwork` or `NCPNetwork`.
        params: its parameters in the dtype of the state_dict.

    Raises:
        ValueError: an unknown name or argument, a state_dict that lacks an array, has one too many, or one of the wrong
            shape, or masks other than those in the buffers of the state_dict.

    Example:
        >>> arrays = {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
        >>> mask = np.array([[1, 1, 0], [0, 1, 0]])
        >>> layer, params = from_velora("SparseLinear", dict(in_features=3, out_features=2), arrays, mask)
        >>> layer.apply(params, jnp.ones(3))
        Array([2., 1.], dtype=float32)
    """
    check_choice("name", name, tuple(_ARGUMENTS))
    known = _ARGUMENTS[name]
    if unknown := sorted(set(arguments) - set(known)):
        raise ValueError(f"{name} of Velora 0.2.0 has no argument {unknown[0]!r}; it has {', '.join(known)}")
    options = {key: arguments.get(key, default) for key, default in known.items()}
    if missing := [key for key, value in options.items() if value is None]:
        raise ValueError(f"{name} of Velora 0.2.0 needs the argument {missing[0]!r}")

    used: set[str] = set()

    def take(key: str) -> Any:
        if key not in state_dict:
            raise ValueError(f"state_dict must have {key!r}; it has {', '.join(sorted(state_dict))}")
        used.add(key)
        return np.asarray(state_dict[key])

    def sparse(prefix: str, buffer: np.ndarray, bias: bool = True) -> SparseLinearParams:
        """The weights at this prefix, whose mask in the state_dict, if it is there, must be `buffer`."""
        if f"{prefix}mask" in state_dict and not np.array_equal(take(f"{prefix}mask"), buffer):
            raise ValueError(f"masks must be those of the weights, but state_dict[{prefix + 'mask'!r}] is another one")
        return SparseLinearParams(take(f"{prefix}weight").T, take(f"{prefix}bias") if bias else None)

    def liquid(prefix: str, cell: NCPLiquidCell) -> NCPLiquidCellParams:
        buffer = np.concatenate([np.abs(cell.mask), np.ones((cell.units, cell.units))]).T
        weights, biases = zip(*[sparse(f"{prefix}{head}.", buffer) for head in _HEADS], strict=True)
        return NCPLiquidCellParams(Linear(np.stack(weights, axis=1), np.stack(biases)))  # type: ignore[arg-type]

    module: Any
    initialiser = options["init_type"]
    if name == "SparseLinear":
        module = SparseLinear(np.transpose(masks), initialiser, options["bias"], signed=True)
        if (module.inputs, module.outputs) != (options["in_features"], options["out_features"]):
            raise ValueError(f"masks must be (out_features, in_features) = "
                             f"{(options['out_features'], options['in_features'])}, got {np.shape(masks)}")  # fmt: skip
        params = sparse("", np.asarray(masks), module.bias)
    elif name == "NCPLiquidCell":
        module = NCPLiquidCell(options["in_features"], options["n_hidden"], masks, initialiser)
        params = liquid("", module)
    else:
        if set(masks) != set(LayerMasks._fields):
            raise ValueError(f"masks must have {', '.join(LayerMasks._fields)}, got {', '.join(sorted(masks))}")
        network = LiquidNCPNetwork if name == "LiquidNCPNetwork" else NCPNetwork
        sizes = (options["in_features"], options["n_neurons"], options["out_features"], options["sparsity_level"])
        module = network(*sizes, initialiser, masks=LayerMasks(**masks))
        prefixes = ("inter.", "command.", "motor.") if name == "LiquidNCPNetwork" else ("ncp.0.", "ncp.2.", "ncp.4.")
        params = NCPParams(*(
            liquid(prefix, layer) if isinstance(layer, NCPLiquidCell) else sparse(prefix, np.abs(layer.mask).T)
            for prefix, layer in zip(prefixes, module.layers, strict=True)
        ))  # fmt: skip

    masks_of_cells = {key for key in state_dict if key.endswith("sparsity_mask")}  # a copy that no head uses
    if surplus := sorted(set(state_dict) - used - masks_of_cells):
        raise ValueError(f"state_dict has {surplus[0]!r}, which a {name} with these arguments does not have")
    _check_shapes(module, params)
    return module, jax.tree.map(jnp.asarray, params)
