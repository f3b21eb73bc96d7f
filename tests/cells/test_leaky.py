"""Leaky integrators: the exact solution of their equation, in numpy, and what linear means."""

import jax
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn

pytestmark = pytest.mark.usefixtures("x64")

INPUTS, UNITS, TIME, BATCH = 2, 3, 6, 2
CELL = lj.LeakyIntegrator(INPUTS, UNITS)
PARAMS = jax.tree.map(lambda leaf: leaf - 0.5, drawn(CELL, dtype=float))


def sequence():
    rng = np.random.default_rng(0)
    return rng.normal(size=(TIME, BATCH, INPUTS)), rng.uniform(0, 4, (TIME, BATCH))


def outputs(inputs, dt, **options):
    return np.asarray(lj.unroll(CELL, PARAMS, inputs, dt, **options)[1])


def test_it_is_the_exact_solution_for_inputs_that_are_held():
    inputs, dt = sequence()
    tau = np.log1p(np.exp(PARAMS.time_constant))
    x, expected = np.zeros((BATCH, UNITS)), []
    for u, passed in zip(inputs, dt[..., None], strict=True):
        a = u @ PARAMS.linear.weight + PARAMS.linear.bias
        x = a + (x - a) * np.exp(-passed / tau)
        expected.append(x)
    np.testing.assert_allclose(outputs(inputs, dt), expected, rtol=1e-11)


def test_all_steps_at_once_give_the_same():
    inputs, dt = sequence()
    np.testing.assert_allclose(outputs(inputs, dt, method=lj.Associative()), outputs(inputs, dt), rtol=1e-11)


def test_what_it_answers_to_a_sum_is_the_sum():
    (first, dt), second = sequence(), np.random.default_rng(1).normal(size=(TIME, BATCH, INPUTS))
    silence = outputs(0 * first, dt)
    together = outputs(first + second, dt) - silence
    np.testing.assert_allclose(together, outputs(first, dt) + outputs(second, dt) - 2 * silence, atol=1e-12)


def test_nothing_happens_in_no_time_and_a_huge_dt_is_the_equilibrium():
    state, inputs = np.full(UNITS, 0.3), np.ones(INPUTS)
    np.testing.assert_array_equal(lj.step(CELL, PARAMS, state, inputs, 0.0)[0], state)
    rest = inputs @ PARAMS.linear.weight + PARAMS.linear.bias
    np.testing.assert_allclose(lj.step(CELL, PARAMS, state, inputs, 1e300)[0], rest, rtol=1e-12)


@pytest.mark.parametrize("learnt", [True, False])
def test_time_constants_start_spread_by_their_logarithms(learnt):
    cell = lj.LeakyIntegrator(INPUTS, UNITS, time_constants=(0.1, 10), learn_time_constants=learnt)
    params = cell.init(jax.random.key(0))
    assert (params.time_constant is None) != learnt
    tau = lj.time_constant(cell, params, np.zeros(UNITS), np.ones(INPUTS))
    np.testing.assert_allclose(tau, [0.1, 1, 10], rtol=1e-6)


def test_one_neuron_has_the_first_time_constant():
    cell = lj.LeakyIntegrator(INPUTS, 1, time_constants=(3.0, 7.0), learn_time_constants=False)
    params = jax.tree.map(np.float64, drawn(cell))
    np.testing.assert_allclose(lj.time_constant(cell, params, np.zeros(1), np.ones(INPUTS)), [3.0])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((0.0, 1.0), r"0 < first <= last, got \(0.0, 1.0\)"),
        ((2.0, 1.0), r"0 < first <= last, got \(2.0, 1.0\)"),
        ((1.0,), r"two finite numbers, got \(1.0,\)"),
        (1.0, r"two finite numbers, got 1.0"),
        ((1.0, np.inf), r"two finite numbers, got \(1.0, inf\)"),
    ],
)
def test_time_constants_that_are_none_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        lj.LeakyIntegrator(1, 2, time_constants=given)
