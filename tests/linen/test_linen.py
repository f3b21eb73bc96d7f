"""A cell as a module of Linen: in Flax's own `RNN` and `Bidirectional`, and in ours with elapsed times."""

import flax.linen
import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import traverse_util
from flax.training.train_state import TrainState

import liquidjax as lj
import liquidjax.linen
import liquidjax.nnx
from drawn import drawn
from liquidjax.training.parameters import by_name
from small_cells import CELLS
from untyped import untyped

linen, llinen = untyped(flax.linen), untyped(liquidjax.linen)
nnx, lnnx = untyped(flax.nnx), untyped(liquidjax.nnx)  # much is wrong on purpose, or numpy's

pytestmark = pytest.mark.usefixtures("x64")

TIME, BATCH = 3, 2
DROPS = lj.CfC(2, 4, backbone_units=8, dropout=0.5)
each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())


def example(cell):
    """Parameters; inputs and dt with the batch first."""
    rng = np.random.default_rng(0)
    return drawn(cell, dtype=float), rng.normal(size=(BATCH, TIME, cell.inputs)), rng.uniform(0.1, 1, (BATCH, TIME))


def within(params):
    """The variables of a module that holds an `RNNCell` as `cell`."""
    return {"params": {"cell": {"params": llinen.to_linen(params)}}}


def expected(cell, params, inputs, dt):
    dt = np.swapaxes(dt, 0, 1) if np.ndim(dt) else dt
    state, outputs = jax.device_get(lj.unroll(cell, params, np.swapaxes(inputs, 0, 1), dt))
    return state, np.swapaxes(outputs, 0, 1)


def assert_same(actual, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), actual, wanted)


@each_cell
def test_flaxs_rnn_computes_what_unroll_does(cell):
    params, inputs, _ = example(cell)
    rnn = linen.RNN(llinen.RNNCell(cell, dt=0.3, deterministic=True), return_carry=True)
    assert_same(rnn.apply(within(params), inputs), expected(cell, params, inputs, 0.3))


@each_cell
def test_ours_is_unroll_with_elapsed_times(cell):
    params, inputs, dt = example(cell)
    rnn = llinen.RNN(llinen.RNNCell(cell, deterministic=True), return_carry=True)
    assert_same(rnn.apply(within(params), inputs, dt=dt), expected(cell, params, inputs, dt))


@pytest.mark.parametrize("rnn", [linen.RNN, llinen.RNN])
@pytest.mark.parametrize("name", ["ltc", "stack", "lstm"])
def test_every_array_that_init_draws_is_under_its_own_name(name, rnn):
    cell = CELLS[name]
    module = rnn(llinen.RNNCell(cell, deterministic=True))
    variables = jax.eval_shape(module.init, jax.random.key(0), jnp.ones((1, 2, 3)))
    found = {
        ".".join(path): leaf.shape for path, leaf in untyped(traverse_util).flatten_dict(variables["params"]).items()
    }
    wanted = by_name(jax.eval_shape(cell.init, jax.random.key(0)))
    assert found == {f"cell.params.{name}": leaf.shape for name, leaf in wanted.items()}


def test_both_rnns_draw_the_same():
    cell = CELLS["lstm"]
    one, other = (
        jax.jit(rnn(llinen.RNNCell(cell)).init)(jax.random.key(0), jnp.ones((1, 2, 3)))
        for rnn in (linen.RNN, llinen.RNN)
    )
    assert_same(one, other)
    assert np.any(one["params"]["cell"]["params"]["inputs"]["weight"])


@pytest.mark.parametrize("rnn", [linen.RNN, llinen.RNN])
def test_gradients_are_those_of_unroll(rnn):
    cell = CELLS["lstm"]
    params, inputs, _ = example(cell)
    module = rnn(llinen.RNNCell(cell))
    found = jax.jit(jax.grad(lambda v: jnp.sum(module.apply(v, inputs) ** 2)))(within(params))
    turned = np.swapaxes(inputs, 0, 1)
    wanted = jax.jit(jax.grad(lambda p: jnp.sum(lj.unroll(cell, p, turned)[1] ** 2)))(params)
    for name, leaf in by_name(found["params"]["cell"]["params"]).items():
        np.testing.assert_allclose(leaf, by_name(wanted)[name], rtol=1e-10, atol=1e-12)


def test_parameters_have_the_path_that_they_have_in_nnx():
    cell = CELLS["stack"]
    module = lnnx.RNN(lnnx.RNNCell(cell, params=example(cell)[0]))
    assert_same(nnx.to_pure_dict(nnx.state(module, nnx.Param)), within(example(cell)[0])["params"])


@each_cell
def test_parameters_come_back(cell):
    params, _, _ = example(cell)
    back = llinen.from_linen(cell, llinen.to_linen(params))
    assert jax.tree.structure(back) == jax.tree.structure(params)
    assert_same(back, params)


