"""Every cell in JavaScript: what `unroll` answers, over a thousand irregular steps."""

import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from exported_cells import EXPORTED, case
from liquidjax.export.comparison import Readings
from liquidjax.export.deployed import Deployed
from liquidjax.export.javascript import node
from liquidjax.export.javascript.source import said, source
from node_run import evaluated, needs_node
from small_cells import NCP, squared_error


def text(cell, params):
    deployed = Deployed(lj.Model(cell, params), "float64")
    nothing = Readings(np.zeros((1, 1, cell.inputs)), np.ones((1, 1)))
    return source(said(deployed), deployed, "model.js", nothing, np.zeros((1, 1, cell.outputs)))


@needs_node
@pytest.mark.parametrize("name", EXPORTED)
def test_the_javascript_of_a_cell_is_unroll(name, tmp_path):
    cell, params, inputs, dt, wanted = case(name)
    ran = node.run(node.found() or "", text(cell, params), tmp_path, Readings(inputs[:, None], dt[:, None]))
    np.testing.assert_allclose(ran.answers[:, 0], wanted, rtol=0, atol=1e-12 * max(1, np.abs(wanted).max()))


@needs_node
@pytest.mark.parametrize(
    ("cell", "steps"),
    [
        (lj.LTC(3, NCP, lj.SemiImplicit(2)), 3),
        (lj.Readout(lj.Readout(lj.HasaniLTC(3, 2), 4), 1), 3),
        (lj.GatedLinear(3, 2), 0),
    ],
)
def test_time_constants_are_those_of_the_equation(cell, steps, tmp_path, x64):
    params, inputs = drawn(cell, dtype=float), np.array([0.5, -0.2, 1.5])
    state = lj.unroll(cell, params, np.tile(inputs, (steps, 1)), 0.5)[0] if steps else cell.initial_state(())
    wanted = lj.time_constant(cell, params, state, inputs)
    run = f"let s = m.init(); for (let t = 0; t < {steps}; t++) [s] = m.step(s, {inputs.tolist()}, 0.5);"
    value = f"(() => {{ {run} return Array.from(m.timeConstants(s, {inputs.tolist()})); }})()"
    np.testing.assert_allclose(evaluated(tmp_path, text(cell, params), value), wanted, rtol=1e-12)


def test_a_cell_without_an_equation_has_no_time_constants():
    for cell in (lj.LSTM(3, 2), lj.Block(lj.LTC(2, lj.FullyConnected(2)))):
        assert "timeConstants" not in text(cell, drawn(cell))


@needs_node
def test_the_complement_of_the_error_function_is_that_of_c(tmp_path):
    """JavaScript has none, and GELU needs it."""
    import math

    places = np.concatenate([np.linspace(-8, 8, 801), [-2.5, 2.5, -30, 30, 1e200, -1e200]]).tolist()
    cell = lj.CfC(3, 2, activation="gelu", backbone_units=3)
    module = text(cell, drawn(cell)) + "\nexport { _erfc };\n"
    found = evaluated(tmp_path, module, f"{places}.map(m._erfc)")
    np.testing.assert_allclose(found, [math.erfc(x) for x in places], rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (lj.CTRNN(2, 1, lj.Diffrax()), "CTRNN cannot be exported to JavaScript with the integrator Diffrax"),
        (
            lj.StepLoss(lj.CTRNN(2, 1), squared_error),
            "StepLoss cannot be exported to JavaScript: it answers with a loss",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_with_the_cell_and_the_reason(cell, reason):
    with pytest.raises(ValueError, match=reason) as error:
        text(cell, drawn(cell))
    assert "\n" not in str(error.value)


def test_a_parameter_that_is_not_finite_is_refused():
    cell = lj.GRU(2, 1)
    params = drawn(cell)
    params.inputs.weight[0, 0, 0] = np.nan
    with pytest.raises(
        ValueError, match="cell_inputs_w must be finite in float64 to be exported to JavaScript, got nan"
    ):
        text(cell, params)
