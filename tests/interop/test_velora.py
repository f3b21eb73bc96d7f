"""What comes from Velora: its wiring, sparse layers, liquid cell and networks; the same numbers from its weights."""

import dataclasses
import inspect
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden_data
import liquidjax as lj
from golden_data import assert_close
from liquidjax.cells.velora import NCPLiquidCell, NCPLiquidCellParams
from liquidjax.interop.velora import from_velora
from liquidjax.layers.linear import Linear
from liquidjax.layers.sparse import INITIALISERS, SparseLinear
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack, NCPNetwork, NCPParams
from liquidjax.wirings.layered import Layered, LayerMasks
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

FILES = golden_data.files("velora_")
KEY = jax.random.key(0)
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


def test_v1_wiring_counts():
    """The counts of every reference wiring, and the limits."""
    data, meta = golden_data.load("wirings_velora")
    cases = meta["wirings"]
    assert len(cases) == 8
    for number, case in enumerate(cases):
        inputs, neurons, outputs, sparsity = case["arguments"].values()
        wiring = Layered(neurons, outputs, sparsity)
        assert wiring.neuron_counts(inputs)._asdict() == case["counts"]
        assert wiring.synapse_counts._asdict() == case["n_connections"]
        for name, mask in wiring.masks(inputs)._asdict().items():
            assert mask.shape == data[f"{number:02d}/{name}"].shape
    for sparsity in (0.05, 0.95):
        with pytest.raises(ValueError, match=rf"sparsity must be in \[0.1, 0.9\], got {sparsity}"):
            Layered(10, 1, sparsity)
    with pytest.raises(ValueError, match=r"neurons must be at least 2 .*, got 1"):
        Layered(1, 1)
    assert Layered(2, 1).graph(3).units == 3
    with pytest.raises(ValueError, match="outputs must be at least 1, got 0"):
        Layered(10, 0)


