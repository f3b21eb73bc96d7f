"""Every file made by running ncps 1.0.1: the same outputs, states and gradients from the same weights."""

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import golden_data
import liquidjax as lj
from golden_data import assert_close
from liquidjax.cells.wrappers.mixed_memory import MixedMemoryState
from liquidjax.interop import from_ncps
from untyped import untyped

FILES = golden_data.files("ltc_", "cfc_")
AT_ONCE = {
    "ltc_irregular_autoncp": lj.Newton("layered"),
    "ltc_irregular_fc": lj.Newton("full"),
    "ltc_long": lj.Newton("diagonal"),
    "cfc_default_irregular": lj.Newton("full"),
}
"""Files that are also evaluated by a method that does all time steps at once."""


def neuron_order(cell):
    """Where each of our neurons stands in the state of the peer."""
    inner: Any = cell
    while isinstance(inner, lj.Readout | lj.MixedMemory):
        inner = inner.cell
    if isinstance(inner, lj.WiredCfC):
        return np.argsort(np.concatenate([np.array(layer) for layer in inner.graph.layers]))
    return np.arange(inner.units)


def test_all_files_are_there():
    assert len(FILES) == 44


@pytest.mark.parametrize(
    ("file", "method"),
    [pytest.param(path, lj.Scan(), id=path.stem) for path in FILES]
    + [pytest.param(name, at_once, id=f"{name} at once") for name, at_once in AT_ONCE.items()],
)
def test_outputs_states_and_gradients(file, method):
    golden = golden_data.load(file)
    double = golden.data["in/x"].dtype == np.float64
    # At once in float64 always: what is left is the rounding of the peer, and not that of an iteration too.
    wide = double or not isinstance(method, lj.Scan)
    if wide:
        arrays = {key: golden.data[key] for key in golden.data}
        golden = golden._replace(data={k: v.astype(float) if v.dtype.kind == "f" else v for k, v in arrays.items()})
    data, meta, param, grad = golden.data, golden.meta, golden.part("param"), golden.part("grad")
    with jax.enable_x64(True) if wide else contextlib.nullcontext():
        cell, params = from_ncps(golden.name, meta["arguments"], param)
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
        untrained = {k: v for k, v in param.items() if k not in grad}  # the masks, which must be those of the wiring
        _, expected = from_ncps(golden.name, meta["arguments"], {k: grad[k] for k in param if k in grad} | untrained)
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
        golden = golden_data.load(path)
        param, grad = golden.part("param"), golden.part("grad")
        if path.name.startswith("ltc_"):
            for name in ("w", "mu", "sigma", "erev"):
                assert not np.any(grad[f"rnn_cell.{name}"][param["rnn_cell.sparsity_mask"] == 0])


def arrays_of(stem):
    """Name, arguments and state_dict of one file."""
    golden = golden_data.load(stem)
    return golden.name, golden.meta["arguments"], golden.part("param"), golden.data


def with_wiring(arguments, **changed):
    """The same arguments with other arguments of the wiring."""
    units = arguments["units"]
    return arguments | {"units": units | {"arguments": units["arguments"] | changed}}


