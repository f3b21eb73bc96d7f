"""Steps whose numbers are not finite are taken back and counted, and too many in a row end the training."""

import itertools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import guard
from liquidjax.training.batches import Batches
from liquidjax.training.checkpoints import disk
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.objective import Batch
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.state import init_state, make_train_step
from small_training import GRU, assert_near, same_bits, trained, values

BAD = 5
"""The series whose loss is not finite below."""


def batches(epoch, size=2):
    """The series of each batch of an epoch of six."""
    return [rows.tolist() for rows, *_ in Batches(np.full(6, 4), size).epoch(epoch)]


def scaled():
    """The targets, as the objective gets them."""
    return np.asarray(Regression().targets(values(), Preparation.learnt(values())))[:, 0]


def poisoned(outputs, batch):
    """The square of the error; that of the series BAD is NaN, and so is its gradient."""
    target = batch.targets[:, 0]
    bad = jnp.abs(target - scaled()[BAD].astype(target.dtype)) < 1e-6
    return jnp.where(bad, jnp.nan, 1.0) * jnp.square(outputs[-1, :, 0] - target)


def lost(outputs, batch):
    """No loss is a number."""
    return jnp.nan * outputs[-1, :, 0]


def test_a_bad_step_is_as_if_it_had_not_been(x64):
    """Trained by hand on the other batches: the same parameters and losses; and every epoch counts one."""
    fitted = trained(objective=poisoned, batch_size=2, epochs=3)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(0.05))
    params = init_state(GRU, optimizer, jax.random.key(0)).params
    opt_state = optimizer.init(params)
    inputs, dt = (np.moveaxis(each.astype(float), 1, 0) for each in fitted.preparation.apply(values()))

    @jax.jit
    def step(params, opt_state, rows):
        def loss(params):
            _, outputs = lj.unroll(GRU, params, jnp.asarray(inputs)[:, rows], jnp.asarray(dt)[:, rows])
            return jnp.mean(jnp.square(outputs[-1, :, 0] - jnp.asarray(scaled().astype(float))[rows]))

        value, slope = jax.value_and_grad(loss)(params)
        with jax.numpy_dtype_promotion("standard"):
            updates, opt_state = optimizer.update(slope, opt_state, params)
        return value, optax.apply_updates(params, updates), opt_state

    means = []
    for epoch in range(3):
        seen = []
        for rows in (rows for rows in batches(epoch) if BAD not in rows):
            value, params, opt_state = step(params, opt_state, jnp.array(rows))
            seen.append(value)
        means.append(np.mean(seen))
    assert [epoch.skipped for epoch in fitted.history] == [1, 1, 1]
    assert_near(fitted.last.params, params)
    assert_near([epoch.loss for epoch in fitted.history], means)
    assert int(fitted.last.step) == 9  # batches, those without a step too


def test_too_many_in_a_row_end_it_and_it_says_where():
    """Its first leaf in the order of the tree, and the series of its batch."""
    (first, second), *_ = batches(0)
    leaf = jax.tree_util.keystr(
        jax.tree.leaves_with_path(GRU.init(jax.random.key(0)))[0][0], simple=True, separator="."
    )
    sentence = (
        f"the gradient of {leaf} is not finite (loss nan) at epoch 1, step 1 (series {first}, {second} of the training "
        "data), nor was it in the 2 steps after it; try a smaller learning rate than 0.05"
    )
    with pytest.raises(FloatingPointError, match=re.escape(sentence)):
        trained(objective=lost, batch_size=2, most_skipped=2, epochs=9)


@pytest.mark.parametrize("most", [0, 3])
def test_so_many_are_taken_back_and_no_more(most):
    calls = []
    with pytest.raises(FloatingPointError):
        trained(objective=lost, batch_size=6, most_skipped=most, epochs=50, stop=lambda: calls.append(1) is not None)
    assert len(calls) == most + 1  # there is one step in an epoch, and at its end it is looked at


