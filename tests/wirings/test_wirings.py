"""Wirings: bit-identical to ncps 1.0.1, values, and the properties their rules promise."""

import inspect
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden_data
import liquidjax as lj
from liquidjax.interop.ncps import _wiring

DATA, META = golden_data.load("wirings_ncps")


def only_the_wiring(case):
    """What `from_ncps` takes, out of what was noted beside it."""
    return {"class": case["class"], "arguments": case["arguments"]}


@pytest.mark.parametrize("number", range(27))
def test_same_bits_as_ncps(number):
    case = META["wirings"][number]
    graph = _wiring(only_the_wiring(case)).graph(case["input_dim"])
    np.testing.assert_array_equal(graph.adjacency, DATA[f"{number:02d}/adjacency"])
    np.testing.assert_array_equal(graph.sensory_adjacency, DATA[f"{number:02d}/sensory_adjacency"])
    assert [list(layer) for layer in graph.layers] == case["layers"]
    assert list(graph.roles) == case["types"]
    assert (graph.units, graph.outputs) == (case["units"], case["output_dim"])
    assert (graph.synapse_count, graph.sensory_synapse_count) == (case["synapse_count"], case["sensory_synapse_count"])


def test_all_cases_are_compared():
    assert len(META["wirings"]) == 27 and len(META["errors"]) == 8


REFUSALS = [
    r"outputs must be in \[1, units - 3 = 3\], got 4",
    r"sparsity must be in \[0.1, 1.0\], got 0.05",
    r"sparsity must be in \[0.1, 1.0\], got 1.1",
    r"sparsity must be in \[0, 1\), got 1.0",
    r"sparsity must be in \[0, 1\), got -0.1",
    r"sensory_fanout must be in \[1, inter = 4\], got 5",
    r"inter_fanout must be in \[1, command = 3\], got 4",
    r"motor_fanin must be in \[1, command = 3\], got 4",
]


@pytest.mark.parametrize(("case", "message"), list(zip(META["errors"], REFUSALS, strict=True)))
def test_what_ncps_refuses_we_refuse_with_name_value_and_range(case, message):
    with pytest.raises(ValueError, match=message):
        _wiring(only_the_wiring(case))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lj.FullyConnected(0), "units must be at least 1, got 0"),
        (lambda: lj.FullyConnected(3, 4), r"outputs must be in \[1, units = 3\], got 4"),
        (lambda: lj.AutoNCP(3, 1), "units must be at least 4"),
        (lambda: lj.NCP(0, 1, 1, 1, 1, 1, 1), "inter must be at least 1, got 0"),
        (lambda: lj.NCP(1, 1, 1, 1, 1, -1, 1), "recurrent_command_synapses must be at least 0, got -1"),
        (lambda: lj.AutoNCP(8, 2).graph(0), "inputs must be at least 1, got 0"),
        (lambda: lj.Custom([[1, 0]]), r"adjacency must be square \(units, units\), got shape \(1, 2\)"),
        (lambda: lj.Custom([[1, 2], [0, 0]]), r"adjacency must hold -1, 0 and 1 only, got 2 at \[0, 1\]"),
        (lambda: lj.Custom([[1]], [[1, 0]]), r"sensory_adjacency must be \(inputs, units = 1\), got shape \(1, 2\)"),
        (lambda: lj.Custom([[1]], [[1], [1]]).graph(3), "inputs must be 2, as in sensory_adjacency, got 3"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()


recipes = st.one_of(
    st.builds(lj.FullyConnected, st.integers(1, 12), st.just(None), st.integers(0, 99), st.booleans()),
    st.builds(lj.Random, st.integers(1, 12), st.just(1), st.floats(0, 0.99), st.integers(0, 99)),
    st.builds(
        lambda units, share, sparsity, seed: lj.AutoNCP(units, 1 + int(share * (units - 4)), sparsity, seed),
        st.integers(4, 40),
        st.floats(0, 1),
        st.floats(0.1, 1),
        st.integers(0, 99),
    ),
)


@settings(deadline=None, max_examples=60)
@given(recipes, st.integers(1, 10))
def test_a_recipe_is_a_value_and_its_graph_is_pure(wiring, inputs: int):
    twin = pickle.loads(pickle.dumps(wiring))
    assert twin == wiring and hash(twin) == hash(wiring) and isinstance(wiring, lj.Wiring)
    recipe: Any = wiring.ncp if isinstance(wiring, lj.AutoNCP) else wiring
    graph, again = (
        wiring.graph(inputs),
        inspect.unwrap(type(recipe).graph)(recipe, inputs),
    )  # the second one past the cache
    np.testing.assert_array_equal(graph.adjacency, again.adjacency)
    np.testing.assert_array_equal(graph.sensory_adjacency, again.sensory_adjacency)
    assert set(np.unique(graph.adjacency)) <= {-1, 0, 1} and not graph.adjacency.flags.writeable
    assert sorted(n for layer in graph.layers for n in layer) == list(range(graph.units))
    rebuilt = np.zeros_like(graph.adjacency)
    rebuilt[graph.synapses.source, graph.synapses.target] = graph.synapses.polarity
    np.testing.assert_array_equal(rebuilt, graph.adjacency)
    assert np.all(np.diff(graph.synapses.target) >= 0)


@settings(deadline=None, max_examples=60)
@given(st.integers(5, 40), st.floats(0.1, 1), st.integers(0, 99), st.integers(1, 10))
def test_ncp_layers_are_reached_and_only_the_next_layer_is(units, sparsity, seed, inputs):
    graph = lj.AutoNCP(units, units // 4, sparsity, seed).graph(inputs)
    inter, command, motor = (list(layer) for layer in graph.layers)
    assert np.all(np.any(graph.sensory_adjacency[:, inter], axis=0))
    assert np.all(np.any(graph.adjacency[np.ix_(inter, command)], axis=0))
    assert np.all(np.any(graph.adjacency[np.ix_(command, motor)], axis=0))
    allowed = np.zeros_like(graph.adjacency, bool)
    allowed[np.ix_(inter, command)] = allowed[np.ix_(command, command)] = allowed[np.ix_(command, motor)] = True
    assert not np.any(graph.adjacency[~allowed])
    assert not np.any(graph.sensory_adjacency[:, command + motor])


def test_custom_takes_any_matrix_and_two_layers_may_share_one_wiring():
    ring = np.roll(np.eye(4, dtype=int), 1, axis=1)
    assert lj.Custom(ring) == lj.Custom(ring.tolist()) == pickle.loads(pickle.dumps(lj.Custom(ring)))
    np.testing.assert_array_equal(lj.Custom(-ring).graph(2).adjacency, -ring)

    wiring = lj.AutoNCP(12, 3)
    first, second = lj.LTC(5, wiring), lj.LTC(3, wiring)
    _, hidden = lj.unroll(first, first.init(jax.random.key(0)), jnp.ones((2, 5)))
    _, outputs = lj.unroll(second, second.init(jax.random.key(1)), hidden)
    assert outputs.shape == (2, 3) and first.graph.synapse_count == wiring.graph(5).synapse_count
