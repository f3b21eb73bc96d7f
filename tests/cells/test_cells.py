"""What belongs to one cell only: options, ranges, readings, and what the equations promise."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.analysis import trajectory
from liquidjax.cells.wrappers.mixed_memory import MixedMemoryState
from liquidjax.layers.linear import uniforms
from liquidjax.reparam import positive, stored
from small_cells import squared_error
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
# Compiled as one, where the readings themselves would compile each operation on its own.
tau_of, rest_of = (jax.jit(reading, static_argnums=0) for reading in (lj.time_constant, lj.equilibrium))


def count(params):
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("constraints", ["implicit", "explicit"])
def test_ltc_starts_in_its_ranges_and_the_ranges_can_be_chosen(constraints):
    ranges = lj.InitialRanges(
        capacitance=(2.0, 3.0), sensory_midpoint=(-1.0, -0.5), reversal_potential=2.5, sensory_reversal_potential=0.5
    )
    cell = lj.LTC(5, lj.FullyConnected(20), constraints=constraints, initial_ranges=ranges)
    params = cell.init(KEY)
    drawn = {
        "leak_conductance": positive(params.leak_conductance, constraints),
        "leak_potential": params.leak_potential,
        "capacitance": positive(params.capacitance, constraints),
        "weight": positive(params.synapses.weight, constraints),
        "steepness": params.synapses.steepness,
        "midpoint": params.synapses.midpoint,
        "sensory_weight": positive(params.sensory_synapses.weight, constraints),
        "sensory_steepness": params.sensory_synapses.steepness,
        "sensory_midpoint": params.sensory_synapses.midpoint,
    }
    magnitudes = {"reversal_potential", "sensory_reversal_potential"}
    assert set(drawn) | magnitudes == {field.name for field in dataclasses.fields(ranges)}
    for name, values in drawn.items():
        low, high = getattr(ranges, name)
        width = high - low
        assert np.all(values >= low - 1e-5) and np.all(values <= high + 1e-5), name
        assert np.max(values) - np.min(values) > 0.7 * width, name  # spread over the range, not a constant
    graph = cell.graph
    np.testing.assert_array_equal(params.synapses.reversal_potential, 2.5 * graph.synapses.polarity)
    np.testing.assert_array_equal(params.sensory_synapses.reversal_potential, 0.5 * graph.sensory_synapses.polarity)


def test_ltc_of_the_ranges_of_ncps_starts_to_the_bit_as_it_did_before_there_were_magnitudes():
    """The draw as it was written then, with the numbers of ncps."""
    cell = lj.LTC(2, lj.AutoNCP(8, 2), initial_ranges=lj.InitialRanges.ncps())
    params = cell.init(KEY)
    inner, outer = cell.graph.synapses, cell.graph.sensory_synapses
    synapse = (0.001, 1.0), (3.0, 8.0), (0.3, 0.8)
    neuron = (0.001, 1.0), (-0.2, 0.2), (0.4, 0.6)
    sizes = [8] * 3 + [len(inner.source)] * 3 + [len(outer.source)] * 3
    ranges = (*neuron, *synapse, *synapse)
    leak, potential, capacitance, *gates = uniforms(
        KEY, tuple(((size,), *ends) for size, ends in zip(sizes, ranges, strict=True))
    )
    np.testing.assert_array_equal(params.leak_conductance, stored(leak, "implicit"))
    np.testing.assert_array_equal(params.leak_potential, potential)
    np.testing.assert_array_equal(params.capacitance, stored(capacitance, "implicit"))
    for synapses, (weight, *others), graph in (
        (params.synapses, gates[:3], inner),
        (params.sensory_synapses, gates[3:], outer),
    ):
        expected = (stored(weight, "implicit"), *others, graph.polarity)
        jax.tree.map(np.testing.assert_array_equal, tuple(synapses), expected)


def test_ltc_has_as_many_parameters_as_the_paper_counts():
    """Lechner et al. (2020), table 2: four per synapse and three per neuron, no mappings."""
    wiring = lj.NCP(12, 6, 1, 6, 4, 6, 6)
    cell = lj.LTC(32, wiring, input_mapping=None, output_mapping=None)
    synapses = cell.graph.synapse_count + cell.graph.sensory_synapse_count
    assert count(cell.init(KEY)) == 4 * synapses + 3 * 19


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lj.LTC(0, lj.FullyConnected(2)), "inputs must be an integer of at least 1, got 0"),
        (
            lambda: lj.LTC(1, lj.FullyConnected(2), input_mapping=untyped("afine")),
            "'affine', 'linear', None, got 'afine'",
        ),
        (
            lambda: lj.LTC(1, lj.FullyConnected(2), constraints=untyped("softplus")),
            "'implicit', 'explicit', got 'softplus'",
        ),
        (lambda: lj.LTC(1, lj.FullyConnected(2), epsilon=-1.0), "epsilon must be at least 0, got -1.0"),
        (
            lambda: lj.InitialRanges(reversal_potential=0.0),
            r"reversal_potential must be a number in \(0, inf\), got 0.0",
        ),
        (lambda: lj.InitialRanges(weight=(0.0, 1.0)), r"weight must be a range \(low, high\) with 0 < low <= high"),
        (lambda: lj.CfC(1, 2, mode=untyped("gated")), "mode must be one of 'default', 'pure', 'no_gate', got 'gated'"),
        (lambda: lj.CfC(1, 2, activation="elu"), "activation must be one of 'lecun_tanh'.*, got 'elu'"),
        (lambda: lj.CfC(1, 2, dropout=1.0), r"dropout must be in \[0, 1\), got 1.0"),
        (lambda: lj.CfC(1, 2, backbone_layers=-1), "backbone_layers must be an integer of at least 0, got -1"),
        (lambda: lj.CTRNN(1, 2, time_constant=0.0), "time_constant must be above 0, got 0.0"),
        (lambda: lj.MixedMemory(lj.GRU(1, 2), writes=untyped("both")), "'state', 'input', got 'both'"),
        (lambda: lj.MixedMemory(lj.GRU(1, 2), writes="input"), "cell.inputs must be 2, the units of the cell"),
        (lambda: lj.MixedMemory(lj.LSTM(1, 2)).units, "cell must have one array as its state, got LSTM"),
        (lambda: lj.Readout(lj.GRU(1, 2), 0), "outputs must be an integer of at least 1, got 0"),
    ],
)
def test_unknown_options_and_sizes_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_readings_are_the_coefficients_by_hand():
    cell = lj.LTC(1, lj.Custom([[0, 1], [0, 0]], [[1, 0]], outputs=1), input_mapping=None, constraints="explicit")
    params = cell.init(KEY)
    state, inputs = jnp.array([0.3, -0.2]), jnp.array([0.9])

    def conductance(synapse, potential):
        return synapse.weight[0] / (1 + math.exp(-synapse.steepness[0] * (potential - synapse.midpoint[0])))

    g = [conductance(params.sensory_synapses, 0.9), conductance(params.synapses, 0.3)]
    for neuron in range(2):
        rate = (params.leak_conductance[neuron] + g[neuron] + 1e-8) / params.capacitance[neuron]
        tau = tau_of(cell, params, state, inputs)
        np.testing.assert_allclose(tau[neuron], 1 / rate, rtol=1e-10)
        drive = params.leak_conductance[neuron] * params.leak_potential[neuron] + g[neuron]
        rest = rest_of(cell, params, state, inputs)
        np.testing.assert_allclose(rest[neuron], drive / params.capacitance[neuron] / rate, rtol=1e-10)


def test_readings_of_a_whole_sequence_are_those_of_each_step():
    cell = lj.LTC(2, lj.AutoNCP(10, 2))
    params, rng = cell.init(KEY), np.random.default_rng(0)
    state, inputs = rng.random((5, 3, 10)), rng.random((5, 3, 2))
    tau = np.asarray(tau_of(cell, params, state, inputs))
    for t in range(5):
        np.testing.assert_allclose(tau[t], tau_of(cell, params, state[t], inputs[t]), rtol=1e-10)


@settings(deadline=None, max_examples=25)
@given(st.floats(-1e6, 1e6), st.floats(0, 1e6), st.integers(0, 5))
def test_ltc_state_stays_within_its_potentials(value, dt, seed):
    """The state is a convex combination of itself, the leak potential and the reversal potentials."""
    cell = lj.LTC(2, lj.FullyConnected(4), lj.SemiImplicit(3))
    params = cell.init(jax.random.key(seed))
    state, _ = lj.unroll(cell, params, np.full((4, 2), value), dt)
    largest = cell.initial_ranges.reversal_potential
    assert cell.initial_ranges.sensory_reversal_potential == largest and np.all(np.abs(state) <= largest + 1e-5)


def test_ltc_step_is_identity_for_no_time():
    cell = lj.LTC(2, lj.AutoNCP(10, 2))
    params = cell.init(KEY)
    state = jax.random.normal(KEY, (3, 10))
    np.testing.assert_array_equal(lj.step(cell, params, state, jnp.ones((3, 2)), 0.0)[0], state)


def test_ltc_two_halves_of_dt_approach_the_whole():
    cell = lj.LTC(2, lj.AutoNCP(10, 2), lj.SemiImplicit(64))
    params = cell.init(KEY)
    inputs = jnp.ones(2)
    whole, _ = lj.step(cell, params, jnp.zeros(10), inputs, 0.5)
    half, _ = lj.step(cell, params, jnp.zeros(10), inputs, 0.2)
    np.testing.assert_allclose(lj.step(cell, params, half, inputs, 0.3)[0], whole, atol=2e-3)


def test_project_keeps_an_explicit_ltc_in_its_ranges_during_training():
    cell = lj.Readout(lj.LTC(1, lj.FullyConnected(4), constraints="explicit"), 1)
    params = cell.init(KEY)
    optimizer = optax.sgd(0.3)  # far too large on purpose

    @jax.jit
    def update(params, state):
        gradient = jax.grad(lambda p: jnp.mean((lj.unroll(cell, p, jnp.ones((3, 1)))[1] + 5) ** 2))(params)
        changes, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, changes), state

    free, projected = params, params
    state = optimizer.init(params)
    for _ in range(3):
        free, _ = update(free, state)
        projected, _ = update(projected, state)
        projected = lj.project(projected)
    assert jnp.min(free.cell.sensory_synapses.weight) < 0
    assert jnp.min(projected.cell.sensory_synapses.weight) >= 0 and jnp.min(projected.cell.synapses.weight) >= 0
    assert jnp.min(projected.cell.leak_conductance) >= 0 and jnp.min(projected.cell.capacitance) >= 1e-6


def test_cfc_dropout_needs_a_key_drops_the_share_and_differs_by_step():
    cell = lj.CfC(1, 3, backbone_units=1000, backbone_layers=2, dropout=0.3)
    params = cell.init(KEY)
    inputs = jnp.ones((4, 1))
    calm, still = (lj.unroll(cell, params, inputs)[1] for _ in range(2))
    np.testing.assert_array_equal(calm, still)
    first, second, again = (lj.unroll(cell, params, inputs, key=jax.random.key(k))[1] for k in (1, 2, 1))
    np.testing.assert_array_equal(first, again)
    assert np.any(first != second) and np.any(first != calm)

    sensed = cell.sense(params, jnp.ones(1), jax.random.key(3))
    assert sensed.keep is not None and len(sensed.keep) == 2
    for keep in sensed.keep:
        assert abs(float(jnp.mean(keep == 0)) - 0.3) < 0.05
        np.testing.assert_allclose(jnp.max(keep), 1 / 0.7, rtol=1e-10)


def test_dropout_reaches_a_cell_inside_a_mixed_memory_of_either_meaning():
    for cell in (
        lj.MixedMemory(lj.CfC(2, 3, dropout=0.5)),
        lj.MixedMemory(lj.CfC(3, 3, dropout=0.5), inputs=2, writes="input"),
    ):
        params = cell.init(KEY)
        calm, shaken = (lj.unroll(cell, params, jnp.ones((3, 2)), key=key)[1] for key in (None, KEY))
        assert np.any(calm != shaken)


def test_the_two_mixed_memories_are_different_networks():
    """writes="state": the cell hears the inputs. writes="input": it hears only the LSTM."""
    inner = lj.CfC(3, 3, backbone_units=4)
    networks = [lj.MixedMemory(inner, writes="state"), lj.MixedMemory(inner, inputs=3, writes="input")]
    params = networks[0].init(KEY)
    deaf = params._replace(lstm=jax.tree.map(jnp.zeros_like, params.lstm))  # the LSTM says nothing
    for network, hears in zip(networks, (True, False), strict=True):
        loud, silent = (lj.step(network, deaf, network.initial_state(), jnp.full(3, u))[1] for u in (1.0, 0.0))
        assert bool(np.any(loud != silent)) == hears


def test_lstm_and_gru_are_the_textbook_cells_in_flax():
    """The same numbers as flax.linen's cells, the reference most JAX users know."""
    rng = np.random.default_rng(0)
    inputs, hidden, memory = (rng.normal(size=(2, n)) for n in (3, 4, 4))

    lstm = lj.LSTM(3, 4, forget_bias=0.0)
    params = lstm.init(KEY)
    tree = {}
    for k, gate in enumerate("ifgo"):
        tree["i" + gate] = {"kernel": params.inputs.weight[:, k]}
        tree["h" + gate] = {"kernel": params.recurrent[:, k], "bias": params.inputs.bias[k]}
    (c, h), _ = linen.OptimizedLSTMCell(4).apply({"params": tree}, (memory, hidden), inputs)
    state, _ = lj.step(lstm, params, untyped(lj).cells.lstm.LSTMState(hidden, memory), inputs)
    np.testing.assert_allclose(state.hidden, h, rtol=1e-10)
    np.testing.assert_allclose(state.memory, c, rtol=1e-10)

    gru = lj.GRU(3, 4)
    params = gru.init(KEY)
    params = params._replace(recurrent=params.recurrent._replace(bias=jnp.ones((3, 4)).at[:2].set(0)))
    tree = {}
    for k, gate in enumerate("rzn"):
        tree["i" + gate] = {"kernel": params.inputs.weight[:, k], "bias": params.inputs.bias[k]}
        tree["h" + gate] = {"kernel": params.recurrent.weight[:, k]}
    tree["hn"]["bias"] = params.recurrent.bias[2]
    h, _ = linen.GRUCell(4).apply({"params": tree}, hidden, inputs)
    np.testing.assert_allclose(lj.step(gru, params, hidden, inputs)[0], h, rtol=1e-10)


