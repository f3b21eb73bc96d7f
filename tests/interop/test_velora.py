"""What comes from Velora: the same numbers from its weights."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import golden_data
import liquidjax as lj
from golden_data import assert_close
from liquidjax.interop.velora import from_velora
from liquidjax.models.ncp import LiquidNCPStack, NCPParams
from liquidjax.wirings.layered import LayerMasks
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

FILES = golden_data.files("velora_")
MASK = [[1, 0], [-1, 1], [0, -1]]


def convert(golden, arrays):
    """(module, params) from arrays under Velora's names: the weights, or their gradients, which travel the same way."""
    buffers, masks, meta = golden.part("buffer"), golden.part("wiring"), golden.meta
    if "hidden_split" in meta:
        layers = LayerMasks(**masks)
        cells = []
        for i, mask in enumerate(layers[:3]):
            own = {k[2:]: v for k, v in (arrays | buffers).items() if k.startswith(f"{i}.")}
            sizes = {"in_features": mask.shape[0], "n_hidden": mask.shape[1]}
            cells.append(from_velora("NCPLiquidCell", sizes, own, mask)[1])
        return LiquidNCPStack(*meta["arguments"]["wiring"], masks=layers), NCPParams(*cells)
    return from_velora(golden.name, meta["arguments"], arrays | buffers, masks.get("mask", masks))


def test_all_files_are_there():
    assert len(FILES) == 12


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem.removeprefix("velora_"))
def test_outputs_states_and_gradients(path):
    golden = golden_data.load(path)
    data = golden.data
    module, params = convert(golden, golden.part("param"))
    x = data["in/x"]
    h0 = data.get("in/h0")

    def run(params, x, h0):
        if not isinstance(module, lj.Cell):
            return None, module.apply(params, x)
        inputs = jnp.swapaxes(x, 0, 1) if x.ndim == 3 else x[None]
        state, outputs = lj.unroll(module, params, inputs, state=h0)
        return state, jnp.swapaxes(outputs, 0, 1) if x.ndim == 3 else outputs[0]

    def loss(params, x, h0):
        state, outputs = run(params, x, h0)
        return jnp.sum(outputs**2) + (0 if state is None else jnp.sum(state**2)), (state, outputs)

    gradient, (state, outputs) = jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))(params, x, h0)
    y = data["out/y"][None] if path.stem.endswith("single") else data["out/y"]  # the source drops a batch axis of one
    assert_close(outputs, y, 1e-5, "y", least=1e-3)
    assert (state is None) == ("out/state" not in data)
    if state is not None:
        assert_close(state, data["out/state"], 1e-5, "state", least=1e-3)
    of_inputs = ("x", "h0")
    _, expected = convert(golden, {k: v for k, v in golden.part("grad").items() if k not in of_inputs})
    for (where, theirs), ours in zip(jax.tree.leaves_with_path(expected), jax.tree.leaves(gradient[0]), strict=True):
        assert_close(ours, theirs, 2e-5, jax.tree_util.keystr(where), least=1e-3)
    assert_close(gradient[1], data["grad/x"], 2e-5, "x", least=1e-3)
    if h0 is not None:
        assert_close(gradient[2], data["grad/h0"], 2e-5, "h0", least=1e-3)


@pytest.mark.parametrize("path", [p for p in FILES if "ncp" in p.name], ids=lambda p: p.stem)
def test_v13_counts_of_the_source(path):
    golden = golden_data.load(path)
    meta = golden.meta
    module, _ = convert(golden, golden.part("param"))
    assert module.parameter_count == meta["total_params"]
    # The source counts what is not zero, and xavier starts with biases of zero.
    biases = sum(v.size for k, v in golden.part("param").items() if k.endswith("bias"))
    idle = biases if meta["arguments"]["init_type"] == "xavier" else 0
    assert module.active_parameter_count - idle == meta["active_params_at_init"]


def test_from_velora_names_what_does_not_fit():
    golden = golden_data.load("velora_liquid_ncp_a")
    meta, masks = golden.meta, golden.part("wiring")
    arrays = golden.part("param") | golden.part("buffer")
    other = masks | {"command": 1 - np.abs(masks["command"])}
    cases: Any = (
        ("GRU", {}, {}, None, "name must be one of 'SparseLinear', .*, got 'GRU'"),
        ("SparseLinear", {"in": 1}, {}, None, "has no argument 'in'"),
        ("SparseLinear", {"in_features": 1}, {}, None, "needs the argument 'out_features'"),
        ("SparseLinear", {"in_features": 2, "out_features": 3}, {}, np.ones((2, 3)), r"= \(3, 2\), got \(2, 3\)"),
        ("LiquidNCPNetwork", meta["arguments"], {}, masks, r"must have 'inter\.weight'"),
        ("LiquidNCPNetwork", meta["arguments"], arrays | {"more": 1}, masks, "has 'more', which a LiquidNCPNetwork"),
        (
            "LiquidNCPNetwork",
            meta["arguments"],
            arrays,
            other,
            r"state_dict\['command.g_head.mask'\] must be the mask of the wiring, but they differ in \d+ of 40",
        ),
        ("LiquidNCPNetwork", meta["arguments"], arrays, {"inter": 1}, "masks must have inter, command, motor"),
        ("LiquidNCPNetwork", meta["arguments"], arrays | {"motor.bias": np.ones(3)}, masks, r"must have shape \(1,\)"),
    )
    for name, arguments, state_dict, given_masks, message in cases:
        with pytest.raises(ValueError, match=message):
            from_velora(name, arguments, state_dict, given_masks)


