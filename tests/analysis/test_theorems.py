"""What the LTC papers claim: bounds, stability, a vanishing gradient, training through time, adaptivity after it."""

import itertools
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.analysis import trajectory
from liquidjax.analysis.bounds import state_bounds, time_constant_bounds
from liquidjax.analysis.sensitivity import state_sensitivity

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
SPARSE = lj.Custom([[0, 1, 0], [0, 0, -1], [0, 0, 0]], [[1, 0, 0], [-1, 0, 0]], outputs=1)


def shaken(params, seed):
    """Parameters away from where they start: leaks and reversal potentials of any sign and size."""
    leaves, structure = jax.tree.flatten(params)
    rng = np.random.default_rng(seed)
    return structure.unflatten([leaf + rng.normal(size=leaf.shape) for leaf in leaves])


# Compiled as one, where the functions themselves would compile each operation on its own.
tau_of = jax.jit(lj.time_constant, static_argnums=0)
states_within = jax.jit(state_bounds, static_argnums=0)
taus_within = jax.jit(time_constant_bounds, static_argnums=0)


def inside(values, bounds):
    """Whether values (..., units) lie within the bounds, up to rounding."""
    slack = 1e-5 * (1e-3 + np.maximum(np.abs(bounds.low), np.abs(bounds.high)))
    return bool(np.all(values >= bounds.low - slack) and np.all(values <= bounds.high + slack))


# S3: backpropagation through time


@pytest.mark.parametrize(
    "cell, gradient",
    [
        (lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(2)), lj.BPTT()),
        (lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(2)), lj.Remat()),
        (lj.HasaniLTC(2, 3, lj.SemiImplicit(2)), lj.BPTT()),
        (lj.CTRNN(2, 3, lj.Exponential(2)), lj.Remat()),
    ],
)
def test_s3_gradient_through_time_is_that_of_finite_differences(cell, gradient):
    params = jax.tree.map(lambda leaf: leaf.astype("float64"), cell.init(KEY))
    inputs = jax.random.normal(KEY, (6, 2, 2), "float64")
    dt = jnp.array([0.1, 0.5, 0.1, 1.0, 0.3, 0.2])

    @jax.jit
    def loss(params):
        return jnp.mean((lj.unroll(cell, params, inputs, dt, gradient=gradient)[1] - 0.3) ** 2)

    exact = jax.jit(jax.grad(loss))(params)
    leaves, structure = jax.tree.flatten(params)
    for number, (leaf, slope) in enumerate(zip(leaves, jax.tree.leaves(exact), strict=True)):
        direction = np.random.default_rng(number).normal(size=leaf.shape)
        ends = []
        for step in (1e-5, -1e-5):
            moved = [*leaves[:number], leaf + step * direction, *leaves[number + 1 :]]
            ends.append(float(loss(structure.unflatten(moved))))
        expected = (ends[0] - ends[1]) / 2e-5
        assert abs(expected) > 1e-7  # the loss depends on every parameter
        np.testing.assert_allclose((slope * direction).sum(), expected, rtol=1e-3)


def trained(steps=60):
    """(cell, parameters before, after, losses, inputs) of an LTC that learns to follow its input with a delay."""
    cell = lj.Readout(lj.LTC(1, lj.AutoNCP(10, 3), lj.SemiImplicit(3)), 1)
    phase = jnp.linspace(0, 3, 4)
    time = 0.3 * jnp.arange(24)[:, None]
    inputs, target = (jnp.sin(time - late + phase)[..., None] for late in (0, 0.9))
    optimizer = optax.adam(0.03)

    def loss(params):
        return jnp.mean((lj.unroll(cell, params, inputs, 0.3, gradient=lj.BPTT())[1][4:] - target[4:]) ** 2)

    @jax.jit
    def train(params):
        def step(carry, _):
            params, state = carry
            value, gradient = jax.value_and_grad(loss)(params)
            changes, state = optimizer.update(gradient, state)
            return (optax.apply_updates(params, changes), state), value

        (params, _), losses = jax.lax.scan(step, (params, optimizer.init(params)), length=steps)
        return params, losses

    before = cell.init(KEY)
    after, losses = train(before)
    return cell.cell, before.cell, after.cell, np.asarray(losses), inputs


@pytest.fixture(scope="module")
def training():
    with jax.numpy_dtype_promotion("standard"):  # of optax
        return trained()