def test_flaxs_bidirectional_holds_both_kinds_of_rnn():
    cell = CELLS["gru"]
    inputs, lengths = example(cell)[1], jnp.array([2, 3])
    sides = {"forward_rnn": drawn(cell, 0, dtype=float), "backward_rnn": drawn(cell, 1, dtype=float)}
    variables = {"params": {name: within(params)["params"] for name, params in sides.items()}}
    (carries, outputs), (wanted, valid) = (
        linen.Bidirectional(*(rnn(llinen.RNNCell(cell)) for _ in range(2)), return_carry=True).apply(
            variables, inputs, seq_lengths=lengths, init_key=jax.random.key(1)
        )
        for rnn in (llinen.RNN, linen.RNN)
    )
    assert_same(carries, wanted)
    assert_same((outputs[0, :2], outputs[1]), (valid[0, :2], valid[1]))


class Net(linen.Module):
    """Both kinds inside a compact method."""

    @linen.compact
    def __call__(self, inputs, dt):
        hidden = llinen.RNN(lj.CTRNN(2, 2, lj.Euler(1)))(inputs, dt=dt)
        return linen.Dense(1)(linen.RNN(llinen.RNNCell(lj.CTRNN(2, 2, lj.Euler(1))))(hidden))


def test_it_learns_within_a_compact_module(promotes):
    inputs = np.random.default_rng(0).normal(size=(8, 6, 2))
    targets, dt = inputs[..., :1].cumsum(1), np.random.default_rng(1).uniform(0.1, 1, (8, 6))
    net = Net()
    state = TrainState.create(
        apply_fn=net.apply, params=net.init(jax.random.key(0), inputs, dt)["params"], tx=optax.adam(0.03)
    )
    assert untyped(state.params)["RNN_0"]["cell"]["params"]["time_constant"].shape == (2,)

    @jax.jit
    def step(state):
        loss, gradient = jax.value_and_grad(
            lambda params: jnp.mean((state.apply_fn({"params": params}, inputs, dt) - targets) ** 2)
        )(state.params)
        return state.apply_gradients(grads=gradient), loss

    losses = []
    for _ in range(5):
        state, loss = step(state)
        losses.append(float(loss))
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.95 * losses[0]


def test_axes_and_arguments_are_those_of_ours_for_nnx():
    """`liquidjax.nnx.RNN` is tested by itself, and both call one function."""
    cell = CELLS["ct-rnn"]
    params, inputs, dt = example(cell)
    turned, mask = np.swapaxes(inputs, 0, 1), np.array([[True, True, False], [True, True, True]])
    told = {"return_carry": True, "reverse": True, "keep_order": True}
    ours = lnnx.RNN(lnnx.RNNCell(cell, params=params))
    wanted = ours(turned, dt=dt.T, mask=mask.T, reset=~mask.T, initial_carry=np.ones((2, 2)), time_major=True, **told)
    module = llinen.RNN(cell, time_major=True, **told)
    how = {"dt": dt.T, "mask": mask.T, "reset": ~mask.T, "initial_carry": np.ones((2, 2))}
    assert_same(module.apply(within(params), turned, **how), wanted)
    called = {"dt": dt.T, "seq_lengths": mask.sum(1), "time_major": True, "reverse": True}
    assert_same(llinen.RNN(cell).apply(within(params), turned, **called), ours(turned, **called))


def test_dropout_is_asked_for_as_flaxs_own():
    params, inputs = drawn(DROPS, dtype=float), np.ones((1, 8, 2))
    variables, rngs = within(params), {"dropout": jax.random.key(1)}
    ours = llinen.RNN(DROPS)
    still = ours.apply(variables, inputs, deterministic=True)
    assert_same(still, expected(DROPS, params, inputs, 1.0)[1])
    noisy = ours.apply(variables, inputs, deterministic=False, rngs=rngs)
    assert np.any(noisy != still)
    assert_same(ours.apply(variables, inputs, deterministic=False, rngs=rngs), noisy)
    with pytest.raises(ValueError, match="deterministic"):
        ours.apply(variables, inputs)
    cell = llinen.RNNCell(DROPS, deterministic=False)
    once, anew = (linen.RNN(cell, split_rngs={"params": False, "dropout": split}) for split in (False, True))
    assert np.any(once.apply(variables, inputs, rngs=rngs) != anew.apply(variables, inputs, rngs=rngs))


def test_a_cell_without_dropout_is_not_asked_about_it():
    cell = CELLS["gru"]
    params, inputs, _ = example(cell)
    assert llinen.RNN(cell).apply(within(params), inputs).shape == (BATCH, TIME, 2)


def test_axes_of_parameters_get_names():
    cell = lj.GRU(2, 3)
    names = {"inputs.weight": (None, None, "model")}
    module = llinen.RNN(llinen.RNNCell(cell, partitioning=names))
    variables = jax.jit(module.init)(jax.random.key(0), np.ones((1, 2, 2)))
    spec = linen.get_partition_spec(variables)["params"]["cell"]["params"]
    assert spec["inputs"]["weight"] == jax.P(None, None, "model") and spec["inputs"]["bias"] == jax.P()
    plain = linen.RNN(llinen.RNNCell(cell))
    assert_same(module.apply(variables, np.ones((1, 2, 2))), plain.apply(linen.unbox(variables), np.ones((1, 2, 2))))
    boxed = variables["params"]["cell"]["params"]
    assert_same(llinen.from_linen(cell, boxed), llinen.from_linen(cell, linen.unbox(boxed)))


