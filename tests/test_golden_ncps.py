"""Every file made by running ncps 1.0.1: the same outputs, states and gradients from the same weights."""

import contextlib
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.cells.mixed_memory import MixedMemoryState
from liquidjax.interop import from_ncps

FOLDER = Path(__file__).parent / "golden"
FILES = sorted(path for path in FOLDER.glob("*.npz") if path.name.startswith(("ltc_", "cfc_")))
AT_ONCE = {
    "ltc_irregular_autoncp": lj.Newton("layered"),
    "ltc_irregular_fc": lj.Newton("full"),
    "ltc_long": lj.Newton("diagonal"),
    "cfc_default_irregular": lj.Newton("full"),
}
"""Files that are also evaluated by a method that does all time steps at once."""


def load(path):
    data = np.load(path)
    meta = json.loads(str(data["meta"]))
    parts = {
        kind: {k.split("/", 1)[1]: data[k] for k in data if k.startswith(kind + "/")} for kind in ("param", "grad")
    }
    return data, meta, parts["param"], parts["grad"]


def neuron_order(cell):
    """Where each of our neurons stands in the state of the peer."""
    inner: Any = cell
    while isinstance(inner, lj.Readout | lj.MixedMemory):
        inner = inner.cell
    if isinstance(inner, lj.WiredCfC):
        return np.argsort(np.concatenate([np.array(layer) for layer in inner.graph.layers]))
    return np.arange(inner.units)


def assert_close(actual, expected, tolerance, name):
    """The largest difference, relative to the largest entry of the expected array or to 1 if that is more."""
    difference = np.max(np.abs(np.asarray(actual) - expected), initial=0)
    assert difference <= tolerance * max(1, np.max(np.abs(expected), initial=0)), f"{name}: {difference}"


def test_all_files_are_there():
    assert len(FILES) == 43


@pytest.mark.parametrize(
    ("path", "method"),
    [pytest.param(path, lj.Scan(), id=path.stem) for path in FILES]
    + [pytest.param(FOLDER / f"{name}.npz", at_once, id=f"{name} at once") for name, at_once in AT_ONCE.items()],
)
def test_outputs_states_and_gradients(path, method):
    data, meta, param, grad = load(path)
    double = path.stem.endswith("float64")
    with jax.enable_x64(True) if double else contextlib.nullcontext():
        name = meta["call"].rsplit(".", 1)[-1]
        cell, params = from_ncps(name, meta["arguments"], param)
        order = neuron_order(cell)
        mixed = "in/c0" in data
        batch = data["in/x"].shape[0]

        def initial(h0, c0):
            if h0 is None:
                return cell.initial_state((batch,), data["in/x"].dtype)
            return MixedMemoryState(h0, c0) if mixed else h0

        given = {
            "params": params,
            "x": jnp.asarray(data["in/x"]),
            "dt": jnp.asarray(data["in/dt"]) if "in/dt" in data else None,
            "h0": jnp.asarray(data["in/h0"][:, order]) if "in/h0" in data else None,
            "c0": jnp.asarray(data["in/c0"][:, order]) if mixed else None,
        }

        def run(given):
            dt = 1.0 if given["dt"] is None else given["dt"].T
            x = jnp.swapaxes(given["x"], 0, 1)
            return lj.unroll(cell, given["params"], x, dt, state=initial(given["h0"], given["c0"]), method=method)

        def loss(given):
            state, outputs = run(given)
            return jnp.sum(outputs**2) + jnp.sum((state.state if mixed else state) ** 2), (state, outputs)

        gradient, (state, outputs) = jax.jit(jax.grad(loss, has_aux=True))(given)

        tolerance, gradient_tolerance = (1e-12, 1e-12) if double else (1e-5, 2e-5)
        assert_close(jnp.swapaxes(outputs, 0, 1), data["out/y"], tolerance, "y")
        assert_close(state.state if mixed else state, data["out/state"][:, order], tolerance, "state")
        if mixed:
            assert_close(state.memory, data["out/c"][:, order], tolerance, "memory")

        # Gradients travel the same way as weights: what from_ncps makes of the peer's is what ours must be.
        untrained = {k: np.zeros_like(v) for k, v in param.items() if k not in grad}
        _, expected = from_ncps(name, meta["arguments"], {k: grad[k] for k in param if k in grad} | untrained)
        for (where, theirs), ours in zip(
            jax.tree.leaves_with_path(expected), jax.tree.leaves(gradient["params"]), strict=True
        ):
            scale = np.max(np.abs(theirs), initial=0)
            worst = np.max(np.abs(ours - theirs), initial=0)
            assert worst <= gradient_tolerance * scale + 1e-30, f"{jax.tree_util.keystr(where)}: {worst} of {scale}"
        for key in ("x", "dt", "h0", "c0"):
            if f"grad/{key}" in data and given[key] is not None:
                theirs = data[f"grad/{key}"]
                theirs = theirs[:, order] if key in ("h0", "c0") else theirs
                worst = np.max(np.abs(gradient[key] - theirs))
                assert worst <= gradient_tolerance * np.max(np.abs(theirs)), f"{key}: {worst}"


def test_the_peer_gives_masked_synapses_no_gradient():
    """We do not store them; were their gradient not zero, the comparison above would have left something out."""
    for path in FILES:
        _, _, param, grad = load(path)
        if path.name.startswith("ltc_"):
            for name in ("w", "mu", "sigma", "erev"):
                assert not np.any(grad[f"rnn_cell.{name}"][param["rnn_cell.sparsity_mask"] == 0])


def test_unknown_name_and_argument_and_missing_array_are_named():
    with pytest.raises(ValueError, match="name must be one of 'LTC', 'CfC', got 'GRU'"):
        from_ncps("GRU", {}, {})
    with pytest.raises(ValueError, match="no argument 'unts'"):
        from_ncps("CfC", {"input_size": 1, "unts": 2}, {})
    with pytest.raises(ValueError, match=r"must have 'rnn_cell\.backbone\.0\.weight'"):
        from_ncps("CfC", {"input_size": 1, "units": 2}, {})


def test_a_surplus_array_and_a_wrong_shape_are_refused():
    _, meta, param, _ = load(next(p for p in FILES if p.stem == "cfc_defaults"))
    with pytest.raises(ValueError, match=r"has 'fc\.weight'"):
        from_ncps("CfC", meta["arguments"], param | {"fc.weight": np.zeros((2, 2))})
    with pytest.raises(ValueError, match=r"must have shape \(10, 128\), got \(9, 128\)"):
        from_ncps("CfC", meta["arguments"], param | {"rnn_cell.backbone.0.weight": np.zeros((128, 9))})
