"""Training: the plain loop over batches, what it leaves alone and gives back, and when it ends."""

from typing import Any

import jax
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import steps as module
from liquidjax.training.batches import Batches
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from liquidjax.training.optimizer import Optimizer
from liquidjax.training.progress import Epoch
from small_cells import CELLS
from small_data import LENGTHS, series
from small_training import GRU, assert_near, same_bits, squares, start, trained, values, without_seconds

# The trainer against a plain loop.


def test_it_is_the_plain_loop_over_the_same_batches(x64, promotes):
    """Each series by itself, without padding; Adam on the gradient of their mean loss, clipped."""
    cell = lj.Readout(lj.GRU(2, 2), 2)
    data, held_out = series(classes=2), series(classes=2, seed=1)
    preparation = Preparation.learnt(data)

    @jax.jit
    def loss(params, inputs, dt, label):
        return -jax.nn.log_softmax(lj.unroll(cell, params, inputs, dt)[1][-1])[label]

    slope = jax.jit(jax.value_and_grad(loss))

    def prepared(data, i):
        inputs, dt = (x[i, : LENGTHS[i]].astype(float) for x in preparation.apply(data))
        return inputs, dt, data.targets[i]

    params, optimizer = start(cell, 7), optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.05))
    state, expected, validation = optimizer.init(params), [], []
    for epoch in range(3):
        seen = []
        for rows, *_ in Batches(np.array(LENGTHS), 3, seed=7).epoch(epoch):
            found = [slope(params, *prepared(data, i)) for i in rows if i >= 0]
            seen.append(np.mean([value for value, _ in found]))
            gradient = jax.tree.map(lambda *leaves: sum(leaves) / len(leaves), *(g for _, g in found))
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
        expected.append(np.mean(seen))
        validation.append(np.mean([loss(params, *prepared(held_out, i)) for i in range(len(LENGTHS))]))

    settings: dict[str, Any] = {"optimizer": Optimizer("adam", 0.05, clip=0.5), "seed": 7}
    fitted = trained(cell, Classification(), data, held_out, **settings)
    assert_near(fitted.last.params, params)
    assert_near([epoch.loss for epoch in fitted.history], expected)
    assert_near([epoch.validation_loss for epoch in fitted.history], validation)
    assert int(fitted.last.step) == 3 * len(Batches(np.array(LENGTHS), 3))
    assert fitted.preparation == preparation


def test_equal_calls_are_equal_to_the_bit_and_compile_once():
    """The cell may have been built twice."""
    step: Any = module.one_step
    first = trained(validation=values(1))
    traces = step._cache_size()
    second = trained(lj.Readout(lj.GRU(2, 2), 1), validation=values(1))
    assert step._cache_size() == traces
    assert same_bits((first.params, first.last.params), (second.params, second.last.params))
    assert without_seconds(first.history) == without_seconds(second.history)
    assert not same_bits(first.params, trained(validation=values(1), seed=1).params)


def test_series_of_few_lengths_are_few_programs():
    step: Any = module.one_step
    cell, traces = lj.Readout(lj.GRU(2, 3), 1), step._cache_size()
    trained(cell, data=values(lengths=LENGTHS), batch_size=3)
    assert step._cache_size() == traces + len({time for _, time in Batches(np.array(LENGTHS), 3).buckets})


@pytest.mark.parametrize(("inputs", "time"), [(np.nan, np.nan), (np.inf, 0.0), (1e300, -5.0)])
def test_what_is_in_padding_changes_no_bit(inputs, time):
    def spoilt(data, inputs, time):
        mask = data.mask
        given = np.where(mask[..., None], data.inputs, inputs), np.where(mask, data.times, time)
        targets = np.where(mask[..., None], data.targets, np.nan if np.isnan(inputs) else 3.0)
        return SequenceDataset(*given, mask, targets)

    whole = series(outputs=1, each_step=True), series(outputs=1, each_step=True, seed=1)
    reference, found = (
        trained(objective=Regression("step"), data=spoilt(whole[0], *fill), validation=spoilt(whole[1], *fill))
        for fill in ((0.0, 1.0), (inputs, time))
    )
    assert same_bits(found.params, reference.params)
    assert without_seconds(found.history) == without_seconds(reference.history)