def test_trajectory_is_what_the_single_steps_give():
    ltc = lj.LTC(2, lj.FullyConnected(3))
    cell = lj.MixedMemory(ltc)
    params = cell.init(KEY)
    inputs, dt = jax.random.normal(KEY, (4, 2, 2)), jnp.array([[0.1, 0.3], [1.0, 2.0], [0.5, 0.5], [0.2, 0.1]])
    seen = trajectory.states(cell, params, inputs, dt)
    tau = trajectory.time_constants(ltc, params.cell, inputs, dt)
    state, alone = cell.initial_state((2,)), jnp.zeros((2, 3))
    for t in range(4):
        state, _ = lj.step(cell, params, state, inputs[t], dt[t])
        alone, _ = lj.step(ltc, params.cell, alone, inputs[t], dt[t])
        np.testing.assert_allclose(seen.state[t], state.state, rtol=1e-10)
        np.testing.assert_allclose(seen.memory[t], state.memory, rtol=1e-10)
        np.testing.assert_allclose(tau[t], tau_of(ltc, params.cell, alone, inputs[t]), rtol=1e-10)


def rate_and_drive(params, state, inputs):
    """Of a `HasaniLTC` with 2 inputs: f = sigmoid(W [u, x] + b), 1 / tau + f and f A."""
    params = jax.device_get(params)
    f = 1 / (1 + np.exp(-(np.concatenate([inputs, state], -1) @ params.linear.weight + params.linear.bias)))
    return 1 / np.logaddexp(0, params.time_constant) + f, f * params.A


