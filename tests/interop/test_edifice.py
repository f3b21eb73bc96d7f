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
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

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


# Dormand and Prince (1980): the stages, whose last row is the result of fifth order, and the result of fourth order.
STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
FOURTH = (5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)


def dopri5_of_the_source(slope, x):
    """Edifice's loop from its published formula, in numpy: the state after 1, steps accepted and rejected."""
    t, h, accepted, rejected = 0.0, 0.25, 0, 0
    while t < 1:
        h = min(h, 1 - t)
        k: list[Any] = []
        for row in STAGES:
            k.append(slope(x + h * sum((a * s for a, s in zip(row, k, strict=True)), np.zeros_like(x))))
        fifth = x + h * np.tensordot([*STAGES[-1], 0], k, 1)
        fourth = x + h * np.tensordot(FOURTH, k, 1)
        scale = 1e-4 + 1e-2 * np.maximum(np.abs(x), np.abs(fifth))
        error = np.sqrt(np.mean(((fifth - fourth) / scale) ** 2))
        if error <= 1:
            t, x, accepted = t + h, fifth, accepted + 1
            h *= min(5, max(0.2, 0.9 * error ** (-1 / 5)))
        else:
            rejected += 1
            h *= max(0.2, 0.9 * error ** (-1 / 4))
    return x, accepted, rejected


@pytest.mark.parametrize(
    ("start", "equilibrium", "tau", "published", "accepted", "rejected"),
    [
        ([1.0], 0.5, 1.0, 0.683968, 2, 0),
        ([1.0], 0.0, 1.0, 0.367937, 2, 0),
        ([10.0], 0.0, 0.01, 7.35e-5, 36, 5),
        ([10.0, -3.0, 0.2], 0.1, 0.03, None, None, None),
        ([1e3, 1.0], 0.0, 1e-2, None, None, None),
    ],
)
def test_e5_dopri5_takes_the_steps_of_the_source(start, equilibrium, tau, published, accepted, rejected):
    """State and number of steps are those of the numpy loop, and those read off the source itself where there are."""
    expected, *steps = dopri5_of_the_source(lambda x: (equilibrium - x) / tau, np.array(start))
    if published is not None:
        np.testing.assert_allclose(expected[0], published, rtol=2e-4)
        assert steps == [accepted, rejected]
    solver = edifice.integrator("dopri5")
    state = solver.advance(frozen(equilibrium, tau), jnp.array(start), jnp.array(1.0))
    np.testing.assert_allclose(state, expected, rtol=1e-9)
    solution = lj.solve(lambda _, t, x: (equilibrium - x) / tau, None, jnp.array(start), [0.0, 1.0], integrator=solver)
    assert int(solution.steps) == sum(steps)


def test_e5_dopri5_steps_are_no_part_of_the_gradient():
    """The result is linear in the start where the steps are given: its derivative is the quotient of the two."""
    solver = edifice.integrator("dopri5")
    end = lambda x: solver.advance(frozen(0.0, 0.01), jnp.array([x]), jnp.array(1.0))[0]  # noqa: E731
    value, slope = jax.value_and_grad(end)(10.0)
    np.testing.assert_allclose(slope, value / 10, rtol=1e-9)


@pytest.mark.parametrize("solver", SLOPES)
def test_e1_to_e5_slopes(solver):
    steps = [4, 8, 16]
    errors = [abs(frame(solver, n) - HAND["exact"]) for n in steps]
    assert abs(-np.polyfit(np.log(steps), np.log(errors), 1)[0] - SLOPES[solver]) < 0.15


@pytest.mark.parametrize(("solver", "limit"), [("euler", 2.0), ("midpoint", 2.0), ("rk4", 2.785294)])
def test_e6_stability_limits(solver, limit):
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
        untyped(edifice).integrator("euler", 1.5)
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
    with pytest.raises(ValueError, match=r"times must increase strictly in time, got 0\.0 at time step 1"):
        lj.solve(decay, 1.0, jnp.ones(1), np.array([0.0, 0.0, 1.0]))
    with pytest.raises(ValueError, match=r"times must be .* got shape \(2, 3\)"):
        lj.solve(decay, 1.0, jnp.ones((4, 1)), np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"start must be floating point .* got int"):
        lj.solve(decay, 1.0, jnp.ones(1, int), [0.0, 1.0])


def test_e9_no_error_no_steps_own_steps_jit_and_gradient():
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
    np.testing.assert_allclose(tau, np.log(2) + 0.1, rtol=1e-10)
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
    np.testing.assert_allclose(outputs, inputs + added, atol=1e-10)

    _, dropped = lj.unroll(block, params, inputs, key=KEY)
    share = (dropped - inputs) / added
    assert set(np.unique(np.round(share, 3))) == {0.0, 2.0}  # dropped, or made up for
    np.testing.assert_array_equal(dropped, lj.unroll(block, params, inputs, key=KEY)[1])

    silent = jax.tree.map(jnp.zeros_like, params.cell.equilibrium)
    params = params._replace(cell=params.cell._replace(equilibrium=silent))
    state, _ = lj.unroll(block, params, inputs[:1], state=jnp.ones((3, 4)))
    tau = lj.time_constant(lj.GatedLinear(4, 4), params.cell, jnp.zeros((3, 4)), normed[0])
    np.testing.assert_allclose(state, np.exp(-1 / tau), rtol=1e-10)
    with pytest.raises(ValueError, match=r"cell must have as many outputs as inputs.*got 3 inputs and 4 outputs"):
        lj.Block(lj.GatedLinear(3, 4))


