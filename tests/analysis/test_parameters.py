"""How many parameters a network has: those that can have an effect; and what time constants it had meanwhile."""

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis.parameters import count_parameters, matched_in_size
from liquidjax.analysis.trajectory import time_constants


def all_of(network):
    return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(network.init, jax.random.key(0))))


def test_only_parameters_with_an_effect_are_counted():
    cell = lj.Readout(lj.WiredCfC(inputs=3, wiring=lj.AutoNCP(units=10, outputs=2)), outputs=4)
    params = cell.init(jax.random.key(0))
    inputs = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    gradient = jax.jit(jax.grad(lambda p: (lj.unroll(cell, p, inputs)[1] ** 2).sum()))(params)
    assert count_parameters(cell) == sum(int((g != 0).sum()) for g in jax.tree.leaves(gradient))


def test_masked_parameters_are_found_in_every_wrapper():
    sparse, dense = (lj.WiredCfC(2, wiring) for wiring in (lj.AutoNCP(6, 2), lj.FullyConnected(6, 2)))
    masked = sum(int((~mask).sum()) for mask in sparse.masks())
    assert masked > 0 == sum(int((~mask).sum()) for mask in dense.masks())
    for network, copies in ((sparse, 1), (lj.Readout(sparse, 3), 1), (lj.Stack(2, lj.Block(sparse), layers=3), 3)):
        assert count_parameters(network) == all_of(network) - copies * masked
    velora = lj.LiquidNCPNetwork(4, 10, 1)
    assert count_parameters(velora) == velora.active_parameter_count < velora.parameter_count == all_of(velora)


@pytest.mark.parametrize("parameters", [1, 71, 500, 3022])
def test_no_other_number_of_units_comes_nearer(parameters):
    def build(units):
        return lj.Readout(lj.GRU(inputs=2, units=units), outputs=3)

    found = matched_in_size(parameters, build)
    off = abs(count_parameters(found) - parameters)
    assert off == min(abs(count_parameters(build(units)) - parameters) for units in range(1, 40))


def test_time_constants_are_those_of_the_cell(x64):
    cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=8, outputs=2))
    params = jax.jit(cell.init)(jax.random.key(0))
    inputs = np.random.default_rng(0).uniform(size=(4, 2))
    tau = time_constants(cell, params, inputs, dt=0.5)
    state, tau_of = cell.initial_state(), jax.jit(lj.time_constant, static_argnums=0)
    for now, row in zip(inputs, np.asarray(tau), strict=True):
        state, _ = lj.step(cell, params, state, now, dt=0.5)
        assert np.allclose(row, tau_of(cell, params, state, now), rtol=1e-10)