def test_readings_reach_through_what_is_built_around_a_cell():
    """What the cell inside hears, by numpy: the inputs, without targets, normalised, or the LSTM's answer to them."""
    rng = np.random.default_rng(0)
    inner = lj.HasaniLTC(2, 2)
    state, inputs, target, memory = (rng.normal(size=(3, n)) for n in (2, 2, 2, 2))

    def normalised(u):
        return (u - u.mean(-1, keepdims=True)) / np.sqrt(u.var(-1, keepdims=True) + 1e-5)

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    def answer(params):
        lstm = jax.device_get(params.lstm)
        gates = np.einsum("bi,igu->bgu", inputs, lstm.inputs.weight) + lstm.inputs.bias
        i, f, g, o = np.moveaxis(gates + np.einsum("bi,igu->bgu", state, lstm.recurrent), 1, 0)
        return sigmoid(o) * np.tanh(sigmoid(f + 1) * memory + sigmoid(i) * np.tanh(g))

    both = MixedMemoryState(jnp.asarray(state), jnp.asarray(memory))
    read = lj.Readout(inner, 4)
    for cell, own, told, heard in (
        (read, state, inputs, lambda p: (p.cell, inputs)),
        (lj.StepLoss(inner, squared_error), state, np.concatenate([inputs, target], -1), lambda p: (p, inputs)),
        (lj.Block(inner), state, inputs, lambda p: (p.cell, normalised(inputs))),
        (lj.Readout(lj.Block(inner), 1), state, inputs, lambda p: (p.cell.cell, normalised(inputs))),
        (lj.MixedMemory(inner), both, inputs, lambda p: (p.cell, inputs)),
        (lj.MixedMemory(inner, writes="input"), both, inputs, lambda p: (p.cell, answer(p))),
    ):
        params = cell.init(KEY)
        rate, drive = rate_and_drive(heard(params)[0], state, heard(params)[1])
        np.testing.assert_allclose(tau_of(cell, params, own, jnp.asarray(told)), 1 / rate, rtol=1e-9)
        np.testing.assert_allclose(rest_of(cell, params, own, jnp.asarray(told)), drive / rate, rtol=1e-9)