@pytest.mark.parametrize(
    ("stem", "changed", "wiring", "array"),
    [
        ("ltc_autoncp", {"seed": 1}, lj.AutoNCP(20, 3, 0.5, 1), "rnn_cell.sparsity_mask"),
        ("ltc_autoncp", {"sparsity_level": 0.7}, lj.AutoNCP(20, 3, 0.7), "rnn_cell.sparsity_mask"),
        ("ltc_random", {"random_seed": 1}, lj.Random(12, 4, 0.4, 1), "rnn_cell.sparsity_mask"),
        ("ltc_fc_no_self", {"self_connections": True}, lj.FullyConnected(6), "rnn_cell.sparsity_mask"),
        ("ltc_mixed", {"seed": 1}, lj.AutoNCP(20, 3, 0.5, 1), "rnn_cell.sparsity_mask"),
        ("cfc_default_wired", {"seed": 1}, lj.AutoNCP(20, 3, 0.5, 1), "rnn_cell.layer_0.sparsity_mask"),
        ("cfc_wired_proj", {"sparsity_level": 0.1}, lj.AutoNCP(20, 3, 0.1), "rnn_cell.layer_0.sparsity_mask"),
    ],
)
def test_a_wiring_that_is_not_that_of_the_masks_is_refused(stem, changed, wiring, array):
    """The message counts the synapses that one of the two has and the other has not."""
    name, arguments, param, data = arrays_of(stem)
    graph = wiring.graph(arguments["input_size"])
    if name == "LTC":
        differ = np.count_nonzero((graph.adjacency != 0) != (data["wiring/adjacency"] != 0))
    else:
        inter = list(graph.layers[0])
        differ = np.count_nonzero(
            (graph.sensory_adjacency != 0)[:, inter] != (data["wiring/sensory_adjacency"] != 0)[:, inter]
        )
    assert differ > 0
    message = rf"state_dict\['{array}'\] must be the mask of the wiring, but they differ in {differ} of"
    with pytest.raises(ValueError, match=message):
        from_ncps(name, with_wiring(arguments, **changed), param)


def test_sensory_synapses_are_compared_too():
    name, arguments, param, _ = arrays_of("ltc_fc")
    mask = param["rnn_cell.sensory_sparsity_mask"].copy()
    mask[2, 3] = 0
    with pytest.raises(ValueError, match=r"sensory_sparsity_mask'\] must be the mask .* differ in 1 of 40"):
        from_ncps(name, arguments, param | {"rnn_cell.sensory_sparsity_mask": mask})


@pytest.mark.parametrize("stem", ["ltc_autoncp", "ltc_random", "ltc_mixed", "ltc_map_linear_none_unfolds12"])
def test_the_wiring_can_be_taken_from_the_masks(stem):
    """Seed and sparsity in the arguments are wrong, or there is no wiring in them at all where all neurons are outputs;
    outputs are the peer's all the same, and so are the polarities, which these reversal potentials still have."""
    name, arguments, param, data = arrays_of(stem)
    cell, params = from_ncps(name, with_wiring(arguments, sparsity_level=0.2), param, wiring="masks")
    mixed = isinstance(cell, lj.MixedMemory)
    wiring = untyped(cell.cell if mixed else cell).wiring
    assert isinstance(wiring, lj.Custom)
    np.testing.assert_array_equal(wiring.adjacency, data["wiring/adjacency"])
    np.testing.assert_array_equal(wiring.sensory_adjacency, data["wiring/sensory_adjacency"])
    state = MixedMemoryState(data["in/h0"], data["in/c0"]) if mixed else data["in/h0"]
    _, outputs = lj.unroll(cell, params, np.swapaxes(data["in/x"], 0, 1), state=state)
    assert_close(jnp.swapaxes(outputs, 0, 1), data["out/y"], 1e-5, "y")


def test_the_wiring_can_be_taken_from_the_masks_without_a_class():
    name, arguments, param, data = arrays_of("ltc_autoncp")
    arguments = arguments | {"units": 20, "output_mapping": None}
    param = {k: v for k, v in param.items() if not k.startswith("rnn_cell.output_")}
    negative = param["rnn_cell.erev"] * -1.0
    cell, params = from_ncps(name, arguments, param | {"rnn_cell.erev": negative}, wiring="masks")
    np.testing.assert_array_equal(untyped(cell).wiring.adjacency, -data["wiring/adjacency"])
    assert cell.outputs == 20
    known = params.synapses.reversal_potential
    assert np.all(np.sign(known) == untyped(cell).graph.synapses.polarity)


