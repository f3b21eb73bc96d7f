"""Free-running forecasts: the loop of single steps that reads its own outputs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training.forecast import free_run, free_runs
from untyped import untyped

TIME, STEPS, BATCH = 5, 4, 3
CELLS = {
    "lstm": lj.Readout(lj.LSTM(2, 3), 2),  # its state is more than one array
    "ltc": lj.LTC(2, lj.FullyConnected(3, 2), lj.SemiImplicit(1)),
    "cfc": lj.Readout(lj.CfC(2, 3, backbone_units=2, dropout=0.5), 2),
}
rng = np.random.default_rng(0)
INPUTS = rng.normal(size=(TIME, BATCH, 2))
DT = rng.uniform(0.2, 1, (TIME, BATCH))
STEP_DT = rng.uniform(0.2, 1, (STEPS, BATCH))


def loop(cell, params, inputs, dt, step_dt):
    """The forecasts (steps, features) after one series, by `step`."""
    state, output = cell.initial_state((), jnp.float64), None
    for point, duration in zip(inputs, dt, strict=True):
        state, output = lj.step(cell, params, state, point, duration)
    found = [output]
    for duration in step_dt[:-1]:
        state, output = lj.step(cell, params, state, output, duration)
        found.append(output)
    return np.array(found)


def assert_near(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", CELLS)
def test_forecasts_are_the_loop_that_reads_its_own_outputs(name, x64):
    """With times of each sample; and with padding, behind which whatever stands there is not read."""
    cell = CELLS[name]
    params = cell.init(jax.random.key(0))
    found = free_run(cell, params, INPUTS, DT, STEPS, STEP_DT)
    assert found.shape == (STEPS, BATCH, 2)
    for i in range(BATCH):
        assert_near(found[:, i], loop(cell, params, INPUTS[:, i], DT[:, i], STEP_DT[:, i]))
    lengths = (5, 1, 3)
    mask = np.arange(TIME)[:, None] < np.array(lengths)
    padded = np.where(mask[..., None], INPUTS, np.nan), np.where(mask, DT, np.inf)
    found = free_run(cell, params, *padded, STEPS, STEP_DT, mask=mask)
    for i, length in enumerate(lengths):
        assert_near(found[:, i], loop(cell, params, INPUTS[:length, i], DT[:length, i], STEP_DT[:, i]))


def test_step_dt_of_all_shapes_means_the_same(x64):
    cell = CELLS["lstm"]
    params = cell.init(jax.random.key(0))
    each = STEP_DT[:, :1]
    expected = free_run(cell, params, INPUTS, DT, STEPS, np.broadcast_to(each, (STEPS, BATCH)))
    for same in (each, each[:, 0]):
        np.testing.assert_array_equal(free_run(cell, params, INPUTS, DT, STEPS, same), expected)
    expected = free_run(cell, params, INPUTS, 0.3, STEPS, np.full(STEPS, 2.0))
    np.testing.assert_array_equal(free_run(cell, params, INPUTS, np.full(TIME, 0.3), STEPS, 2), expected)


def test_any_batch_axes_will_do(x64):
    cell = CELLS["ltc"]
    params = cell.init(jax.random.key(0))
    expected = free_run(cell, params, INPUTS, DT, STEPS, STEP_DT)
    assert_near(free_run(cell, params, INPUTS[:, 1], DT[:, 1], STEPS, STEP_DT[:, 1]), expected[:, 1])
    deep = (x.reshape(len(x), 1, BATCH, *x.shape[2:]) for x in (INPUTS, DT, STEP_DT))
    inputs, dt, step_dt = deep
    mask = np.ones((TIME, 1, BATCH), bool)
    assert_near(free_run(cell, params, inputs, dt, STEPS, step_dt, mask=mask)[:, 0], expected)


def test_the_first_forecast_is_the_last_output_and_its_time_is_read_next(x64):
    cell = CELLS["cfc"]
    params = cell.init(jax.random.key(0))
    (first,) = free_run(cell, params, INPUTS, DT, 1, STEP_DT[:1])
    assert_near(first, lj.unroll(cell, params, INPUTS, DT)[1][-1])
    longer = STEP_DT.copy()
    longer[-1] += 1  # of the last one nothing is made
    longer[1] += 1
    a, b = (free_run(cell, params, INPUTS, DT, STEPS, step_dt) for step_dt in (STEP_DT, longer))
    assert np.array_equal(a[:2], b[:2]) and not np.isclose(a[2:], b[2:]).any()


def test_it_runs_in_what_is_compiled_and_is_differentiated(x64):
    cell = CELLS["ltc"]
    params = cell.init(jax.random.key(0))
    run = jax.jit(lambda p, x, dt, mask, step_dt: free_run(cell, p, x, dt, STEPS, step_dt, mask=mask))
    mask = np.ones((TIME, BATCH), bool)
    assert_near(run(params, INPUTS, DT, mask, STEP_DT), free_run(cell, params, INPUTS, DT, STEPS, STEP_DT))
    gradient = jax.grad(lambda p: jnp.sum(free_run(cell, p, INPUTS, DT, STEPS, 0.3) ** 2))(params)
    assert np.any(gradient.synapses.weight)


@pytest.mark.parametrize("name", ["lstm", "ltc"])
def test_runs_from_several_starts_are_those_of_what_is_before_them(name, x64):
    cell, starts = CELLS[name], np.array([3, 1, 5])
    params = cell.init(jax.random.key(0))
    for step_dt in (0.3, STEP_DT[:, 0]):
        found = free_runs(cell, params, INPUTS, DT, starts, STEPS, step_dt)
        assert found.shape == (STEPS, 3, BATCH, 2)
        for number, start in enumerate(starts):
            for i in range(BATCH):
                expected = loop(cell, params, INPUTS[:start, i], DT[:start, i], np.broadcast_to(step_dt, STEPS))
                assert_near(found[:, number, i], expected)
    for dt in (0.4, np.linspace(0.1, 1, TIME)):
        found = free_runs(cell, params, INPUTS[:, 0], dt, starts, STEPS, 0.3)
        for number, start in enumerate(starts):
            times = np.broadcast_to(dt, TIME)[:start]
            assert_near(found[:, number], loop(cell, params, INPUTS[:start, 0], times, [0.3] * STEPS))


@pytest.mark.parametrize("name", ["lstm", "ltc"])
def test_copies_side_by_side_are_what_each_is_alone(name, x64):
    """The form of the forecasting experiment: parameters and a series for each copy, several starts."""
    cell, starts = CELLS[name], np.array([2, 4, 5])
    params = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), BATCH))
    run = jax.vmap(lambda p, x: free_runs(cell, p, x, 0.3, starts, STEPS, 0.3), in_axes=(0, 1), out_axes=2)
    found = run(params, INPUTS)
    assert found.shape == (STEPS, 3, BATCH, 2)
    for copy in range(BATCH):
        own = jax.tree.map(lambda leaf, copy=copy: leaf[copy], params)
        for number, start in enumerate(starts):
            assert_near(found[:, number, copy], loop(cell, own, INPUTS[:start, copy], [0.3] * start, [0.3] * STEPS))


GIVEN = {"inputs": INPUTS, "dt": 1.0, "steps": STEPS, "step_dt": 1.0}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": lj.Readout(lj.GRU(2, 3), 1)}, "as many outputs as inputs to read what it says, got 1 outputs and 2"),
        ({"cell": lj.GRU}, "cell must be a Cell"),
        ({"params": (np.ones(2),)}, r"params must be what Readout.init\(key\)"),
        ({"inputs": INPUTS[..., :1]}, r"inputs must be \(time, \*batch, inputs = 2\)"),
        ({"inputs": INPUTS[:0]}, "inputs must have at least one time step"),
        ({"inputs": INPUTS * np.nan}, "inputs must be finite"),
        ({"dt": -1.0}, "dt must be finite and at least 0, got -1"),
        ({"steps": 0}, "steps must be an integer of at least 1, got 0"),
        ({"step_dt": np.ones(3)}, r"\(steps,\) = \(4,\) or \(steps, \*batch\) = \(4, 3\), .*, got shape \(3,\)"),
        ({"step_dt": np.ones((4, 2))}, r"got shape \(4, 2\)"),
        ({"step_dt": np.ones((4, 3, 1))}, r"got shape \(4, 3, 1\)"),
        ({"step_dt": [1.0, 1.0, np.nan, 1.0]}, "step_dt must be finite and at least 0, got nan at time step 2"),
        ({"step_dt": -0.5}, "step_dt must be finite and at least 0, got -0.5"),
        ({"step_dt": "1"}, "step_dt must be an array"),
        (
            {"steps": 3, "step_dt": np.ones(3)},
            r"each of 3 steps or 3 samples, got shape \(3,\); write step_dt\[:, None\]",
        ),
        ({"mask": np.arange(5)[:, None] < [5, 0, 3]}, r"each sample must have a valid step, got none for sample \[1\]"),
        ({"mask": np.ones((5, 2), bool)}, "mask must be bool"),
    ],
)
def test_what_does_not_fit_is_refused(change, message, x64):
    cell = CELLS["lstm"]
    arguments = {"cell": cell, "params": cell.init(jax.random.key(0)), **GIVEN, **change}
    with pytest.raises(ValueError, match=message):
        free_run(**untyped(arguments))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"starts": [0, 3]}, r"starts must be int \(starts,\), each in \[1, time = 5\], got \[0, 3\]"),
        ({"starts": [6]}, "starts must be int"),
        ({"starts": []}, "starts must be"),
        ({"starts": 3}, "starts must be int"),
        ({"starts": [1.5]}, "starts must be"),
        ({"step_dt": STEP_DT}, r"step_dt must be a scalar or \(steps,\), the same for all samples, got \(4, 3\)"),
    ],
)
def test_starts_that_are_not_in_the_sequence_are_refused(change, message):
    cell = CELLS["lstm"]
    arguments = {"cell": cell, "params": cell.init(jax.random.key(0)), "starts": [2], **GIVEN, **change}
    with pytest.raises(ValueError, match=message):
        free_runs(**untyped(arguments))
