"""The `RNN` of ours for NNX: elapsed times, masks, resets, any batch axes, and Flax's arguments as Flax means them."""

import warnings

import flax.nnx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
import liquidjax.nnx
from drawn import drawn
from small_cells import CELLS
from untyped import untyped

nnx, lnnx = untyped(flax.nnx), untyped(liquidjax.nnx)  # much is wrong on purpose, or numpy's

pytestmark = pytest.mark.usefixtures("x64")

CELL = lj.CTRNN(3, 4)
TIME, BATCH = 5, 3
PARAMS = drawn(CELL, dtype=float)
RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(BATCH, TIME, 3))
DT = RNG.uniform(0.05, 2.0, (BATCH, TIME))
MASK = np.arange(TIME) < np.array([[5], [2], [0]])


@pytest.fixture
def rnn():
    return lnnx.RNN(lnnx.RNNCell(CELL, params=PARAMS))


@pytest.fixture
def theirs():
    return nnx.RNN(lnnx.RNNCell(CELL, params=PARAMS), rngs=False)


def expected(cell, params, inputs, dt, **options):
    """(state, outputs with the batch first) by `unroll`."""
    dt, *flags = (np.moveaxis(x, -1, 0) for x in (dt, *(x for x in options.values() if isinstance(x, np.ndarray))))
    options |= dict(zip(options, flags, strict=False))
    state, outputs = lj.unroll(cell, params, np.moveaxis(inputs, -2, 0), dt, **options)
    return jax.device_get((state, jnp.moveaxis(outputs, 0, -2)))


def assert_same(actual, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12), actual, wanted)


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
def test_it_is_unroll(cell):
    params, inputs = drawn(cell, dtype=float), np.random.default_rng(0).normal(size=(2, 3, cell.inputs))
    module = lnnx.RNN(lnnx.RNNCell(cell, params=params, deterministic=True), return_carry=True)
    dt = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    assert_same(module(inputs, dt=dt), expected(cell, params, inputs, dt))


@pytest.mark.parametrize(
    "options",
    [{"mask": MASK}, {"reset": ~MASK}, {"mask": MASK, "reset": np.roll(MASK, 1, 0), "reverse": True}],  # flags first
    ids=["mask", "reset", "all"],
)
def test_masks_and_resets_have_the_axes_of_dt(rnn, options):
    assert_same(
        rnn(INPUTS, dt=DT, return_carry=True, keep_order=True, **options), expected(CELL, PARAMS, INPUTS, DT, **options)
    )


@pytest.mark.parametrize("batch", [(), (3,), (2, 3), (1, 2, 3)])
def test_any_number_of_batch_axes_with_the_time_behind_or_before_them(rnn, batch):
    rng = np.random.default_rng(1)
    inputs, dt, mask = (
        rng.normal(size=(*batch, TIME, 3)),
        rng.uniform(size=(*batch, TIME)),
        rng.random((*batch, TIME)) < 0.7,
    )
    carry, outputs = rnn(inputs, dt=dt, mask=mask, return_carry=True)
    assert outputs.shape == (*batch, TIME, 4)
    for place in np.ndindex(*batch):  # each sample by itself
        alone = expected(CELL, PARAMS, inputs[place], dt[place], mask=mask[place])
        assert_same((carry[place], outputs[place]), alone)
    turned = (np.moveaxis(x, len(batch), 0) for x in (inputs, dt, mask))
    inputs, dt, mask = turned
    assert_same(rnn(inputs, dt=dt, mask=mask, time_major=True), np.moveaxis(outputs, len(batch), 0))


def test_dt_of_every_shape_means_the_same(rnn):
    steps = DT[0]
    wanted = rnn(INPUTS, dt=np.tile(steps, (BATCH, 1)))
    assert_same(rnn(INPUTS, dt=steps), wanted)
    assert_same(rnn(INPUTS, dt=steps[None]), wanted)
    assert_same(rnn(np.swapaxes(INPUTS, 0, 1), dt=steps[:, None], time_major=True), np.swapaxes(wanted, 0, 1))
    of_samples = rnn(INPUTS, dt=np.tile(DT[:, :1], (1, TIME)))
    folded = rnn(INPUTS[:, None], dt=np.tile(DT[:, None, :1], (1, 1, TIME)))
    assert_same(folded[:, 0], of_samples)
    assert_same(rnn(INPUTS, dt=0.3), rnn(INPUTS, dt=np.full((BATCH, TIME), 0.3)))


