"""Every cell in C: what `unroll` answers, in float and in double, over a thousand irregular steps."""

import re

import hypothesis
import jax
import numpy as np
import pytest
from hypothesis import strategies as st

import liquidjax as lj
from compiled_c import Loaded, needs_compiler
from drawn import drawn
from exported_cells import EXPORTED, case, parameters
from liquidjax.export.c.cells.table import EMITTERS, emit
from liquidjax.export.c.program import Program
from liquidjax.export.c.source import said, source
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from small_cells import NCP, squared_error

pytestmark = needs_compiler
SATURATED = ("ltc exponential", "readout of mixed memory", "cfc relu")


def text(cell, params, dtype):
    deployed = Deployed(lj.Model(cell, params), dtype)
    nothing = Readings(np.zeros((1, 1, cell.inputs)), np.ones((1, 1)))
    return source(said(deployed, "model"), deployed, "model.c", nothing, np.zeros((1, 1, cell.outputs)))


@pytest.mark.parametrize("name", EXPORTED)
def test_the_c_of_a_cell_is_unroll(name, tmp_path):
    cell, params, inputs, dt, wanted = case(name)
    scale = max(1, np.abs(wanted).max())
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        answers = Loaded(text(cell, params, dtype), tmp_path, dtype).run(inputs, dt, cell.outputs)
        np.testing.assert_allclose(answers, wanted, rtol=0, atol=tolerance * scale)


def test_every_cell_that_is_said_in_c_is_compared():
    def kinds(cell):
        return {type(cell)} | (kinds(cell.cell) if hasattr(cell, "cell") else set())

    assert set().union(*map(kinds, EXPORTED.values())) == set(EMITTERS)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """Compiled once: the parameters in float64, the cell in float, the cell in double."""
    made = {}
    for name in SATURATED:
        params, folder = parameters(EXPORTED[name]), tmp_path_factory.mktemp("c")
        single, double = (
            Loaded(text(EXPORTED[name], params, dtype), folder, dtype) for dtype in ("float32", "float64")
        )
        made[name] = jax.tree.map(lambda leaf: np.asarray(leaf, float), params), single, double
    return made


NUMBERS = st.sampled_from([0.0, 1e-6, -0.5, 1.0, 3.0, -1e3, 1e6, -1e15]) | st.floats(-5, 5, width=32)
DURATIONS = st.sampled_from([0.0, 1e-30, 1e-6, 1.0, 1e6, 1e30]) | st.floats(0, 10, width=32)


@pytest.mark.parametrize("name", SATURATED)
@hypothesis.settings(max_examples=40, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
@hypothesis.given(numbers=st.lists(NUMBERS, min_size=18, max_size=18), dt=st.lists(DURATIONS, min_size=6, max_size=6))
def test_any_dt_and_any_input_is_answered_as_unroll_does(name, loaded, numbers, dt):
    """A dt of 0, a huge one, and inputs that saturate everything."""
    cell = EXPORTED[name]
    inputs, dt = np.array(numbers[: 6 * cell.inputs]).reshape(6, -1), np.array(dt)
    params, single, double = loaded[name]
    with jax.enable_x64(True):
        wanted = np.asarray(lj.unroll(cell, params, inputs, dt)[1])
    scale = max(1, np.abs(wanted).max())
    np.testing.assert_allclose(double.run(inputs, dt, cell.outputs), wanted, rtol=0, atol=1e-9 * scale)
    assert np.isfinite(single.run(inputs, dt, cell.outputs)).all()


class Own(lj.GRU):
    """A cell of somebody's, which inherits from one of ours and may do anything."""


class Heun(lj.FixedStep):
    """An integrator of somebody's."""

    def unfold(self, coefficients, state, h):
        return state


class Twice(lj.Euler):
    """An integrator that inherits from one of ours."""


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (lj.CTRNN(2, 1, lj.Diffrax()), "CTRNN cannot be exported to C with the integrator Diffrax: it chooses its"),
        (lj.Readout(lj.LTC(2, NCP, lj.Diffrax()), 1), "LTC cannot be exported to C with the integrator Diffrax"),
        (lj.CTRNN(2, 1, Heun()), "CTRNN cannot be exported to C with the integrator Heun: what it does is known in"),
        (lj.CTRNN(2, 1, Twice()), "with the integrator Twice"),
        (lj.StepLoss(lj.CTRNN(2, 1), squared_error), "StepLoss cannot be exported to C: it answers with a loss"),
        (Own(2, 1), "Own cannot be exported to C: what it does is known in Python only; LTC, HasaniLTC, CfC"),
        (lj.Readout(Own(2, 1), 1), "Own cannot be exported to C"),
    ],
)
def test_what_cannot_be_said_in_c_is_refused_with_the_cell_and_the_reason(cell, reason):
    with pytest.raises(ValueError, match=reason) as error:
        emit(Program("model", "float32", emit), "cell", cell, drawn(cell))
    assert "\n" not in str(error.value)


def test_a_parameter_that_is_not_finite_is_refused():
    cell = lj.GRU(2, 1)
    params = drawn(cell)
    params.inputs.weight[0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="cell_inputs_w must be finite in float32 to be exported to C, got nan"):
        text(cell, params, "float32")
    large = jax.tree.map(lambda leaf: np.full(leaf.shape, 1e60), params)
    with pytest.raises(ValueError, match="must be finite in float32 to be exported to C, got inf"):
        text(cell, large, "float32")
    assert "9.9999999999999995e+59" in text(cell, large, "float64")


def test_a_weight_without_a_synapse_is_not_in_the_file():
    """Only those that the wiring allows; and whatever lies in the others, NaN too, does nothing."""
    cell = lj.WiredCfC(3, NCP)
    params = parameters(cell)
    spoilt = [
        head._replace(heads=head.heads._replace(weight=np.where(mask, head.heads.weight, np.nan)))
        for head, mask in zip(params.layers, cell.masks(), strict=True)
    ]
    written = text(cell, params, "float32")
    assert text(cell, params._replace(layers=tuple(spoilt)), "float32") == written
    weights = sum(map(int, re.findall(r"model_cell_layer\d_heads_w\[(\d+)\] =", written)))
    assert weights == sum(int(mask.sum()) for mask in cell.masks())
