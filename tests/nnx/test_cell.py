"""A cell as a module of NNX, in Flax's own `RNN` and `Bidirectional`."""

import copy
import pickle
from dataclasses import dataclass
from typing import NamedTuple

import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
import liquidjax.nnx
from drawn import drawn
from liquidjax.training.parameters import by_name
from small_cells import CELLS
from untyped import untyped

nnx, lnnx = untyped(flax.nnx), untyped(liquidjax.nnx)  # much is wrong on purpose, or numpy's

pytestmark = pytest.mark.usefixtures("x64")

TIME, BATCH = 3, 2
DROPS = lj.CfC(2, 4, backbone_units=8, dropout=0.5)
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())


def example(cell):
    """Parameters; inputs with the batch first."""
    return drawn(cell, dtype=float), np.random.default_rng(0).normal(size=(BATCH, TIME, cell.inputs))


def expected(cell, params, inputs, dt):
    """Outputs with the batch first, by `unroll`."""
    return np.swapaxes(jax.device_get(lj.unroll(cell, params, np.swapaxes(inputs, 0, 1), dt)[1]), 0, 1)


def assert_same(actual, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), actual, wanted)


@each_cell
def test_flaxs_rnn_computes_what_unroll_does(cell):
    params, inputs = example(cell)
    module = lnnx.RNNCell(cell, params=params, dt=0.3, deterministic=True)
    assert_same(nnx.RNN(module, rngs=False)(inputs), expected(cell, params, inputs, 0.3))


@each_cell
def test_every_array_is_a_parameter_of_flax_under_its_own_name(cell):
    params, _ = example(cell)
    module = lnnx.RNNCell(cell, params=params)
    _, state = nnx.split(module, nnx.Param)  # which refuses anything else in it
    found = {".".join(path): leaf for path, leaf in nnx.to_flat_state(state)}
    assert all(type(leaf) is nnx.Param for leaf in found.values())
    named = by_name(params)
    assert found.keys() == {f"params.{name}" for name in named}
    assert_same({name: found[f"params.{name}"].get_value() for name in named}, named)


def gradients(cell):
    params, inputs = example(cell)
    module = lnnx.RNNCell(cell, params=params, dt=0.3)
    state = nnx.grad(lambda m: jnp.sum(nnx.RNN(m, rngs=False)(inputs) ** 2))(module)
    theirs = {".".join(path[1:]): leaf.get_value() for path, leaf in nnx.to_flat_state(state)}
    ours = jax.jit(jax.grad(lambda p: jnp.sum(lj.unroll(cell, p, np.swapaxes(inputs, 0, 1), 0.3)[1] ** 2)))(params)
    return theirs, by_name(ours)


@pytest.mark.parametrize("name", ["ltc", "lstm", "cfc pure"])
def test_gradients_are_those_of_unroll(name):
    theirs, ours = gradients(CELLS[name])
    assert theirs.keys() == ours.keys()
    for name in ours:  # each is rounded by itself
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-10, atol=1e-12)


def test_the_cell_draws_its_parameters_as_init_does():
    cell = lj.GRU(2, 3)
    rngs = nnx.Rngs(params=5)
    module = lnnx.RNNCell(cell, rngs=rngs)
    assert module.pure()[0] is cell
    assert_same(module.pure()[1], jax.jit(cell.init)(nnx.Rngs(params=5).params()))
    other = lnnx.RNNCell(cell, rngs=rngs)
    assert np.any(other.params.inputs.weight[...] != module.params.inputs.weight[...])


def test_a_group_is_reached_by_names_and_by_numbers():
    cell = CELLS["stack"]
    params, _ = example(cell)
    module = lnnx.RNNCell(cell, params=params)
    assert_same(module.params.layers[1].norm.scale[...], params.layers[1].norm.scale)
    assert module.params["norm"] is module.params.norm


def test_parameters_come_back_and_go_in_again():
    cell = CELLS["stack"]
    params, _ = example(cell)
    module = lnnx.RNNCell(cell, rngs=nnx.Rngs(0))
    variable = module.params.norm.scale
    module.put(params)
    assert module.params.norm.scale is variable
    back = module.pure()[1]
    assert jax.tree.structure(back) == jax.tree.structure(params)
    assert_same(back, params)


def test_a_variable_of_another_kind_and_a_plain_array_still_count():
    cell = CELLS["gru"]
    params, _ = example(cell)
    module = lnnx.RNNCell(cell, params=params)
    module.params.inputs.bias = nnx.Variable(params.inputs.bias)
    module.params.recurrent.bias = jnp.asarray(params.recurrent.bias)
    assert_same(module.pure()[1], params)
    assert len(nnx.to_flat_state(nnx.state(module, nnx.Param))) == 2
    module.put(jax.tree.map(lambda leaf: leaf + 1, params))
    assert_same(module.pure()[1].recurrent.bias, params.recurrent.bias + 1)


