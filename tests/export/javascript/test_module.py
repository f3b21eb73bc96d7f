"""The module as a whole: gaps, scaling and answers, names of any kind, what it refuses, and its own test."""

import dataclasses
import json

import hypothesis
import pytest
from hypothesis import strategies as st

import liquidjax as lj
from drawn import drawn
from liquidjax.export import comparison
from liquidjax.export.deployed import Deployed
from liquidjax.export.javascript import node, words
from liquidjax.export.javascript.source import said, source
from liquidjax.tasks.preparation import Preparation
from liquidjax.training.objectives import Classification, Event, Forecast, Regression
from node_run import evaluated, needs_node

HOSTILE = ("*/ throw 1; /*", '"]}; throw 1; //\n', "${x}`\\", "</script><!--", "\u2028 Türhöhe 🚪", "x" * 3000)
RICH = Preparation((1.5, 20.0), (0.1, 3.0), time_unit=0.02, first_step=0.02, indicators=True, since=True)


def model(features=("temperature", "height"), classes=("low", "high"), units=2):
    count = len(features)
    cell = lj.Readout(lj.LTC(count, lj.FullyConnected(units)), len(classes))
    preparation = Preparation((1.5,) * count, (0.1,) * count, time_unit=0.02, first_step=0.02)
    return lj.Model(cell, drawn(cell), preparation, Classification(), features, classes)


def text(made, file="model.js"):
    deployed = Deployed(made, "float64")
    given = comparison.readings(deployed, steps=8, series=1)
    return source(said(deployed), deployed, file, given, comparison.expected(deployed, given))


@pytest.fixture(scope="module")
def written():
    return text(model())


@needs_node
@pytest.mark.parametrize(
    ("objective", "outputs", "preparation"),
    [
        (Classification("mean"), 3, RICH),
        (Event(), 1, dataclasses.replace(RICH, indicators=False)),
        (Regression("last"), 2, dataclasses.replace(RICH, target_mean=(1.0, -5.0), target_spread=(2.0, 0.5))),
        (Forecast(), 2, dataclasses.replace(RICH, fill="mean", since=False)),
        (None, 2, None),
    ],
)
def test_gaps_scaling_and_answers_are_those_of_the_model(objective, outputs, preparation, tmp_path):
    read = 2 if preparation is None else 2 * (1 + preparation.indicators + preparation.since)
    cell = lj.Readout(lj.GRU(read, 3), outputs)
    deployed = Deployed(lj.Model(cell, drawn(cell), preparation, objective), "float64")
    given = comparison.readings(deployed)
    wanted = comparison.expected(deployed, given)
    made = source(said(deployed), deployed, "model.js", given, wanted)
    ran = node.run(node.found() or "", made, tmp_path, given)
    assert comparison.difference(deployed, ran.answers, wanted) < 1e-6  # a preparation is float32
    assert ran.selftest < 1


@needs_node
def test_its_own_test_notices_another_weight(written, tmp_path):
    before, after = written.split("_cell_cell_capacitance = new Float64Array([\n")
    spoilt = f"{before}_cell_cell_capacitance = new Float64Array([\n0.3,{after.split(',', 1)[1]}"
    assert evaluated(tmp_path, written, "m.selftest()", "whole.mjs") < 1
    assert evaluated(tmp_path, spoilt, "m.selftest()") > 1


@needs_node
def test_names_of_any_kind_are_kept_and_do_no_harm(tmp_path):
    made = text(model(HOSTILE, HOSTILE[::-1]), file='*/ throw "evil"\n.js')
    assert made.isascii() and "</script" not in made and "<!--" not in made
    names = evaluated(tmp_path, made, "m.names")
    assert tuple(names["inputs"]) == HOSTILE and tuple(names["outputs"]) == HOSTILE[::-1]


@hypothesis.given(st.text(st.characters(exclude_categories=[])))
def test_a_string_is_read_back_and_a_comment_stays_one(name):
    literal, comment = words.literal(name), words.comment(name)
    assert json.loads(literal) == name and literal.isascii() and literal.isprintable() and "<" not in literal
    assert comment.isascii() and comment.isprintable() and "*/" not in comment and "</" not in comment


@needs_node
def test_a_state_is_never_changed_and_may_come_out_of_json(written, tmp_path):
    steps = "const [a, y] = m.step(s, [1.5, 1.4], 0.02), [b, z] = m.step(s, [1.5, 1.4], 0.02);"
    found = evaluated(
        tmp_path,
        written,
        f"""(() => {{
            const s = m.init(); {steps}
            const kept = {{cell: JSON.parse(JSON.stringify(Array.from(a.cell))), filled: Array.from(a.filled)}};
            const [[, p], [, q]] = [kept, a].map((each) => m.step(each, [1.5, NaN], 1));
            return [Array.from(s.cell), y[0] === z[0], p[0] === q[0]];
        }})()""",
    )
    assert found == [[0, 0], True, True]


@needs_node
@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("m.step(m.init(), [1, 2], -1)", "RangeError: dt must be a finite number from 0 on, got -1"),
        ("m.step(m.init(), [1, 2], NaN)", "RangeError: dt must be a finite number from 0 on, got NaN"),
        ("m.step(m.init(), [1, 2], '1')", "RangeError: dt must be a finite number from 0 on, got 1"),
        ("m.step(m.init(), [1, 2])", "RangeError: dt must be a finite number from 0 on, got undefined"),
        ("m.step(m.init(), [1], 1)", "RangeError: inputs must be 2 numbers, got 1"),
        ("m.step(m.init(), [1, null], 1)", "TypeError: inputs must be numbers, got object for height"),
        ("m.step(m.init(), [1, Infinity], 1)", "RangeError: inputs must be finite, got Infinity for height"),
        ("m.step({cell: [1], filled: [0, 0]}, [1, 2], 1)", "RangeError: state must be one of this network"),
        ("m.timeConstants(m.init(), ['1', 2])", "TypeError: inputs must be numbers, got string for temperature"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(call, said, written, tmp_path):
    told = evaluated(
        tmp_path, written, f"(() => {{ try {{ {call}; return 'taken'; }} catch (e) {{ return String(e); }} }})()"
    )
    assert told.startswith(said)


@needs_node
def test_an_input_that_is_not_finite_is_refused_where_nothing_can_be_missing(tmp_path):
    cell = lj.GRU(2, 1)
    call = "(() => { try { m.step(m.init(), [1, NaN], 1); } catch (e) { return String(e); } })()"
    told = evaluated(tmp_path, text(lj.Model(cell, drawn(cell))), call)
    assert told == "RangeError: inputs must be finite, got NaN for x2"


def test_equal_models_make_equal_modules(written):
    assert text(model()) == written
    assert text(dataclasses.replace(model(), features=("a", "b"))) != written


@needs_node
def test_numbers_are_read_back_to_the_bit(tmp_path):
    cell = lj.GRU(2, 2)
    params = drawn(cell)
    made = text(lj.Model(cell, params)) + "\nexport { _cell_inputs_b };\n"
    assert evaluated(tmp_path, made, "Array.from(m._cell_inputs_b)") == params.inputs.bias.ravel().tolist()
