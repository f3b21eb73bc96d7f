"""The operation that was the first not to be finite is found, wherever it is."""

import functools

import jax
import jax.numpy as jnp
import pytest

import liquidjax as lj
from liquidjax.training.first_operation import first_operation

ONE = jnp.ones(3)


def in_scan(x):
    """The state is 1, 0, -1, ...: its root is not a number in the third step."""
    return jax.lax.scan(lambda state, step: (state - step, jnp.sqrt(state)), x[0], jnp.ones(5))[1]


def in_scan_backwards(x):
    """What is read from the end on: 1, 0, -1."""
    return jax.lax.scan(lambda state, step: (state, jnp.log1p(step - 2)), x[0], jnp.array([0.0, 1.5, 3]), reverse=True)[
        1
    ]


def in_while(x):
    return jax.lax.while_loop(lambda state: state > -3, lambda state: state - 1 + 0 * jnp.arccosh(state), x[0])


def in_cond(x):
    return jax.lax.cond(x[0] > 0, lambda x: jnp.arcsin(x + 1), lambda x: jnp.log(-x), x)


@jax.jit
def in_jit(x):
    return jnp.sum(x) + jax.jit(lambda x: jnp.exp(1000 * x))(x)


def in_remat(x):
    return jax.grad(lambda x: jnp.sum(jax.checkpoint(lambda x: jnp.sqrt(x - 1))(x)))(x)


def in_custom(x):
    return jax.nn.relu(x) / (x - 1)


@functools.partial(jax.jit, donate_argnums=0)
def donated(x):
    return jnp.log(x - 1), 2 * x


@pytest.mark.parametrize(
    ("function", "operation"),
    [
        (in_scan, "sqrt"),
        (in_scan_backwards, "log1p"),
        (in_while, "acosh"),
        (in_cond, "asin"),
        (in_jit, "exp"),
        (in_remat, "div"),
        (in_custom, "div"),
        (lambda x: donated(x * 1.0), "log"),
        (lambda x: jnp.sqrt(-x) + jnp.log(-x), "sqrt"),
    ],
)
def test_it_is_found(function, operation):
    found = first_operation(function, ONE)
    assert found is not None and found.startswith(f"{operation} at ") and "test_first_operation.py:" in found


def test_where_all_is_finite_there_is_none():
    assert first_operation(lambda x: (in_cond(x), jnp.sum(x)), -2 * ONE) is None


def test_what_came_in_is_nobodys_fault():
    """Unknown targets are NaN, and counted as nothing."""
    targets = jnp.array([1.0, jnp.nan, 2.0])

    def loss(x):
        known = ~jnp.isnan(targets)
        return jnp.sum(jnp.where(known, jnp.square(x - jnp.where(known, targets, 0)), 0))

    assert first_operation(jax.grad(loss), ONE) is None
    found = first_operation(lambda x: loss(x) + jnp.log(-x), ONE)
    assert found is not None and found.startswith("log ")


def test_it_is_found_in_a_sequence_and_its_gradient():
    cell = lj.Readout(lj.CTRNN(2, 3, lj.Euler(2)), 1)
    params = cell.init(jax.random.key(0))

    def loss(params, inputs):
        return jnp.sum(jnp.log(lj.unroll(cell, params, inputs, 0.1, validate=False)[1]))

    found = first_operation(jax.value_and_grad(loss), params, jnp.ones((4, 2, 2)))
    assert found is not None and found.startswith("log at ") and "test_first_operation.py" in found
    params = jax.tree.map(lambda leaf: leaf * 1e30, params)
    found = first_operation(jax.value_and_grad(loss), params, jnp.full((4, 2, 2), 1e30))
    assert found is not None and "/liquidjax/" in found