@pytest.mark.parametrize("reading", [lj.time_constant, lj.equilibrium])
def test_readings_refuse_what_does_not_belong_together(reading):
    """As many samples as neurons: without a look at the shapes there is a number for each of these."""
    cell = lj.LTC(2, lj.FullyConnected(4))
    params = cell.init(KEY)
    assert reading(cell, params, jnp.zeros((4, 4)), jnp.ones((4, 2))).shape == (4, 4)
    for state, inputs, message in (
        (jnp.zeros(4), jnp.ones((4, 2)), r"state must be \(\*batch, units\) = \(4, 4\), got shape \(4,\)"),
        (jnp.zeros((4, 4)), jnp.ones(2), r"state must be \(\*batch, units\) = \(4,\), got shape \(4, 4\)"),
        (jnp.zeros((4, 1)), jnp.ones((4, 2)), r"state must be \(\*batch, units\) = \(4, 4\), got shape \(4, 1\)"),
        (jnp.zeros((4, 5)), jnp.ones((4, 2)), r"got shape \(4, 5\)"),
        (jnp.zeros((4, 4)), jnp.ones((4, 1)), r"inputs must be .* \(\*batch, inputs = 2\), got float64 \(4, 1\)"),
        (jnp.zeros((4, 4)), jnp.ones((4, 3)), r"got float64 \(4, 3\)"),
        (jnp.zeros((4, 4)), jnp.ones((4, 2), int), "inputs must be floating point"),
    ):
        with pytest.raises(ValueError, match=message):
            reading(cell, params, state, inputs)
    for cell in (lj.GRU(2, 4), lj.Readout(lj.CfC(2, 4), 1), lj.Stack(4, lj.Block(lj.GatedLinear(4, 4)))):
        with pytest.raises(ValueError, match="cell must follow a differential equation, as LTC or CTRNN do"):
            reading(cell, cell.init(KEY), cell.initial_state((3,)), jnp.ones((3, cell.inputs)))
    with pytest.raises(ValueError, match=r"params must be what LTC\.init"):
        reading(lj.LTC(2, lj.FullyConnected(4)), lj.GRU(2, 4).init(KEY), jnp.zeros(4), jnp.ones(2))