def test_masks_that_cannot_be_a_wiring_are_refused():
    name, arguments, param, _ = arrays_of("ltc_autoncp")
    half = param["rnn_cell.sparsity_mask"] / 2
    with pytest.raises(ValueError, match=r"sparsity_mask'\] must hold 0 and 1 only, got \[0\.  0\.5\]"):
        from_ncps(name, arguments, param | {"rnn_cell.sparsity_mask": half}, wiring="masks")
    name, arguments, param, _ = arrays_of("cfc_default_wired")
    with pytest.raises(ValueError, match="wiring='masks' needs an LTC: the masks of a CfC do not say"):
        from_ncps(name, arguments, param, wiring="masks")
    with pytest.raises(ValueError, match="wiring must be one of 'units', 'masks', got 'seed'"):
        from_ncps(name, arguments, param, wiring=untyped("seed"))


AUTO = {"class": "AutoNCP", "arguments": {"units": 8, "output_size": 2}}


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("GRU", {}, "name must be one of 'LTC', 'CfC', got 'GRU'"),
        ("CfC", {"input_size": 1, "unts": 2}, "CfC of ncps 1.0.1 has no argument 'unts', did you mean 'units'"),
        ("LTC", {"input_size": 1, "mode": "pure"}, "LTC of ncps 1.0.1 has no argument 'mode'"),
        ("CfC", None, "arguments of CfC .* must be a mapping from names to values, got None"),
        ("LTC", {"units": 2}, "LTC of ncps 1.0.1 needs the argument 'input_size'; it got units"),
        ("CfC", {"input_size": 2}, "CfC of ncps 1.0.1 needs the argument 'units'; it got input_size"),
        ("LTC", {"units": AUTO}, "needs the argument 'input_size'"),
        ("LTC", {"input_size": 0, "units": 2}, "input_size must be an integer of at least 1, got 0"),
        ("LTC", {"input_size": 2.0, "units": 2}, r"input_size must be an integer of at least 1, got 2\.0"),
        ("LTC", {"input_size": 2, "units": True}, "units must be a number of neurons, .* got True"),
        ("CfC", {"input_size": 2, "units": "8"}, "units must be a number of neurons, .* got '8'"),
        ("CfC", {"input_size": 2, "units": 0}, "units must be a number of neurons, .* got 0"),
        ("LTC", {"input_size": 2, "units": 2, "ode_unfolds": 0}, "ode_unfolds must be an integer of at least 1, got 0"),
        ("LTC", {"input_size": 2, "units": 2, "epsilon": "a"}, r"epsilon must be a number in \[0, inf\), got 'a'"),
        ("LTC", {"input_size": 2, "units": 2, "epsilon": -1}, r"epsilon must be a number in \[0, inf\), got -1"),
        ("LTC", {"input_size": 2, "units": 2, "mixed_memory": "no"}, "mixed_memory must be one of False, True"),
        ("LTC", {"input_size": 2, "units": 2, "implicit_param_constraints": 2}, "implicit_param_constraints must"),
        ("CfC", {"input_size": 2, "units": 2, "mode": "gate"}, "mode must be one of 'default', 'pure', 'no_gate'"),
        ("CfC", {"input_size": 2, "units": AUTO, "mode": "gate"}, "mode must be one of 'default', 'pure', 'no_gate'"),
        ("CfC", {"input_size": 2, "units": 2, "activation": "tan"}, "activation must be one of"),
        ("CfC", {"input_size": 2, "units": 2, "backbone_units": 0}, "backbone_units must be an integer of at least 1"),
        ("CfC", {"input_size": 2, "units": 2, "backbone_layers": -1}, "backbone_layers must be an integer of at"),
        ("CfC", {"input_size": 2, "units": 2, "backbone_dropout": 1}, r"backbone_dropout must be a number in \[0, 1\)"),
        ("CfC", {"input_size": 2, "units": AUTO, "backbone_units": 8}, "backbone_units must be left out with a wiring"),
        ("CfC", {"input_size": 2, "units": {"class": "AutoNCP"}}, "units needs the argument 'arguments'"),
        ("CfC", {"input_size": 2, "units": AUTO | {"seed": 1}}, "units has no argument 'seed'"),
        ("LTC", {"input_size": 2, "units": AUTO | {"class": "Autoncp"}}, r"units\['class'\] must be one of"),
        ("LTC", {"input_size": 2, "units": AUTO | {"arguments": 8}}, "arguments of AutoNCP .* must be a mapping"),
    ],
)
def test_arguments_that_do_not_fit_are_named(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        from_ncps(name, arguments, {})


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("AutoNCP", {"units": 8}, "AutoNCP of ncps 1.0.1 needs the argument 'output_size'; it got units"),
        ("AutoNCP", {"output_size": 2}, "AutoNCP of ncps 1.0.1 needs the argument 'units'"),
        ("AutoNCP", {"units": 8, "outputsize": 2}, "has no argument 'outputsize', did you mean 'output_size'"),
        ("AutoNCP", {"units": 8, "outputs": 2}, "AutoNCP of ncps 1.0.1 has no argument 'outputs'"),  # our name
        ("AutoNCP", {"units": 8, "output_size": None}, "output_size must be an integer of at least 0, got None"),
        ("AutoNCP", {"units": "8", "output_size": 2}, "units must be an integer of at least 0, got '8'"),
        ("AutoNCP", {"units": 8, "output_size": 2, "sparsity_level": "a"}, "sparsity_level must be a finite number"),
        ("AutoNCP", {"units": 8, "output_size": 2, "seed": None}, "seed must be an integer of at least 0, got None"),
        ("FullyConnected", {}, "FullyConnected of ncps 1.0.1 needs the argument 'units'; it got none"),
        ("FullyConnected", {"units": 8, "seed": 1}, "FullyConnected of ncps 1.0.1 has no argument 'seed'"),
        ("FullyConnected", {"units": 8, "self_connections": 2}, "self_connections must be one of False, True, got 2"),
        ("Random", {"units": 8, "sparsity": 0.5}, "has no argument 'sparsity', did you mean 'sparsity_level'"),
        ("NCP", {"inter_neurons": 8}, "NCP of ncps 1.0.1 needs the argument 'command_neurons'; it got inter_neurons"),
    ],
)
@pytest.mark.parametrize("name", ["LTC", "CfC"])
def test_arguments_of_a_wiring_that_do_not_fit_are_named(name, kind, arguments, message):
    units = {"class": f"ncps.wirings.{kind}", "arguments": arguments}
    with pytest.raises(ValueError, match=message):
        from_ncps(name, {"input_size": 2, "units": units}, {})