def test_s3_training_through_time_lowers_the_loss(training):
    *_, losses, _ = training
    assert losses[-1] < 0.3 * losses[0] and losses[-1] < 0.5 * losses[10]


# S9: the gradient vanishes


@pytest.mark.parametrize("cell", [lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(2)), lj.GRU(2, 4)])
def test_s9_sensitivity_is_the_norm_of_the_jacobian(cell):
    params, inputs = cell.init(KEY), jax.random.normal(KEY, (4, 2, 2))
    dt = jnp.array([[0.1, 0.4], [1.0, 0.0], [0.3, 0.3], [0.2, 2.0]])
    start = jax.random.normal(KEY, (2, cell.units)) / 3
    norms = state_sensitivity(cell, params, inputs, dt, state=start)
    assert norms.shape == (4, 2)

    @jax.jit
    @jax.jacrev
    def jacobians(x, inputs, dt):
        """d x_t / d x_0 of one sample, step by step."""
        seen = []
        for t in range(4):
            x, _ = lj.step(cell, params, x, inputs[t], dt[t])
            seen.append(x)
        return jnp.stack(seen)

    for sample in range(2):
        for t, jacobian in enumerate(np.asarray(jacobians(start[sample], inputs[:, sample], dt[:, sample]))):
            largest = np.sqrt(np.linalg.eigvalsh(jacobian.T @ jacobian)[-1])
            np.testing.assert_allclose(norms[t, sample], largest, rtol=1e-4)


def test_s9_sensitivity_of_a_leak_and_of_a_memory_by_hand():
    """Without synapses e^(-t / tau) is left of the start; a state without a leak forgets nothing."""
    dt = jnp.array([0.5, 1.0, 2.0])
    leak = lj.CTRNN(1, 3, lj.Exponential(), time_constant=2.0, learn_time_constant=False)
    still = jax.tree.map(jnp.zeros_like, leak.init(KEY))
    expected = np.exp(-np.cumsum(dt) / 2)
    np.testing.assert_allclose(state_sensitivity(leak, still, jnp.ones((3, 1)), dt), expected, rtol=1e-10)
    memory = lj.NeuralODE(1, 3)
    still = jax.tree.map(jnp.zeros_like, memory.init(KEY))
    np.testing.assert_allclose(state_sensitivity(memory, still, jnp.ones((3, 1)), dt), 1, rtol=1e-10)


@pytest.mark.parametrize("cell", [lj.LTC(2, lj.AutoNCP(12, 2), lj.SemiImplicit(2)), lj.HasaniLTC(2, 8)])
def test_s9_gradient_vanishes(cell):
    """Thirty steps on, less than a thousandth is left, lost at a rate and not at one stroke."""
    params, inputs = cell.init(KEY), jax.random.normal(KEY, (30, 2))
    norms = np.asarray(state_sensitivity(cell, params, inputs, 1.0))
    assert 0 < norms[29] < 1e-3 * norms[0]
    assert np.all(norms[10::10] < 0.1 * norms[:-10:10])


def test_s9_diffrax_needs_its_forward_mode():
    cell = lj.HasaniLTC(1, 2, lj.Diffrax(adjoint=diffrax.ForwardMode()))
    params, inputs = cell.init(KEY), jnp.ones((2, 1))
    fine = state_sensitivity(lj.HasaniLTC(1, 2, lj.RK4(4)), params, inputs, 0.5)
    np.testing.assert_allclose(state_sensitivity(cell, params, inputs, 0.5), fine, rtol=1e-4)


def test_s9_a_state_of_two_arrays_is_refused():
    cell = lj.LSTM(1, 2)
    with pytest.raises(ValueError, match="must have one array as its state, got LSTM with LSTMState"):
        state_sensitivity(cell, cell.init(KEY), jnp.ones((2, 1)))


# S10: bounds, and time constants that still adapt after training

CELLS = [
    lj.HasaniLTC(2, 4),
    lj.HasaniLTC(2, 4, lj.Exponential(2)),
    lj.LTC(2, lj.FullyConnected(4), lj.SemiImplicit(3)),
    lj.LTC(2, SPARSE, lj.Exponential(2), input_mapping=None),
    lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(1), epsilon=0.1),
]


