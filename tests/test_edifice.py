"""Edifice's liquid networks: solvers, cell, block, stack, and the vocabulary of their source."""

import functools
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import liquidjax as lj
from liquidjax.interop import edifice

KEY = jax.random.key(0)
HAND = {"exact": 0.5 + 0.5 * np.exp(-1), "euler": 0.5, "midpoint": 0.75, "rk4": 0.6875, "dopri5": 0.683968}
SLOPES = {"euler": 1, "midpoint": 2, "rk4": 4}


def frozen(equilibrium, tau):
    """The coefficients of dx/dt = (a - x) / tau, which stay what they are within a frame."""
    return lambda x: (jnp.full_like(x, equilibrium / tau), jnp.full_like(x, 1 / tau))


def frame(solver, steps=1, start=1.0, equilibrium=0.5, tau=1.0):
    state = jnp.array([start])
    return float(edifice.integrator(solver, steps).advance(frozen(equilibrium, tau), state, jnp.array(1.0))[0])


@pytest.mark.parametrize("solver", HAND)
def test_e1_to_e5_hand_values(solver):
    """x = 1, a = 0.5, tau = 1, one step over a frame of 1."""
    np.testing.assert_allclose(frame(solver), HAND[solver], atol=1e-6)


def test_e5_dopri5_at_other_values_of_the_source():
    np.testing.assert_allclose(frame("dopri5", equilibrium=0.0), 0.367937, atol=1e-6)
    assert abs(frame("dopri5", start=10.0, equilibrium=0.0, tau=0.01)) < 1e-3


@pytest.mark.parametrize("solver", SLOPES)
def test_e1_to_e5_slopes(solver, x64):
    steps = [4, 8, 16]
    errors = [abs(frame(solver, n) - HAND["exact"]) for n in steps]
    assert abs(-np.polyfit(np.log(steps), np.log(errors), 1)[0] - SLOPES[solver]) < 0.15


@pytest.mark.parametrize(("solver", "limit"), [("euler", 2.0), ("midpoint", 2.0), ("rk4", 2.785294)])
def test_e6_stability_limits(solver, limit, x64):
    """1 % below the limit of dt / tau the state decays, 1 % above it grows."""
    below, above = (abs(frame(solver, equilibrium=0.0, tau=1 / (limit * side))) for side in (0.99, 1.01))
    assert below < 1 < above


def test_e6_midpoint_diverges_where_the_source_calls_it_stable_and_exact_never_does():
    assert abs(frame("midpoint", equilibrium=0.0, tau=1 / 2.5)) > 1
    assert np.isfinite(frame("exact", tau=1e-3)) and frame("exact", tau=1e-3) == 0.5


def test_e7_sub_steps():
    errors = [abs(frame("euler", n) - HAND["exact"]) for n in (1, 10, 50)]
    assert errors[0] > 5 * errors[1] > 20 * errors[2] > 0
    with pytest.raises(ValueError, match=r"integration_steps must be an integer of at least 1, got 1\.5"):
        edifice.integrator("euler", 1.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"solver must be one of 'exact', 'euler', .*, got 'heun'"):
        edifice.integrator("heun")


def decay(rate, t, x):
    return -rate * x


def clock(_, t, x):
    return jnp.broadcast_to(t, x.shape)


@pytest.mark.parametrize(
    ("integrator", "tolerance"),
    [
        (lj.Euler(100), 0.05),
        (lj.Midpoint(100), 0.01),
        (lj.RK4(100), 0.001),
        (lj.Diffrax(diffrax.Dopri5(), diffrax.PIDController(1e-3, 1e-6), first_step=0.1, max_steps=1000), 0.001),
    ],
    ids=lambda value: type(value).__name__,
)
def test_e8_general_solve(integrator, tolerance):
    """The source's own tests, at its default step of 0.01 or its tolerances: exponential decay, and f = t."""
    times, start = jnp.array([0.0, 0.3, 1.0]), jnp.array([[1.0, 2.0], [0.0, -1.0]])
    solution = lj.solve(decay, 1.0, start, times, integrator=integrator)
    np.testing.assert_allclose(solution.states, start * np.exp(-times)[:, None, None], atol=tolerance)
    solution = lj.solve(clock, None, jnp.zeros(1), times, integrator=integrator)
    np.testing.assert_allclose(solution.states[:, 0], times**2 / 2, atol=tolerance)
    assert bool(jnp.all(solution.finished)) and int(solution.steps) > 1


def test_e8_each_sample_has_its_own_times():
    times = jnp.array([[0.0, 1.0], [0.1, 3.0]])
    for integrator in (lj.Diffrax(), lj.RK4(20)):
        states = lj.solve(decay, 2.0, jnp.ones((2, 1)), times, integrator=integrator).states
        np.testing.assert_allclose(states[1, :, 0], np.exp([-0.2, -4.0]), rtol=1e-4)


