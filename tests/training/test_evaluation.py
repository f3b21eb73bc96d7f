"""Answers to series of a data set: each what the cell says to that series by itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.evaluation import evaluate
from liquidjax.training.examples import Examples, examples
from liquidjax.training.objective import Batch, Objective, OfFunction
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from small_data import LENGTHS, series

CELL = lj.Readout(lj.GRU(2, 3), 2)


def squares(outputs, batch):
    return jnp.sum(outputs**2, axis=(0, 2))


CASES = {
    "last": (CELL, Classification("last"), series(classes=2)),
    "mean": (CELL, Regression("mean"), series(outputs=2)),
    "step": (lj.Readout(lj.GRU(2, 3), 3), Classification("step", (1, 2, 3)), series(classes=3, each_step=True)),
    "event": (lj.Readout(lj.GRU(2, 3), 1), Event("step"), series(classes=2, each_step=True)),
    "forecast": (CELL, Forecast(), series(gaps=True)),
    "function": (CELL, OfFunction(squares), series(outputs=1)),
}


def ready_for(name) -> tuple[lj.Cell, Objective, Examples]:
    cell, objective, data = CASES[name]
    return cell, objective, examples(data, Preparation.learnt(data), objective)


def alone(cell, objective, params, ready, i):
    """(answers to a series, its losses and their weights), of a run of that series only."""
    steps = slice(LENGTHS[i])
    given, dt, targets = map(np.asarray, (ready.inputs, ready.dt, ready.targets))
    dt = dt[i, steps, None]
    outputs = lj.unroll(cell, params, given[i, steps, None], dt)[1]
    targets = targets[i, steps][:, None] if ready.each_step else targets[i][None]
    batch = Batch(None, dt, None, jnp.asarray(targets), jnp.ones(1))
    return objective.answers(outputs, batch), objective.losses(outputs, batch)


@pytest.mark.parametrize("name", CASES)
def test_answers_are_those_to_each_series_by_itself(name, x64):
    """In the order of the data, though the batches are by length; NaN in padding; and so is the loss."""
    cell, objective, ready = ready_for(name)
    params = cell.init(jax.random.key(0))
    found = evaluate(cell, objective, params, ready, batch_size=3)
    total, counted = 0.0, 0.0
    for i, length in enumerate(LENGTHS):
        answers, losses = alone(cell, objective, params, ready, i)
        got = found.answers[i]
        if objective.each_step:
            assert np.isnan(got[length:]).all()
            got = got[:length]
        expected = answers[:, 0] if objective.each_step else answers[0]
        np.testing.assert_allclose(got, expected, rtol=0, atol=1e-10)
        total += np.nansum(losses.loss * losses.weight)
        counted += np.sum(losses.weight)
    np.testing.assert_allclose(found.loss, total / counted, rtol=1e-10)


def test_the_size_of_batches_does_not_matter(x64):
    cell, objective, ready = ready_for("step")
    params = cell.init(jax.random.key(0))
    one, all_of_them = (evaluate(cell, objective, params, ready, batch_size=size) for size in (1, 256))
    np.testing.assert_allclose(one.answers, all_of_them.answers, rtol=0, atol=1e-12)
    np.testing.assert_allclose(one.loss, all_of_them.loss, rtol=1e-12)


@pytest.mark.parametrize("name", ["last", "step", "event"])
def test_members_answer_as_each_of_them(name, x64):
    cell, objective, ready = ready_for(name)
    keys = jax.random.split(jax.random.key(0), 3)
    found = evaluate(cell, objective, jax.vmap(cell.init)(keys), ready, members=True, batch_size=3)
    assert found.answers.shape[0] == 3 and found.loss.shape == (3,)
    for member, key in enumerate(keys):
        single = evaluate(cell, objective, cell.init(key), ready, batch_size=3)
        np.testing.assert_allclose(found.answers[member], single.answers, rtol=0, atol=1e-12)
        np.testing.assert_allclose(found.loss[member], single.loss, rtol=1e-12)


def test_one_member_that_diverged_leaves_the_others_alone():
    cell, objective, ready = ready_for("last")
    params = jax.vmap(cell.init)(jax.random.split(jax.random.key(0), 2))
    spoilt = jax.tree.map(lambda leaf: leaf.at[0].set(jnp.nan), params)
    found, whole = (evaluate(cell, objective, p, ready, members=True) for p in (spoilt, params))
    assert np.isnan(found.answers[0]).all() and np.isnan(found.loss[0])
    np.testing.assert_array_equal(found.answers[1], whole.answers[1])
    assert found.loss[1] == whole.loss[1]


def test_series_of_one_length_and_clock_need_no_mask(x64):
    """A shared dt (time, 1), and a last batch that is filled up without one."""
    inputs = np.random.default_rng(0).normal(size=(5, 4, 2))
    times = np.array([0.0, 0.3, 1.0, 1.1])
    data = SequenceDataset(inputs, times, targets=np.arange(5) % 2, classes=("a", "b"))
    ready = examples(data, Preparation.learnt(data), Classification())
    batch = ready.batch(np.array([3, 4, -1]), 4)
    assert batch.mask is None and batch.dt.shape == (4, 1) and batch.weight.tolist() == [1, 1, 0]
    params = CELL.init(jax.random.key(0))
    found = evaluate(CELL, Classification(), params, ready, batch_size=3)
    outputs = lj.unroll(CELL, params, np.moveaxis(ready.inputs, 1, 0), ready.dt[0][:, None])[1]
    np.testing.assert_allclose(found.answers, jax.nn.softmax(outputs[-1]), rtol=0, atol=1e-12)
    likelihood = jax.nn.log_softmax(outputs[-1])[np.arange(5), data.targets]
    np.testing.assert_allclose(found.loss, -np.mean(likelihood), rtol=1e-12)


def test_without_targets_there_are_answers_and_no_loss():
    cell, objective, data = CASES["last"]
    with_targets = ready_for("last")[2]
    params = cell.init(jax.random.key(0))
    found = evaluate(cell, objective, params, examples(data, Preparation.learnt(data), None))
    assert found.loss is None
    np.testing.assert_array_equal(found.answers, evaluate(cell, objective, params, with_targets).answers)


def test_the_loss_of_targets_that_nobody_knows_is_nan():
    """And no warning of a division."""
    data = SequenceDataset.of([np.ones((2, 2))] * 2, targets=[-1, -1], classes=("a", "b"))
    ready = examples(data, Preparation.learnt(data), Classification())
    found = evaluate(CELL, Classification(), CELL.init(jax.random.key(0)), ready)
    assert np.isnan(found.loss) and np.isfinite(found.answers).all()


def test_dropout_is_switched_off(x64):
    cell = lj.Readout(lj.CfC(2, 4, backbone_units=8, dropout=0.5), 2)
    ready = ready_for("last")[2]
    params = cell.init(jax.random.key(0))
    sure = lj.Readout(lj.CfC(2, 4, backbone_units=8), 2)
    found = evaluate(cell, Classification(), params, ready).answers
    np.testing.assert_allclose(found, evaluate(sure, Classification(), params, ready).answers, atol=1e-12)


def test_batches_of_members_are_those_of_each():
    ready = ready_for("step")[2]
    rows = np.array([[0, 2, -1], [5, 1, 4]])
    together = ready.batch(rows, 4)
    for member in range(2):
        single = ready.batch(rows[member], 4)
        for name, whole in together._asdict().items():
            np.testing.assert_array_equal(whole[member], getattr(single, name))
    assert together.inputs.shape == (2, 4, 3, 2) and not together.mask[0, :, 2].any()


@pytest.mark.parametrize("name", CASES)
def test_a_batch_is_the_series_time_first(name):
    """As far as each goes, behind it no step."""
    ready = ready_for(name)[2]
    assert ready.targets is not None
    batch = ready.batch(np.array([7, 2, -1]), 4)  # of one step and of three
    assert batch.weight.tolist() == [1, 1, 0] and batch.mask.sum(0).tolist() == [1, 3, 0]
    for place, row in enumerate((7, 2)):
        np.testing.assert_array_equal(batch.inputs[:, place], ready.inputs[row, :4])
        np.testing.assert_array_equal(batch.dt[:, place], ready.dt[row, :4])
        targets = ready.targets[row, :4] if ready.each_step else ready.targets[row]
        np.testing.assert_array_equal(batch.targets[:, place] if ready.each_step else batch.targets[place], targets)
    assert ready.each_step == (name in ("step", "event", "forecast"))