@pytest.mark.parametrize(
    "stem", ["ltc_map_linear_linear_eps", "ltc_mixed", "cfc_mixed", "cfc_wired_proj", "cfc_pure_wired"]
)
def test_every_array_is_needed_and_must_have_its_shape(stem):
    name, arguments, param, _ = arrays_of(stem)
    for key, array in param.items():
        with pytest.raises(ValueError, match=rf"state_dict must have '{key}' for these arguments"):
            from_ncps(name, arguments, {k: v for k, v in param.items() if k != key})
        for other in (array[None], array[..., None], array[0], np.concatenate([array, array[:1]])):
            with pytest.raises(ValueError, match=rf"state_dict\['{key}'\] must have shape .*, got "):
                from_ncps(name, arguments, param | {key: other})
        if not key.endswith("mask"):
            with pytest.raises(ValueError, match=rf"state_dict\['{key}'\] must be floating point, got int64"):
                from_ncps(name, arguments, param | {key: array.astype(np.int64)})
    with pytest.raises(ValueError, match=rf"has 'rnn_cell.more', which a {name} with these arguments does not have"):
        from_ncps(name, arguments, param | {"rnn_cell.more": np.zeros(2)})
    with pytest.raises(ValueError, match="state_dict must be a mapping from names to arrays, got list"):
        from_ncps(name, arguments, untyped(list(param)))