def test_e8_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match=r"times must increase strictly, got \[0\. 0\. 1\.\]"):
        lj.solve(decay, 1.0, jnp.ones(1), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"times must be .* got shape \(2, 3\)"):
        lj.solve(decay, 1.0, jnp.ones((4, 1)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"start must be floating point .* got int"):
        lj.solve(decay, 1.0, jnp.ones(1, int), [0.0, 1.0])


def test_e9_no_error_no_steps_own_steps_jit_and_gradient(x64):
    # The state is at its equilibrium: the estimated error is 0, on which the source fails.
    network = edifice.integrator("dopri5")
    at_rest = network.advance(frozen(0.5, 1.0), jnp.array([0.5]), jnp.array(1.0))
    np.testing.assert_array_equal(at_rest, [0.5])
    # A sample takes its own steps, whatever its neighbours need.
    both = lj.solve(lambda _, t, x: -x * jnp.abs(x), None, jnp.array([[1.0], [1000.0]]), [0.0, 1.0])
    alone = lj.solve(lambda _, t, x: -x * jnp.abs(x), None, jnp.array([[1.0]]), [0.0, 1.0])
    assert both.steps[0] == alone.steps[0] < both.steps[1]
    np.testing.assert_array_equal(both.states[:, 0], alone.states[:, 0])
    # Running out of steps is a flag, or an error, never a silent state.
    few = lj.Diffrax(max_steps=3)
    solution = lj.solve(decay, 1.0, jnp.array([[1e-9], [1.0]]), [0.0, 50.0], integrator=few, throw=False)
    assert not solution.finished[1] and not np.isfinite(solution.states[-1, 1, 0])
    with pytest.raises(RuntimeError, match="maximum number of solver steps"):
        jax.block_until_ready(lj.solve(decay, 1.0, jnp.array([1.0]), [0.0, 50.0], integrator=few))
    check_grads(
        jax.jit(lambda rate, x: lj.solve(decay, rate, x, [0.0, 0.7]).states),
        (jnp.array(1.3), jnp.array([1.0])),
        order=1,
        modes=("rev",),
        atol=1e-5,
        rtol=1e-5,
    )


def test_e10_time_constant():
    cell = lj.GatedLinear(3, 4)
    params = cell.init(KEY)
    tau = lj.time_constant(cell, params, jnp.zeros(4), jnp.zeros(3))
    np.testing.assert_allclose(tau, np.log(2) + 0.1, rtol=1e-6)
    for size in (-1e4, 1e4):
        loss = lambda p, size=size: jnp.sum(lj.unroll(cell, p, jnp.full((3, 3), size))[1])  # noqa: E731
        value, gradient = jax.value_and_grad(loss)(params)
        tau = lj.time_constant(cell, params, jnp.zeros(4), jnp.full(3, size))
        assert np.all(tau >= 0.1) and np.all(tau <= 20.1 + 1e-5)
        assert np.isfinite(value) and all(np.all(np.isfinite(g)) for g in jax.tree.leaves(gradient))


def test_e11_block():
    """Pre-norm, dropout, residual; without equilibrium the state only decays."""
    block = lj.Block(lj.GatedLinear(4, 4), dropout=0.5)
    params = block.init(KEY)
    inputs = jax.random.normal(KEY, (6, 3, 4))
    _, outputs = lj.unroll(block, params, inputs)
    assert outputs.shape == inputs.shape
    normed = (inputs - inputs.mean(-1, keepdims=True)) / np.sqrt(inputs.var(-1, keepdims=True) + 1e-5)
    _, added = lj.unroll(block.cell, params.cell, normed)
    np.testing.assert_allclose(outputs, inputs + added, atol=1e-5)

    _, dropped = lj.unroll(block, params, inputs, key=KEY)
    share = (dropped - inputs) / added
    assert set(np.unique(np.round(share, 3))) == {0.0, 2.0}  # dropped, or made up for
    np.testing.assert_array_equal(dropped, lj.unroll(block, params, inputs, key=KEY)[1])

    silent = jax.tree.map(jnp.zeros_like, params.cell.equilibrium)
    params = params._replace(cell=params.cell._replace(equilibrium=silent))
    state, _ = lj.unroll(block, params, inputs[:1], state=jnp.ones((3, 4)))
    tau = lj.time_constant(lj.GatedLinear(4, 4), params.cell, jnp.zeros((3, 4)), normed[0])
    np.testing.assert_allclose(state, np.exp(-1 / tau), rtol=1e-5)
    with pytest.raises(ValueError, match=r"cell must have as many outputs as inputs.*got 3 inputs and 4 outputs"):
        lj.Block(lj.GatedLinear(3, 4))


def test_e12_stack():
    network = edifice.liquid(embed_dim=5, hidden_size=8, num_layers=2)
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (7, 3, 5))
    state, outputs = lj.unroll(network, params, inputs)
    assert outputs[-1].shape == (3, 8) and [h.shape for h in state] == [(3, 8)] * 2
    np.testing.assert_allclose(outputs.mean(-1), 0, atol=1e-5)  # the last norm
    assert params.projection is not None and edifice.liquid(8, 8).init(KEY).projection is None
    first = jax.jacrev(lambda u: lj.unroll(network, params, u)[1][-1])(inputs[:, 0])[:, 0]
    assert np.any(np.abs(first) > 1e-7)  # the last output depends on the first input