@settings(deadline=None)
@given(st.integers(2, 300), st.integers(1, 9))
def test_v1_counts_are_of_the_exact_product(neurons, tenths):
    """Float arithmetic loses a draw where the product is a whole number: int(20 * (1 - 0.9)) is 1."""
    _, inter, command, _ = Layered(neurons, 1).neuron_counts(1)
    assert command == max(2 * neurons // 5, 1)
    exact = [max(n * (10 - tenths) // 10, 1) for n in (inter, command, 2 * command, command)]
    assert list(Layered(neurons, 1, tenths / 10).synapse_counts) == exact


def check_draws(masks, counts):
    """What the rule promises: out-degrees in 1..count, but for the fix-up, and a source for every target."""
    assert all(set(np.unique(mask)) <= {-1, 0, 1} for mask in masks)
    for mask, count in ((masks.inter, counts.sensory), (masks.command, counts.inter), (masks.motor, counts.command)):
        out, into = np.count_nonzero(mask, axis=1), np.count_nonzero(mask, axis=0)
        assert np.all(out >= 1) and np.all(into >= 1)
        # A target nobody drew adds one to the degree of its source, and it is then the only one of that target.
        assert np.sum(np.maximum(out - count, 0)) <= np.sum(into == 1)
    assert 1 <= np.count_nonzero(masks.recurrent) <= counts.command


@pytest.mark.parametrize("sparsity", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_v2_wiring_masks(sparsity):
    for seed in range(100):
        wiring = Layered(18, 2, sparsity, seed)
        check_draws(wiring.masks(8), wiring.synapse_counts)


def test_v2_the_reference_wirings_pass_the_same_check():
    data, meta = golden_data.load("wirings_velora")
    for number, case in enumerate(meta["wirings"]):
        masks = LayerMasks(*(data[f"{number:02d}/{name}"] for name in LayerMasks._fields))
        check_draws(masks, Layered(*list(case["arguments"].values())[1:]).synapse_counts)


def test_v2_density_falls_with_sparsity_as_in_the_source():
    """Means over 200 seeds of Velora's own Wiring(32, 18, 1)."""
    expected = {0.1: (202.2, 46.5, 7, 10.7), 0.5: (133.4, 28.5, 7, 6.6), 0.9: (32.5, 12.3, 7, 1)}
    for sparsity, means in expected.items():
        drawn = [Layered(18, 1, sparsity, seed).masks(32) for seed in range(200)]
        ours = np.mean([[np.count_nonzero(mask) for mask in masks] for masks in drawn], axis=0)
        np.testing.assert_allclose(ours, means, rtol=0.04)


def test_v2_every_source_draws_with_replacement():
    """k draws among m targets reach m (1 - (1 - 1/m)^k) of them; there are so many that every target is reached."""
    wiring = Layered(40, 10)
    counts, synapses = wiring.neuron_counts(30), wiring.synapse_counts
    drawn = [dataclasses.replace(wiring, seed=seed).masks(30) for seed in range(50)]
    for layer, (sources, targets, draws) in enumerate(
        (
            (counts.sensory, counts.inter, synapses.sensory),
            (counts.inter, counts.command, synapses.inter),
            (counts.command, counts.motor, synapses.command),
        )
    ):
        expected = sources * targets * (1 - (1 - 1 / targets) ** draws)
        mean = np.mean([np.count_nonzero(masks[layer]) for masks in drawn])
        np.testing.assert_allclose(mean, expected, rtol=0.02)


def test_v2_polarities_are_even():
    signs = np.concatenate([m.ravel() for seed in range(50) for m in Layered(18, 2, 0.5, seed).masks(8)])
    assert abs(np.mean(signs[signs != 0])) < 0.05


def test_v3_masks_are_the_graph():
    wiring = Layered(10, 1)
    masks = wiring.masks(4)
    assert [m.shape for m in masks] == [(4, 6), (6, 4), (4, 1), (4, 4)]
    graph = wiring.graph(4)
    inter, command, motor = map(list, graph.layers)
    assert (motor, command, inter) == ([0], [1, 2, 3, 4], [5, 6, 7, 8, 9, 10])
    assert graph.roles == ("motor",) + ("command",) * 4 + ("inter",) * 6
    rebuilt = np.zeros((11, 11), int)
    rebuilt[np.ix_(inter, command)], rebuilt[np.ix_(command, motor)] = masks.command, masks.motor
    rebuilt[np.ix_(command, command)] = masks.recurrent
    np.testing.assert_array_equal(graph.adjacency, rebuilt)  # recurrent synapses included, and nothing else
    assert not np.any(graph.sensory_adjacency[:, command + motor]) and isinstance(wiring, lj.Wiring)


def undrawn(wiring, inputs):
    """The graph past the cache."""
    return inspect.unwrap(type(wiring).graph)(wiring, inputs)


def test_v4_wiring_seed():
    """A recipe is a value: equal ones draw the same, whatever the global generator did before."""
    np.random.seed(1)
    first = undrawn(Layered(18, 2, seed=3), 4)
    state = np.random.get_state(legacy=False)["state"]["key"].copy()
    twin = pickle.loads(pickle.dumps(Layered(18, 2, seed=3)))
    again, other = undrawn(twin, 4), undrawn(Layered(18, 2, seed=4), 4)
    np.testing.assert_array_equal(first.adjacency, again.adjacency)
    np.testing.assert_array_equal(first.sensory_adjacency, again.sensory_adjacency)
    assert np.any(first.adjacency != other.adjacency)
    np.testing.assert_array_equal(state, np.random.get_state(legacy=False)["state"]["key"])
    assert twin == Layered(18, 2, seed=3) and hash(twin) == hash(Layered(18, 2, seed=3))


@pytest.mark.parametrize("make", [lambda w: lj.LTC(4, w, lj.SemiImplicit(2)), lambda w: lj.WiredCfC(4, w)])
def test_v4_ltc_and_wired_cfc_run_on_the_wiring(make):
    cell = make(Layered(10, 2))
    state, outputs = lj.unroll(cell, cell.init(KEY), jnp.ones((3, 5, 4)))
    assert state.shape == (5, 12) and outputs.shape == (3, 5, 2) and np.all(np.isfinite(outputs))


@pytest.mark.parametrize("kind", [LiquidNCPNetwork, LiquidNCPStack])
def test_v5_polarity_is_used_on_request_only(kind):
    inputs = jax.random.normal(KEY, (3, 2, 4))
    masks = kind(4, 10, 1).layer_masks
    flipped = LayerMasks(*(-mask for mask in masks))

    def outputs(masks, signed):
        network = kind(4, 10, 1, masks=masks, signed=signed)
        return lj.unroll(network, network.init(KEY), inputs)[1]

    np.testing.assert_array_equal(outputs(masks, False), outputs(flipped, False))
    assert np.max(np.abs(outputs(masks, True) - outputs(flipped, True))) > 1e-3
    assert np.max(np.abs(outputs(masks, True) - outputs(masks, False))) > 1e-3


def test_v6_sparse_linear_is_the_masked_product():
    mask = np.array([[1, 0, 1, 1, 1], [1, 1, 1, 0, 1], [1, 1, 1, 1, 1]]).T
    layer = SparseLinear(mask, bias=True)
    assert layer == SparseLinear(mask.tolist()) and hash(layer) == hash(SparseLinear(mask.tolist()))
    ones = jax.tree.map(jnp.ones_like, layer.init(KEY))
    np.testing.assert_array_equal(layer.apply(ones, jnp.ones(5)) - 1, [4, 4, 5])
    params = SparseLinear(MASK, bias=False, signed=True).init(KEY)._replace(weight=jnp.arange(1.0, 7).reshape(3, 2))
    x = jnp.array([[1.0, 10.0, 100.0]])
    assert params.bias is None
    np.testing.assert_array_equal(SparseLinear(MASK, bias=False, signed=True).apply(params, x), [[-29, -560]])
    np.testing.assert_array_equal(SparseLinear(MASK, bias=False).apply(params, x), [[31, 640]])
    for mask, message in (([[2]], "hold -1, 0 and 1 only, got 2"), ([1, 0], "must be a matrix")):
        with pytest.raises(ValueError, match=message):
            SparseLinear(mask)


@pytest.mark.parametrize("optimizer", [optax.adam(0.1), optax.adamw(0.1, weight_decay=0.1)], ids=["adam", "adamw"])
def test_v6_masked_weights_stay_masked_through_an_optimizer(optimizer):
    layer = SparseLinear(MASK)
    kept = np.array(MASK) != 0
    params: Any = layer.init(KEY)
    assert not np.any(params.weight[~kept]) and np.all(params.weight[kept])
    memory = optimizer.init(params)
    x = jax.random.normal(KEY, (8, 3))
    start = params
    for _ in range(5):
        gradient = jax.grad(lambda p: jnp.mean((layer.apply(p, x) - 1) ** 2))(params)
        assert not np.any(gradient.weight[~kept]) and np.all(gradient.weight[kept])
        updates, memory = optimizer.update(gradient, memory, params)
        params = optax.apply_updates(params, updates)
    assert not np.any(params.weight[~kept]) and np.all(params.weight[kept] != start.weight[kept])


def test_v6_what_is_stored_behind_the_mask_does_not_matter():
    layer = SparseLinear(MASK)
    params = layer.init(KEY)
    dirty = params._replace(weight=jnp.where(np.array(MASK) != 0, params.weight, jnp.nan))
    x = jnp.ones((2, 3))
    np.testing.assert_array_equal(layer.apply(params, x), layer.apply(dirty, x))
    gradient = jax.grad(lambda p: layer.apply(p, x).sum())(dirty)
    np.testing.assert_array_equal(gradient.weight == 0, np.array(MASK) == 0)


def test_v7_six_initialisers():
    inputs, outputs = 50, 40
    dense = np.ones((inputs, outputs), int)
    drawn: dict[str, Any] = {name: SparseLinear(dense, name).init(KEY) for name in INITIALISERS}
    assert len(drawn) == 6
    largest = {name: float(jnp.max(jnp.abs(p.weight))) for name, p in drawn.items()}
    spread = {name: float(jnp.std(p.weight)) for name, p in drawn.items()}
    for name, limit in (("kaiming_uniform", 1 / np.sqrt(inputs)), ("sonar", 0.006 * np.sqrt(3 / inputs))):
        assert 0.98 * limit < largest[name] <= limit
        np.testing.assert_allclose(spread[name], limit / np.sqrt(3), rtol=0.05)
    np.testing.assert_allclose(spread["xavier"], np.sqrt(2 / (inputs + outputs)), rtol=0.05)
    assert largest["xavier"] > 2.5 * spread["xavier"]  # a normal distribution that is not cut off
    np.testing.assert_allclose(spread["trunc_normal"], 1e-3, rtol=0.05)
    assert largest["zero"] == 0
    weight = drawn["orthogonal"].weight
    np.testing.assert_allclose(weight.T @ weight, np.eye(outputs), atol=1e-10)
    for name, params in drawn.items():
        if name == "kaiming_uniform":
            assert 0.8 < float(jnp.max(jnp.abs(params.bias))) * np.sqrt(inputs) <= 1
        else:
            assert not np.any(params.bias)
    with pytest.raises(ValueError, match=r"initialiser must be one of 'xavier', .*, got 'he'"):
        SparseLinear(MASK, "he")


def test_v7_the_heads_of_a_cell_are_drawn_apart():
    weight = NCPLiquidCell(40, 30, np.ones((40, 30), int), "xavier").init(KEY).heads.weight
    assert weight.shape == (70, 5, 30)
    np.testing.assert_allclose(np.std(weight, axis=(0, 2)), np.full(5, np.sqrt(2 / 100)), rtol=0.06)
    assert np.max(np.abs(np.corrcoef(jnp.moveaxis(weight, 1, 0).reshape(5, -1)) - np.eye(5))) < 0.1


def by_hand():
    heads = 0.1 * jnp.arange(1.0, 6)
    return NCPLiquidCellParams(
        Linear(jnp.broadcast_to(heads[:, None], (5, 5, 2)), jnp.broadcast_to(heads[:, None] / 2, (5, 2)))
    )


def test_v8_cell_by_hand():
    cell = NCPLiquidCell(3, 2, MASK)
    state, output = lj.step(cell, by_hand(), jnp.array([[0.5, -0.5]]), jnp.array([[1.0, 2.0, -1.0]]))
    np.testing.assert_allclose(state, [[0.583078863, 0.254391809]], atol=1e-10)
    np.testing.assert_allclose(output, [[2.333078863, 1.004391809]], atol=1e-10)
    assert cell.parameter_count == 5 * 2 * (3 + 2 + 1) == sum(leaf.size for leaf in jax.tree.leaves(cell.init(KEY)))
    with pytest.raises(ValueError, match=r"mask must be \(inputs, units\) = \(2, 3\), got shape \(3, 2\)"):
        NCPLiquidCell(2, 3, MASK)


@settings(deadline=None, max_examples=30)
@given(st.floats(-1e6, 1e6), st.integers(0, 9))
def test_v8_the_state_stays_in_its_bounds_for_any_input(value, seed):
    cell = NCPLiquidCell(3, 2, MASK, "xavier")
    state, output = lj.unroll(cell, cell.init(jax.random.key(seed)), np.full((4, 3), value, np.float32))
    assert np.all(np.abs(state) <= 1) and np.all(np.isfinite(output))


def test_v8_dt_is_ignored_and_the_mask_is_obeyed():
    cell = NCPLiquidCell(3, 2, MASK)
    params = cell.init(KEY)
    x = jnp.ones((4, 3))
    np.testing.assert_array_equal(lj.unroll(cell, params, x, 0.1)[1], lj.unroll(cell, params, x, 7.0)[1])
    moved = params._replace(heads=jax.tree.map(lambda leaf: leaf + 0.3, params.heads))
    by_input, by_state = jax.jacrev(lambda u, s: lj.step(cell, moved, s, u)[1], argnums=(0, 1))(x[0], jnp.ones(2))
    np.testing.assert_array_equal(by_input.T != 0, np.array(MASK) != 0)
    assert np.all(by_state != 0)  # the recurrent part is dense


def test_v9_cells_as_layers():
    network = LiquidNCPStack(4, 10, 1)
    params = network.init(KEY)
    state, output = lj.step(network, params, network.initial_state((1,)), jnp.ones((1, 4)))
    assert output.shape == (1, 1) and state.shape == (1, 11)
    assert [cell.parameter_count for cell in network.layers] == [330, 220, 30]
    assert network.parameter_count == 580 == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert network.units == network.neurons + network.outputs == sum(cell.outputs for cell in network.layers)
    x = jnp.ones((1, 4))
    for cell, own, start, end in zip(network.layers, params, (0, 6, 10), (6, 10, 11), strict=True):
        new, x = lj.step(cell, own, cell.initial_state((1,)), x)
        np.testing.assert_allclose(state[:, start:end], new, atol=1e-10)
    np.testing.assert_allclose(output, x, atol=1e-10)


@pytest.mark.parametrize("head", range(5))
def test_v10_another_mask_reaches_every_head(head):
    """In the source `update_mask` leaves the heads as they are."""
    old, new = np.zeros((3, 2), int), np.ones((3, 2), int)
    cell = NCPLiquidCell(3, 2, old)
    changed = dataclasses.replace(cell, mask=new)
    weight = jnp.zeros((5, 5, 2)).at[:3, head].set(1.0)  # only this head hears the inputs
    weight = weight.at[3:].set(0.5)
    params = NCPLiquidCellParams(Linear(weight, jnp.arange(10.0).reshape(5, 2) / 10))

    def sensitivity(cell):
        return jax.jacrev(lambda u: lj.step(cell, params, jnp.array([0.3, -0.8]), u)[1])(jnp.ones(3))

    assert not np.any(sensitivity(cell)) and np.all(sensitivity(changed))


def test_v11_liquid_ncp_network():
    network = LiquidNCPNetwork(4, 10, 1)
    params = network.init(KEY)
    assert isinstance(network, lj.Cell) and network.units == 4
    for batch in ((1,), (8,)):
        state, output = lj.step(network, params, network.initial_state(batch), jnp.ones((*batch, 4)))
        assert output.shape == (*batch, 1) and state.shape == (*batch, 4)
    assert network.parameter_count == 255 == sum(leaf.size for leaf in jax.tree.leaves(params))
    inputs = jax.random.normal(KEY, (3, 2, 4))
    zeros = lj.unroll(network, params, inputs, state=jnp.zeros((2, 4)))
    np.testing.assert_array_equal(lj.unroll(network, params, inputs)[1], zeros[1])
    with pytest.raises(ValueError, match=r"inputs must be \(time, \*batch, inputs = 4\), got shape \(4,\)"):
        lj.unroll(network, params, jnp.ones(4))
    with pytest.raises(ValueError, match=r"got float64 \(2, 3, 5\)"):
        lj.step(network, params, network.initial_state((2, 3)), jnp.ones((2, 3, 5)))
    with pytest.raises(ValueError, match=r"state must be \(\*batch, units\) = \(2, 4\), got shape \(2, 11\)"):
        lj.step(network, params, jnp.zeros((2, 11)), jnp.ones((2, 4)))


def test_v11_given_masks_must_fit():
    masks = LiquidNCPNetwork(4, 10, 1).layer_masks
    network = LiquidNCPNetwork(4, 10, 1, masks=masks)
    np.testing.assert_array_equal(network.layer_masks.command, masks.command)
    assert network == pickle.loads(pickle.dumps(network)) and hash(network) == hash(pickle.loads(pickle.dumps(network)))
    with pytest.raises(ValueError, match=r"masks.inter must have shape \(5, 6\), got \(4, 6\)"):
        LiquidNCPNetwork(5, 10, 1, masks=masks)
    with pytest.raises(ValueError, match=r"masks.motor must hold -1, 0 and 1 only, got 5"):
        LiquidNCPNetwork(4, 10, 1, masks=masks._replace(motor=5 * np.ones((4, 1))))


def test_v12_ncp_network():
    network = NCPNetwork(4, 10, 1)
    params = network.init(KEY)
    x = jax.random.normal(KEY, (8, 4))
    y = network.apply(params, x)
    assert y.shape == (8, 1) and network.parameter_count == 63 == sum(leaf.size for leaf in jax.tree.leaves(params))
    np.testing.assert_array_equal(y, network.apply(params, x))
    assert network.apply(params, x[:1]).shape == (1, 1) and not isinstance(network, lj.Cell)
    with pytest.raises(ValueError, match=r"inputs must be \(\*batch, inputs = 4\), got shape \(8, 5\)"):
        network.apply(params, jnp.ones((8, 5)))


@pytest.mark.parametrize("kind", [LiquidNCPNetwork, NCPNetwork, LiquidNCPStack])
@pytest.mark.parametrize("sparsity", [0.1, 0.9])
def test_v13_inactive_parameters_are_the_masked_ones(kind, sparsity):
    """A parameter is active exactly if the output depends on it: counted from gradients, not from the masks."""
    network = kind(4, 10, 2, sparsity)
    params = jax.tree.map(lambda leaf: leaf + 0.1, network.init(KEY))

    def loss(params):
        x = jax.random.normal(KEY, (3, 5, 4))
        return jnp.sum((network.apply(params, x) if kind is NCPNetwork else lj.unroll(network, params, x)[1]) ** 2)

    gradient = jax.tree.leaves(jax.grad(loss)(params))
    assert network.parameter_count == sum(leaf.size for leaf in gradient)
    assert network.active_parameter_count == sum(int(jnp.count_nonzero(leaf)) for leaf in gradient)
    heads = [5 if liquid else 1 for liquid in kind.liquid]
    zeros = sum(n * int(np.sum(mask == 0)) for n, mask in zip(heads, network.layer_masks, strict=False))
    assert network.parameter_count - network.active_parameter_count == zeros


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


@pytest.mark.parametrize("cell", [NCPLiquidCell(3, 2, MASK), LiquidNCPNetwork(3, 10, 2), LiquidNCPStack(3, 10, 2)])
def test_v14_a_scan_is_the_loop(cell):
    params = cell.init(KEY)
    inputs = jax.random.normal(KEY, (6, 2, 3))
    state, outputs = lj.unroll(cell, params, inputs)
    now = cell.initial_state((2,))
    for x, y in zip(inputs, outputs, strict=True):
        now, output = cell.step(params, now, cell.sense(params, x), jnp.ones(()))
        np.testing.assert_allclose(output, y, atol=1e-10)
    np.testing.assert_allclose(now, state, atol=1e-10)


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
    np.testing.assert_array_equal(layer.apply(params, jnp.ones(2)), [-1])
