"""Weights of Velora 0.2.0 as a layer, cell or network and parameters of ours; needs neither torch nor Velora."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice, check_number, check_size
from liquidjax._types import Params
from liquidjax.cells.velora import NCPLiquidCell, NCPLiquidCellParams
from liquidjax.interop.foreign import REQUIRED, StateDict, complete, stack_heads
from liquidjax.layers.sparse import INITIALISERS, SparseLinear, SparseLinearParams
from liquidjax.models.ncp import LiquidNCPNetwork, NCPNetwork, NCPParams
from liquidjax.wirings.layered import LayerMasks

_NETWORK_ARGUMENTS = {
    "in_features": REQUIRED,
    "n_neurons": REQUIRED,
    "out_features": REQUIRED,
    "sparsity_level": 0.5,
    "init_type": "kaiming_uniform",
}
_ARGUMENTS = {
    "SparseLinear": {"in_features": REQUIRED, "out_features": REQUIRED, "bias": True, "init_type": "kaiming_uniform"},
    "NCPLiquidCell": {"in_features": REQUIRED, "n_hidden": REQUIRED, "init_type": "kaiming_uniform"},
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
        ValueError: a name or argument unknown, missing or out of range; a state_dict that lacks an array, has one too
            many, or one of the wrong shape; masks of the wrong shape, or other than those in the buffers.

    Example:
        >>> arrays = {"weight": np.ones((2, 3)), "bias": np.zeros(2)}
        >>> mask = np.array([[1, 1, 0], [0, 1, 0]])
        >>> layer, params = from_velora("SparseLinear", dict(in_features=3, out_features=2), arrays, mask)
        >>> layer.apply(params, jnp.ones(3))
        Array([2., 1.], dtype=float32)
    """
    check_choice("name", name, tuple(_ARGUMENTS))
    options = complete(f"{name} of Velora 0.2.0", arguments, _ARGUMENTS[name])
    for key, value in options.items():
        if key == "init_type":
            check_choice(key, value, tuple(INITIALISERS))
        elif key == "bias":
            check_choice(key, value, (False, True))
        elif key == "sparsity_level":
            check_number(key, value, 0, 1)
        else:
            check_size(key, value)
    arrays = StateDict(f"a {name}", state_dict)

    def sparse(prefix: str, buffer: np.ndarray, bias: bool = True) -> SparseLinearParams:
        """The weights at this prefix, whose mask in the state_dict, if it is there, must be `buffer`."""
        if f"{prefix}mask" in state_dict:
            arrays.mask(f"{prefix}mask", buffer, "give in masks those of the trained module")
        weight = arrays.take(f"{prefix}weight", *buffer.shape).T
        return SparseLinearParams(weight, arrays.take(f"{prefix}bias", len(buffer)) if bias else None)

    def liquid(prefix: str, cell: NCPLiquidCell) -> NCPLiquidCellParams:
        buffer = np.concatenate([np.abs(cell.mask), np.ones((cell.units, cell.units))]).T
        return NCPLiquidCellParams(stack_heads([sparse(f"{prefix}{head}.", buffer) for head in _HEADS]))

    module: Any
    initialiser = options["init_type"]
    if name == "SparseLinear":
        mask, shape = np.asarray(masks), (options["out_features"], options["in_features"])
        if mask.shape != shape:
            raise ValueError(f"masks must be (out_features, in_features) = {shape}, got {mask.shape}")
        module = SparseLinear(mask.T, initialiser, options["bias"], signed=True)
        params = sparse("", mask, module.bias)
    elif name == "NCPLiquidCell":
        mask, shape = np.asarray(masks), (options["in_features"], options["n_hidden"])
        if mask.shape != shape:
            raise ValueError(f"masks must be (in_features, n_hidden) = {shape}, got {mask.shape}")
        module = NCPLiquidCell(*shape, mask, initialiser)
        params = liquid("", module)
    else:
        if not isinstance(masks, Mapping) or set(masks) != set(LayerMasks._fields):
            got = ", ".join(sorted(masks)) if isinstance(masks, Mapping) else type(masks).__name__
            raise ValueError(f"masks must have {', '.join(LayerMasks._fields)} by name, got {got}")
        network = LiquidNCPNetwork if name == "LiquidNCPNetwork" else NCPNetwork
        sizes = (options["in_features"], options["n_neurons"], options["out_features"], options["sparsity_level"])
        module = network(*sizes, initialiser, masks=LayerMasks(**masks))
        prefixes = ("inter.", "command.", "motor.") if name == "LiquidNCPNetwork" else ("ncp.0.", "ncp.2.", "ncp.4.")
        params = NCPParams(
            *(
                liquid(prefix, layer) if isinstance(layer, NCPLiquidCell) else sparse(prefix, np.abs(layer.mask).T)
                for prefix, layer in zip(prefixes, module.layers, strict=True)
            )
        )

    arrays.check_all_taken(but=[key for key in state_dict if key.endswith("sparsity_mask")])  # which no head uses
    return module, jax.tree.map(jnp.asarray, params)
