"""The Jacobian of one step has an entry where the wiring has a path, and nowhere else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn

WIRINGS = {
    "ncp": lj.NCP(6, 5, 2, 2, 2, 3, 2, seed=3),
    "autoncp": lj.AutoNCP(20, 3),
    "random": lj.Random(8, 3, sparsity=0.7),
    "no self": lj.FullyConnected(5, 2, self_connections=False),
    "layered": lj.Layered(12, 3),
    "custom": lj.Custom(np.roll(np.eye(6, dtype=int), 1, axis=1), np.eye(3, 6, dtype=int), outputs=2),
}
each_wiring = pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS.keys())
INPUTS = 3


def jacobians(cell):
    """Whether the new state depends on (inputs, old state): bool (inputs, units) and (units, units), source first."""
    params = drawn(cell)  # no weight is zero by chance, and gates are in their responsive range
    rng = np.random.default_rng(1)
    state, inputs = (rng.uniform(0.2, 0.8, size).astype(np.float32) for size in (cell.units, INPUTS))

    @jax.jit
    def of_new_state(params, inputs, state):
        return jax.jacrev(lambda u, x: lj.step(cell, params, x, u, 0.7)[0], argnums=(0, 1))(inputs, state)

    by_inputs, by_state = jax.device_get(of_new_state(params, inputs, state))
    return by_inputs.T != 0, by_state.T != 0


@each_wiring
def test_ltc_one_unfold_is_the_adjacency(wiring):
    """A neuron remembers itself (it has a capacitance) and hears its presynaptic neurons: no more, no less."""
    graph = wiring.graph(INPUTS)
    by_inputs, by_state = jacobians(lj.LTC(INPUTS, wiring, lj.SemiImplicit(1)))
    np.testing.assert_array_equal(by_inputs, graph.sensory_adjacency != 0)
    np.testing.assert_array_equal(by_state, (graph.adjacency != 0) | np.eye(graph.units, dtype=bool))


@each_wiring
@pytest.mark.parametrize("unfolds", [2, 6])
def test_ltc_unfolds_are_paths_of_the_wiring(wiring, unfolds):
    graph = wiring.graph(INPUTS)
    once = ((graph.adjacency != 0) | np.eye(graph.units, dtype=bool)).astype(int)
    reached = np.linalg.matrix_power(once, unfolds) > 0
    by_inputs, by_state = jacobians(lj.LTC(INPUTS, wiring, lj.SemiImplicit(unfolds)))
    assert not np.any(by_state & ~reached)
    arrived = (abs(graph.sensory_adjacency) @ np.linalg.matrix_power(once, unfolds - 1)) > 0
    assert not np.any(by_inputs & ~arrived)


def paths_of_a_layered_step(graph):
    """(inputs, units), (units, units): reachable when each layer reads the new state of the one before it."""
    from_inputs = np.zeros((graph.inputs, graph.units), bool)
    from_state = np.zeros((graph.units, graph.units), bool)
    for i, layer in enumerate(graph.layers):
        for neuron in layer:
            from_state[neuron, neuron] = True
            for source in layer:
                from_state[source, neuron] |= graph.adjacency[source, neuron] != 0
            if i == 0:
                from_inputs[:, neuron] |= graph.sensory_adjacency[:, neuron] != 0
            else:
                for source in graph.layers[i - 1]:
                    if graph.adjacency[source, neuron]:
                        from_inputs[:, neuron] |= from_inputs[:, source]
                        from_state[:, neuron] |= from_state[:, source]
    return from_inputs, from_state


@each_wiring
@pytest.mark.parametrize("mode", ["default", "no_gate", "pure"])
def test_wired_cfc_is_the_wiring(wiring, mode):
    by_inputs, by_state = jacobians(lj.WiredCfC(INPUTS, wiring, mode))
    from_inputs, from_state = paths_of_a_layered_step(wiring.graph(INPUTS))
    np.testing.assert_array_equal(by_inputs, from_inputs)
    np.testing.assert_array_equal(by_state, from_state)


def test_wired_cfc_as_ncps_leaks_through_its_time_heads():
    """The reason why obeying is the default: the peer's network has entries the wiring forbids."""
    wiring = WIRINGS["autoncp"]
    by_inputs, by_state = jacobians(lj.WiredCfC(INPUTS, wiring, obey_wiring=False))
    from_inputs, from_state = paths_of_a_layered_step(wiring.graph(INPUTS))
    assert np.any(by_inputs & ~from_inputs) and np.any(by_state & ~from_state)


@each_wiring
def test_a_masked_weight_of_the_wired_cfc_gets_no_gradient(wiring):
    cell = lj.WiredCfC(INPUTS, wiring)
    params = jax.device_get(jax.jit(cell.init)(jax.random.key(0)))
    inputs = np.ones((3, INPUTS), np.float32)
    gradient = jax.device_get(jax.jit(jax.grad(lambda p: jnp.sum(lj.unroll(cell, p, inputs)[1] ** 2)))(params))
    for mask, layer, start in zip(cell.masks(), gradient.layers, params.layers, strict=True):
        assert not np.any(layer.heads.weight[~mask]) and not np.any(start.heads.weight[~mask])
        assert np.any(layer.heads.weight[mask])