@pytest.mark.parametrize("boxed", [False, True])
def test_explicit_constraints_are_kept(boxed):
    cell = lj.Readout(lj.LTC(2, lj.FullyConnected(2), constraints="explicit"), 1)
    params = llinen.to_linen(drawn(cell))
    params["cell"]["capacitance"] = np.array([-1.0, 2.0])
    if boxed:
        params["cell"]["capacitance"] = linen.Partitioned(params["cell"]["capacitance"], ("model",))
    projected = llinen.project(cell, params)
    assert jax.tree.structure(projected) == jax.tree.structure(params)
    assert_same(linen.unbox(projected)["cell"]["capacitance"], np.array([1e-6, 2.0]))
    assert_same(projected["linear"], params["linear"])


def test_half_precision_stays_half_precision():
    rnn = linen.RNN(llinen.RNNCell(lj.LSTM(2, 3), param_dtype=jnp.bfloat16))
    inputs = jnp.ones((1, 4, 2), jnp.bfloat16)
    variables = jax.jit(rnn.init)(jax.random.key(0), inputs)
    assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("bfloat16")}
    assert rnn.apply(variables, inputs).dtype == jnp.bfloat16


def test_a_module_is_a_value():
    one, other = (llinen.RNN(lj.GRU(2, 3), gradient=lj.BPTT()) for _ in range(2))
    assert one == other and hash(one) == hash(other)


def test_a_table_has_every_parameter_by_name():
    table = llinen.RNN(CELLS["readout"]).tabulate(
        jax.random.key(0), jnp.ones((1, 2, 3)), console_kwargs={"width": 160, "force_terminal": False}
    )
    assert "weight: float64[3,3,2]" in table and "RNNCell" in table


def call(module, inputs=np.ones((1, 2, 2)), cell=lj.GRU(2, 3), **options):
    return module.apply(within(drawn(cell, dtype=float)), inputs, **options)


REFUSED = {
    "no cell": (lambda: llinen.RNNCell("gru"), "cell must be a Cell"),
    "a cell of Flax": (lambda: llinen.RNN(linen.GRUCell(3)), "cell must be a Cell"),
    "a negative dt": (lambda: llinen.RNNCell(lj.GRU(2, 3), dt=-1), "dt must be a number in"),
    "a flag": (lambda: llinen.RNN(lj.GRU(2, 3), reverse=1), "reverse must be True or False"),
    "a flag of the cell": (
        lambda: llinen.RNNCell(lj.GRU(2, 3), deterministic=1),
        "deterministic must be True or False",
    ),
    "names of nothing": (
        lambda: llinen.RNNCell(lj.GRU(2, 3), partitioning={"input.weight": ("a",)}),
        "partitioning must name parameters of the cell such as 'inputs.weight', got 'input.weight'",
    ),
    "names of another kind": (
        lambda: llinen.RNNCell(lj.GRU(2, 3), partitioning={"inputs.weight": "a"}),
        "must be a tuple such as",
    ),
    "a dtype": (
        lambda: llinen.RNN(llinen.RNNCell(lj.GRU(2, 3), param_dtype=int)).init(jax.random.key(0), np.ones((1, 2, 2))),
        "param_dtype must be a dtype",
    ),
    "parameters of another cell": (
        lambda: call(llinen.RNN(lj.LSTM(2, 3))),
        "must have the names that LSTM.init gives",
    ),
    "parameters of another size": (
        lambda: call(llinen.RNN(lj.GRU(2, 4))),
        "params.inputs.weight must have the shape",
    ),
    "other inputs": (lambda: call(llinen.RNN(lj.GRU(2, 3)), np.ones((1, 2, 3))), r"inputs must be \(\*batch, time"),
    "other inputs of Flax's RNN": (
        lambda: call(linen.RNN(llinen.RNNCell(lj.GRU(2, 3))), np.ones((1, 2, 3))),
        "input_shape must be",
    ),
    "a mask and lengths": (
        lambda: call(llinen.RNN(lj.GRU(2, 3)), mask=np.ones((1, 2), bool), seq_lengths=[2]),
        "mask and seq_lengths both",
    ),
    "dt below 0": (lambda: call(llinen.RNN(lj.GRU(2, 3)), dt=-0.1), "dt must be finite and at least 0"),
    "inputs of another dtype": (
        lambda: call(linen.RNN(llinen.RNNCell(lj.GRU(2, 3), param_dtype="float32"))),
        "carry must be float64.*got float32",
    ),
    "a list in the place of names": (lambda: llinen.from_linen(lj.GRU(2, 3), [1.0]), "must be a dict of names"),
    "no cell to make parameters of": (lambda: llinen.from_linen("gru", {}), "cell must be a Cell"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(what):
    function, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence) as caught:
        function()
    assert "\n" not in str(caught.value)
