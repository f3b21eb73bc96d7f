"""From here to ncps: the arrays under its names, bit by bit, and the networks it does not have."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import golden_data
import liquidjax as lj
from liquidjax.interop import from_ncps, to_ncps

KEY = jax.random.key(0)
OF_SYNAPSES = ("w", "mu", "sigma", "erev")


@pytest.mark.parametrize("path", golden_data.files("ltc_", "cfc_"), ids=lambda p: p.stem)
def test_round_trip_of_every_file(path, x64):
    """Names, shapes, dtypes and bits of the peer's own state_dict; a synapse that does not exist is 0."""
    golden = golden_data.load(path)
    name, arguments, param = golden.name, golden.meta["arguments"], golden.part("param")
    cell, params = from_ncps(name, arguments, param)
    again, described, arrays = to_ncps(cell, params)
    assert again == name and set(arrays) == set(param)
    for key, array in param.items():
        prefix, _, last = key.rpartition(".")
        sensory = "sensory_" if last.startswith("sensory_") else ""
        if last.removeprefix("sensory_") in OF_SYNAPSES:
            array = array * param[f"{prefix}.{sensory}sparsity_mask"]
        assert arrays[key].dtype == array.dtype
        np.testing.assert_array_equal(arrays[key], array, err_msg=key)
    same, back = from_ncps(again, described, arrays)
    assert same == cell
    jax.tree.map(np.testing.assert_array_equal, back, params)
    for key in arguments.keys() - {"units"}:
        assert described[key] == arguments[key], key
    if isinstance(arguments["units"], dict):
        given = arguments["units"]["arguments"]
        if name == "CfC" and "self_connections" in given:
            given = given | {"output_dim": 6}
        wiring = described["units"]
        assert wiring["class"] == arguments["units"]["class"].rsplit(".", 1)[-1]
        assert {k: wiring["arguments"][k] for k in given} == given


NCP = lj.NCP(5, 4, 2, 3, 2, 3, 2, seed=5)
FRESH: dict[str, Any] = {
    "ltc": lj.LTC(3, NCP, lj.SemiImplicit(2), "linear", None, "explicit", 0.01),
    "ltc without input mapping": lj.LTC(3, lj.Random(8, 3, 0.4), lj.SemiImplicit(1), None, "affine"),
    "ltc with one-sided polarity": lj.LTC(3, lj.FullyConnected(6, 2, 3, self_connections=False), lj.SemiImplicit(2)),
    "cfc": lj.CfC(3, 5),
    "cfc without backbone": lj.CfC(3, 5, "no_gate", backbone_layers=0),
    "cfc with three layers and dropout": lj.CfC(3, 5, "pure", 7, 3, "gelu", 0.2),
    "wired": lj.WiredCfC(3, lj.AutoNCP(12, 2), obey_wiring=False),
    "wired, obeyed": lj.WiredCfC(3, lj.AutoNCP(12, 2)),
    "wired, obeyed, pure": lj.WiredCfC(3, NCP, "pure"),
    "wired, one layer": lj.WiredCfC(3, lj.Random(8, sparsity=0.4), "no_gate"),
    "mixed ltc": lj.MixedMemory(lj.LTC(3, lj.AutoNCP(12, 2), lj.SemiImplicit(2))),
    "mixed wired": lj.MixedMemory(lj.WiredCfC(3, lj.AutoNCP(12, 2))),
    "read out": lj.Readout(lj.CfC(3, 5, backbone_units=7), 4),
    "read out, mixed, wired": lj.Readout(lj.MixedMemory(lj.WiredCfC(3, NCP)), 4),
}


