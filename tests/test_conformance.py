"""One table of all cells, one set of checks that each of them passes."""

import copy
import functools
import pickle

import chex
import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

import liquidjax as lj

pytestmark = pytest.mark.usefixtures("x64")

NCP = lj.AutoNCP(units=8, outputs=2)
TWO = lj.SemiImplicit(unfolds=2)


def first_error(output, target):
    """The squared error of the first output."""
    return (output[..., 0] - target[..., 0]) ** 2


def is_adaptive(cell):
    return isinstance(cell, lj.LTC) and isinstance(cell.integrator, lj.Diffrax)


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
    "mixed memory, state": lj.MixedMemory(lj.LTC(3, lj.FullyConnected(4, 2), TWO)),
    "mixed memory, input": lj.MixedMemory(lj.CfC(4, 4, backbone_units=5), inputs=3, writes="input"),
    "ncp liquid cell": lj.NCPLiquidCell(3, 2, [[1, 0], [-1, 1], [0, -1]]),
    "liquid ncp network": lj.LiquidNCPNetwork(3, 10, 2, masks=lj.Layered(10, 2, 0.2, 7).masks(3)),
    "liquid ncp stack": lj.LiquidNCPStack(3, 6, 2, sparsity=0.7, initialiser="orthogonal", signed=True),
    "step loss": lj.StepLoss(lj.CTRNN(2, 3, TWO), first_error, targets=1),
    "readout": lj.Readout(lj.GRU(3, 4), 2),
}
TIME, BATCH = 5, 3
LENGTHS = (0, 2, 5)

each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
# Adaptive solvers take half a minute to compile where they are differentiated; `make test-all` waits for them.
each_cell_differentiated = pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, marks=pytest.mark.slow if is_adaptive(cell) else ()) for cell in CELLS.values()],
    ids=CELLS.keys(),
)


@functools.cache
def example(cell):
    """Parameters with noise on all of them, since some start at 0 or 1; inputs; dt of each sample and step."""
    rng = np.random.default_rng(0)
    params = jax.device_get(jax.jit(cell.init)(jax.random.key(1)))
    params = jax.tree.map(lambda leaf: leaf + rng.uniform(0.01, 0.1, leaf.shape), params)
    inputs = rng.normal(size=(TIME, BATCH, cell.inputs))
    return params, inputs, rng.uniform(0.05, 0.5, size=(TIME, BATCH))


def run(*arguments, **options):
    return jax.device_get(lj.unroll(*arguments, **options))


def assert_same(actual, expected, tolerance=1e-10):
    chex.assert_trees_all_close(actual, expected, rtol=tolerance, atol=tolerance)


def gradient_tolerance(cell, tolerance):
    """An adaptive solver chooses its steps by what it sees, to the last bit: the same gradient within its own error."""
    return 5e-4 if is_adaptive(cell) else tolerance


@each_cell
def test_is_a_cell_of_arrays_only(cell):
    assert isinstance(cell, lj.Cell)
    with jax.enable_x64(False):
        params = cell.init(jax.random.key(0))
        leaves = jax.tree.leaves(params)
        assert leaves and all(isinstance(leaf, jax.Array) and leaf.dtype == jnp.float32 for leaf in leaves)
        assert all(jnp.all(jnp.isfinite(leaf)) for leaf in leaves)
        chex.assert_trees_all_equal_shapes_and_dtypes(params, jax.eval_shape(cell.init, jax.random.key(0)))


@each_cell
def test_is_a_value(cell):
    twin = pickle.loads(pickle.dumps(cell))
    assert twin == cell and hash(twin) == hash(cell) and copy.deepcopy(cell) == cell
    assert sum(other == cell for other in CELLS.values()) == 1


@each_cell
def test_equal_cells_share_one_trace(cell):
    params, inputs, dt = example(cell)

    chex.clear_trace_counter()

    @functools.partial(jax.jit, static_argnums=0)
    @chex.assert_max_traces(n=1)
    def outputs(cell, params):
        return lj.unroll(cell, params, inputs, dt)[1]

    for spec in (cell, pickle.loads(pickle.dumps(cell)), copy.deepcopy(cell)):
        outputs(spec, params)


@each_cell
def test_a_batch_is_its_samples(cell):
    """Batched, mapped by vmap and one by one without batch axis are the same, each sample with its own dt."""
    params, inputs, dt = example(cell)
    batched = run(cell, params, inputs, dt)
    mapped = jax.vmap(lambda u, h: lj.unroll(cell, params, u, h), in_axes=1, out_axes=(0, 1))(inputs, dt)
    assert_same(jax.device_get(mapped), batched)
    for sample in range(BATCH):
        state, outputs = run(cell, params, inputs[:, sample], dt[:, sample])
        assert_same(outputs, batched[1][:, sample])
        assert_same(state, jax.tree.map(lambda leaf, i=sample: leaf[i], batched[0]))


@each_cell
def test_two_batch_axes_are_one(cell):
    params, inputs, dt = example(cell)
    _, outputs = run(cell, params, inputs, dt)
    _, folded = run(cell, params, inputs.reshape(TIME, 1, BATCH, -1), dt.reshape(TIME, 1, BATCH))
    assert_same(folded.reshape(outputs.shape), outputs)


