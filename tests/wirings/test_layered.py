"""The layered wiring of Velora: counts, draws, masks, polarities."""

import dataclasses
import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden_data
import liquidjax as lj
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack
from liquidjax.wirings.layered import Layered, LayerMasks

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)


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