NETWORK = {"in_features": 4, "n_neurons": 10, "out_features": 1}


LAYER = {"in_features": 2, "out_features": 3}


CELL = {"in_features": 3, "n_hidden": 2}


@pytest.mark.parametrize(
    ("name", "arguments", "masks", "message"),
    [
        ("SparseLinear", None, None, "arguments of SparseLinear of Velora 0.2.0 must be a mapping"),
        ("SparseLinear", LAYER | {"out_feature": 1}, None, "no argument 'out_feature', did you mean 'out_features'"),
        ("NCPLiquidCell", {"n_hidden": 2}, MASK, "NCPLiquidCell of Velora 0.2.0 needs the argument 'in_features'"),
        ("NCPNetwork", {"in_features": 4}, {}, "NCPNetwork of Velora 0.2.0 needs the argument 'n_neurons'"),
        ("SparseLinear", LAYER | {"in_features": 0}, None, "in_features must be an integer of at least 1, got 0"),
        ("SparseLinear", LAYER | {"out_features": None}, None, "out_features must be an integer .*, got None"),
        ("SparseLinear", LAYER | {"bias": 2}, None, "bias must be one of False, True, got 2"),
        ("SparseLinear", LAYER | {"init_type": "he"}, None, "init_type must be one of 'xavier', .* got 'he'"),
        ("SparseLinear", LAYER, None, r"masks must be \(out_features, in_features\) = \(3, 2\), got \(\)"),
        ("SparseLinear", LAYER, np.ones((3, 2, 1)), r"masks must be .* = \(3, 2\), got \(3, 2, 1\)"),
        ("SparseLinear", LAYER, 2 * np.ones((3, 2)), r"mask must hold -1, 0 and 1 only, got 2\.0"),
        ("NCPLiquidCell", CELL | {"n_hidden": 2.0}, MASK, r"n_hidden must be an integer of at least 1, got 2\.0"),
        ("NCPLiquidCell", CELL, np.ones((2, 3)), r"masks must be \(in_features, n_hidden\) = \(3, 2\), got \(2, 3\)"),
        ("NCPLiquidCell", CELL, [1, 0], r"masks must be \(in_features, n_hidden\) = \(3, 2\), got \(2,\)"),
        ("NCPNetwork", NETWORK | {"n_neurons": True}, {}, "n_neurons must be an integer of at least 1, got True"),
        ("NCPNetwork", NETWORK | {"sparsity_level": "a"}, {}, "sparsity_level must be a number in"),
        ("NCPNetwork", NETWORK, None, "masks must have inter, command, motor, recurrent by name, got NoneType"),
        ("NCPNetwork", NETWORK, np.ones((4, 6)), "masks must have inter, .* by name, got ndarray"),
        ("LiquidNCPNetwork", NETWORK, {"inter": 1, "motor": 2}, "masks must have inter, .* by name, got inter, motor"),
    ],
)
def test_from_velora_names_arguments_and_masks_that_do_not_fit(name, arguments, masks, message):
    with pytest.raises(ValueError, match=message):
        from_velora(name, arguments, {}, masks)


@pytest.mark.parametrize("stem", ["velora_cell_a", "velora_liquid_ncp_a", "velora_ncp_a", "velora_sparse_linear_bias"])
def test_from_velora_needs_every_array_in_its_shape(stem):
    golden = golden_data.load(stem)
    name, arguments, masks = golden.name, golden.meta["arguments"], golden.part("wiring")
    masks = masks.get("mask", masks)
    arrays = golden.part("param") | golden.part("buffer")
    from_velora(name, arguments, arrays, masks)
    for key, array in golden.part("param").items():
        with pytest.raises(ValueError, match=f"state_dict must have '{key}' for these arguments"):
            from_velora(name, arguments, {k: v for k, v in arrays.items() if k != key}, masks)
        for other in (array[None], array[..., None], array[0], np.concatenate([array, array[:1]])):
            with pytest.raises(ValueError, match=rf"state_dict\['{key}'\] must have shape .*, got "):
                from_velora(name, arguments, arrays | {key: other}, masks)
    for key in (k for k in golden.part("buffer") if k.endswith("mask") and not k.endswith("sparsity_mask")):
        with pytest.raises(ValueError, match=rf"state_dict\['{key}'\] must have shape .*, got "):
            from_velora(name, arguments, arrays | {key: arrays[key][0]}, masks)
        one = arrays[key].copy()
        one[0, 0] = 1 - np.abs(one[0, 0])
        with pytest.raises(ValueError, match=rf"state_dict\['{key}'\] must be the mask .* differ in 1 of {one.size}"):
            from_velora(name, arguments, arrays | {key: one}, masks)
    with pytest.raises(ValueError, match="state_dict must be a mapping from names to arrays, got NoneType"):
        from_velora(name, arguments, untyped(None), masks)


def test_from_velora_keeps_a_signed_mask_of_a_sparse_linear():
    """Handed a mask with -1, the source's layer multiplies by it; only its networks take the absolute value."""
    mask = np.array([[1, -1]])
    arrays = {"weight": np.array([[2.0, 3.0]], np.float32), "mask": mask}
    layer, params = from_velora("SparseLinear", {"in_features": 2, "out_features": 1, "bias": False}, arrays, mask)
    np.testing.assert_array_equal(layer.apply(params, jnp.ones(2, jnp.float32)), [-1])
