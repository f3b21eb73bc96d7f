"""A training that goes on from a checkpoint gives what it gives without an interruption, to the bit."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.training import epochs as loop
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.objectives import Classification, Forecast, Regression
from liquidjax.training.optimizer import Optimizer
from small_data import series
from small_training import GRU, squares, trained, values, without_seconds

RULE = Optimizer("adamw", 0.05, "cosine", warmup=2, weight_decay=0.01, accumulate=2)


class Killed(BaseException):
    """As nothing catches it: what the process had is gone."""


def dying(after):
    """A `stop` that ends the training without a word in its n-th question."""
    numbers = itertools.count(1)

    def stop():
        if next(numbers) == after:
            raise Killed
        return False

    return stop


def bits(tree):
    def numbers(leaf):
        is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

    return [(leaf.dtype, leaf.shape, leaf.tobytes()) for leaf in map(numbers, jax.tree.leaves(tree))]


def everything(fitted):
    history = bits([jax.tree.map(np.asarray, epoch._asdict()) for epoch in without_seconds(fitted.history)])
    return bits((fitted.params, fitted.last)), np.asarray(fitted.best_epoch).tolist(), history


CASES = {
    "a value": {},
    "members": {"members": {"learning_rate": [0.05, 0.01], "seed": [3, 4]}},
    "members on series of their own": {"members": {"seed": [3, 4]}, "rows": [[0, 1, 2, 3], [2, 3, 4, 5]]},
    "no validation": {"validation": None},
    "early stopping": {"patience": 1, "optimizer": Optimizer("adam", 0.3), "epochs": 8},
    "dropout": {"cell": lj.Readout(lj.CfC(2, 3, dropout=0.5), 1)},
    "a function": {"objective": squares, "validation": None},
    "a forecast of unequal lengths": {
        "cell": lj.Readout(lj.GRU(2, 2), 2),
        "objective": Forecast(),
        "data": series(),
        "validation": series(seed=1),
    },
    "classes": {
        "cell": lj.Readout(lj.GRU(2, 2), 2),
        "objective": Classification(class_weights=(1.0, 2.0)),
        "data": series(classes=2),
        "validation": series(classes=2, seed=1),
    },
}


@pytest.mark.parametrize("case", CASES)
def test_killed_again_and_again_it_is_the_same_to_the_bit(case, tmp_path):
    """A checkpoint after each step; the first part ends in its first step, before it is saved, then in its second..."""
    settings = {"validation": values(1), "optimizer": RULE, "batch_size": 3, "epochs": 3, **CASES[case]}
    expected = everything(trained(**settings))
    checkpoints = Checkpoints(tmp_path, seconds=0)
    kills = 0
    while True:
        try:
            found = trained(**settings, checkpoints=checkpoints, stop=dying(kills + 1))
        except Killed:
            kills += 1
        else:
            break
    assert kills > 2 and everything(found) == expected


def test_stopped_it_is_saved_and_goes_on(tmp_path):
    settings = {"validation": values(1), "epochs": 3, "checkpoints": Checkpoints(tmp_path, seconds=1e6)}
    asked = []
    part = trained(**settings, stop=lambda: bool(asked.append(1)) or len(asked) == 3)
    assert len(part.history) == 1 and int(part.last.step) == 3
    assert everything(trained(**settings)) == everything(trained(validation=values(1), epochs=3))


def test_what_has_ended_is_there_without_a_step(tmp_path):
    settings = {"validation": values(1), "checkpoints": Checkpoints(tmp_path)}
    whole, records = trained(**settings), []
    written = sorted(tmp_path.iterdir())

    def never():
        raise AssertionError

    again = trained(**settings, stop=never, callback=records.append)
    assert everything(again) == everything(whole) and records == whole.history == again.history
    assert sorted(tmp_path.iterdir()) == written


def test_the_epochs_before_are_reported_again(tmp_path):
    settings = {"validation": values(1), "epochs": 4, "checkpoints": Checkpoints(tmp_path, seconds=0)}
    before, after = [], []
    with pytest.raises(Killed):
        trained(**settings, stop=dying(5), callback=before.append)
    trained(**settings, callback=after.append)
    assert [epoch.epoch for epoch in after] == [1, 2, 3, 4] and without_seconds(after)[:2] == without_seconds(before)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(after))


def test_between_the_last_batch_of_an_epoch_and_its_record(tmp_path, monkeypatch):
    settings = {"validation": values(1), "epochs": 2}
    expected = everything(trained(**settings))
    checkpoints = Checkpoints(tmp_path, seconds=0)

    def killed(*_):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "end_epoch", killed)
        with pytest.raises(Killed):
            trained(**settings, checkpoints=checkpoints)
    assert everything(trained(**settings, checkpoints=checkpoints)) == expected


def test_the_types_of_the_state_are_the_same(tmp_path):
    """Weak types too: with others a step would be compiled again, and could promote in another way."""
    settings = {"optimizer": RULE, "members": {"learning_rate": [0.1, 0.2]}}
    whole = trained(**settings, checkpoints=Checkpoints(tmp_path))
    again = trained(**settings, checkpoints=Checkpoints(tmp_path))
    assert [leaf.aval for leaf in jax.tree.leaves(again.last)] == [leaf.aval for leaf in jax.tree.leaves(whole.last)]


OTHERS = {
    "epochs: saved 3, given 4": {"epochs": 4},
    "seed: saved 0, given 1": {"seed": 1},
    "batch_size: saved 3, given 2": {"batch_size": 2},
    r"optimizer\.learning_rate: saved 0\.05, given 0\.1": {"optimizer": Optimizer("adam", 0.1)},
    r"cell\.cell\.units: saved 2, given 3": {"cell": lj.Readout(lj.GRU(2, 3), 1)},
    r'objective\.at: saved "last", given "mean"': {"objective": Regression("mean")},
    "training: saved": {"data": values(2)},
    "validation: saved": {"validation": values(2)},
    "params: saved null": {"params": GRU.init(jax.random.key(1))},
    "gradient": {"gradient": lj.Remat()},
    "members": {"members": {"seed": [0]}},
    "patience: saved null, given 2": {"patience": 2},
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ended")
    trained(validation=values(1), checkpoints=Checkpoints(folder))
    return folder


@pytest.mark.parametrize("sentence", OTHERS)
def test_another_training_does_not_go_on_from_it(sentence, ended):
    settings = {"validation": values(1), **OTHERS[sentence]}
    with pytest.raises(ValueError, match=f"are of another training .*{sentence}.*; give what it was begun with"):
        trained(**settings, checkpoints=Checkpoints(ended))


def test_a_function_that_another_process_cannot_compare_is_refused(tmp_path):
    with pytest.raises(ValueError, match="lambda"):
        trained(objective=lambda y, batch: y[-1, :, 0], checkpoints=Checkpoints(tmp_path))


def test_a_damaged_checkpoint_costs_what_came_after_the_one_before(tmp_path):
    settings = {"validation": values(1), "epochs": 3}
    told = []
    checkpoints = Checkpoints(tmp_path, seconds=0, notice=told.append)
    with pytest.raises(Killed):
        trained(**settings, checkpoints=checkpoints, stop=dying(5))
    newest = max(tmp_path.glob("step-*"))
    (newest / "manifest.json").write_text("{}")
    assert everything(trained(**settings, checkpoints=checkpoints)) == everything(trained(**settings))
    assert len(told) == 1 and newest.name in told[0]


def test_a_disk_that_is_full_for_a_while_does_not_end_it(tmp_path, monkeypatch):
    told = []
    checkpoints = Checkpoints(tmp_path, seconds=0, notice=told.append)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("liquidjax.training.checkpoints.disk.write", full)
    found = trained(checkpoints=checkpoints, epochs=1)
    assert everything(found) == everything(trained(epochs=1))
    assert told and all("No space left on device" in sentence for sentence in told)


def test_checkpoints_are_checkpoints(tmp_path):
    with pytest.raises(ValueError, match="checkpoints must be"):
        trained(checkpoints=str(tmp_path))