def test_dt_left_out_is_that_of_the_cell():
    module = lnnx.RNN(lnnx.RNNCell(CELL, params=PARAMS, dt=0.25))
    assert_same(module(INPUTS), module(INPUTS, dt=0.25))


def test_one_dt_a_step_with_as_many_samples_warns_how_to_write_it_here(rnn):
    inputs, steps = INPUTS[:, :BATCH], DT[0, :BATCH]
    with pytest.warns(UserWarning, match=r"write dt\[None\] for one value a time step"):
        taken = rnn(inputs, dt=steps)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same(rnn(inputs, dt=steps[None]), taken)
        rnn(inputs, dt=jnp.broadcast_to(steps[:, None], (BATCH, BATCH)))
        rnn(inputs, dt=np.ones(BATCH))
    with pytest.warns(UserWarning, match=r"write dt\[:, None\] for one value a time step"):
        rnn(np.swapaxes(inputs, 0, 1), dt=steps, time_major=True)


def test_lengths_are_a_mask_of_the_first_steps(rnn):
    with_mask = rnn(INPUTS, dt=DT, mask=MASK, return_carry=True)
    assert_same(rnn(INPUTS, dt=DT, seq_lengths=MASK.sum(1), return_carry=True), with_mask)
    assert_same(with_mask[0][2], np.zeros(4))  # nothing was read
    turned = rnn(np.swapaxes(INPUTS, 0, 1), dt=DT.T, seq_lengths=MASK.sum(1), time_major=True)
    assert_same(np.swapaxes(turned, 0, 1), with_mask[1])


