"""Two cells that read a sequence from both ends, held against two runs of `unroll` on data turned round by numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from untyped import untyped

NETWORK = lj.Bidirectional(
    lj.LTC(2, lj.AutoNCP(8, 3), lj.SemiImplicit(1)), lj.Readout(lj.MixedMemory(lj.CfC(2, 5, backbone_units=4)), 2)
)
LENGTHS = (7, 4, 1)


def data(time=7):
    rng = np.random.default_rng(0)
    return rng.normal(size=(time, 3, 2)), rng.uniform(0.1, 2, size=(time, 3))


def turned_round(inputs, dt):
    """One sample backwards: the time from the last sample on is that which lies between the samples."""
    return inputs[::-1], np.concatenate([dt[:1], dt[:0:-1]])


def test_each_sample_is_read_from_both_of_its_ends(x64):
    params = drawn(NETWORK, dtype=float)
    inputs, dt = data()
    mask = np.arange(7)[:, None] < np.array(LENGTHS)
    inputs[~mask], dt[~mask] = np.nan, np.inf
    states, outputs = NETWORK.unroll(params, inputs, dt, mask=mask)
    states, outputs = jax.device_get((states, outputs))
    assert outputs.shape == (7, 3, NETWORK.outputs) == (7, 3, 5) and NETWORK.inputs == 2
    for sample, length in enumerate(LENGTHS):
        one, steps = inputs[:length, sample], dt[:length, sample]
        state, forward = lj.unroll(NETWORK.forward, params.forward, one, steps)
        back, backward = lj.unroll(NETWORK.cells[1], params.backward, *turned_round(one, steps))
        np.testing.assert_allclose(outputs[:length, sample, :3], forward, rtol=1e-12)
        np.testing.assert_allclose(outputs[:length, sample, 3:], np.asarray(backward)[::-1], rtol=1e-12)
        assert not np.any(outputs[length:, sample])
        for ours, theirs in zip(jax.tree.leaves(states), jax.tree.leaves((state, back)), strict=True):
            np.testing.assert_allclose(ours[sample], theirs, rtol=1e-12)


def test_a_gap_in_the_middle_is_as_if_the_step_were_not_there(x64):
    params = drawn(NETWORK, dtype=float)
    inputs, dt = data()
    mask = np.ones((7, 3), bool)
    mask[[0, 3, 4], 1] = False
    outputs = np.asarray(NETWORK.unroll(params, inputs, dt, mask=mask)[1])[mask[:, 1], 1]
    alone = NETWORK.unroll(params, inputs[mask[:, 1], 1], dt[mask[:, 1], 1])[1]
    np.testing.assert_allclose(outputs, alone, rtol=1e-12)


@pytest.mark.parametrize("dt", [0.5, np.linspace(0.1, 0.7, 7), np.linspace(0.1, 0.7, 7)[:, None]])
def test_a_time_that_all_share(dt, x64):
    params = drawn(NETWORK, dtype=float)
    inputs, _ = data()
    each = np.broadcast_to(dt if np.ndim(dt) != 1 else dt[:, None], (7, 3))
    for mask in (None, np.ones((7, 3), bool)):
        shared, apart = (NETWORK.unroll(params, inputs, step, mask=mask)[1] for step in (dt, each))
        np.testing.assert_allclose(shared, apart, rtol=1e-12)


def test_gradients_and_methods_are_those_of_unroll(x64):
    network = lj.Bidirectional(lj.GatedLinear(2, 3))
    assert network.cells == (network.forward, network.forward)
    params = drawn(network, dtype=float)
    inputs, _ = data(20)

    def loss(params, **how):
        return jnp.sum(network.unroll(params, inputs, 0.1, **how)[1] ** 2)

    remat = jax.jit(jax.grad(loss))(params)
    for how in ({"gradient": lj.BPTT()}, {"method": lj.Associative()}):
        other = jax.jit(jax.grad(lambda p, how=how: loss(p, **how)))(params)
        for ours, theirs in zip(jax.tree.leaves(remat), jax.tree.leaves(other), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10 * np.max(np.abs(theirs)))


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="backward must have the inputs of forward = 2, got 3"):
        lj.Bidirectional(lj.GRU(2, 3), lj.GRU(3, 3))
    with pytest.raises(ValueError, match="forward must be a Cell"):
        lj.Bidirectional(untyped("GRU"))
    params = drawn(NETWORK, dtype=float)
    with pytest.raises(ValueError, match="params must be what Bidirectional"):
        NETWORK.unroll(params.forward, np.ones((3, 2), np.float32))
    with pytest.raises(ValueError, match="mask must be bool"):
        NETWORK.unroll(params, np.ones((3, 2), np.float32), mask=np.ones(2, bool))