def test_time_constants_of_a_sequence_reach_through_too():
    inner = lj.LTC(2, lj.FullyConnected(3))
    cell = lj.Readout(lj.MixedMemory(inner), 1)
    params = cell.init(KEY)
    inputs = jax.random.normal(KEY, (4, 5, 2))
    seen = trajectory.states(cell, params, inputs)
    tau = trajectory.time_constants(cell, params, inputs)
    assert tau.shape == (4, 5, 3)
    np.testing.assert_allclose(tau, tau_of(inner, params.cell.cell, seen.state, inputs), rtol=1e-10)


def test_a_neuron_without_a_leak_has_an_infinite_time_constant_and_no_equilibrium():
    """dx/dt = b, so it moves without end in the direction of b, and stays where b is 0."""
    cell = lj.NeuralODE(inputs=1, units=3, hidden_units=2)
    params = jax.tree.map(jnp.zeros_like, cell.init(KEY))
    params = params._replace(field=params.field._replace(bias=jnp.array([2.0, -0.5, 0.0])))
    now = jnp.ones((4, 3)), jnp.ones((4, 1))
    np.testing.assert_array_equal(lj.time_constant(cell, params, *now), np.full((4, 3), np.inf))
    np.testing.assert_array_equal(lj.equilibrium(cell, params, *now), np.tile([np.inf, -np.inf, np.nan], (4, 1)))
    inputs = np.ones((5, 4, 1))
    assert np.all(trajectory.time_constants(cell, params, inputs) == np.inf)


