"""Every cell as ONNX, run by onnxruntime: its step and its sequence answer what the model answers, or it is refused."""

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.export.comparison import TOLERANCE, Readings, difference, expected, readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.onnx.process import files
from liquidjax.export.onnx.runtime import compared, initial_state, loaded
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from small_cells import CELLS, NCP

if not find_spec("jax2onnx"):
    pytest.skip("jax2onnx is not installed: make test-exports", allow_module_level=True)
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("promotes")]  # jax2onnx's own affairs

MORE = {
    "ltc in a loop": lj.LTC(3, NCP, lj.SemiImplicit(14)),
    "ltc exponential": lj.LTC(3, NCP, lj.Exponential(2)),
    "neural ode in a loop": lj.NeuralODE(3, 2, hidden_units=3, integrator=lj.Euler(13)),
    "cfc relu": lj.CfC(3, 2, backbone_units=3, activation="relu"),
    "block of an ltc": lj.Block(lj.LTC(3, lj.FullyConnected(3), lj.SemiImplicit(1))),
}


class Weights(NamedTuple):
    """A number for each input."""

    weight: Any


@dataclass(frozen=True)
class Backwards:
    """A cell of anybody's whose step goes through its inputs from the last to the first, in a loop."""

    inputs: int = 3
    outputs: int = 3

    def init(self, key):
        return Weights(jax.random.uniform(key, (self.inputs,)))

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return jnp.ones((*batch_shape, 1), dtype)

    def sense(self, params, inputs, key=None):
        return inputs.T

    def step(self, params, state, sensed, dt):
        scale = jnp.tanh(params.weight[0]) * dt  # what the turns share: a number, and what depends on the inputs

        def turn(total, now):
            weight, x = now
            total = total * 0.5 + weight * x * scale
            return total, total + params.weight[1]

        last, every = jax.lax.scan(turn, state[:, 0], (params.weight, sensed), reverse=True)
        return last[:, None], every.T


@dataclass(frozen=True)
class Outside(Backwards):
    """A cell with an operation that only this process can do."""

    def step(self, params, state, sensed, dt):
        answer = jax.pure_callback(np.negative, jax.ShapeDtypeStruct(sensed.T.shape, sensed.dtype), sensed.T)
        return state, answer


def deployed(cell, dtype="float64", **about):
    return Deployed(lj.Model(cell, drawn(cell), **about), dtype)


def runs(what):
    return [loaded(what, each) for each in files(what)]


@pytest.mark.parametrize("name", [*CELLS, *MORE])
def test_every_cell_answers_as_the_model(name):
    what = deployed((CELLS | MORE)[name])
    assert compared(what, runs(what)) < 1e-13


def test_a_loop_backwards_over_what_a_cell_reads():
    what = deployed(Backwards())
    assert compared(what, runs(what)) < 1e-13


@pytest.mark.parametrize("series", [2, 3, 6])
def test_a_batch_as_large_as_some_other_axis_is_that_of_the_series(series):
    what = deployed(CELLS["ltc"])
    given = readings(what, 4, series)
    found = runs(what)[1]({"features": given.features, "dt": given.dt, **initial_state(what, (series,))})
    assert difference(what, found["answers"], expected(what, given)) < 1e-13


TWO = Preparation((0.5, -40.0), (2.0, 0.1), 7.0, 3.0, "carry", True, True, (5.0, -1.0), (2.0, 9.0))
MEAN = Preparation((0.5, -40.0), (2.0, 0.1), 7.0, 3.0, "mean")
SIX = lj.GRU(6, 2)
OBJECTIVES = {
    "class": (SIX, Classification(), TWO),
    "class of each step": (SIX, Classification("step"), TWO),
    "class of the mean": (SIX, Classification("mean"), TWO),
    "event": (lj.GRU(6, 1), Event(), TWO),
    "values": (SIX, Regression(), TWO),
    "next features": (lj.GRU(2, 2), Forecast(), MEAN),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_what_objectives_answer_where_features_are_missing(name):
    cell, objective, preparation = OBJECTIVES[name]
    what = deployed(cell, preparation=preparation, objective=objective)
    assert compared(what, runs(what)) < TOLERANCE["float64"]  # a preparation gives float32


def test_the_first_reading_of_all_may_be_missing():
    what = deployed(SIX, preparation=TWO)
    given = Readings(np.full((3, 1, 2), np.nan), np.full((3, 1), 3.0))
    found = runs(what)[1]({"features": given.features, "dt": given.dt, **initial_state(what, (1,))})
    assert difference(what, found["answers"], expected(what, given)) < TOLERANCE["float64"]


def test_an_adaptive_solver_is_refused():
    cell = lj.LTC(3, NCP, lj.Diffrax())
    with pytest.raises(ValueError, match=r"nobody knows the number of turns, as an adaptive solver has; an integrator"):
        files(deployed(cell))


def test_an_operation_that_nobody_has_is_refused_by_name():
    with pytest.raises(ValueError, match=r"jax2onnx fails, NotImplementedError: .*pure_callback"):
        files(deployed(Outside()))


def test_a_number_stands_in_a_file_once():
    graph = importlib.import_module("onnx").load_from_string(files(deployed(CELLS["ltc"]))[0]).graph
    contents = [(tuple(each.dims), each.data_type, each.raw_data) for each in graph.initializer]
    assert len(set(contents)) == len(contents)
    assert {each.name for each in graph.initializer} <= {name for node in graph.node for name in node.input}
