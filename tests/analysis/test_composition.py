"""Whether two half steps are one: against what an exact solution and a formula without a state of before give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.composition import composition

INPUTS, BEFORE = jnp.ones((4, 2)), jnp.asarray(np.random.default_rng(0).normal(size=(5, 4, 2)), jnp.float32)


def test_two_half_steps_are_one_step_where_there_is_an_equation():
    """A linear equation exactly, a solver nearly, a CfC not at all; and only that one moves in no time."""
    for cell, halves, still in (
        (lj.LeakyIntegrator(2, 5), (0, 1e-5), (0, 1e-6)),
        (lj.CTRNN(2, 5, lj.RK4(4)), (0, 1e-3), (0, 1e-6)),
        (lj.CfC(2, 5, backbone_units=4), (0.01, 9), (0.01, 9)),
        (lj.LSTM(2, 5), (0.1, 9), (0.1, 9)),
    ):
        params = cell.init(jax.random.key(1))
        found = jax.jit(lambda p, cell=cell: composition(cell, p, INPUTS, BEFORE))(params)
        assert halves[0] <= found.halves <= halves[1] and still[0] <= found.still <= still[1], cell


def test_a_solver_of_the_first_order_misses_what_it_should(x64):
    """Euler on dx/dt = (a - x) / tau: the step moves h (a - x), its halves together h (1 - h / 4) (a - x)."""
    cell = lj.LeakyIntegrator(1, 3, integrator=lj.Euler(1), time_constants=(2.0, 2.0))
    params = cell.init(jax.random.key(0))
    found = composition(cell, params, np.ones((2, 1)), np.zeros((3, 2, 1)), dt=0.5)
    assert float(found.halves) == pytest.approx(0.25 / 4, rel=1e-9) and float(found.still) == 0


def test_what_does_not_fit_is_refused():
    cell = lj.LeakyIntegrator(2, 3)
    params = cell.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"inputs must be \(batch, inputs\), as in a step of before, \(4, 2\), got"):
        composition(cell, params, jnp.ones((3, 2)), BEFORE)
    with pytest.raises(ValueError, match="dt must be"):
        composition(cell, params, INPUTS, BEFORE, dt=0.0)