@pytest.mark.parametrize("name", ["gru", "lstm"])
def test_a_step_takes_the_time_of_each_sample(name):
    cell = CELLS[name] if name == "lstm" else CELLS["ct-rnn"]
    params, inputs = example(cell)
    module = lnnx.RNNCell(cell, params=params)
    carry = module.initialize_carry(inputs[:, 0].shape)
    dt = np.array([0.1, 2.0])
    assert_same(module(carry, inputs[:, 0], dt), lj.step(cell, params, carry, inputs[:, 0], dt))


def test_a_first_state_can_be_drawn():
    cell = lj.LSTM(2, 3)
    module = lnnx.RNNCell(cell, rngs=nnx.Rngs(0))
    carry = module.initialize_carry((4, 2), nnx.Rngs(carry=1), nnx.initializers.normal())
    assert jax.tree.structure(carry) == jax.tree.structure(cell.initial_state((4,), float))
    assert all(leaf.shape == (4, 3) and np.all(leaf != 0) for leaf in jax.tree.leaves(carry))
    same = module.initialize_carry((4, 2), nnx.Rngs(carry=1).carry, nnx.initializers.normal())
    assert_same(same, carry)


def test_flaxs_bidirectional_holds_both_kinds_of_rnn():
    cell = CELLS["gru"]
    one, other = (lnnx.RNNCell(cell, params=drawn(cell, seed, dtype=float)) for seed in (0, 1))
    inputs, lengths = example(cell)[1], jnp.array([2, 3])
    theirs = nnx.Bidirectional(nnx.RNN(one, rngs=False), nnx.RNN(other, rngs=False))
    ours = nnx.Bidirectional(lnnx.RNN(one), lnnx.RNN(other))
    assert_same(ours(inputs), theirs(inputs))
    carries, outputs = ours(inputs, seq_lengths=lengths, return_carry=True)
    wanted, valid = theirs(inputs, seq_lengths=lengths, return_carry=True)
    assert_same(carries, wanted)
    assert_same((outputs[0, :2], outputs[1]), (valid[0, :2], valid[1]))


def test_dropout_is_for_training_only():
    inputs = jnp.ones((1, 8, 2))
    module = lnnx.RNNCell(DROPS, rngs=nnx.Rngs(0))
    for rnn in (nnx.RNN(module), lnnx.RNN(module)):
        rnn.eval()
        still = rnn(inputs)
        assert_same(still, rnn(inputs))
        assert_same(still, expected(DROPS, module.pure()[1], inputs, 1.0))
        rnn.train()
        assert np.any(rnn(inputs) != still) and np.any(rnn(inputs) != rnn(inputs))
        assert_same(nnx.view(rnn, deterministic=True)(inputs), still)


def test_flaxs_rnn_drops_what_a_loop_of_its_steps_drops():
    inputs = np.random.default_rng(0).normal(size=(1, 4, 2))
    one, other = (lnnx.RNNCell(DROPS, rngs=nnx.Rngs(0)) for _ in range(2))
    outputs = nnx.RNN(one)(inputs)
    carry = other.initialize_carry((1, 2))
    for t in range(4):
        carry, output = other(carry, inputs[:, t])
        assert_same(output, outputs[:, t])
    assert_same(one.rngs.count[...], other.rngs.count[...])


def test_dropout_keys_may_come_with_the_call():
    module = lnnx.RNNCell(DROPS, rngs=nnx.Rngs(0))
    rnn, inputs = lnnx.RNN(module), jnp.ones((1, 4, 2))
    one, same = (rnn(inputs, rngs=nnx.Rngs(dropout=3)) for _ in range(2))
    assert_same(one, same)
    assert np.any(one != rnn(inputs, rngs=nnx.Rngs(dropout=4)))
    carry = module.initialize_carry((1, 2))
    one, same = (module(carry, inputs[:, 0], rngs=nnx.Rngs(9).dropout) for _ in range(2))
    assert_same(one, same)
    assert_same(rnn(inputs, deterministic=True), expected(DROPS, module.pure()[1], inputs, 1.0))


def test_no_stream_of_keys_is_kept_where_none_is_drawn_from():
    assert lnnx.RNNCell(lj.GRU(2, 3), rngs=nnx.Rngs(0)).rngs is None
    assert isinstance(lnnx.RNNCell(DROPS, rngs=nnx.Rngs(0)).rngs, nnx.RngStream)


def test_it_is_copied_and_pickled():
    module = lnnx.RNNCell(DROPS, rngs=nnx.Rngs(0))
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), nnx.clone(module)):
        assert_same(other.pure()[1], module.pure()[1])
        other.params.head.heads.bias[...] += 1
        assert np.any(other.params.head.heads.bias[...] != module.params.head.heads.bias[...])


def test_what_a_view_can_set_is_told():
    assert "deterministic" in nnx.view_info(lnnx.RNNCell(lj.GRU(2, 3), rngs=nnx.Rngs(0)))


def test_half_precision_stays_half_precision():
    module = lnnx.RNNCell(lj.LSTM(2, 3), rngs=nnx.Rngs(0), param_dtype=jnp.bfloat16)
    assert nnx.RNN(module)(jnp.ones((1, 4, 2), jnp.bfloat16)).dtype == jnp.bfloat16