def test_e12_dropout_differs_by_layer_and_needs_a_key():
    network = lj.Stack(4, lj.Block(lj.GatedLinear(4, 4), dropout=0.5), layers=2)
    params = network.init(KEY)
    same = params._replace(layers=(params.layers[0],) * 2)
    inputs = jax.random.normal(KEY, (3, 4))
    calm, shaken, again = (lj.unroll(network, same, inputs, key=k)[1] for k in (None, KEY, KEY))
    assert np.any(calm != shaken)
    np.testing.assert_array_equal(shaken, again)


def test_e13_feed_forward():
    network = edifice.liquid_with_ffn(embed_dim=5, hidden_size=8, num_layers=2, dropout=0.0)
    plain = edifice.liquid(embed_dim=5, hidden_size=8, num_layers=2)
    assert edifice.exact_param_count(network) - edifice.exact_param_count(plain) == 2 * (12 * 8**2 + 11 * 8)
    params = network.init(KEY)
    assert lj.unroll(network, params, jnp.ones((4, 3, 5)))[1].shape == (4, 3, 8)
    # SwiGLU by hand, in a block whose cell says nothing
    block = lj.Block(lj.GatedLinear(8, 8), dropout=0.0, feed_forward=True)
    params = block.init(KEY)
    params = params._replace(cell=jax.tree.map(jnp.zeros_like, params.cell))
    x = np.asarray(jax.random.normal(KEY, (1, 8)), np.float64)
    feed = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params.feed_forward)
    normed = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
    gate = normed @ feed.gate.weight + feed.gate.bias
    expected = x + (gate / (1 + np.exp(-gate)) * (normed @ feed.up.weight + feed.up.bias)) @ feed.down.weight
    np.testing.assert_allclose(lj.unroll(block, params, jnp.asarray(x, jnp.float32))[1], expected + feed.down.bias,
                               atol=1e-5)  # fmt: skip


def test_e14_counts_and_defaults():
    assert edifice.output_size() == 256 and edifice.output_size(hidden_size=8) == 8
    assert edifice.param_count() == 1_384_192
    assert edifice.param_count(embed_dim=64, hidden_size=128, num_layers=2) == 172_032
    assert edifice.exact_param_count(edifice.liquid(64, hidden_size=128, num_layers=2)) == 173_952
    assert edifice.exact_param_count(edifice.liquid(287)) == 1_391_104
    assert edifice.exact_param_count(edifice.liquid_with_ffn(287)) == 4_548_096
    shared = {"hidden_size": 256, "num_layers": 4, "window_size": 60, "dropout": 0.1, "integration_steps": 1}
    assert edifice.recommended_defaults() == {**shared, "solver": "rk4"}
    assert edifice.high_accuracy_defaults() == {**shared, "solver": "dopri5"}
    network = edifice.liquid(7, hidden_size=8, num_layers=2)
    params = network.init(KEY)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == edifice.exact_param_count(network)


def test_e14_high_accuracy_defaults_run_and_differentiate():
    small: dict[str, Any] = edifice.high_accuracy_defaults() | {"hidden_size": 8, "num_layers": 2}
    plain: dict[str, Any] = small | {"solver": "exact"}
    network, exact = edifice.liquid(5, **small), edifice.liquid(5, **plain)
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (4, 2, 5))

    @functools.partial(jax.jit, static_argnums=0)
    def gradient(network, params):
        return jax.grad(lambda p: jnp.sum(lj.unroll(network, p, inputs)[1] ** 3))(params)

    difference = np.abs(lj.unroll(network, params, inputs)[1] - lj.unroll(exact, params, inputs)[1])
    assert np.max(difference) < 0.06 and np.mean(difference) < 5e-3  # its tolerance for each frame is 1e-2
    near, right = (np.concatenate([g.ravel() for g in jax.tree.leaves(gradient(n, params))]) for n in (network, exact))
    assert near @ right / np.linalg.norm(near) / np.linalg.norm(right) > 0.999


def test_e15_cache_and_step():
    network = edifice.liquid_with_ffn(5, hidden_size=8, num_layers=2)
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (20, 3, 5))
    cache = edifice.init_cache(batch_size=3, hidden_size=8, num_layers=2)
    assert len(cache) == 2 and all(not np.any(h) and h.shape == (3, 8) for h in cache)
    _, outputs = lj.unroll(network, params, inputs)
    for t, frame in enumerate(inputs):
        cache, output = lj.step(network, params, cache, frame)
        np.testing.assert_allclose(output, outputs[t], atol=1e-5)


def test_e15_cost_of_a_step_does_not_depend_on_the_stream():
    """The state has the same size after any number of steps, so one compiled step serves them all."""
    network = edifice.liquid(5, hidden_size=8, num_layers=2)
    params, cache = network.init(KEY), edifice.init_cache(1, 8, 2)
    compiled: Any = jax.jit(lambda c, u: lj.step(network, params, c, u))
    for _ in range(50):
        shapes = jax.tree.map(jnp.shape, cache)
        cache, _ = compiled(cache, jnp.ones((1, 5)))
        assert jax.tree.map(jnp.shape, cache) == shapes
    assert compiled._cache_size() == 1