@pytest.mark.parametrize("cell", CELLS)
@settings(deadline=None, max_examples=40)
@given(st.tuples(*[st.floats(-1e30, 1e30)] * 2), st.floats(0, 1e4), st.integers(0, 99))
def test_s10_unbounded_inputs_keep_states_and_time_constants_in_bounds(cell, values, dt, seed):
    params = shaken(cell.init(jax.random.key(seed)), seed)
    inputs = np.array([values, values[::-1], (0, 1), values, values], float)
    seen = trajectory.states(cell, params, inputs, dt)
    assert inside(seen, states_within(cell, params))
    assert inside(tau_of(cell, params, seen, inputs), taus_within(cell, params))


@pytest.mark.parametrize("cell", [CELLS[0], CELLS[2]])
def test_s10_huge_inputs_leave_gradients_finite(cell):
    params = shaken(cell.init(KEY), 0)
    for value, dt in itertools.product((-1e30, 1e30), (0.0, 1e-6, 1e4)):
        inputs = np.full((3, 2), value)
        gradient = jax.grad(lambda p, x=inputs, dt=dt: lj.unroll(cell, p, x, dt)[1].sum())(params)
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(gradient))


def test_s10_explicit_constraints_have_bounds_of_their_own():
    cell = lj.LTC(2, SPARSE, constraints="explicit", epsilon=0.0)
    params = cell.init(KEY)
    bounds = time_constant_bounds(cell, params)
    np.testing.assert_allclose(bounds.high, params.capacitance / params.leak_conductance, rtol=1e-10)
    onto_first = params.leak_conductance[0] + params.sensory_synapses.weight.sum()
    np.testing.assert_allclose(bounds.low[0], params.capacitance[0] / onto_first, rtol=1e-10)
    onto_last = params.leak_conductance[2] + params.synapses.weight[1]
    np.testing.assert_allclose(bounds.low[2], params.capacitance[2] / onto_last, rtol=1e-10)


def test_s10_bounds_of_the_state_are_per_neuron():
    """Neuron 0 hears the inputs only, neuron 1 neuron 0 (excited), neuron 2 neuron 1 (inhibited)."""
    cell = lj.LTC(2, SPARSE)
    params = cell.init(KEY)._replace(leak_potential=jnp.array([0.1, -0.2, 0.3]))
    bounds = state_bounds(cell, params)
    np.testing.assert_allclose(bounds.low, [-1, -0.2, -1], rtol=1e-10)
    np.testing.assert_allclose(bounds.high, [1, 1, 0.3], rtol=1e-10)


def test_s10_bounds_are_reached():
    """They are as narrow as can be: inputs that open or close every synapse bring the time constant to either end."""
    ltc = lj.LTC(2, lj.Custom(np.zeros((3, 3), int), np.ones((2, 3), int)))
    hasani = lj.HasaniLTC(2, 3)
    excited = hasani.init(KEY)
    excited = excited._replace(linear=excited.linear._replace(weight=jnp.abs(excited.linear.weight)))
    for cell, params in ((ltc, ltc.init(KEY)), (hasani, excited)):
        bounds = taus_within(cell, params)
        for end, value in ((bounds.low, 1e3), (bounds.high, -1e3)):
            tau = tau_of(cell, params, jnp.zeros(3), jnp.full(2, value))
            np.testing.assert_allclose(tau, end, rtol=1e-10)
    # The state of the equation with one f comes to A tau / (1 + tau), which is A where nothing leaks.
    tight = excited._replace(time_constant=jnp.full(3, 1e4))
    state, _ = lj.unroll(hasani, tight, np.full((50, 2), 1e3))
    np.testing.assert_allclose(state, tight.A, rtol=1e-3)


def test_s10_an_unstable_solver_leaves_the_bounds():
    cell = lj.HasaniLTC(1, 3, lj.Euler())
    params = cell.init(KEY)
    state, _ = lj.unroll(cell, params, jnp.ones((5, 1)), 5.0)
    assert not inside(state, state_bounds(cell, params))


@pytest.mark.parametrize("bounds", [state_bounds, time_constant_bounds])
def test_s10_cells_without_known_bounds_are_refused(bounds):
    cell = lj.GRU(1, 2)
    with pytest.raises(ValueError, match=r"cell must be one with known bounds, as HasaniLTC and LTC are, .* got GRU"):
        bounds(cell, cell.init(KEY))


