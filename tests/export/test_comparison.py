"""What an export is compared with: the model itself, on series like those that it was trained on."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export.comparison import TOLERANCE, check, compare, difference, expected, readings, trial
from liquidjax.export.deployed import NO_BATCH, Deployed
from liquidjax.tasks.dataset import SequenceDataset
from small_models import MEAN, MODELS, PLAIN, SPREAD


@dataclass
class Wrong:
    """A program whose answers are wrong from a step on, those of single steps or those of a sequence."""

    deployed: Any
    single: int = 10**9
    whole: Any = None
    steps: int = 0

    def initial_state(self, batch):
        return self.deployed.initial_state((batch,))

    def step(self, state, features, dt):
        state, answers = STEP(self.deployed, state, features, dt)
        self.steps += 1
        return state, answers + 0.01 * (self.steps > self.single)

    @property
    def sequence(self):
        return None if self.whole is None else self._sequence

    def _sequence(self, state, features, dt):
        state, answers = SEQUENCE(self.deployed, state, features, dt)
        return state, np.asarray(answers) + 0.01 * (np.arange(len(dt)) >= self.whole)[:, None, None]


STEP = jax.jit(lambda deployed, *given: deployed.step(*given), static_argnums=0)
SEQUENCE = jax.jit(lambda deployed, *given: deployed.sequence(*given), static_argnums=0)


def test_readings_are_like_the_data_with_gaps_and_irregular_times():
    deployed = Deployed(MODELS["forecast"])
    made = readings(deployed, steps=2000, series=2)
    assert made.features.shape == (2000, 2, 2) and made.features.dtype == made.dt.dtype == np.float32
    assert 0.05 < np.isnan(made.features).mean() < 0.15 and not np.isnan(made.dt).any()
    np.testing.assert_allclose(np.nanmean(made.features, axis=(0, 1)), MEAN, atol=0.2 * np.max(SPREAD))
    np.testing.assert_allclose(np.nanstd(made.features, axis=(0, 1)), SPREAD, rtol=0.1)
    assert (made.dt[0] == 7).all() and (made.dt > 0).all() and 8 < made.dt[1:].mean() < 12 and made.dt[1:].std() > 5


def test_readings_of_a_seed_are_the_same_and_numbers_of_float32(x64):
    deployed = Deployed(MODELS["forecast"], "float64")
    one, same, other = (readings(deployed, 5, 2, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.features, same.features)
    assert one.features.dtype == np.float64 and not np.array_equal(one.features, other.features, equal_nan=True)
    np.testing.assert_array_equal(one.features.astype(np.float32).astype(float), one.features)


def test_a_model_without_preparation_is_given_no_gaps():
    made = readings(Deployed(PLAIN), steps=200)
    assert np.isfinite(made.features).all() and (made.dt[0] == 1).all()


@pytest.mark.parametrize("name", ["class, mean, indicators", "values, last, ltc", "forecast"])
def test_what_is_expected_is_what_the_objective_answers_to_each_beginning(name):
    deployed = Deployed(MODELS[name])
    made = readings(deployed, steps=4, series=2)
    found, model = expected(deployed, made), deployed.model
    preparation: Any = model.preparation
    data = SequenceDataset(made.features.transpose(1, 0, 2), np.cumsum(made.dt.astype(float), axis=0).T)
    ready = preparation.apply(data)
    outputs = lj.unroll(deployed.cell, model.params, ready.inputs.transpose(1, 0, 2), ready.dt.T)[1]
    for end in range(4):
        answers = np.asarray(model.objective.answers(outputs[: end + 1], NO_BATCH))
        answers = answers[-1] if model.objective.each_step else answers
        np.testing.assert_allclose(found[end], model.objective.in_units(answers, preparation), rtol=1e-5)


def test_without_preparation_the_outputs_are_expected(x64):
    deployed = Deployed(PLAIN, "float64")
    made = readings(deployed, 3)
    params = jax.tree.map(lambda leaf: np.asarray(leaf, float), PLAIN.params)
    np.testing.assert_array_equal(expected(deployed, made), lj.unroll(deployed.cell, params, *made)[1])


def test_a_model_that_diverges_is_compared_at_a_lower_pace():
    """48 explicit steps of an LTC with time constants of a hundredth are lost where a step lasts 1."""
    cell = lj.LTC(2, lj.FullyConnected(2), lj.Euler(1), constraints="explicit")
    params = drawn(cell)
    stiff = lj.Model(cell, params._replace(leak_conductance=np.full(2, 100.0, np.float32)))
    deployed = Deployed(stiff)
    fast, slow = readings(deployed), readings(deployed, pace=0.001)
    np.testing.assert_allclose(slow.dt, 0.001 * fast.dt, rtol=1e-6)
    assert not np.isfinite(expected(deployed, fast)).all()
    given, wanted = trial(deployed)
    assert np.isfinite(wanted).all() and 0 < given.dt.max() < fast.dt.max() / 5
    np.testing.assert_array_equal(wanted, expected(deployed, given))
    np.testing.assert_array_equal(given.features, fast.features)


def test_a_pace_leaves_the_first_step_that_the_preparation_has_settled():
    deployed = Deployed(MODELS["forecast"])
    assert (readings(deployed, pace=0.1).dt[0] == 7).all() and readings(deployed, pace=0.1).dt[1:].max() < 10


def test_a_model_that_answers_nan_is_refused():
    params = jax.tree.map(lambda leaf: np.full_like(leaf, np.nan), PLAIN.params)
    with pytest.raises(
        ValueError, match=r"must answer finite numbers to be exported, but a cell Readout .* answers NaN"
    ):
        trial(Deployed(lj.Model(PLAIN.cell, params)))


def test_a_difference_is_told_in_spreads_as_it_is_or_in_magnitudes():
    def of(name, wanted, found):
        deployed = Deployed(MODELS[name] if name else PLAIN)
        return difference(
            deployed, np.full((1, 1, len(deployed.answers)), found), np.full((1, 1, len(deployed.answers)), wanted)
        )

    assert of("class, last", 0.5, 0.75) == 0.25
    assert of("event, step", 0.01, 0.02) == pytest.approx(0.01)
    assert of("forecast", 0.0, 4.0) == pytest.approx(2.0)  # of the smaller spread
    assert of(None, 0.1, 0.3) == pytest.approx(0.2)
    assert of(None, 100.0, 101.0) == pytest.approx(0.01)
    assert np.isnan(of(None, 1.0, np.nan)) and np.isnan(of(None, np.nan, 1.0))


def test_values_far_from_zero_are_compared_by_their_digits():
    """100 spreads of 30 away, float32 has no digits for a ten-thousandth of a spread."""
    deployed = Deployed(MODELS["values, last, ltc"])
    wanted = np.broadcast_to([3e6, 1.0], (2, 1, 2))
    assert difference(deployed, wanted + np.array([300.0, 0.0]), wanted) == pytest.approx(0.01)
    assert difference(deployed, wanted + np.array([0.0, 0.1]), wanted) == pytest.approx(1.0)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"an export must answer \(3, 2, 2\), .* got \(3, 2\)"):
        difference(Deployed(PLAIN), np.ones((3, 2)), np.ones((3, 2, 2)))


@pytest.mark.parametrize("wrong", [1e-3, np.nan, np.inf])
def test_too_far_away_is_refused_and_so_is_nan(wrong):
    deployed, wanted = Deployed(PLAIN), np.zeros((2, 1, 2))
    assert check(deployed, wanted + 0.9 * TOLERANCE["float32"], wanted, "it") <= TOLERANCE["float32"]
    with pytest.raises(ValueError, match=r"it must answer what the model answers, to 0.0001, but is .* away"):
        check(deployed, wanted + wrong, wanted, "it")


def test_a_program_that_is_right_passes_with_all_sizes_and_without_a_sequence():
    deployed = Deployed(PLAIN)
    made = readings(deployed, 12)
    wanted = expected(deployed, made)
    for program in (Wrong(deployed, whole=10**9), Wrong(deployed)):
        assert compare(deployed, program, made, wanted, [(12, 3), (5, 1)]) < TOLERANCE["float32"]
        assert program.steps == 17


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"single": 11}, "the exported step"),
        ({"whole": 11}, "the exported sequence"),
        ({"whole": 0}, "the exported seq"),
    ],
)
def test_one_wrong_answer_is_noticed(wrong, message):
    deployed = Deployed(PLAIN)
    made = readings(deployed, 12)
    with pytest.raises(ValueError, match=message):
        compare(deployed, Wrong(deployed, **wrong), made, expected(deployed, made), [(12, 3)])
