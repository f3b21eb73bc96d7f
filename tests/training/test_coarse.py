"""Training from coarse to fine against the same training step by step, and what of a cell becomes coarse."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.training.batches import Batches
from liquidjax.training.checkpoints.keeper import Checkpoints
from liquidjax.training.coarse import Coarse
from liquidjax.training.fit import fit
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer

FINE = lj.Readout(lj.CTRNN(1, 3, lj.Exponential(4)), 1)
COARSE = lj.Readout(lj.CTRNN(1, 3, lj.Exponential(1)), 1)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    series = [rng.standard_normal((6, 1)) for _ in range(8)]
    return SequenceDataset.of(series, targets=np.array([each.mean() for each in series])[:, None])


def trained(data, epochs, coarse, **options):
    optimizer = Optimizer("sgd", 0.1, clip=None)
    return fit(FINE, Regression(), data, optimizer=optimizer, epochs=epochs, batch_size=4, coarse=coarse, **options)


def test_the_first_epochs_are_coarse_and_the_others_fine(data, x64):
    """The same steps one after another, with the cell of each epoch, in plain JAX."""
    found = trained(data, 3, Coarse(1, 0.6))  # two of three
    prepared = found.preparation.apply(data)
    targets = found.preparation.scaled(data.targets)
    params = FINE.init(jax.random.split(jax.random.key(0))[0])
    transform = optax.sgd(0.1, momentum=0.9)
    memory, batches = transform.init(params), Batches(data.lengths, 4, 0)
    for epoch, cell in enumerate((COARSE, COARSE, FINE)):
        for rows, _, _ in batches.epoch(epoch):

            def loss(params, cell=cell, rows=rows):
                inputs, dt = np.swapaxes(prepared.inputs[rows], 0, 1), prepared.dt[rows].T
                return jnp.mean((lj.unroll(cell, params, inputs, dt)[1][-1] - targets[rows]) ** 2)

            updates, memory = transform.update(jax.grad(loss)(params), memory, params)
            params = optax.apply_updates(params, updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), found.params, params)


@pytest.mark.parametrize("stop_after", [1, 3])
def test_what_is_saved_in_either_part_goes_on_to_the_same_bits(stop_after, data, tmp_path):
    whole, seen, kept = trained(data, 4, Coarse(1, 0.5)), [], Checkpoints(tmp_path, 0.0)
    trained(data, 4, Coarse(1, 0.5), checkpoints=kept, callback=seen.append, stop=lambda: len(seen) >= stop_after)
    found = trained(data, 4, Coarse(1, 0.5), checkpoints=kept)
    jax.tree.map(np.testing.assert_array_equal, found.params, whole.params)


def test_another_choice_does_not_go_on_with_a_checkpoint(data, tmp_path):
    trained(data, 4, Coarse(1), checkpoints=Checkpoints(tmp_path, 0.0), stop=lambda: True)
    with pytest.raises(ValueError, match="coarse"):
        trained(data, 4, Coarse(2), checkpoints=Checkpoints(tmp_path, 0.0))


def test_members_are_coarse_together(data):
    seeds = {"seed": [0, 1]}
    both = trained(data, 2, Coarse(1, 0.5), members=seeds)
    one = trained(data, 2, Coarse(1, 0.5), seed=0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[0], b, rtol=1e-4, atol=1e-5), both.params, one.params)


def test_solvers_inside_wrappers_become_coarse_and_others_stay():
    euler, adaptive = lj.CTRNN(2, 2, lj.Euler(6)), lj.CTRNN(2, 2, lj.Diffrax())
    assert Coarse(3).cell(lj.Stack(2, lj.Block(euler), layers=2)) == lj.Stack(
        2, lj.Block(lj.CTRNN(2, 2, lj.Euler(3))), layers=2
    )
    for same in (adaptive, lj.CTRNN(2, 2, lj.Euler(2)), lj.GRU(2, 2)):
        assert Coarse(3).cell(same) == same


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"unfolds": 0}, "unfolds must be an integer of at least 1, got 0"),
        ({"share": 1.0}, r"share must be a number in \[0, 1\), got 1.0"),
        ({"share": "half"}, "share must be a number"),
    ],
)
def test_odd_choices_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        Coarse(**wrong)


def test_fit_wants_a_coarse(data):
    with pytest.raises(ValueError, match=r"coarse must be a Coarse such as Coarse\(unfolds=2\), got 2"):
        trained(data, 1, 2)
