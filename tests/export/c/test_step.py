"""The step around the cell in C: gaps, scaling, clocks and answers as the preparation and the objective have them."""

import dataclasses

import numpy as np
import pytest

import liquidjax as lj
from compiled_c import Loaded, needs_compiler
from drawn import drawn
from liquidjax.export import comparison
from liquidjax.export.c.source import said, source
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression

FAR = Preparation((1e6, -3.0), (0.5, 20.0), time_unit=0.25, first_step=0.1)
"""A feature whose numbers have few digits left after its mean."""
TARGETS = {"target_mean": (5.0, -2.0), "target_spread": (3.0, 0.5)}


def model(preparation, objective, outputs=2):
    cell = lj.Readout(lj.CTRNN(preparation.inputs, 3), outputs)
    return lj.Model(cell, drawn(cell), preparation, objective)


def text(deployed, given=None):
    given = given or comparison.readings(deployed, steps=1, series=1)
    nothing = np.zeros((*given.dt.shape, len(deployed.answers)))
    return source(said(deployed, "model"), deployed, "model.c", given, nothing)


CASES = {
    "carried, last class": (FAR, Classification(), 3),
    "carried, with clocks, mean class": (
        dataclasses.replace(FAR, indicators=True, since=True),
        Classification(at="mean"),
        3,
    ),
    "means, event of each step": (dataclasses.replace(FAR, fill="mean"), Event(at="step"), 1),
    "means, with clocks, mean event": (dataclasses.replace(FAR, fill="mean", since=True), Event(at="mean"), 1),
    "carried, indicators, last values": (dataclasses.replace(FAR, indicators=True, **TARGETS), Regression(), 2),
    "mean values": (dataclasses.replace(FAR, **TARGETS), Regression(at="mean"), 2),
    "next features": (dataclasses.replace(FAR, since=True), Forecast(), 2),
    "unscaled": (Preparation((0.0, 0.0), (1.0, 1.0), since=True), Forecast(), 2),
}


@needs_compiler
@pytest.mark.parametrize("name", CASES)
def test_the_answers_are_those_of_the_model_where_readings_are_missing(name, x64, tmp_path):
    made = model(*CASES[name])
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-6)):  # a preparation gives float32
        deployed = Deployed(made, dtype)
        given = comparison.readings(deployed, steps=14, series=1)
        given.features[[0, 3, 4, 5], 0, 0] = np.nan  # from the beginning, and for long
        wanted = comparison.expected(deployed, given)
        program = Loaded(text(deployed), tmp_path, dtype)
        answers = program.run(given.features[:, 0], given.dt[:, 0], len(deployed.answers))
        assert np.isnan(given.features).any() and np.ptp(wanted, axis=0).max() > 1e-4
        assert comparison.difference(deployed, answers[:, None], wanted) < tolerance


@needs_compiler
def test_without_a_preparation_answers_are_the_outputs_and_values_are_not_scaled(tmp_path, x64):
    cell = lj.CTRNN(2, 3)
    for objective in (None, Regression(at="mean"), Classification(at="step")):
        deployed = Deployed(lj.Model(cell, drawn(cell), objective=objective), "float64")
        given = comparison.readings(deployed, steps=6, series=1)
        answers = Loaded(text(deployed), tmp_path, "float64").run(given.features[:, 0], given.dt[:, 0], 3)
        np.testing.assert_allclose(answers, comparison.expected(deployed, given)[:, 0], rtol=0, atol=1e-12)


@needs_compiler
@pytest.mark.parametrize(
    ("inputs", "dt", "status"),
    [
        ([1.0, 2.0], -1.0, 1),
        ([1.0, 2.0], np.nan, 1),
        ([1.0, 2.0], np.inf, 1),
        ([1.0, 2.0], 3e38, 1),  # infinite in units of time
        ([np.inf, 2.0], 1.0, 2),
        ([1.0, -np.inf], 1.0, 2),
        ([np.nan, 3e38], 1.0, 2),  # infinite when scaled
        ([np.nan, np.nan], 0.0, 0),
        ([3e37, -3e37], 3e37, 0),
    ],
)
def test_a_reading_that_cannot_be_read_leaves_state_and_outputs_as_they_were(inputs, dt, status, tmp_path):
    """A sensor that fails once must not spoil a state for ever."""
    preparation = dataclasses.replace(FAR, spread=(0.5, 0.1), since=True, indicators=True, **TARGETS)
    program = Loaded(text(Deployed(model(preparation, Regression(at="mean")))), tmp_path, "float32")
    answers = np.zeros(2, np.float32)
    assert program.step([1e6, np.nan], 0.1, answers) == 0
    state, before = bytes(program.state), answers.copy()
    assert program.step(inputs, dt, answers) == status
    assert (bytes(program.state) == state) == (status != 0)
    assert np.isfinite(answers).all() and (np.array_equal(answers, before) or status == 0)


@needs_compiler
def test_a_nan_is_refused_by_a_model_that_does_not_know_gaps(tmp_path):
    cell = lj.GRU(2, 1)
    program = Loaded(text(Deployed(lj.Model(cell, drawn(cell)))), tmp_path, "float32")
    assert program.step([np.nan, 0.0], 1.0, np.zeros(1, np.float32)) == 2
    assert not any(program.state)


@needs_compiler
def test_a_forecast_may_be_fed_back_in_one_array(tmp_path):
    program = Loaded(text(Deployed(model(FAR, Forecast()))), tmp_path, "float32")
    apart, one = np.zeros(2, np.float32), np.array([1e6, 1.0], np.float32)
    given = one.copy()
    for _ in range(5):
        assert program.step(given, 0.25, apart) == 0
        given = apart.copy()
    program.reset()
    for _ in range(5):
        assert program.step(one, 0.25, one) == 0
    np.testing.assert_array_equal(one, apart)


class OwnObjective(Event):
    """What it answers, nobody knows."""


class OwnPreparation(Preparation):
    """What it does to data, nobody knows."""


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (model(FAR, OwnObjective(), 1), "the objective OwnObjective cannot be exported to C"),
        (
            model(OwnPreparation((0.0, 0.0), (1.0, 1.0)), Event(), 1),
            "the preparation OwnPreparation cannot be exported to C",
        ),
        (model(dataclasses.replace(FAR, **TARGETS), Regression(), 1), "mean and spread of 1 values, which the cell"),
        (model(FAR, Forecast(), 3), "mean and spread of 3 values, which the cell answers, got those of 2"),
        (model(dataclasses.replace(FAR, spread=(1e-60, 1.0)), Event(), 1), "spread of the preparation must be above 0"),
        (model(dataclasses.replace(FAR, time_unit=1e60), Event(), 1), "time_unit of the preparation must be above 0"),
        (model(dataclasses.replace(FAR, mean=(1e60, 1.0)), Event(), 1), "mean must be finite in float32"),
        (
            dataclasses.replace(model(FAR, Classification(), 3), classes=("a", "b")),
            "a name for each of its 3 answers, got 2",
        ),
    ],
)
def test_a_model_that_does_not_fit_is_refused_in_a_sentence(made, reason):
    with pytest.raises(ValueError, match=reason):
        said(Deployed(made), "model")


def test_the_example_of_the_file_is_of_gaps_too():
    deployed = Deployed(model(FAR, Event(), 1))
    given = Readings(np.array([[[np.nan, 1.0]]], np.float32), np.array([[0.1]], np.float32))
    assert "(model_real)NAN, 1.0f," in text(deployed, given)
