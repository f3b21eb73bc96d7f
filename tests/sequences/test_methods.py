"""Ways to evaluate a sequence: all give what the scan gives, in value and gradient."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.sequences.methods.auto import choose
from method_cases import BATCH, KEY, LINEAR, NONLINEAR, data, run
from rounding import single_precision_tolerance
from untyped import untyped


@pytest.mark.parametrize("cell", LINEAR.values(), ids=LINEAR)
@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
def test_e16_associative_is_the_scan(cell, reverse, x64):
    """Irregular dt, masks, an initial state: values and gradients, but for rounding."""
    params = cell.init(KEY)
    ours, theirs = (run(cell, params, method, reverse=reverse) for method in (lj.Associative(), lj.Scan()))
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-11 * max(1, np.max(np.abs(other))))


def test_e16_associative_is_the_scan_in_float32():
    cell = LINEAR["stack"]
    params = cell.init(KEY)
    inputs, dt, mask = data()

    def outputs(method):
        return lambda params, inputs, dt: lj.unroll(cell, params, inputs, dt, mask=mask, method=method)

    allowed = single_precision_tolerance(jax.jit(outputs(lj.Scan())), params, inputs, dt)
    ours, theirs = (outputs(method)(params, inputs, dt) for method in (lj.Associative(), lj.Scan()))
    assert max(jax.tree.leaves(allowed)) < 1e-2  # so that a fault of the method would show
    jax.tree.map(lambda mine, other, most: np.testing.assert_allclose(mine, other, atol=most), ours, theirs, allowed)


def test_e16_dropout_is_the_same_in_both(x64):
    cell = lj.Stack(3, lj.Block(lj.GatedLinear(4, 4), dropout=0.5), layers=2)
    params, key = cell.init(KEY), jax.random.key(1)
    ours, theirs = (run(cell, params, method, key=key)[1][1] for method in (lj.Associative(), lj.Scan()))
    np.testing.assert_allclose(ours, theirs, atol=1e-11)
    assert np.any(np.abs(theirs - run(cell, params, lj.Scan())[1][1]) > 1e-3)


def test_associative_takes_logarithmically_many_steps():
    """No loop over time is left in it."""
    cell = LINEAR["gated"]
    params = cell.init(KEY)
    text = str(jax.make_jaxpr(lambda u: lj.unroll(cell, params, u, method=lj.Associative()))(jnp.ones((64, 3))))
    assert "scan" not in text and "while" not in text


def test_associative_refuses_what_it_cannot_do():
    inputs = np.ones((4, 3), np.float32)
    for cell in (lj.CTRNN(3, 4), lj.GRU(3, 4), lj.GatedLinear(3, 4, lj.Diffrax())):
        with pytest.raises(ValueError, match=r"Associative needs a cell whose coefficients do not read the state"):
            lj.unroll(cell, cell.init(KEY), inputs, method=lj.Associative())
    cell = lj.GatedLinear(3, 4)
    with pytest.raises(ValueError, match=r"gradient must be left at Remat\(\) with Associative.* got BPTT\(\)"):
        lj.unroll(cell, cell.init(KEY), inputs, method=lj.Associative(), gradient=lj.BPTT())


# which method, when it is left open

SPARSE = lj.LTC(3, lj.AutoNCP(64, 4))
DENSE = lj.LTC(3, lj.FullyConnected(64))


@pytest.mark.parametrize(
    ("cell", "time", "batch", "platform", "expected"),
    [
        (SPARSE, 65536, (1,), "cpu", lj.Scan()),
        (SPARSE, 65536, (), "gpu", lj.Newton("layered")),
        (SPARSE, 1000, (1,), "gpu", lj.Scan()),  # short
        (DENSE, 4096, (1,), "gpu", lj.Newton("full")),
        (DENSE, 4096, (8, 4), "tpu", lj.Scan()),  # many sequences
        (DENSE, 10**6, (1,), "gpu", lj.Scan()),  # 49 GB of Jacobians
        (lj.LTC(3, DENSE.wiring, lj.Exponential(2)), 4096, (1,), "gpu", lj.Newton("full")),
        (lj.CfC(3, 32), 4096, (16,), "gpu", lj.Newton("full")),
        (lj.Readout(SPARSE, 2), 4096, (1,), "gpu", lj.Newton("layered")),
        (lj.LSTM(3, 8), 4096, (1,), "gpu", lj.Scan()),  # its state is two arrays
        (LINEAR["stack"], 16, (256,), "gpu", lj.Associative()),
        (LINEAR["stack"], 16, (256,), "cpu", lj.Scan()),
        (LINEAR["stack"], 16, (1,), "cpu", lj.Associative()),
        (lj.Readout(lj.GatedLinear(3, 4), 2), 16, (), "cpu", lj.Associative()),
    ],
)
def test_auto_chooses_by_platform_length_batch_and_size(cell, time, batch, platform, expected):
    assert choose(cell, time, batch, lj.Remat(), platform) == expected
    assert choose(cell, time, batch, lj.Chunked(), platform) == lj.Scan()  # which alone can be chunked


def test_auto_is_the_scan_on_a_cpu_and_any_other_word_is_refused():
    cell = lj.GRU(3, 4)
    params = cell.init(KEY)
    inputs, dt, mask = data()
    for mine, other in zip(
        *(jax.tree.leaves(lj.unroll(cell, params, inputs, dt, mask=mask, method=m)) for m in ("auto", lj.Scan())),
        strict=True,
    ):
        np.testing.assert_array_equal(mine, other)
    with pytest.raises(ValueError, match="method must be one of 'auto', got 'fast'"):
        lj.unroll(cell, params, inputs, method=untyped("fast"))


# sequences of no steps, and keys of the older style


@pytest.mark.parametrize(
    ("method", "cell"),
    [
        (lj.Newton("full"), NONLINEAR["ltc"]),
        (lj.Newton("diagonal"), NONLINEAR["cfc"]),
        (lj.Newton("layered"), NONLINEAR["readout of ltc"]),
        (lj.Associative(), LINEAR["readout"]),
        (lj.Associative(), LINEAR["stack"]),
        (lj.Scan(), NONLINEAR["gru"]),
        ("auto", LINEAR["stack"]),
    ],
)
@pytest.mark.parametrize("reverse", [False, True])
def test_no_steps_leave_the_state_and_give_no_outputs(method, cell, reverse):
    params, inputs = cell.init(KEY), jnp.ones((0, 2, 3))
    start = jax.tree.map(lambda leaf: leaf + 0.3, cell.initial_state((2,)))
    mask = jnp.ones((0, 2), bool)
    given: tuple[dict[str, Any], ...] = {}, {"mask": mask}, {"key": KEY}, {"dt": jnp.ones((0, 2))}
    for options in given:
        state, outputs = lj.unroll(cell, params, inputs, state=start, method=method, reverse=reverse, **options)
        jax.tree.map(np.testing.assert_array_equal, state, start)
        assert outputs.shape == (0, 2, cell.outputs)
    gradient = jax.grad(lambda x: jnp.sum(lj.unroll(cell, params, inputs, state=x, method=method)[1]))(start)
    assert all(not np.any(leaf) for leaf in jax.tree.leaves(gradient))


def test_no_steps_need_no_iterations():
    cell = NONLINEAR["ltc"]
    info = lj.newton_convergence(cell, cell.init(KEY), np.ones((0, 2, 3), np.float32))
    assert info.iterations.tolist() == [0, 0] and info.residual.tolist() == [0, 0] and info.converged.tolist() == [1, 1]
    with pytest.raises(ValueError, match="inputs must hold at least one time step"):
        lj.lyapunov_exponent(cell, cell.init(KEY), np.ones((0, 2, 3), np.float32))


@pytest.mark.parametrize(
    "cell",
    [
        lj.Stack(3, lj.Block(lj.GatedLinear(4, 4), dropout=0.5), layers=2),
        lj.Stack(3, lj.Stack(3, lj.Block(lj.GatedLinear(3, 3), dropout=0.5), layers=2), layers=2),
        lj.Block(lj.GatedLinear(3, 3), dropout=0.5, feed_forward=True),
        lj.CfC(3, 4, backbone_layers=2, dropout=0.5),
        lj.MixedMemory(lj.CfC(3, 4, dropout=0.5)),
    ],
    ids=["stack", "stack of stacks", "block", "cfc", "mixed memory"],
)
def test_keys_of_the_older_style_are_those_of_the_newer(cell, x64):
    """In a run, in a single call of the cell, and where all steps are done at once."""
    params, inputs, old = cell.init(KEY), data()[0][:5], jax.random.PRNGKey(0)
    methods = [lj.Scan()] if "CfC" in repr(cell) else [lj.Scan(), lj.Associative()]
    for method in methods:
        ours, theirs = (lj.unroll(cell, params, inputs, key=key, method=method)[1] for key in (old, KEY))
        np.testing.assert_array_equal(ours, theirs)
        assert np.any(np.abs(ours - lj.unroll(cell, params, inputs, method=method)[1]) > 1e-3)  # it drops
    single = (cell.sense(params, inputs[0], key) for key in (old, KEY))
    ours, theirs = (cell.step(params, cell.initial_state((BATCH,)), sensed, jnp.ones(()))[1] for sensed in single)
    np.testing.assert_array_equal(ours, theirs)
    traced = jax.jit(lambda key: lj.unroll(cell, params, inputs, key=key)[1])
    np.testing.assert_allclose(traced(old), lj.unroll(cell, params, inputs, key=KEY)[1], atol=1e-12)


def test_keys_of_the_older_style_serve_the_readings():
    cell = NONLINEAR["gru"]
    params, inputs, old = cell.init(KEY), data()[0], jax.random.PRNGKey(0)
    for reading in (lj.lyapunov_exponent, lj.newton_convergence):
        ours, theirs = (reading(cell, params, inputs, key=key) for key in (old, KEY))
        jax.tree.map(np.testing.assert_array_equal, ours, theirs)


@pytest.mark.parametrize("dtype", [int, np.float64, jnp.bfloat16])
def test_a_state_of_another_dtype_is_the_same_start(dtype):
    """0 and 1 are the same in all of them."""
    cell = NONLINEAR["gru"]
    params, inputs = cell.init(KEY), data()[0]
    start = np.arange(BATCH * 4).reshape(BATCH, 4) % 2
    ours, theirs = (untyped(start.astype(kind)) for kind in (dtype, np.float32))
    for read in (lj.lyapunov_exponent, lj.newton_convergence, lj.state_sensitivity, lj.unroll):
        both = (read(cell, params, inputs, state=x) for x in (ours, theirs))
        jax.tree.map(np.testing.assert_array_equal, *both)
    with pytest.raises(ValueError, match="state must be an array of real numbers, got complex64"):
        lj.lyapunov_exponent(cell, params, inputs, state=jnp.asarray(start, np.complex64))