def test_s10_time_constants_adapt_after_training(training):
    cell, before, after, _, inputs = training
    states_of = trajectory.states(cell, after, inputs, 0.3)
    tau, bounds = tau_of(cell, after, states_of, inputs), taus_within(cell, after)
    assert not np.allclose(bounds.low, taus_within(cell, before).low, rtol=0.05)  # training has moved them
    assert inside(tau, bounds) and inside(states_of, states_within(cell, after))
    # Over the sequence half of the time constants change by a third or more.
    assert np.median(np.max(tau, (0, 1)) / np.min(tau, (0, 1))) > 1.3
    # It is the input that they follow: another input at the same state, another time constant.
    hears = np.unique(cell.graph.sensory_synapses.target)
    high, low = (
        tau_of(cell, after, jnp.zeros(cell.units, inputs.dtype), jnp.full(1, u, inputs.dtype)) for u in (2.0, -2.0)
    )
    assert np.all(np.abs(np.log(high / low))[hears] > 0.01)
    # Inputs far from all it has been trained on change nothing of this.
    wild = np.array([1e30, -1e30, -1e30, 1e30], np.float32)[:, None]
    states_of = trajectory.states(cell, after, wild, 0.3)
    assert inside(tau_of(cell, after, states_of, wild), bounds) and inside(states_of, states_within(cell, after))


def zero_loss(output, target):
    """A loss for `StepLoss`."""
    return jnp.zeros(output.shape[:-1])


def test_s10_bounds_reach_through_what_is_built_around_a_cell():
    for inner in (lj.HasaniLTC(3, 3), lj.LTC(3, lj.FullyConnected(3))):
        for cell in (
            lj.Readout(inner, 2),
            lj.Block(inner),
            lj.StepLoss(inner, zero_loss),
            lj.MixedMemory(inner, writes="input"),
        ):
            params = cell.init(KEY)
            own = params if isinstance(cell, lj.StepLoss) else params.cell
            for bounds in (state_bounds, time_constant_bounds):
                np.testing.assert_array_equal(bounds(cell, params), bounds(inner, own))
        with pytest.raises(
            ValueError, match=r"params must be what .*LTC.init\(key\) of this cell returns, got a GRUPara"
        ):
            state_bounds(inner, lj.GRU(3, 3).init(KEY))


@pytest.mark.parametrize("inner", [lj.HasaniLTC(2, 4), lj.LTC(2, lj.FullyConnected(4), lj.SemiImplicit(3))])
def test_s10_where_an_lstm_writes_the_state_it_stays_between_one_and_the_potentials(inner):
    """A cell with nothing to pull at its state keeps what the LSTM wrote, which leaves the bounds without -1 and 1."""
    cell = lj.Readout(lj.MixedMemory(inner), 1)
    for seed in range(20):
        params = shaken(cell.init(jax.random.key(seed)), seed)
        inputs = 10 * np.random.default_rng(seed).normal(size=(8, 2))
        for dt in (0.0, 0.1, 10.0):
            seen = trajectory.states(cell, params, inputs, dt).state
            assert inside(seen, states_within(cell, params))
        still = trajectory.states(cell, params, inputs, 0.0).state
        if seed == 0:
            assert not inside(still, states_within(inner, params.cell.cell))
        assert np.all(states_within(cell, params).low <= -1) and np.all(states_within(cell, params).high >= 1)


def test_s9_sensitivity_refuses_a_state_that_does_not_belong(promotes):
    cell = lj.GRU(2, 4)
    params, inputs = cell.init(KEY), jnp.ones((3, 4, 2))
    wrong: tuple[Any, ...] = jnp.zeros(4), jnp.zeros((1, 4)), jnp.zeros((4, 1)), jnp.zeros(()), [jnp.zeros((4, 4))]
    for state in wrong:
        with pytest.raises(ValueError, match="state must"):
            state_sensitivity(cell, params, inputs, state=state)
    with pytest.raises(ValueError, match=r"inputs must be \(time, \*batch, inputs = 2\), got shape \(3, 4, 1\)"):
        state_sensitivity(cell, params, inputs[..., :1])
    assert state_sensitivity(cell, params, inputs[:0]).shape == (0, 4)
    half = state_sensitivity(cell, params, inputs.astype(jnp.bfloat16), state=jnp.full((4, 4), 1 / 3))
    np.testing.assert_array_equal(half, state_sensitivity(cell, params, inputs, state=jnp.full((4, 4), 1 / 3)))