def test_a_good_step_between_them_begins_the_count_anew():
    assert not any(one[-1] == two[0] == BAD for one, two in itertools.pairwise([batches(0), batches(1), batches(2)]))
    fitted = trained(objective=poisoned, batch_size=2, most_skipped=1)
    assert [epoch.skipped for epoch in fitted.history] == [1, 1, 1]
    with pytest.raises(FloatingPointError, match=r"at epoch 1, step \d \(series"):
        trained(objective=poisoned, batch_size=2, most_skipped=0)


def test_a_training_whose_last_epoch_had_no_step_is_no_result():
    """Though there were not too many in a row."""
    with pytest.raises(FloatingPointError, match="is not finite"):
        trained(objective=lost, batch_size=6, most_skipped=9, epochs=2)


def test_of_members_only_the_bad_step_of_the_bad_one_is_taken_back():
    rates = {"learning_rate": [0.05, 1e30]}
    rule = Optimizer("sgd", clip=None)
    fitted = trained(members=rates, optimizer=rule, epochs=4, most_skipped=2)
    other = trained(members={"learning_rate": [0.05, 0.01]}, optimizer=rule, epochs=4)
    assert same_bits(fitted.member(0), other.member(0))
    skipped = np.array([epoch.skipped for epoch in fitted.history])
    assert not skipped[:, 0].any() and (skipped[1:, 1] == 2).all()
    assert np.isfinite(jax.tree.leaves(fitted.last.params)[0]).all()


def test_the_state_before_a_bad_step_is_kept_to_the_bit():
    cell, optimizer = lj.Readout(lj.CfC(2, 3), 1), optax.adam(0.01)
    state = init_state(cell, optimizer, jax.random.key(0))
    before = jax.device_get((state.params, state.opt_state))
    step = make_train_step(cell, Regression(), optimizer)
    ones = jnp.ones((3, 2))
    bad = Batch(jnp.full((3, 2, 2), jnp.inf), ones, ones > 0, jnp.zeros((2, 1)), jnp.ones(2))
    state, info = step(state, bad)
    assert same_bits(before, (state.params, state.opt_state)) and int(state.step) == 1
    assert int(info.bad) != guard.FINE and not np.isfinite(info.loss)
    state, info = step(state, bad._replace(inputs=jnp.ones((3, 2, 2))))
    assert int(info.bad) == guard.FINE and not same_bits(before[0], state.params)


def test_the_first_that_is_bad_is_named():
    slope, params = {"a": jnp.ones(2), "b": jnp.ones(3)}, {"a": jnp.ones(2), "b": jnp.ones(3)}
    bad = jnp.array([1.0, jnp.nan, 1.0])

    def named(loss=1.0, slope=slope, params=params):
        return guard.name_of(int(guard.first_bad(jnp.asarray(loss), slope, params)), params)

    assert int(guard.first_bad(jnp.asarray(1.0), slope, params)) == guard.FINE
    assert named(slope=slope | {"b": bad}, loss=jnp.nan) == "the gradient of b"
    assert named(params=params | {"a": jnp.array([jnp.inf, 1])}) == "the new value of a"
    assert named(loss=jnp.inf) == "the loss"
    assert guard.name_of(0, jnp.ones(2)) == "the gradient of the parameters"


def test_the_message_names_the_last_good_checkpoint(tmp_path):
    rule = Optimizer("sgd", 1e30, clip=None)
    with pytest.raises(FloatingPointError, match=r"; the last good checkpoint is .*step-0000000\d") as caught:
        trained(optimizer=rule, batch_size=2, checkpoints=Checkpoints(tmp_path, seconds=0))
    arrays, _ = disk.read(Path(str(caught.value).rpartition(" ")[2]))
    assert all(np.isfinite(array).all() for name, array in arrays.items() if name.startswith("state."))
    assert arrays["guard.in_row"] == 5