@each_cell
def test_chunks_and_steps_are_the_whole(cell):
    params, inputs, dt = example(cell)
    state, outputs = run(cell, params, inputs, dt)
    half, first = run(cell, params, inputs[:2], dt[:2])
    end, rest = run(cell, params, inputs[2:], dt[2:], state=half)
    assert_same((end, np.concatenate([first, rest])), (state, outputs))

    now = cell.initial_state((BATCH,), jnp.float64)
    for t in range(TIME):
        now, output = lj.step(cell, params, now, inputs[t], dt[t])
        assert_same(output, outputs[t])
    assert_same(now, state)


@each_cell_differentiated
def test_masked_is_truncated(cell):
    """Sample i has LENGTHS[i] valid steps, the rest is NaN: all is as if those steps alone had been given."""
    params, inputs, dt = example(cell)
    mask = np.arange(TIME)[:, None] < np.array(LENGTHS)
    padded, padded_dt = np.where(mask[..., None], inputs, np.nan), np.where(mask, dt, np.nan)

    @jax.jit
    def differentiate(params, inputs, dt, mask):
        def loss(params, inputs, dt):
            state, outputs = lj.unroll(cell, params, inputs, dt, mask=mask)
            return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves((state, outputs))), (state, outputs)

        return jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(params, inputs, dt)

    gradient, (state, outputs) = jax.device_get(differentiate(params, padded, padded_dt, mask))
    assert_same(jax.tree.map(lambda s: s[0], state), jax.device_get(cell.initial_state((), jnp.float64)))
    assert not np.any(outputs[~mask]) and not np.any(gradient[1][~mask]) and not np.any(gradient[2][~mask])
    total = jax.tree.map(np.zeros_like, params)
    for sample, length in enumerate(LENGTHS[1:], start=1):
        alone, (end, short) = jax.device_get(
            differentiate(params, inputs[:length, sample], dt[:length, sample], mask[:length, sample])
        )
        assert_same(outputs[:length, sample], short)
        assert_same(jax.tree.map(lambda s, i=sample: s[i], state), end)
        total = jax.tree.map(np.add, total, alone[0])
    assert_same(gradient[0], total, gradient_tolerance(cell, 1e-10))


@each_cell
def test_reverse_is_the_mirror(cell):
    params, inputs, dt = example(cell)
    mask = np.random.default_rng(2).random((TIME, BATCH)) < 0.7
    backwards = run(cell, params, inputs, dt, mask=mask, reverse=True)
    state, outputs = run(cell, params, inputs[::-1], dt[::-1], mask=mask[::-1])
    assert_same(backwards, (state, outputs[::-1]))


@each_cell
def test_gradient_agrees_with_finite_differences(cell):
    params, inputs, dt = example(cell)

    @jax.jit
    def loss(params, inputs, dt):
        return jnp.sum(lj.unroll(cell, params, inputs, dt)[1] ** 2)

    # Reverse-mode adjoints of adaptive solvers have no forward mode.
    forward = not is_adaptive(cell)
    tolerance = 1e-6 if forward else 1e-4
    check_grads(
        loss,
        (params, inputs[:2, :2], dt[:2, :2]),
        order=1,
        modes=("fwd", "rev") if forward else ("rev",),
        atol=tolerance,
        rtol=tolerance,
    )


@each_cell_differentiated
def test_remat_is_bptt(cell):
    params, inputs, dt = example(cell)

    def gradient(way):
        loss = jax.jit(lambda p: jnp.sum(lj.unroll(cell, p, inputs, dt, gradient=way)[1] ** 2))
        return jax.device_get(jax.grad(loss)(params))

    assert_same(gradient(lj.Remat()), gradient(lj.BPTT()), gradient_tolerance(cell, 1e-10))


@each_cell
def test_bfloat16_works_or_is_refused(cell):
    params, inputs, dt = example(cell)
    _, outputs = run(cell, params, inputs, dt)
    half = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    if is_adaptive(cell):
        with pytest.raises(ValueError, match="float32 or float64, got bfloat16"):
            lj.unroll(cell, half, jnp.asarray(inputs, jnp.bfloat16), dt)
        return
    half_state, half_outputs = lj.unroll(cell, half, jnp.asarray(inputs, jnp.bfloat16), dt)
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves((half_state, half_outputs)))
    difference = np.abs(np.asarray(half_outputs, np.float32) - outputs)
    assert np.max(difference) < 0.1 * max(1, np.max(np.abs(outputs)))


@each_cell
def test_float64_runs_in_float64(cell):
    params, inputs, dt = example(cell)
    state, outputs = lj.unroll(cell, params, inputs, dt)
    assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves((params, state, outputs)))


@each_cell
def test_dt_of_all_shapes_means_the_same(cell):
    params, inputs, _ = example(cell)
    reference = run(cell, params, inputs, 0.3)
    for dt in (np.full(TIME, 0.3), np.full((TIME, BATCH), 0.3)):
        assert_same(run(cell, params, inputs, dt), reference)