@pytest.mark.parametrize(
    ("cell", "objective", "data"),
    [
        (lj.Readout(lj.GRU(2, 6), 2), Classification("mean", (1, 2)), series(classes=2)),
        (lj.Readout(lj.CTRNN(2, 6), 1), Event("step", 2.0), series(classes=2, each_step=True)),
        (lj.Readout(lj.CfC(6, 6), 2), Forecast(), series(gaps=True)),
    ],
    ids=["class", "event", "forecast"],
)
def test_it_learns_series_by_heart(cell, objective, data):
    """With gaps, indicators and times since; unequal lengths."""
    more = cell.inputs == 6
    preparation = Preparation.learnt(data, indicators=more, since=more)
    fitted = trained(cell, objective, data, data, preparation=preparation, epochs=120)
    assert fitted.history[-1].validation_loss < 0.5 * fitted.history[0].validation_loss


QUICK = ("ltc", "cfc", "ct-rnn", "mixed memory, state", "ncp liquid cell", "stack")


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in CELLS])
def test_every_cell_trains(name):
    data = series((3,) * 4, features=CELLS[name].inputs, outputs=1)
    fitted = trained(CELLS[name], squares, data, epochs=2, batch_size=4)
    assert len(fitted.history) == 2 and np.isfinite([epoch.loss for epoch in fitted.history]).all()
    assert not same_bits(fitted.params, start(CELLS[name], 0))


# What it leaves alone, and what it gives back.


def test_given_parameters_are_started_from_and_left_untouched():
    params = GRU.init(jax.random.key(5))
    before = jax.tree.map(np.array, params)
    fitted = trained(params=params, optimizer=Optimizer("sgd", 0.0))
    assert same_bits(before, params) and same_bits(before, fitted.params)
    on_host = trained(params=before, optimizer=Optimizer("sgd", 0.0))
    assert same_bits(before, on_host.params)


def test_without_validation_the_last_parameters_are_given():
    """As arrays of their own: whoever trains on from the last state gives that away."""
    fitted = trained()
    assert fitted.best_epoch == 3 and same_bits(fitted.params, fitted.last.params)
    assert {(epoch.validation_loss, *epoch.validation) for epoch in fitted.history} == {(None,)}
    jax.tree.map(lambda leaf: leaf.delete(), fitted.last.params)
    assert np.isfinite(jax.tree.leaves(fitted.params)[0]).all()


def test_the_callback_sees_every_epoch():
    seen: list[Epoch] = []
    fitted = trained(validation=values(1), callback=seen.append)
    assert seen == fitted.history and [epoch.epoch for epoch in seen] == [1, 2, 3]
    seconds = [epoch.seconds for epoch in seen]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert all(set(epoch.validation) == {"mse", "r2"} and type(epoch.loss) is float for epoch in seen)


@pytest.mark.parametrize("learning_rate", [0.3, 1e4])
def test_explicit_constraints_stay_projected(learning_rate):
    cell = lj.LTC(2, lj.FullyConnected(2, 1), lj.SemiImplicit(1), constraints="explicit")
    fitted = trained(cell, optimizer=Optimizer("sgd", learning_rate))
    for params in (fitted.params, fitted.last.params):
        assert min(params.leak_conductance.min(), params.synapses.weight.min()) >= 0
        assert params.capacitance.min() >= 1e-6


