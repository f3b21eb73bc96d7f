"""The liquid cell and the networks of Velora, counted and by hand."""

import dataclasses
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import golden_data
import liquidjax as lj
from liquidjax.cells.velora import NCPLiquidCell, NCPLiquidCellParams
from liquidjax.layers.linear import Linear
from liquidjax.models.ncp import LiquidNCPNetwork, LiquidNCPStack, NCPNetwork

pytestmark = pytest.mark.usefixtures("x64")

FILES = golden_data.files("velora_")
KEY = jax.random.key(0)
MASK = [[1, 0], [-1, 1], [0, -1]]


def by_hand():
    heads = 0.1 * jnp.arange(1.0, 6)
    return NCPLiquidCellParams(
        Linear(jnp.broadcast_to(heads[:, None], (5, 5, 2)), jnp.broadcast_to(heads[:, None] / 2, (5, 2)))
    )


def test_v8_cell_by_hand():
    cell = NCPLiquidCell(3, 2, MASK)
    state, output = lj.step(cell, by_hand(), jnp.array([[0.5, -0.5]]), jnp.array([[1.0, 2.0, -1.0]]))
    np.testing.assert_allclose(state, [[0.583078863, 0.254391809]], atol=1e-10)
    np.testing.assert_allclose(output, [[2.333078863, 1.004391809]], atol=1e-10)
    assert cell.parameter_count == 5 * 2 * (3 + 2 + 1) == sum(leaf.size for leaf in jax.tree.leaves(cell.init(KEY)))
    with pytest.raises(ValueError, match=r"mask must be \(inputs, units\) = \(2, 3\), got shape \(3, 2\)"):
        NCPLiquidCell(2, 3, MASK)


@settings(deadline=None, max_examples=30)
@given(st.floats(-1e6, 1e6), st.integers(0, 9))
def test_v8_the_state_stays_in_its_bounds_for_any_input(value, seed):
    cell = NCPLiquidCell(3, 2, MASK, "xavier")
    state, output = lj.unroll(cell, cell.init(jax.random.key(seed)), np.full((4, 3), value))
    assert np.all(np.abs(state) <= 1) and np.all(np.isfinite(output))


def test_v8_dt_is_ignored_and_the_mask_is_obeyed():
    cell = NCPLiquidCell(3, 2, MASK)
    params = cell.init(KEY)
    x = jnp.ones((4, 3))
    np.testing.assert_array_equal(lj.unroll(cell, params, x, 0.1)[1], lj.unroll(cell, params, x, 7.0)[1])
    moved = params._replace(heads=jax.tree.map(lambda leaf: leaf + 0.3, params.heads))
    by_input, by_state = jax.jacrev(lambda u, s: lj.step(cell, moved, s, u)[1], argnums=(0, 1))(x[0], jnp.ones(2))
    np.testing.assert_array_equal(by_input.T != 0, np.array(MASK) != 0)
    assert np.all(by_state != 0)  # the recurrent part is dense


def test_v9_cells_as_layers():
    network = LiquidNCPStack(4, 10, 1)
    params = network.init(KEY)
    state, output = lj.step(network, params, network.initial_state((1,)), jnp.ones((1, 4)))
    assert output.shape == (1, 1) and state.shape == (1, 11)
    assert [cell.parameter_count for cell in network.layers] == [330, 220, 30]
    assert network.parameter_count == 580 == sum(leaf.size for leaf in jax.tree.leaves(params))
    assert network.units == network.neurons + network.outputs == sum(cell.outputs for cell in network.layers)
    x = jnp.ones((1, 4))
    for cell, own, start, end in zip(network.layers, params, (0, 6, 10), (6, 10, 11), strict=True):
        new, x = lj.step(cell, own, cell.initial_state((1,)), x)
        np.testing.assert_allclose(state[:, start:end], new, atol=1e-10)
    np.testing.assert_allclose(output, x, atol=1e-10)


@pytest.mark.parametrize("head", range(5))
def test_v10_another_mask_reaches_every_head(head):
    """In the source `update_mask` leaves the heads as they are."""
    old, new = np.zeros((3, 2), int), np.ones((3, 2), int)
    cell = NCPLiquidCell(3, 2, old)
    changed = dataclasses.replace(cell, mask=new)
    weight = jnp.zeros((5, 5, 2)).at[:3, head].set(1.0)  # only this head hears the inputs
    weight = weight.at[3:].set(0.5)
    params = NCPLiquidCellParams(Linear(weight, jnp.arange(10.0).reshape(5, 2) / 10))

    def sensitivity(cell):
        return jax.jacrev(lambda u: lj.step(cell, params, jnp.array([0.3, -0.8]), u)[1])(jnp.ones(3))

    assert not np.any(sensitivity(cell)) and np.all(sensitivity(changed))


