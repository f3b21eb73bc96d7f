"""One step of a training: what it computes, and what it must not look at."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.training import guard
from liquidjax.training.objective import Batch, Losses, OfFunction, mean_loss
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.training.state import (
    as_objective,
    check_gradient,
    init_state,
    losses,
    make_train_step,
    usual_gradient,
)
from small_cells import CELLS
from untyped import untyped

TIME = 4
BARE = optax.sgd(1.0)
"""The parameters move by the gradient."""
PADDING = [(np.nan, np.nan), (np.inf, np.inf), (-np.inf, -1.0), (1e38, 0.0)]
"""(inputs, dt) of steps that are none."""


def batch_of(objective, series, lengths, inputs, dtype: Any = np.float32, seed=0):
    """Random series of these lengths; -1 and NaN for targets in padding."""
    rng = np.random.default_rng(seed)
    mask = np.arange(TIME)[:, None] < np.array(lengths)
    shape = (TIME, series) if objective.each_step else (series,)
    if isinstance(objective, Classification | Event):
        targets = rng.integers(0, 2, shape)
    else:
        targets = rng.normal(size=(*shape, 2)).astype(dtype)
    dt = rng.uniform(0.1, 1, (TIME, series)).astype(dtype)
    given = rng.normal(size=(TIME, series, inputs)).astype(dtype), dt, mask, targets, np.ones(series, dtype)
    return Batch(*map(jnp.asarray, given))


def with_padding(batch, inputs, dt):
    """The batch with something in the padding, of the targets too."""
    targets = batch.targets
    if targets.ndim > 1 and targets.shape[0] == TIME:
        unknown = jnp.array(10**6 if targets.dtype.kind == "i" else np.nan, targets.dtype)
        targets = jnp.where(batch.mask.reshape(batch.mask.shape + (1,) * (targets.ndim - 2)), targets, unknown)
    dtype = batch.inputs.dtype
    return batch._replace(
        inputs=jnp.where(batch.mask[..., None], batch.inputs, jnp.array(inputs, dtype)),
        dt=jnp.where(batch.mask, batch.dt, jnp.array(dt, dtype)),
        targets=targets,
    )


@functools.cache
def step_of(cell, objective):
    return make_train_step(cell, objective, BARE)


def moved(cell, objective, batch):
    """(parameters after a step by the gradient, (loss, norm)); the parameters before are the same each time."""
    state, info = step_of(cell, objective)(init_state(cell, BARE, jax.random.key(0)), batch)
    return jax.device_get((state.params, info))


def same_bits(left, right):
    assert all(a.tobytes() == b.tobytes() for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True))


def assert_near(actual, expected, tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=tolerance), actual, expected)


LTC = lj.Readout(lj.LTC(3, lj.FullyConnected(3), lj.SemiImplicit(1)), 2)
CASES = [
    (lj.Readout(lj.GRU(3, 3), 2), Classification("last"), 1),
    (lj.Readout(lj.CTRNN(3, 3), 1), Event("mean"), 2),
    (LTC, Regression("step"), 3),
    (lj.Readout(lj.CfC(3, 3), 2), Forecast(), 3),
]
"""Series: one, two, and as many as there are units."""


@pytest.mark.parametrize(("cell", "objective", "series"), CASES, ids=["gru", "ct-rnn", "ltc", "cfc"])
def test_what_is_in_padding_changes_no_bit(cell, objective, series):
    @settings(deadline=None, max_examples=15)
    @given(st.lists(st.integers(1, TIME), min_size=series, max_size=series))
    def check(lengths):
        batch = batch_of(objective, series, lengths, cell.inputs)
        reference = moved(cell, objective, with_padding(batch, 0.0, 0.0))
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(reference))
        for inputs, dt in PADDING:
            same_bits(moved(cell, objective, with_padding(batch, inputs, dt)), reference)

    check()


@pytest.mark.parametrize("padded", [True, False], ids=["mask", "no mask"])
@pytest.mark.parametrize(("cell", "objective"), [case[:2] for case in CASES[::2]], ids=["last", "step"])
def test_rows_that_only_fill_a_batch_count_nothing(cell, objective, padded, x64):
    batch = batch_of(objective, 3, [4, 2, 3] if padded else [4, 4, 4], cell.inputs, np.float64)
    axis = {"targets": objective.each_step, "weight": 0}
    filled: dict[str, Any] = {
        name: jnp.concatenate([x, x], axis=axis.get(name, 1)) for name, x in batch._asdict().items()
    }
    filled["weight"] = jnp.array([1.0, 1, 1, 0, 0, 0])
    filled["mask"] = jnp.concatenate([batch.mask, jnp.zeros_like(batch.mask)], axis=1)
    if not padded:
        batch, filled["mask"] = batch._replace(mask=None), None
    assert_near(moved(cell, objective, Batch(**filled)), moved(cell, objective, batch), 1e-12)


@pytest.mark.parametrize(("cell", "objective"), [case[:2] for case in CASES], ids=["gru", "ct-rnn", "ltc", "cfc"])
def test_no_mask_and_shared_times_are_a_mask_of_ones_and_times_of_each(cell, objective, x64):
    batch = batch_of(objective, 3, [TIME] * 3, cell.inputs, np.float64)
    shared = batch._replace(mask=None, dt=batch.dt[:, :1])
    spread = batch._replace(dt=jnp.broadcast_to(batch.dt[:, :1], (TIME, 3)))
    assert_near(moved(cell, objective, shared), moved(cell, objective, spread), 1e-12)


def test_steps_are_those_of_optax_on_the_mean_loss(x64, promotes):
    cell, optimizer = lj.Readout(lj.GRU(3, 2), 2), optax.adam(0.1)
    batch = batch_of(Classification(), 3, [4, 2, 3], 3, np.float64)
    step = make_train_step(cell, Classification(), optimizer)
    state = init_state(cell, optimizer, jax.random.key(0))
    params, memory = jax.device_get(state.params), optimizer.init(state.params)

    @jax.jit
    def loss(params):
        outputs = lj.unroll(cell, params, batch.inputs, batch.dt, mask=batch.mask)[1]
        last = jnp.stack([outputs[length - 1, i] for i, length in enumerate((4, 2, 3))])
        return -jnp.mean(jax.nn.log_softmax(last)[jnp.arange(3), batch.targets])

    for number in range(1, 4):
        state, info = step(state, batch)
        value, gradient = jax.value_and_grad(loss)(params)
        updates, memory = optimizer.update(gradient, memory, params)
        params = optax.apply_updates(params, updates)
        norm = np.sqrt(sum(np.sum(leaf**2) for leaf in jax.tree.leaves(gradient)))
        assert_near((info.loss, info.gradient_norm), (value, norm), 1e-12)
        assert int(state.step) == number
    assert_near(state.params, params, 1e-10)


def test_where_nothing_counts_nothing_moves():
    cell, objective, series = CASES[0]
    batch = batch_of(objective, series, [TIME], cell.inputs)._replace(targets=jnp.array([-1]))
    params, info = moved(cell, objective, batch)
    assert info == (0, 0, guard.FINE)
    same_bits(params, cell.init(jax.random.split(jax.random.key(0))[0]))


def test_given_parameters_outlive_the_state_that_is_given_away():
    cell, objective, series = CASES[0]
    params = cell.init(jax.random.key(3))
    before = jax.tree.map(np.array, params)
    state = init_state(cell, BARE, jax.random.key(0), params)
    step_of(cell, objective)(state, batch_of(objective, series, [2], cell.inputs))
    same_bits(before, params)
    with pytest.raises(RuntimeError, match="deleted"):
        np.asarray(jax.tree.leaves(state.params)[0])


def test_parameters_of_another_cell_are_refused():
    cell, objective, series = CASES[0]
    state = init_state(cell, BARE, jax.random.key(0), lj.GRU(3, 2).init(jax.random.key(0)))
    with pytest.raises(ValueError, match=r"params must be what Readout.init\(key\) of this cell returns"):
        step_of(cell, objective)(state, batch_of(objective, series, [2], cell.inputs))


def test_explicit_constraints_are_put_back_into_their_ranges():
    cell = lj.LTC(3, lj.FullyConnected(2), lj.SemiImplicit(1), constraints="explicit")
    optimizer = optax.sgd(1e4)
    step = make_train_step(cell, Regression("step"), optimizer)
    batch = batch_of(Regression("step"), 2, [4, 3], 3)
    state = init_state(cell, optimizer, jax.random.key(0))
    at_bounds = 0
    for _ in range(3):
        state, _ = step(state, batch)
        ltc = state.params
        assert (ltc.leak_conductance >= 0).all() and (ltc.synapses.weight >= 0).all()
        assert (ltc.capacitance >= 1e-6).all()
        at_bounds += int((ltc.synapses.weight == 0).sum())
    assert at_bounds


def test_dropout_is_of_the_key_and_another_one_at_each_step():
    cell, objective = lj.Readout(lj.CfC(3, 8, backbone_units=16, dropout=0.5), 2), Regression("step")
    batch = batch_of(objective, 2, [4, 4], 3)
    still = optax.sgd(0.0)
    step = make_train_step(cell, objective, still)

    def run(key):
        state, found = init_state(cell, still, key, cell.init(jax.random.key(0))), []
        for _ in range(3):
            state, info = step(state, batch)
            found.append(float(info.loss))
        return found

    first = run(jax.random.key(1))
    assert len({*first, *run(jax.random.key(2))}) == 6 and first == run(jax.random.key(1))
    params = cell.init(jax.random.key(0))
    without = mean_loss(losses(cell, objective, params, batch))
    assert without == mean_loss(losses(cell, objective, params, batch)) and float(without) not in first


CLOSED = ("cfc", "wired cfc", "lstm", "gru", "t-lstm", "mixed memory, input", "ncp liquid cell", "liquid ncp")
CLOSED += ("readout", "with time")
"""Closed-form and gated cells; "readout" is that of a GRU, "with time" around a CfC."""


@pytest.mark.parametrize("name", CELLS)
def test_closed_form_and_gated_cells_keep_everything_and_solvers_compute_again(name):
    expected = lj.BPTT() if name.startswith(CLOSED) else lj.Remat()
    cell = CELLS[name]
    deep = lj.Stack(5, lj.Block(lj.Readout(cell, cell.inputs), feed_forward=True), layers=2)
    assert usual_gradient(cell) == expected == usual_gradient(lj.Readout(cell, 3)) == usual_gradient(deep)


def test_the_gradient_that_is_asked_for_is_used():
    cell, objective, series = CASES[2]
    batch = batch_of(objective, series, [4, 1, 3], cell.inputs)
    state = init_state(cell, BARE, jax.random.key(0))

    def program(way):
        return str(jax.make_jaxpr(make_train_step(cell, objective, BARE, gradient=way))(state, batch))

    assert program(None) == program(lj.Remat()) != program(lj.BPTT())


def first_output(outputs, batch):
    return jnp.sum(outputs[..., 0] ** 2, axis=0)


def test_a_function_is_an_objective_and_its_losses_are_weighted(x64):
    cell, objective = lj.GRU(3, 2), Regression("step")
    batch = batch_of(objective, 3, [4, 4, 4], 3, np.float64)._replace(weight=jnp.array([1.0, 1, 0]))
    fewer = batch_of(objective, 3, [4, 4, 4], 3, np.float64)
    fewer = jax.tree.map(lambda x: x[:2] if x.ndim == 1 else x[:, :2], fewer)
    assert_near(moved(cell, first_output, batch), moved(cell, first_output, fewer), 1e-12)


def test_what_is_no_objective_is_refused():
    assert as_objective(Classification()) == Classification() and as_objective(first_output) == OfFunction(first_output)
    for wrong in ("mse", None, Classification, Losses, 3):
        with pytest.raises(ValueError, match="objective must be an Objective such as Classification"):
            as_objective(untyped(wrong))


def test_what_is_no_gradient_is_refused():
    assert check_gradient("auto") is None and check_gradient(lj.BPTT()) == lj.BPTT()
    for wrong in ("remat", lj.BPTT, None):
        with pytest.raises(ValueError, match="gradient must be"):
            check_gradient(untyped(wrong))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": lj.GRU}, "cell must be a Cell such as lj.GRU"),
        ({"objective": "mse"}, "objective must be an Objective"),
        ({"optimizer": 0.1}, "optimizer must be of optax, such as optax.adam"),
        ({"optimizer": lj.GRU(1, 1)}, "optimizer must be of optax, such as optax.adam"),
        ({"gradient": "bptt"}, "gradient must be a gradient such as lj.Remat"),
        ({"method": "scan"}, "method must be one of 'auto'"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(change, message):
    cell, objective, series = CASES[0]
    arguments = {"cell": cell, "objective": objective, "optimizer": BARE, **change}
    with pytest.raises(ValueError, match=message):
        step = make_train_step(**untyped(arguments))
        step(init_state(cell, BARE, jax.random.key(0)), batch_of(objective, series, [2], cell.inputs))