@pytest.mark.parametrize("keep_order", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("lengths", [None, [5, 2, 3]])
def test_its_arguments_mean_what_flax_means_by_them(rnn, theirs, lengths, reverse, keep_order):
    lengths = None if lengths is None else jnp.array(lengths)
    options = {"seq_lengths": lengths, "reverse": reverse, "keep_order": keep_order, "return_carry": True}
    carry, outputs = rnn(INPUTS, **options)
    wanted, valid = theirs(INPUTS, **options)
    mask = np.ones((BATCH, TIME), bool) if lengths is None else np.arange(TIME) < lengths[:, None]
    assert_same(carry, wanted)
    assert_same(outputs, np.where(mask[..., None], valid, 0))
    options["time_major"] = True
    if lengths is None:  # where Flax's own takes both
        assert_same(rnn(np.swapaxes(INPUTS, 0, 1), **options), theirs(np.swapaxes(INPUTS, 0, 1), **options))


def test_what_the_module_was_told_holds_where_the_call_says_nothing():
    cell = lnnx.RNNCell(CELL, params=PARAMS)
    told = lnnx.RNN(cell, time_major=True, return_carry=True, reverse=True, keep_order=True)
    turned = np.swapaxes(INPUTS, 0, 1)
    called = lnnx.RNN(cell)(turned, time_major=True, return_carry=True, reverse=True, keep_order=True)
    assert_same(told(turned), called)
    assert_same(told(turned, return_carry=False), called[1])


def test_a_sequence_in_pieces_is_the_whole(rnn):
    whole = rnn(INPUTS, dt=DT)
    carry, before = rnn(INPUTS[:, :2], dt=DT[:, :2], return_carry=True)
    assert_same(np.concatenate([before, rnn(INPUTS[:, 2:], dt=DT[:, 2:], initial_carry=carry)], 1), whole)


@pytest.mark.parametrize("options", [{"gradient": lj.BPTT()}, {"method": lj.Newton()}, {"method": "auto"}])
def test_gradients_and_methods_are_those_of_unroll(rnn, options):
    other = lnnx.RNN(rnn.cell, **options)
    np.testing.assert_allclose(other(INPUTS, dt=DT), rnn(INPUTS, dt=DT), rtol=1e-10)


def test_a_sequence_of_no_steps_has_no_outputs(rnn):
    for options in ({}, {"seq_lengths": np.zeros(BATCH, int), "reverse": True}):
        assert rnn(INPUTS[:, :0], **options).shape == (BATCH, 0, 4)


REFUSED = {
    "a mask and lengths": ({"mask": MASK, "seq_lengths": [1, 2, 3]}, "mask and seq_lengths both say what is padding"),
    "a mask with the time first": (
        {"mask": MASK.T},
        r"mask must be bool \(\*batch, time\) = \(3, 5\), got bool \(5, 3\)",
    ),
    "a mask of numbers": ({"mask": MASK * 1.0}, "mask must be bool .*got float64"),
    "a reset of another shape": ({"reset": MASK[0]}, r"reset must be bool .* \(5,\)"),
    "lengths of another shape": ({"seq_lengths": [1, 2]}, r"seq_lengths must be integers \(\*batch\) = \(3,\)"),
    "lengths of real numbers": ({"seq_lengths": [1.0, 2.0, 3.0]}, "seq_lengths must be an array"),
    "lengths that are too long": ({"seq_lengths": [1, 6, 3]}, "from 0 to the number of time steps, 5, got 6"),
    "lengths below 0": ({"seq_lengths": [-1, 2, 3]}, "from 0 to the number of time steps, 5, got -1"),
    "dt below 0": (
        {"dt": np.where(MASK, DT, -1)},
        "dt must be finite and at least 0, got -1.0 at time step 0, sample 2",
    ),
    "a dt of samples": ({"dt": DT[:, 0]}, r"dt must be a scalar, \(time,\) = \(5,\) or \(\*batch, time\) = \(3, 5\)"),
    "a dt with the time first": ({"dt": DT.T}, r"dt must be .* got shape \(5, 3\)"),
    "a dt that is no number": ({"dt": "1"}, "dt must be an array of real numbers"),
    "a carry of another cell": ({"initial_carry": np.zeros((3, 2))}, "state must be"),
    "a flag": ({"time_major": 1}, "time_major must be True or False"),
    "a flag of the carry": ({"return_carry": "no"}, "return_carry must be True or False"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(rnn, what):
    options, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence) as caught:
        rnn(INPUTS, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "sentence"),
    [
        (INPUTS[..., :2], r"inputs must be \(\*batch, time, inputs = 3\), got shape \(3, 5, 2\)"),
        (INPUTS[0, 0], r"inputs must be .* got shape \(3,\)"),
        (np.ones((3, 5, 3), int), "inputs must be floating point"),
        (np.where(INPUTS > 1, np.nan, INPUTS), "inputs must be finite where the mask is True, got nan at time step"),
        ("abc", "inputs must be an array"),
    ],
)
def test_inputs_that_do_not_fit_are_refused(rnn, inputs, sentence):
    with pytest.raises(ValueError, match=sentence):
        rnn(inputs)


@pytest.mark.parametrize(
    ("cell", "options", "sentence"),
    [
        (nnx.GRUCell, {}, "cell must be a Cell"),
        (CELL, {}, "rngs must have a stream 'params'"),
        (CELL, {"rngs": 0}, "rngs must be nnx.Rngs"),
        (CELL, {"rngs": nnx.Rngs(0), "reverse": None}, "reverse must be True or False"),
    ],
)
def test_a_module_that_cannot_be_is_refused(cell, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        lnnx.RNN(cell, **options)


def test_a_gradient_or_method_of_another_kind_is_refused():
    cell = lnnx.RNNCell(CELL, params=PARAMS)
    for options in ({"gradient": "bptt"}, {"method": "newton"}):
        with pytest.raises(ValueError, match="must be"):
            lnnx.RNN(cell, **options)(INPUTS)


def test_values_are_not_looked_at_where_it_is_told_so():
    module = lnnx.RNN(lnnx.RNNCell(CELL, params=PARAMS), validate=False)
    assert np.isnan(module(np.full((1, 2, 3), np.nan))).all()
