"""What `fit` refuses, in a sentence that helps, before it trains for long."""

import jax
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.tasks.dataset import SequenceDataset
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Forecast, Regression
from small_data import series
from small_training import EQUAL, GRU, trained, values
from untyped import untyped


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cell": lj.GRU}, "cell must be a Cell such as lj.GRU"),
        (
            {"cell": lj.Readout(lj.GRU(3, 2), 1)},
            "the cell must have 2 inputs, 2 features and what is read",
        ),
        (
            {"cell": lj.Readout(lj.GRU(2, 2), 3)},
            "must have 1 outputs for Regression and these data, got 3",
        ),
        ({"objective": "mse"}, "objective must be an Objective"),
        ({"objective": Classification()}, "the targets must be classes for this objective, got values"),
        ({"data": np.ones((2, 3, 1))}, "training must be a SequenceDataset, .*, got an array"),
        ({"data": series()}, "must have targets"),
        ({"validation": np.ones((2, 3, 1))}, "validation must be a SequenceDataset"),
        ({"validation": series()}, "must have targets|the outputs of the training data"),
        ({"validation": values(features=3)}, "the validation data must have the features of the training data"),
        ({"validation": series(EQUAL, outputs=2)}, "the validation data must have the outputs of the training data"),
        ({"preparation": "standard"}, "preparation must be a Preparation"),
        ({"preparation": Preparation((0.0,) * 2, (1.0,) * 2)}, "must have been learnt from data with values to learn"),
        ({"optimizer": optax.adam(0.1)}, "optimizer must be an Optimizer such as"),
        ({"epochs": 0}, "epochs must be an integer of at least 1, got 0"),
        ({"batch_size": 1.5}, "batch_size must be an integer of at least 1, got 1.5"),
        ({"patience": 3}, "patience needs validation data"),
        ({"patience": 0, "validation": values(1)}, "patience must be an integer of at least 1, got 0"),
        ({"seed": -1}, "seed must be an integer of at least 0, got -1"),
        ({"seed": 2**32}, "seed must be an integer from 0 to 4294967295"),
        ({"gradient": "remat"}, "gradient must be one of 'auto', got 'remat'"),
        ({"method": "auto"}, "method must be a method such as lj.Scan"),
        ({"params": lj.GRU(2, 1).init(jax.random.key(0))}, "params must be what Readout.init"),
        ({"members": [1, 2]}, "members must be a mapping"),
        ({"members": {}}, "members must have values for the same number of members each, at least 1"),
        ({"members": {"seed": []}}, "members must have values for the same number of members each, at least 1"),
        (
            {"members": {"seed": [1], "clip": [1.0, 2.0]}},
            "members must have values for the same number of members each",
        ),
        ({"members": {"momentum": [0.9]}}, "members must be one of 'seed', 'learning_rate', .*, got 'momentum'"),
        ({"members": {"seed": [0.5]}}, "seed must be an integer of at least 0, got 0.5"),
        ({"members": {"seed": 3}}, r"members must have values \(members,\) for seed, got 3"),
        ({"members": {"learning_rate": [[0.1], [0.2]]}}, r"members must have values \(members,\) for learning_rate"),
        ({"members": {"learning_rate": [0.1, -0.1]}}, r"learning_rate must be a number in \[0, inf\), got -0.1"),
        ({"members": {"clip": [0.0]}}, r"clip must be a number in \(0, inf\), got 0.0"),
        ({"members": {"weight_decay": [0.0]}}, "weight_decay must not be varied with adam"),
        ({"members": {"weight_decay": [0.1]}}, "weight_decay must be 0 with adam"),
        ({"members": {"seed": [1]}, "params": GRU.init(jax.random.key(0))}, r"a leading axis \(members,\) = \(1,\)"),
        ({"rows": [[0, 1]]}, r"rows must be int \(members, series\), with members = None"),
        ({"rows": [[0], [1]], "members": {"seed": [1]}}, r"rows must be int \(members, series\), with members = 1"),
        ({"rows": [[0, 6]], "members": {"seed": [1]}}, r"rows must be in \[0, 6\), the series of the data, got 0 to 6"),
        (
            {"rows": [[-1, 0]], "members": {"seed": [1]}},
            r"rows must be in \[0, 6\), .*, got -1 to 0",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    arguments = {"cell": GRU, "objective": Regression(), "data": values(), **change}
    with pytest.raises(ValueError, match=message):
        trained(**untyped(arguments))


def test_data_of_which_nothing_is_known_teach_nothing():
    """Their loss is 0, whatever the cell does."""
    cell, inputs = lj.Readout(lj.GRU(2, 2), 2), [np.ones((2, 2))] * 3
    known, unknown = (SequenceDataset.of(inputs, targets=[label] * 3, classes=("a", "b")) for label in (1, -1))
    with pytest.raises(ValueError, match="the training data must have a target that is known and counts, and"):
        trained(cell, Classification(), unknown)
    with pytest.raises(ValueError, match="the validation data must have a target that is known and counts"):
        trained(cell, Classification(), known, unknown)
    mixed = SequenceDataset.of(inputs, targets=[-1, 0, 1], classes=("a", "b"))
    with pytest.raises(ValueError, match="the training data of member 1 must have a target that is known and counts"):
        trained(cell, Classification(), mixed, members={"seed": [0, 1]}, rows=[[1], [0]])
    with pytest.raises(ValueError, match="the training data must have a target that is known and counts"):
        trained(cell, Forecast(), SequenceDataset.of([np.ones((1, 2))] * 3))
    assert trained(cell, Classification(), mixed, mixed).history[-1].validation_loss > 0