@pytest.mark.parametrize("integrator", [lj.SemiImplicit(2), lj.Exponential(2)], ids=["semi-implicit", "exponential"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_time_constant_of_zero_is_the_equilibrium_at_once(integrator, dtype):
    """softplus(-1e4) is 0 in any float: the rate would be infinite, and of a CT-RNN the drive too."""
    inputs = np.ones((3, 2), dtype)
    for learnt in (True, False):
        cell = lj.CTRNN(2, 1, integrator, time_constant=1.0 if learnt else 1e-320, learn_time_constant=learnt)
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), cell.init(jax.random.key(0)))
        if learnt:
            params = params._replace(time_constant=jnp.full(1, -1e4, dtype))
        weight, bias = params.linear.weight, params.linear.bias
        outputs = lj.unroll(cell, params, inputs)[1]
        # Two unfolds a step, each of which lands on tanh(W [u, x] + b).
        x, expected = jnp.zeros(1, dtype), []
        for u in inputs:
            for _ in range(2):
                x = jnp.tanh(u @ weight[:2] + x @ weight[2:] + bias)
            expected.append(x)
        np.testing.assert_allclose(outputs, np.array(expected), rtol=float(16 * np.finfo(dtype).eps))
        gradient = jax.grad(lambda p, cell=cell: lj.unroll(cell, p, inputs)[1].sum())(params)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    cell = lj.HasaniLTC(2, 1, integrator)
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), cell.init(jax.random.key(0)))
    params = params._replace(time_constant=jnp.full(1, -1e4, dtype))
    gradient, outputs = jax.grad(lambda p: (lambda y: (y.sum(), y))(lj.unroll(cell, p, inputs)[1]), has_aux=True)(
        params
    )
    assert np.all(np.abs(outputs) < 1e-30)  # f A / infinity
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
