"""Sparse linear layers, as Velora has them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from liquidjax.cells.velora import NCPLiquidCell
from liquidjax.layers.sparse import INITIALISERS, SparseLinear

pytestmark = pytest.mark.usefixtures("x64")

KEY = jax.random.key(0)
MASK = [[1, 0], [-1, 1], [0, -1]]


def test_v6_sparse_linear_is_the_masked_product():
    mask = np.array([[1, 0, 1, 1, 1], [1, 1, 1, 0, 1], [1, 1, 1, 1, 1]]).T
    layer = SparseLinear(mask, bias=True)
    assert layer == SparseLinear(mask.tolist()) and hash(layer) == hash(SparseLinear(mask.tolist()))
    ones = jax.tree.map(jnp.ones_like, layer.init(KEY))
    np.testing.assert_array_equal(layer.apply(ones, jnp.ones(5)) - 1, [4, 4, 5])
    params = SparseLinear(MASK, bias=False, signed=True).init(KEY)._replace(weight=jnp.arange(1.0, 7).reshape(3, 2))
    x = jnp.array([[1.0, 10.0, 100.0]])
    assert params.bias is None
    np.testing.assert_array_equal(SparseLinear(MASK, bias=False, signed=True).apply(params, x), [[-29, -560]])
    np.testing.assert_array_equal(SparseLinear(MASK, bias=False).apply(params, x), [[31, 640]])
    for mask, message in (([[2]], "hold -1, 0 and 1 only, got 2"), ([1, 0], "must be a matrix")):
        with pytest.raises(ValueError, match=message):
            SparseLinear(mask)


@pytest.mark.parametrize("optimizer", [optax.adam(0.1), optax.adamw(0.1, weight_decay=0.1)], ids=["adam", "adamw"])
def test_v6_masked_weights_stay_masked_through_an_optimizer(optimizer, promotes):
    layer = SparseLinear(MASK)
    kept = np.array(MASK) != 0
    params: Any = layer.init(KEY)
    assert not np.any(params.weight[~kept]) and np.all(params.weight[kept])
    memory = optimizer.init(params)
    x = jax.random.normal(KEY, (8, 3))
    start = params
    for _ in range(5):
        gradient = jax.grad(lambda p: jnp.mean((layer.apply(p, x) - 1) ** 2))(params)
        assert not np.any(gradient.weight[~kept]) and np.all(gradient.weight[kept])
        updates, memory = optimizer.update(gradient, memory, params)
        params = optax.apply_updates(params, updates)
    assert not np.any(params.weight[~kept]) and np.all(params.weight[kept] != start.weight[kept])


def test_v6_what_is_stored_behind_the_mask_does_not_matter():
    layer = SparseLinear(MASK)
    params = layer.init(KEY)
    dirty = params._replace(weight=jnp.where(np.array(MASK) != 0, params.weight, jnp.nan))
    x = jnp.ones((2, 3))
    np.testing.assert_array_equal(layer.apply(params, x), layer.apply(dirty, x))
    gradient = jax.grad(lambda p: layer.apply(p, x).sum())(dirty)
    np.testing.assert_array_equal(gradient.weight == 0, np.array(MASK) == 0)


def test_v7_six_initialisers():
    inputs, outputs = 50, 40
    dense = np.ones((inputs, outputs), int)
    drawn: dict[str, Any] = {name: SparseLinear(dense, name).init(KEY) for name in INITIALISERS}
    assert len(drawn) == 6
    largest = {name: float(jnp.max(jnp.abs(p.weight))) for name, p in drawn.items()}
    spread = {name: float(jnp.std(p.weight)) for name, p in drawn.items()}
    for name, limit in (("kaiming_uniform", 1 / np.sqrt(inputs)), ("sonar", 0.006 * np.sqrt(3 / inputs))):
        assert 0.98 * limit < largest[name] <= limit
        np.testing.assert_allclose(spread[name], limit / np.sqrt(3), rtol=0.05)
    np.testing.assert_allclose(spread["xavier"], np.sqrt(2 / (inputs + outputs)), rtol=0.05)
    assert largest["xavier"] > 2.5 * spread["xavier"]  # a normal distribution that is not cut off
    np.testing.assert_allclose(spread["trunc_normal"], 1e-3, rtol=0.05)
    assert largest["zero"] == 0
    weight = drawn["orthogonal"].weight
    np.testing.assert_allclose(weight.T @ weight, np.eye(outputs), atol=1e-10)
    for name, params in drawn.items():
        if name == "kaiming_uniform":
            assert 0.8 < float(jnp.max(jnp.abs(params.bias))) * np.sqrt(inputs) <= 1
        else:
            assert not np.any(params.bias)
    with pytest.raises(ValueError, match=r"initialiser must be one of 'xavier', .*, got 'he'"):
        SparseLinear(MASK, "he")


def test_v7_the_heads_of_a_cell_are_drawn_apart():
    weight = NCPLiquidCell(40, 30, np.ones((40, 30), int), "xavier").init(KEY).heads.weight
    assert weight.shape == (70, 5, 30)
    np.testing.assert_allclose(np.std(weight, axis=(0, 2)), np.full(5, np.sqrt(2 / 100)), rtol=0.06)
    assert np.max(np.abs(np.corrcoef(jnp.moveaxis(weight, 1, 0).reshape(5, -1)) - np.eye(5))) < 0.1
