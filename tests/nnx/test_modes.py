"""One module, the same numbers in every way in which Flax runs it."""

import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
import liquidjax.nnx
from drawn import drawn
from untyped import untyped

nnx, lnnx = untyped(flax.nnx), untyped(liquidjax.nnx)  # much is wrong on purpose, or numpy's

pytestmark = pytest.mark.usefixtures("x64")

CELL = lj.Readout(lj.LSTM(2, 3), 1)
PARAMS = drawn(CELL, dtype=float)
INPUTS = np.random.default_rng(0).normal(size=(2, 4, 2))


def call(module, inputs):
    return module(inputs)


def eager(module):
    return module(INPUTS)


def graph_mode(module):
    return nnx.jit(call, graph=True, graph_updates=True)(module, INPUTS)


def simple_graph_mode(module):
    return nnx.jit(call, graph=True, graph_updates=False)(module, INPUTS)


def tree_mode(module):
    return nnx.jit(call, graph=False)(module, INPUTS)


def all_of_flax_in_tree_mode(module):
    with nnx.set_graph_mode(False):
        return nnx.jit(call)(module, INPUTS)


def functional(module):
    graphdef, state = nnx.split(module)
    return jax.jit(lambda state, inputs: nnx.merge(graphdef, state)(inputs))(state, INPUTS)


def functional_tree_mode(module):
    graphdef, state = nnx.split(module, graph=False)
    return jax.jit(lambda state, inputs: nnx.merge(graphdef, state)(inputs))(state, INPUTS)


def pytree(module):
    return jax.jit(call)(module, INPUTS)


WAYS = [
    eager,
    graph_mode,
    simple_graph_mode,
    tree_mode,
    all_of_flax_in_tree_mode,
    functional,
    functional_tree_mode,
    pytree,
]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def ours(cell, **options):
    return lnnx.RNN(cell, **options)


def theirs(cell, **options):
    return nnx.RNN(cell, rngs=False, **options)


@each_way
@pytest.mark.parametrize("rnn", [ours, theirs])
def test_outputs_are_those_of_unroll(rnn, way):
    wanted = jax.device_get(lj.unroll(CELL, PARAMS, np.swapaxes(INPUTS, 0, 1))[1])
    outputs = way(rnn(lnnx.RNNCell(CELL, params=PARAMS)))
    np.testing.assert_allclose(np.swapaxes(outputs, 0, 1), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "tree"])
@pytest.mark.parametrize("rnn", [ours, theirs])
def test_gradients_are_those_of_unroll(rnn, graph):
    def loss(module):
        return jnp.sum(module(INPUTS) ** 2)

    module = rnn(lnnx.RNNCell(CELL, params=PARAMS))
    gradient = nnx.jit(nnx.grad(loss, graph=graph, graph_updates=graph), graph=graph, graph_updates=graph)(module)
    found = nnx.state(gradient, nnx.Param)["cell"]["params"]
    wanted = jax.jit(jax.grad(lambda p: jnp.sum(lj.unroll(CELL, p, np.swapaxes(INPUTS, 0, 1))[1] ** 2)))(PARAMS)
    pairs = (
        (found["cell"]["inputs"]["weight"], wanted.cell.inputs.weight),
        (found["cell"]["inputs"]["bias"], wanted.cell.inputs.bias),
        (found["cell"]["recurrent"], wanted.cell.recurrent),
        (found["linear"]["weight"], wanted.linear.weight),
        (found["linear"]["bias"], wanted.linear.bias),
    )
    for variable, other in pairs:
        np.testing.assert_allclose(variable.get_value(), other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "way", [graph_mode, tree_mode, all_of_flax_in_tree_mode, functional], ids=lambda way: way.__name__
)
def test_keys_for_dropout_go_on_where_the_last_call_ended(way):
    cell = lj.CfC(2, 3, backbone_units=8, dropout=0.5)
    module, same = (lnnx.RNN(cell, rngs=nnx.Rngs(0)) for _ in range(2))
    first, second = way(module), way(module)
    np.testing.assert_allclose(first, same(INPUTS), rtol=1e-6)
    if way is functional:  # which leaves the module as it is, by what it says
        assert np.array_equal(first, second)
    else:
        assert np.any(first != second)
        np.testing.assert_allclose(second, same(INPUTS), rtol=1e-6)


def test_members_side_by_side_are_each_of_them():
    @nnx.split_rngs(splits=2)
    @nnx.vmap
    def members(rngs):
        return lnnx.RNN(lj.GRU(2, 3), rngs=rngs)

    both = members(nnx.Rngs(0))
    outputs = nnx.vmap(call, in_axes=(0, None))(both, INPUTS)
    graphdef, state = nnx.split(both)
    for i, wanted in enumerate(outputs):
        alone = nnx.merge(graphdef, jax.tree.map(lambda leaf, i=i: leaf[i], state))
        np.testing.assert_allclose(alone(INPUTS), wanted, rtol=1e-12, atol=1e-12)
    with pytest.raises(ValueError, match="must have the shape"):
        both(INPUTS)


def test_it_is_built_without_numbers():
    module = nnx.eval_shape(lambda: lnnx.RNN(CELL, rngs=nnx.Rngs(0)))
    assert jax.tree.map(np.shape, module.pure()[1]) == jax.tree.map(np.shape, PARAMS)


def test_a_table_has_every_parameter_by_name():
    table = nnx.tabulate(
        lnnx.RNN(CELL, rngs=nnx.Rngs(0)),
        INPUTS,
        dt=np.ones((2, 4)),
        console_kwargs={"width": 160, "force_terminal": False},
    )
    for row in ("cell/params/cell ", "cell/params/cell/inputs ", "cell/params/linear "):
        assert row in table
    assert "weight: float64[2,4,3]" in table and "recurrent: float64[3,4,3]" in table
