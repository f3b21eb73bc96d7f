"""One table of all cells, one set of checks that each of them passes."""

import copy
import functools
import itertools
import pickle

import chex
import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.cells.ode import is_adaptive
from liquidjax.cells.wrappers.base import Wrapper
from liquidjax.testing import check_cell, check_wrapper

pytestmark = pytest.mark.usefixtures("x64")

NCP = lj.AutoNCP(units=8, outputs=2)
TWO = lj.SemiImplicit(unfolds=2)


def first_error(output, target):
    """The squared error of the first output."""
    return (output[..., 0] - target[..., 0]) ** 2


CELLS = {
    "ltc": lj.LTC(3, NCP, TWO),
    "ltc explicit": lj.LTC(3, NCP, TWO, None, "linear", constraints="explicit"),
    "ltc fully connected rk4": lj.LTC(3, lj.FullyConnected(4, 2), lj.RK4(2)),
    "ltc diffrax": lj.LTC(3, lj.FullyConnected(3), lj.Diffrax(diffrax.Bosh3(), diffrax.PIDController(1e-7, 1e-9))),
    "hasani ltc": lj.HasaniLTC(3, 4, TWO),
    "gated linear": lj.GatedLinear(3, 4),
    "stack": lj.Stack(3, lj.Block(lj.GatedLinear(4, 4, lj.Midpoint(2)), feed_forward=True), layers=2),
    "cfc": lj.CfC(3, 4, backbone_units=6),
    "cfc pure": lj.CfC(3, 4, mode="pure", backbone_units=6, backbone_layers=2, activation="silu"),
    "cfc no_gate": lj.CfC(3, 4, mode="no_gate", backbone_layers=0),
    "wired cfc": lj.WiredCfC(3, NCP),
    "wired cfc pure": lj.WiredCfC(3, lj.Random(5, 2, sparsity=0.4), mode="pure"),
    "wired cfc as ncps": lj.WiredCfC(3, NCP, mode="no_gate", obey_wiring=False),
    "ct-rnn": lj.CTRNN(3, 4, lj.Exponential(2)),
    "ct-rnn fixed tau": lj.CTRNN(3, 4, lj.Euler(2), time_constant=2.0, learn_time_constant=False),
    "neural ode": lj.NeuralODE(3, 4, hidden_units=5, integrator=lj.Midpoint(2)),
    "lstm": lj.LSTM(3, 4),
    "gru": lj.GRU(3, 4),
    "gru-d": lj.GRUD(6, 4),
    "gru-d, all observed": lj.GRUD(3, 4, indicators=False),
    "t-lstm": lj.TLSTM(3, 4),
    "euler gru": lj.EulerGRU(3, 4),
    "exact gru": lj.EulerGRU(3, 4, form="exact"),
    "leaky integrator": lj.LeakyIntegrator(3, 4),
    "leaky integrator, fixed tau": lj.LeakyIntegrator(3, 4, TWO, (0.1, 2.0), learn_time_constants=False),
    "with time": lj.WithTime(lj.LTC(4, lj.FullyConnected(4, 2), TWO)),
    "with log time": lj.WithTime(lj.GRU(4, 4), reads="log", typical_dt=0.1),
    "without time": lj.WithTime(lj.CTRNN(3, 4, TWO), reads="nothing", typical_dt=0.2),
    "mixed memory, state": lj.MixedMemory(lj.LTC(3, lj.FullyConnected(4, 2), TWO)),
    "mixed memory, input": lj.MixedMemory(lj.CfC(4, 4, backbone_units=5), inputs=3, writes="input"),
    "ncp liquid cell": lj.NCPLiquidCell(3, 2, [[1, 0], [-1, 1], [0, -1]]),
    "liquid ncp network": lj.LiquidNCPNetwork(3, 10, 2, masks=lj.Layered(10, 2, 0.2, 7).masks(3)),
    "liquid ncp stack": lj.LiquidNCPStack(3, 6, 2, sparsity=0.7, initialiser="orthogonal", signed=True),
    "step loss": lj.StepLoss(lj.CTRNN(2, 3, TWO), first_error, targets=1),
    "readout": lj.Readout(lj.GRU(3, 4), 2),
}
TIME, BATCH = 5, 3

each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
# What every cell has from `unroll`, whatever it is: looked at with one of each form of state, inputs and outputs.
SOME = ("ltc", "hasani ltc", "cfc", "mixed memory, input", "liquid ncp network", "step loss", "stack")
some_cells = pytest.mark.parametrize("cell", [CELLS[name] for name in SOME], ids=SOME)


@functools.cache
def example(cell):
    """Parameters; inputs; dt of each sample and step."""
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(TIME, BATCH, cell.inputs))
    return drawn(cell, dtype=float), inputs, rng.uniform(0.05, 0.5, size=(TIME, BATCH))


def run(*arguments, **options):
    return jax.device_get(lj.unroll(*arguments, **options))


def assert_same(actual, expected, tolerance=1e-10):
    chex.assert_trees_all_close(actual, expected, rtol=tolerance, atol=tolerance)