class Odd(NamedTuple):
    """Parameters with what a user's own cell may hold: None, tuples, an empty tuple, a dict."""

    nothing: None
    pair: tuple
    empty: tuple
    named: dict


@dataclass(frozen=True)
class Own:
    """y = a x + b (u + c), a cell from outside."""

    inputs: int = 2
    outputs: int = 2

    def init(self, key):
        return Odd(None, (jnp.full(2, 0.5), (jnp.ones(2),)), (), {"c": jax.random.normal(key, (2,))})

    def initial_state(self, batch_shape=(), dtype=jnp.float32):
        return jnp.zeros((*batch_shape, 2), dtype)

    def sense(self, params, inputs, key=None):
        return params.pair[1][0] * (inputs + params.named["c"])

    def step(self, params, state, sensed, dt):
        state = params.pair[0] * state + sensed * dt[..., None]
        return state, state


def test_a_cell_from_outside_with_odd_parameters_is_one_too():
    cell = Own()
    params, inputs = example(cell)
    module = lnnx.RNNCell(cell, params=params, dt=0.5)
    assert module.params.named.c.shape == module.params.pair[1][0].shape == (2,)
    for rnn in (nnx.RNN(module, rngs=False), lnnx.RNN(module)):
        assert_same(rnn(inputs), expected(cell, params, inputs, 0.5))
    assert jax.tree.structure(module.pure()[1]) == jax.tree.structure(params)


def two(**changes):
    return lnnx.RNNCell(lj.GRU(2, 3), **{"rngs": nnx.Rngs(0)} | changes)


REFUSED = {
    "no cell": (lambda: lnnx.RNNCell("gru", rngs=nnx.Rngs(0)), "cell must be a Cell"),
    "a cell of Flax": (lambda: lnnx.RNNCell(nnx.GRUCell(2, 3, rngs=nnx.Rngs(0)), rngs=nnx.Rngs(0)), "must be a Cell"),
    "no source of parameters": (lambda: two(rngs=None), "rngs must have a stream 'params'.*got None"),
    "another stream": (lambda: two(rngs=nnx.Rngs(dropout=0)), "a stream 'params'.*got nnx.Rngs with dropout"),
    "a key": (lambda: two(rngs=jax.random.key(0)), "rngs must be nnx.Rngs"),
    "parameters of another cell": (lambda: two(params=drawn(lj.LSTM(2, 3))), "params must be what GRU.init"),
    "parameters of another size": (lambda: two(params=drawn(lj.GRU(2, 4))), "params.inputs.weight must have the shape"),
    "a negative dt": (lambda: two(dt=-1.0), "dt must be a number in"),
    "a flag": (lambda: two(deterministic="yes"), "deterministic must be True or False"),
    "a dtype": (lambda: two(param_dtype=int), "param_dtype must be a dtype"),
    "metadata of nothing": (
        lambda: two(metadata={"inputs.wieght": {}}),
        "such as 'inputs.weight', got 'inputs.wieght'",
    ),
    "metadata of another kind": (lambda: two(metadata={"inputs.weight": ("a",)}), "must be a dict such as"),
    "metadata": (lambda: two(metadata=["inputs.weight"]), "metadata must be a dict by the names"),
    "other inputs": (
        lambda: two().initialize_carry((4, 3)),
        r"input_shape must be \(\*batch, inputs = 2\), got \(4, 3\)",
    ),
    "other inputs of Flax's RNN": (lambda: nnx.RNN(two())(jnp.ones((1, 4, 3))), "input_shape must be"),
    "no keys to draw a state": (
        lambda: two().initialize_carry((4, 2), carry_init=nnx.initializers.ones),
        "rngs must have a stream 'carry'",
    ),
    "a carry of another cell": (lambda: two()((jnp.ones(3),), jnp.ones(2)), "state must have the structure"),
    "a carry of another size": (lambda: two()(jnp.ones(4), jnp.ones(2)), "state must be"),
    "a carry of another dtype": (
        lambda: two()(jnp.ones(3, "float32"), jnp.ones(2)),
        "carry must be float64.*got float32",
    ),
    "a negative dt in the call": (lambda: two()(jnp.ones(3), jnp.ones(2), -0.1), "dt must be finite and at least 0"),
    "parameters put in": (lambda: two().put(drawn(lj.GRU(2, 4))), "must have the shape"),
    "no keys for dropout": (
        lambda: lnnx.RNNCell(DROPS, params=drawn(DROPS))(jnp.ones((1, 4)), jnp.ones((1, 2))),
        "rngs must have a stream 'dropout'",
    ),
    "projection of no module": (lambda: lnnx.project(lj.GRU(2, 3)), "module must be a module of flax.nnx"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(what):
    call, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_cell_without_keys_evaluates_without_dropout():
    params, inputs = example(DROPS)
    module = lnnx.RNNCell(DROPS, params=params, deterministic=True)
    assert_same(lnnx.RNN(module)(inputs), expected(DROPS, params, inputs, 1.0))
