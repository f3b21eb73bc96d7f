"""Members of an ensemble by `jax.vmap`: LTCs with parameters of their own, each as if it were alone."""

import functools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn

pytestmark = pytest.mark.usefixtures("x64")

WIRINGS = {
    "ncp": lj.AutoNCP(8, 2),
    "fully connected": lj.FullyConnected(4, 2),
    "random": lj.Random(6, 2, sparsity=0.5),
}
MEMBERS, TIME, BATCH, INPUTS = 3, 4, 2, 3
DT = np.random.default_rng(1).uniform(0.05, 0.5, (TIME, BATCH))

each_wiring = pytest.mark.parametrize("wiring", WIRINGS.values(), ids=WIRINGS.keys())


SMALL = lj.FullyConnected(3, 1)


def cell_of(wiring):
    return lj.LTC(INPUTS, wiring, lj.SemiImplicit(1 if wiring is SMALL else 3))


@functools.cache
def example(wiring):
    """Parameters of all members, and inputs of all members."""
    rng = np.random.default_rng(0)
    return drawn(cell_of(wiring), members=(MEMBERS,), dtype=float), rng.normal(size=(MEMBERS, TIME, BATCH, INPUTS))


@functools.cache
def loss_of(wiring):
    def loss(params, inputs):
        state, outputs = lj.unroll(cell_of(wiring), params, inputs, DT)
        return jnp.sum(jnp.sin(outputs)) + jnp.sum(state**2), outputs

    return loss


@functools.cache
def differentiated(wiring):
    """(params, inputs) -> ((loss, outputs), gradient with respect to both)."""
    return jax.value_and_grad(loss_of(wiring), argnums=(0, 1), has_aux=True)


@functools.cache
def alone(wiring):
    return jax.jit(differentiated(wiring))


def member(tree, number):
    return jax.tree.map(lambda leaf: leaf[number], tree)


def assert_same(together, single):
    chex.assert_trees_all_close(together, single, rtol=1e-12, atol=1e-12)


@each_wiring
@pytest.mark.parametrize(("of_params", "of_inputs"), [(0, None), (None, 0), (0, 0)])
def test_members_are_single_runs(wiring, of_params, of_inputs):
    """Outputs and gradients, with parameters of their own, inputs of their own, and both."""
    params, inputs = example(wiring)
    params = params if of_params == 0 else member(params, 0)
    inputs = inputs if of_inputs == 0 else inputs[0]
    together = jax.jit(jax.vmap(differentiated(wiring), in_axes=(of_params, of_inputs)))(params, inputs)
    for number in range(MEMBERS):
        own_params = params if of_params is None else member(params, number)
        own_inputs = inputs if of_inputs is None else inputs[number]
        assert_same(member(together, number), alone(wiring)(own_params, own_inputs))


@each_wiring
def test_members_on_sets_of_inputs_are_single_runs(wiring):
    """A map within a map, the members within and outside."""
    params, inputs = example(wiring)
    within = jax.jit(jax.vmap(jax.vmap(differentiated(wiring), in_axes=(0, None)), in_axes=(None, 0)))(params, inputs)
    outside = jax.jit(jax.vmap(jax.vmap(differentiated(wiring), in_axes=(None, 0)), in_axes=(0, None)))(params, inputs)
    for i in range(MEMBERS):
        for j in range(MEMBERS):
            expected = alone(wiring)(member(params, i), inputs[j])
            assert_same(member(member(within, j), i), expected)
            assert_same(member(member(outside, i), j), expected)


def test_derivatives_of_members_forwards_and_of_second_order_are_those_of_single_runs():
    """The gradient of a directional derivative: forwards and then backwards."""
    wiring = SMALL  # they take long to compile
    params, inputs = example(wiring)

    def along(params, inputs):
        ones = jax.tree.map(jnp.ones_like, (params, inputs))
        return jax.jvp(lambda p, u: loss_of(wiring)(p, u)[0], (params, inputs), ones)[1]

    differentiate = jax.value_and_grad(along)
    together = jax.jit(jax.vmap(differentiate))(params, inputs)
    single = jax.jit(differentiate)
    for number in range(MEMBERS):
        assert_same(member(together, number), single(member(params, number), inputs[number]))