def test_e12_stack():
    network = edifice.liquid(embed_dim=5, hidden_size=8, num_layers=2)
    params = network.init(KEY)
    inputs = jax.random.normal(KEY, (7, 3, 5))
    state, outputs = lj.unroll(network, params, inputs)
    assert outputs[-1].shape == (3, 8) and [h.shape for h in state] == [(3, 8)] * 2
    np.testing.assert_allclose(outputs.mean(-1), 0, atol=1e-10)  # the last norm
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


def test_e13_feed_forward(promotes):
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
    np.testing.assert_allclose(
        lj.unroll(block, params, jnp.asarray(x, jnp.float32))[1], expected + feed.down.bias, atol=1e-10
    )


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
        np.testing.assert_allclose(output, outputs[t], atol=1e-10)


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


SIZES = {
    edifice.integrator: ("integration_steps",),
    edifice.liquid: ("embed_dim", "hidden_size", "num_layers", "integration_steps", "window_size", "seq_len"),
    edifice.liquid_with_ffn: ("embed_dim", "hidden_size", "num_layers", "integration_steps", "window_size", "seq_len"),
    edifice.output_size: ("hidden_size", "num_layers", "seq_len"),
    edifice.param_count: ("embed_dim", "hidden_size", "num_layers", "window_size"),
    edifice.init_cache: ("batch_size", "hidden_size", "num_layers", "seq_len"),
    edifice.neural_ode: ("input_size", "hidden_size", "num_steps", "output_size"),
}
NEEDED: dict[Any, dict[str, Any]] = {
    edifice.liquid: {"embed_dim": 3},
    edifice.liquid_with_ffn: {"embed_dim": 3},
    edifice.neural_ode: {"input_size": 3},
}


@pytest.mark.parametrize("function", SIZES, ids=lambda f: f.__name__)
def test_e14_every_option_is_known_and_in_range(function):
    needed = NEEDED.get(function, {})
    function(**needed)
    for name in SIZES[function]:
        for value in (0, -1, True, 2.0, "2"):
            with pytest.raises(ValueError, match=rf"{name} must be an integer of at least 1, got {value!r}"):
                function(**needed | {name: value})
        with pytest.raises(ValueError, match=rf"{function.__name__} has no argument '{name}s', did you mean '{name}'"):
            function(**needed | {f"{name}s": 1})
    for name in needed:
        with pytest.raises(ValueError, match=rf"{function.__name__}: missing a required argument: '{name}'"):
            function()
    with pytest.raises(ValueError, match=rf"{function.__name__}: too many positional arguments"):
        function(*[3] * 12)


def test_e14_options_that_are_no_sizes():
    for function in (edifice.recommended_defaults, edifice.high_accuracy_defaults):
        with pytest.raises(ValueError, match=f"{function.__name__} has no argument 'solver'; it has none"):
            untyped(function)(solver="rk4")
    with pytest.raises(ValueError, match="network must be a network or cell with an init, got 3"):
        untyped(edifice).exact_param_count(3)
    with pytest.raises(ValueError, match="exact_param_count: missing a required argument: 'network'"):
        untyped(edifice).exact_param_count()
    with pytest.raises(ValueError, match="output_size has no argument 'hiden_size', did you mean 'hidden_size'"):
        edifice.output_size(hiden_size=1)
    for value in (0, -0.1, True, "a", float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"step_size must be a number in \(0, inf\), got"):
            untyped(edifice).neural_ode(3, step_size=value)
    for value in (-0.1, 1, False, None):
        with pytest.raises(ValueError, match=r"dropout must be a number in \[0, 1\), got"):
            untyped(edifice).liquid(3, dropout=value)
    for function in (edifice.liquid, edifice.liquid_with_ffn):
        with pytest.raises(ValueError, match=r"solver must be one of 'exact', .*, got 'heun'"):
            function(3, solver="heun")


def test_e14_the_names_of_the_source_are_taken_by_all_its_functions():
    """Its functions share one list of options and read what they need; seq_len changes nothing about the network."""
    options: dict[str, Any] = edifice.recommended_defaults() | {"embed_dim": 5, "hidden_size": 8, "seq_len": 7}
    assert edifice.liquid(**options) == edifice.liquid(5, 8, solver="rk4")
    assert edifice.liquid_with_ffn(**options) == edifice.liquid_with_ffn(5, hidden_size=8, solver="rk4")
    assert edifice.output_size(**options) == 8
    assert edifice.param_count(**options) == 5 * 8 + 4 * 5 * 8**2
    assert [h.shape for h in edifice.init_cache(batch_size=2, **options)] == [(2, 8)] * 4
