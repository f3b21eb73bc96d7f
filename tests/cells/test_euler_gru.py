"""A GRU at another dt: it is the GRU at dt = 1, and what its equations say elsewhere."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.layers.linear import Linear
from untyped import untyped

pytestmark = pytest.mark.usefixtures("x64")

INPUTS, UNITS, TIME, BATCH = 2, 3, 6, 2
GRU = lj.GRU(INPUTS, UNITS)
EULER, EXACT = lj.EulerGRU(INPUTS, UNITS), lj.EulerGRU(INPUTS, UNITS, "exact")
both = pytest.mark.parametrize("cell", [EULER, EXACT], ids=["euler", "exact"])
PARAMS: Any = jax.tree.map(lambda leaf: leaf - 0.5, drawn(GRU, dtype=float))


def sequence():
    rng = np.random.default_rng(0)
    return rng.normal(size=(TIME, BATCH, INPUTS)), rng.uniform(0, 4, (TIME, BATCH))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gates(h, u):
    """(z, n) of a GRU, by numpy."""
    (W, b), (U, c) = PARAMS.inputs, PARAMS.recurrent
    r, z = (sigmoid(u @ W[:, k] + b[k] + h @ U[:, k] + c[k]) for k in (0, 1))
    return z, np.tanh(u @ W[:, 2] + b[2] + r * (h @ U[:, 2] + c[2]))


@both
def test_at_a_dt_of_one_it_is_the_gru_of_the_same_parameters(cell):
    """Outputs, states and gradients; the parameters are those of a GRU as they are."""
    inputs, _ = sequence()

    def run(cell):
        loss = lambda p: jnp.sum(jnp.sin(lj.unroll(cell, p, inputs)[1]))  # noqa: E731
        return lj.unroll(cell, PARAMS, inputs), jax.jit(jax.grad(loss))(PARAMS)

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14), run(cell), run(GRU))


@both
def test_it_starts_as_a_gru(cell):
    jax.tree.map(np.testing.assert_array_equal, cell.init(jax.random.key(3)), GRU.init(jax.random.key(3)))


@both
def test_it_is_its_equation_at_any_dt(cell):
    inputs, dt = sequence()
    h, expected = np.zeros((BATCH, UNITS)), []
    for u, passed in zip(inputs, dt[..., None], strict=True):
        z, n = gates(h, u)
        h = h + passed * (1 - z) * (n - h) if cell is EULER else n + z**passed * (h - n)
        expected.append(h)
    np.testing.assert_allclose(lj.unroll(cell, PARAMS, inputs, dt)[1], expected, rtol=1e-11)


@both
def test_nothing_happens_in_no_time(cell):
    state = np.full(UNITS, 0.3)
    np.testing.assert_array_equal(lj.step(cell, PARAMS, state, np.ones(INPUTS), 0.0)[0], state)


def test_a_long_step_overshoots_by_euler_and_ends_at_the_candidate_when_exact():
    state, inputs = np.full(UNITS, -0.9), np.ones(INPUTS)
    _, n = gates(state, inputs)
    euler, exact = (lj.step(cell, PARAMS, state, inputs, 100.0)[0] for cell in (EULER, EXACT))
    assert np.all((euler - n) * (state - n) < 0) and np.all(np.abs(euler - n) > 10 * np.abs(state - n))
    np.testing.assert_allclose(exact, n, atol=1e-9)


def test_when_exact_two_halves_of_a_step_with_gates_that_hold_are_the_whole():
    """By Euler's method they are not: a GRU at twice the rate is another one."""
    params = PARAMS._replace(recurrent=Linear(*jax.tree.map(np.zeros_like, PARAMS.recurrent)))
    state = np.full(UNITS, 0.3)

    def after(cell, *durations):
        return lj.unroll(cell, params, np.ones((len(durations), INPUTS)), np.array(durations), state=state)[0]

    np.testing.assert_allclose(after(EXACT, 0.3, 0.5), after(EXACT, 0.8), rtol=1e-12)
    assert np.all(np.abs(after(EULER, 0.3, 0.5) - after(EULER, 0.8)) > 1e-3)


def test_its_time_constants_can_be_read():
    """1 / (1 - z), and 1 / -log z."""
    state, inputs = np.full(UNITS, 0.3), np.ones(INPUTS)
    z, n = gates(state, inputs)
    for cell, tau in ((EULER, 1 / (1 - z)), (EXACT, -1 / np.log(z))):
        np.testing.assert_allclose(lj.time_constant(cell, PARAMS, state, inputs), tau, rtol=1e-12)
        np.testing.assert_allclose(lj.equilibrium(cell, PARAMS, state, inputs), n, rtol=1e-12)


@both
def test_gates_that_are_shut_or_open_have_finite_gradients_at_any_dt(cell):
    params = jax.tree.map(np.float32, PARAMS)
    for shut in (-200.0, 200.0):
        bias = params.inputs.bias.copy()
        bias[1] = shut
        at = params._replace(inputs=params.inputs._replace(bias=bias))
        for dt in (1e-30, 1.0) if cell is EULER else (1e-30, 1.0, 1e30):
            loss = lambda p, h: jnp.sum(lj.unroll(cell, p, np.ones((2, INPUTS), np.float32), h)[1])  # noqa: E731
            found = jax.grad(loss, argnums=(0, 1))(at, jnp.float32(dt))
            assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found)), (shut, dt)


def test_the_integrator_is_that_of_the_form_unless_it_is_named():
    assert EULER.integrator == lj.Euler() and EXACT.integrator == lj.Exponential()
    assert lj.EulerGRU(INPUTS, UNITS, integrator=lj.Euler(3)).integrator == lj.Euler(3)
    with pytest.raises(ValueError, match="form must be one of 'euler', 'exact', got 'midpoint'"):
        lj.EulerGRU(1, 2, untyped("midpoint"))