def test_v11_liquid_ncp_network():
    network = LiquidNCPNetwork(4, 10, 1)
    params = network.init(KEY)
    assert isinstance(network, lj.Cell) and network.units == 4
    for batch in ((1,), (8,)):
        state, output = lj.step(network, params, network.initial_state(batch), jnp.ones((*batch, 4)))
        assert output.shape == (*batch, 1) and state.shape == (*batch, 4)
    assert network.parameter_count == 255 == sum(leaf.size for leaf in jax.tree.leaves(params))
    inputs = jax.random.normal(KEY, (3, 2, 4))
    zeros = lj.unroll(network, params, inputs, state=jnp.zeros((2, 4)))
    np.testing.assert_array_equal(lj.unroll(network, params, inputs)[1], zeros[1])
    with pytest.raises(ValueError, match=r"inputs must be \(time, \*batch, inputs = 4\), got shape \(4,\)"):
        lj.unroll(network, params, jnp.ones(4))
    with pytest.raises(ValueError, match=r"got float64 \(2, 3, 5\)"):
        lj.step(network, params, network.initial_state((2, 3)), jnp.ones((2, 3, 5)))
    with pytest.raises(ValueError, match=r"state must be \(\*batch, units\) = \(2, 4\), got shape \(2, 11\)"):
        lj.step(network, params, jnp.zeros((2, 11)), jnp.ones((2, 4)))


def test_v11_given_masks_must_fit():
    masks = LiquidNCPNetwork(4, 10, 1).layer_masks
    network = LiquidNCPNetwork(4, 10, 1, masks=masks)
    np.testing.assert_array_equal(network.layer_masks.command, masks.command)
    assert network == pickle.loads(pickle.dumps(network)) and hash(network) == hash(pickle.loads(pickle.dumps(network)))
    with pytest.raises(ValueError, match=r"masks.inter must have shape \(5, 6\), got \(4, 6\)"):
        LiquidNCPNetwork(5, 10, 1, masks=masks)
    with pytest.raises(ValueError, match=r"masks.motor must hold -1, 0 and 1 only, got 5"):
        LiquidNCPNetwork(4, 10, 1, masks=masks._replace(motor=5 * np.ones((4, 1))))


def test_v12_ncp_network():
    network = NCPNetwork(4, 10, 1)
    params = network.init(KEY)
    x = jax.random.normal(KEY, (8, 4))
    y = network.apply(params, x)
    assert y.shape == (8, 1) and network.parameter_count == 63 == sum(leaf.size for leaf in jax.tree.leaves(params))
    np.testing.assert_array_equal(y, network.apply(params, x))
    assert network.apply(params, x[:1]).shape == (1, 1) and not isinstance(network, lj.Cell)
    with pytest.raises(ValueError, match=r"inputs must be \(\*batch, inputs = 4\), got shape \(8, 5\)"):
        network.apply(params, jnp.ones((8, 5)))


@pytest.mark.parametrize("kind", [LiquidNCPNetwork, NCPNetwork, LiquidNCPStack])
@pytest.mark.parametrize("sparsity", [0.1, 0.9])
def test_v13_inactive_parameters_are_the_masked_ones(kind, sparsity):
    """A parameter is active exactly if the output depends on it: counted from gradients, not from the masks."""
    network = kind(4, 10, 2, sparsity)
    params = jax.tree.map(lambda leaf: leaf + 0.1, network.init(KEY))

    def loss(params):
        x = jax.random.normal(KEY, (3, 5, 4))
        return jnp.sum((network.apply(params, x) if kind is NCPNetwork else lj.unroll(network, params, x)[1]) ** 2)

    gradient = jax.tree.leaves(jax.grad(loss)(params))
    assert network.parameter_count == sum(leaf.size for leaf in gradient)
    assert network.active_parameter_count == sum(int(jnp.count_nonzero(leaf)) for leaf in gradient)
    heads = [5 if liquid else 1 for liquid in kind.liquid]
    zeros = sum(n * int(np.sum(mask == 0)) for n, mask in zip(heads, network.layer_masks, strict=False))
    assert network.parameter_count - network.active_parameter_count == zeros


@pytest.mark.parametrize("cell", [NCPLiquidCell(3, 2, MASK), LiquidNCPNetwork(3, 10, 2), LiquidNCPStack(3, 10, 2)])
def test_v14_a_scan_is_the_loop(cell):
    params = cell.init(KEY)
    inputs = jax.random.normal(KEY, (6, 2, 3))
    state, outputs = lj.unroll(cell, params, inputs)
    now = cell.initial_state((2,))
    for x, y in zip(inputs, outputs, strict=True):
        now, output = cell.step(params, now, cell.sense(params, x), jnp.ones(()))
        np.testing.assert_allclose(output, y, atol=1e-10)
    np.testing.assert_allclose(now, state, atol=1e-10)