def test_dropout_is_for_training_only(x64):
    """The validation loss is that of the same parameters in a cell without."""
    sure = lj.Readout(lj.CfC(2, 4, backbone_units=8), 1)
    cell = lj.Readout(lj.CfC(2, 4, backbone_units=8, dropout=0.5), 1)
    still = Optimizer("sgd", 0.0)
    fitted, expected = (trained(c, validation=values(), optimizer=still, epochs=2) for c in (cell, sure))
    assert_near([e.validation_loss for e in fitted.history], [e.validation_loss for e in expected.history], 1e-12)
    losses = [epoch.loss for epoch in fitted.history]
    assert losses[0] != losses[1] and min(np.abs(np.array(losses) - expected.history[0].loss)) > 1e-3
    moved = trained(cell, validation=values(), epochs=30)
    assert moved.history[-1].validation_loss < moved.history[0].validation_loss


# When it ends.


@pytest.mark.parametrize("batches", [1, 2, 5])
def test_a_stopped_training_returns_what_is_trained_so_far(batches):
    """Two batches an epoch."""
    asked = []
    stopped = trained(validation=values(1), epochs=50, stop=lambda: bool(asked.append(1)) or len(asked) == batches)
    done = (batches - 1) // 2
    assert len(asked) == batches == int(stopped.last.step) and len(stopped.history) == done
    whole = trained(validation=values(1), epochs=50)
    assert without_seconds(stopped.history) == without_seconds(whole.history[:done])
    assert (stopped.best_epoch == 0) == (done == 0)
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), stopped.last.params, start(GRU, 0))
    assert 0 < max(jax.tree.leaves(moved)) <= batches * 0.05 * 1.01  # Adam's steps are at most about the rate
    assert same_bits(stopped.params, stopped.last.params) == (done == 0)


def test_patience_stops_and_the_best_parameters_are_those_of_the_best_epoch(x64):
    """What is learnt by heart gets worse on other data, of each member at another time; the last one never learns."""
    data, held_out = values(), values(1)
    cell, rates = lj.Readout(lj.GRU(2, 4), 1), [0.03, 0.2, 0.0]
    fitted = trained(cell, data=data, validation=held_out, epochs=60, patience=5, members={"learning_rate": rates})
    losses = np.array([epoch.validation_loss for epoch in fitted.history])
    best = losses.argmin(axis=0)
    assert fitted.best_epoch.tolist() == (best + 1).tolist() and best[2] == 0 and len(set(best)) == 3
    # The last one of them that got better decides.
    assert len(losses) == max(best) + 1 + 5 < 60
    for member, rate in enumerate(rates[:2]):
        epochs = int(best[member]) + 1
        single = trained(cell, data=data, validation=None, epochs=epochs, optimizer=Optimizer("adam", rate))
        assert_near(fitted.member(member), single.last.params)
    alone = trained(cell, data=data, validation=held_out, epochs=60, patience=5, optimizer=Optimizer("adam", 0.2))
    assert alone.best_epoch == best[1] + 1 and len(alone.history) == best[1] + 6
    assert_near(alone.params, fitted.member(1))


def test_without_getting_better_patience_is_counted_from_the_first_epoch():
    fitted = trained(validation=values(1), epochs=50, patience=2, optimizer=Optimizer("sgd", 0.0))
    assert len(fitted.history) == 3 and fitted.best_epoch == 1


HUGE = Optimizer("sgd", 1e30, clip=None)


def test_losses_that_stay_not_finite_stop_it():
    with pytest.raises(FloatingPointError, match=r"at epoch 1, step 2 \(.*; try a smaller learning rate than 1e\+30"):
        trained(optimizer=HUGE)


def test_what_is_lost_in_the_last_step_is_no_result():
    """Its loss is that before it: the parameters are looked at, and the loss on the validation data."""
    lost = Optimizer("sgd", 3e38, clip=None)
    with pytest.raises(FloatingPointError, match=r"new value of cell.inputs.weight is not finite \(.*step 1 "):
        trained(objective=lambda y, batch: 100 * squares(y, batch), optimizer=lost, epochs=1, batch_size=6)
    with pytest.raises(FloatingPointError, match="the validation loss was never finite in 1 epochs"):
        trained(validation=values(1), optimizer=HUGE, epochs=1, batch_size=6)
