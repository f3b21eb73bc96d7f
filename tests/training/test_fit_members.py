"""Members trained side by side: each is what it is alone, whatever becomes of the others."""

from typing import Any

import jax
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.batches import Batches
from liquidjax.training.optimizer import Optimizer
from small_data import LENGTHS
from small_training import EQUAL, GRU, assert_near, same_bits, start, trained, values
from untyped import untyped


def test_members_are_what_each_is_alone(x64):
    """Of all that may differ, with batches of unequal lengths; and so is what is known of them."""
    data, held_out = values(lengths=LENGTHS), values(1, LENGTHS)
    members = {"seed": [3, 4], "learning_rate": [0.05, 0.01], "weight_decay": [0.0, 0.3], "clip": [0.1, 9.0]}
    settings: dict[str, Any] = {"data": data, "validation": held_out, "seed": 11}
    together = trained(members=members, optimizer=Optimizer("adamw", clip=None), **settings)
    assert together.last.step.tolist() == [3 * len(Batches(np.array(LENGTHS), 3))] * 2
    for m in range(2):
        own = {name: numbers[m] for name, numbers in members.items() if name != "seed"}
        rule = Optimizer("adamw", **untyped(own))
        alone = trained(params=start(GRU, members["seed"][m]), optimizer=rule, **settings)
        assert_near(together.member(m), alone.params)
        assert_near(jax.tree.map(lambda leaf, m=m: leaf[m], together.last.params), alone.last.params)
        for epoch, single in zip(together.history, alone.history, strict=True):
            assert_near((epoch.loss[m], epoch.validation_loss[m]), (single.loss, single.validation_loss))
            assert_near({name: score[m] for name, score in epoch.validation.items()}, single.validation)


@pytest.mark.parametrize("lengths", [EQUAL, LENGTHS, None], ids=["equal", "unequal", "one clock"])
def test_members_with_series_of_their_own_are_what_each_is_alone(lengths, x64):
    """Of one length in several batches, each at its place; of unequal lengths in one batch."""
    data, rows = values(lengths=lengths or EQUAL), np.array([[0, 1, 2, 3], [5, 4, 3, 3]])
    if lengths is None:
        data = SequenceDataset(data.inputs, targets=data.targets)
    size = 4 if lengths == LENGTHS else 3
    preparation = Preparation.learnt(data)
    settings: dict[str, Any] = {"preparation": preparation, "batch_size": size, "validation": data}
    together = trained(data=data, members={"seed": [3, 4]}, rows=rows, **settings)
    for m, own in enumerate(rows):
        single = SequenceDataset(data.inputs[own], data.times[own], data.mask[own], data.targets[own])
        alone = trained(data=single, params=start(GRU, [3, 4][m]), **settings)
        assert_near(together.member(m), alone.params)


def test_members_of_a_wired_ltc_are_what_each_is_alone(x64):
    cell = lj.LTC(2, lj.AutoNCP(units=5, outputs=1), lj.SemiImplicit(1))
    together = trained(cell, epochs=2, batch_size=6, members={"seed": [0, 1]})
    for m in range(2):
        alone = trained(cell, epochs=2, batch_size=6, params=start(cell, m))
        assert_near(together.member(m), alone.params)


def test_members_start_from_their_parameters():
    params = jax.vmap(GRU.init)(jax.random.split(jax.random.key(0), 2))
    before = jax.tree.map(np.array, params)
    fitted = trained(params=params, members={"learning_rate": [0.0, 0.0]})
    assert same_bits(before, params) and same_bits(before, fitted.params)


def test_one_member_that_diverges_leaves_the_others_alone():
    """And is told by its losses."""
    rates = {"learning_rate": [0.05, 1e30]}
    rule = Optimizer("sgd", clip=None)
    fitted = trained(validation=values(1), members=rates, optimizer=rule)
    other = trained(validation=values(1), members={"learning_rate": [0.05, 0.04]}, optimizer=rule)
    assert same_bits(fitted.member(0), other.member(0)) and fitted.best_epoch.tolist() == [other.best_epoch[0], 0]
    assert [epoch.loss[0] for epoch in fitted.history] == [epoch.loss[0] for epoch in other.history]
    assert not np.isfinite([epoch.validation_loss[1] for epoch in fitted.history]).any()
    assert np.isfinite([epoch.validation["mse"][0] for epoch in fitted.history]).all()


def test_members_that_all_diverge_are_no_result():
    with pytest.raises(FloatingPointError, match=r"at epoch 1, step 2 \(.*; try a smaller learning rate than 1e\+30"):
        trained(members={"learning_rate": [1e30, 1e31]}, optimizer=Optimizer("sgd", clip=None))