@each_cell
def test_does_what_is_asked_of_a_cell(cell):
    check = check_wrapper if isinstance(cell, Wrapper) else check_cell
    check(cell, gradient_tolerance=1e-4 if is_adaptive(cell) else 1e-6)


def test_no_two_cells_of_the_table_are_equal():
    assert len(set(CELLS.values())) == len(CELLS)


@each_cell
def test_parameters_are_arrays_of_jax(cell):
    params = cell.init(jax.random.key(0))
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(params))
    chex.assert_trees_all_equal_shapes_and_dtypes(params, jax.eval_shape(cell.init, jax.random.key(0)))


@some_cells
def test_equal_cells_share_one_trace(cell):
    params, inputs, dt = example(cell)

    chex.clear_trace_counter()

    @functools.partial(jax.jit, static_argnums=0)
    @chex.assert_max_traces(n=1)
    def outputs(cell, params):
        return lj.unroll(cell, params, inputs, dt)[1]

    for spec in (cell, pickle.loads(pickle.dumps(cell)), copy.deepcopy(cell)):
        outputs(spec, params)


@some_cells
def test_a_batch_by_vmap_and_two_batch_axes_are_one(cell):
    params, inputs, dt = example(cell)
    batched = run(cell, params, inputs, dt)
    mapped = jax.vmap(lambda u, h: lj.unroll(cell, params, u, h), in_axes=1, out_axes=(0, 1))(inputs, dt)
    assert_same(jax.device_get(mapped), batched)
    _, folded = run(cell, params, inputs.reshape(TIME, 1, BATCH, -1), dt.reshape(TIME, 1, BATCH))
    assert_same(folded.reshape(batched[1].shape), batched[1])


@some_cells
def test_steps_are_the_whole(cell):
    params, inputs, dt = example(cell)
    state, outputs = run(cell, params, inputs, dt)
    now = cell.initial_state((BATCH,), jnp.float64)
    for t in range(TIME):
        now, output = lj.step(cell, params, now, inputs[t], dt[t])
        assert_same(output, outputs[t])
    assert_same(now, state)


@some_cells
def test_reverse_is_the_mirror(cell):
    params, inputs, dt = example(cell)
    mask = np.random.default_rng(2).random((TIME, BATCH)) < 0.7
    backwards = run(cell, params, inputs, dt, mask=mask, reverse=True)
    state, outputs = run(cell, params, inputs[::-1], dt[::-1], mask=mask[::-1])
    assert_same(backwards, (state, outputs[::-1]))


@some_cells
def test_remat_is_bptt(cell):
    params, inputs, dt = example(cell)

    def gradient(way):
        loss = jax.jit(lambda p: jnp.sum(lj.unroll(cell, p, inputs, dt, gradient=way)[1] ** 2))
        return jax.device_get(jax.grad(loss)(params))

    assert_same(gradient(lj.Remat()), gradient(lj.BPTT()))


@some_cells
def test_dt_of_all_shapes_means_the_same(cell):
    params, inputs, _ = example(cell)
    reference = run(cell, params, inputs, 0.3)
    for dt in (np.full(TIME, 0.3), np.full((TIME, BATCH), 0.3)):
        assert_same(run(cell, params, inputs, dt), reference)


@some_cells
def test_a_reset_begins_anew(cell):
    """From a reset on it is a sequence of its own; no gradient goes across; padding keeps its state."""
    params, inputs, dt = example(cell)
    reset = np.zeros((TIME, BATCH), bool)
    reset[2, 0] = reset[4, 0] = reset[3, 1] = True
    mask = np.ones((TIME, BATCH), bool)
    mask[1, 2] = False
    hidden = reset.copy()
    hidden[1, 2] = True
    state, outputs = run(cell, params, inputs, dt, mask=mask, reset=hidden)
    for sample, bounds in enumerate(((0, 2, 4, 5), (0, 3, 5))):
        last = None
        for begin, end in itertools.pairwise(bounds):
            last, alone = run(cell, params, inputs[begin:end, sample], dt[begin:end, sample])
            assert_same(outputs[begin:end, sample], alone)
        assert_same(jax.tree.map(lambda leaf, i=sample: leaf[i], state), last)
    without, plain = run(cell, params, inputs[:, 2], dt[:, 2], mask=mask[:, 2])
    assert_same((jax.tree.map(lambda leaf: leaf[2], state), outputs[:, 2]), (without, plain))

    def late(inputs):
        return jnp.sum(lj.unroll(cell, params, inputs, dt, mask=mask, reset=reset)[1][4] ** 2)

    gradient = jax.jit(jax.grad(late))(inputs)
    assert not np.any(gradient[:4, 0]) and not np.any(gradient[:3, 1]) and np.any(gradient[3, 1])
    start = jax.tree.map(lambda leaf: leaf + 0.2, cell.initial_state((BATCH,), jnp.float64))
    flags = np.array([True, False, True])
    mine = lj.step(cell, params, start, inputs[0], dt[0], reset=flags)
    fresh = jax.tree.map(lambda leaf: jnp.where(flags[:, None], 0, leaf), start)
    assert_same(mine, lj.step(cell, params, fresh, inputs[0], dt[0]))