@pytest.mark.parametrize("cell", FRESH.values(), ids=FRESH.keys())
def test_fresh_cells_come_back_with_the_same_outputs(cell, x64):
    """Moved off their initial values everywhere, masked weights included."""
    params = jax.tree.map(lambda leaf: leaf + 0.1, jax.device_get(jax.jit(cell.init)(KEY)))
    name, arguments, arrays = to_ncps(cell, params)
    assert all(array.dtype == np.float64 and np.isfinite(array).all() for array in arrays.values())
    back, its = from_ncps(name, arguments, arrays)
    inputs = np.random.default_rng(0).normal(size=(4, 2, 3))
    expected, actual = (lj.unroll(c, p, inputs, 0.7) for c, p in ((cell, params), (back, its)))
    for ours, theirs in zip(*map(jax.tree.leaves, (actual, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    np.testing.assert_equal(to_ncps(back, its), (name, arguments, arrays))


def test_a_step_from_the_arrays_alone(x64):
    """The fused step of ncps with its dense matrices, in numpy, on what `to_ncps` gives: the masks do what they say."""
    cell = lj.LTC(3, NCP, lj.SemiImplicit(1), "affine", "affine", "explicit", 0.01)
    params = jax.tree.map(lambda leaf: leaf + 0.1, cell.init(KEY))
    _, arguments, arrays = to_ncps(cell, params)
    a = {key.removeprefix("rnn_cell."): np.asarray(array, np.float64) for key, array in arrays.items()}
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=3), rng.normal(size=11)

    def conductance(potential, prefix):
        gate = 1 / (1 + np.exp(-a[f"{prefix}sigma"] * (potential[:, None] - a[f"{prefix}mu"])))
        return a[f"{prefix}w"] * gate * a[f"{prefix}sparsity_mask"]

    inner, sensory = conductance(v, ""), conductance(x * a["input_w"] + a["input_b"], "sensory_")
    current = (inner * a["erev"]).sum(0) + (sensory * a["sensory_erev"]).sum(0)
    capacitance = a["cm"] / 0.7
    total = capacitance + a["gleak"] + inner.sum(0) + sensory.sum(0) + arguments["epsilon"]
    expected = (capacitance * v + a["gleak"] * a["vleak"] + current) / total
    state, output = lj.step(cell, params, jnp.asarray(v), jnp.asarray(x), 0.7)
    np.testing.assert_allclose(state, expected, atol=1e-12)
    np.testing.assert_allclose(output, expected[:2] * a["output_w"] + a["output_b"], atol=1e-12)


def test_an_obeyed_wiring_keeps_no_weight_behind_its_mask():
    """ncps masks less: what it would use and we do not is 0, whatever was stored there."""
    cell = lj.WiredCfC(3, NCP)
    params = jax.tree.map(jnp.ones_like, cell.init(KEY))
    _, _, arrays = to_ncps(cell, params)
    for i, mask in enumerate(cell.masks()):
        for h, head in enumerate(("ff1", "ff2", "time_a", "time_b")):
            np.testing.assert_array_equal(arrays[f"rnn_cell.layer_{i}.{head}.weight"].T, mask[:, h])


def test_half_precision_is_written_as_float32():
    cell = lj.CfC(3, 5)
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), cell.init(KEY))
    _, _, arrays = to_ncps(cell, params)
    assert all(array.dtype == np.float32 for array in arrays.values())
    np.testing.assert_array_equal(arrays["rnn_cell.ff1.bias"], params.head.heads.bias[0].astype(jnp.float32))


LTC = lj.LTC(3, lj.AutoNCP(8, 2))
REFUSED: dict[str, tuple[Any, str]] = {
    "integrator": (lj.LTC(3, lj.AutoNCP(8, 2), lj.RK4(2)), r"integrator must be SemiImplicit, .* got RK4\(unfolds=2\)"),
    "custom": (lj.LTC(3, lj.Custom([[1]])), "wiring must be one of FullyConnected, .* got a Custom"),
    "layered": (lj.WiredCfC(3, lj.Layered(8, 2)), "wiring must be one of .* AutoNCP, .* got a Layered"),
    "outputs": (
        lj.WiredCfC(3, lj.FullyConnected(8, 2)),
        "wiring must have outputs = units = 8, .* FullyConnected wiring, got outputs = 2",
    ),
    "readout of an ltc": (lj.Readout(LTC, 2), "cell must be no Readout of an LTC, which has no proj_size in ncps"),
    "readout of a mixed ltc": (lj.Readout(lj.MixedMemory(LTC), 2), "cell must be no Readout of an LTC"),
    "mixed readout": (
        lj.MixedMemory(lj.Readout(LTC, 2)),
        "cell must be an LTC, .* got a Readout in a MixedMemory",
    ),
    "writes": (lj.MixedMemory(lj.CfC(3, 3), writes="input"), "writes must be 'state', .* got 'input'"),
    "forget bias": (lj.MixedMemory(lj.CfC(3, 3), forget_bias=0.5), r"forget_bias must be 1, as in ncps; .* got 0\.5"),
    "another cell": (lj.HasaniLTC(3, 3), "cell must be an LTC, a CfC .* got a HasaniLTC$"),
    "a stack": (lj.Stack(3, lj.Block(lj.CfC(3, 3)), 2), "cell must be an LTC, a CfC .* got a Stack$"),
}


@pytest.mark.parametrize(("cell", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_ncps_does_not_have_is_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        to_ncps(cell, None)


def test_the_forget_bias_can_be_moved_as_the_message_says(x64):
    cell = lj.MixedMemory(lj.CfC(3, 4, backbone_units=5), forget_bias=0.25)
    params = cell.init(KEY)
    lstm = params.lstm._replace(inputs=params.lstm.inputs._replace(bias=params.lstm.inputs.bias.at[1].add(0.25 - 1)))
    back, its = from_ncps(*to_ncps(lj.MixedMemory(cell.cell), params._replace(lstm=lstm)))
    inputs = jax.random.normal(KEY, (4, 2, 3))
    np.testing.assert_allclose(lj.unroll(back, its, inputs)[1], lj.unroll(cell, params, inputs)[1], atol=1e-12)


def test_parameters_of_another_cell_are_refused():
    params = LTC.init(KEY)
    with pytest.raises(ValueError, match=r"params must be those of the cell, PyTreeDef.*, got PyTreeDef"):
        to_ncps(LTC, lj.CfC(3, 8).init(KEY))
    with pytest.raises(ValueError, match=r"params\.capacitance must have shape \(8,\), got \(2, 8\)"):
        to_ncps(LTC, params._replace(capacitance=jnp.ones((2, 8))))
    with pytest.raises(ValueError, match=r"params\.leak_conductance must have shape \(8,\), got \(9,\)"):
        to_ncps(LTC, lj.LTC(3, lj.AutoNCP(9, 2)).init(KEY))
