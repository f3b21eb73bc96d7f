"""Cells written as calls."""

import diffrax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from liquidjax.training.notation import parse
from small_cells import CELLS

SHOWN = {name: cell for name, cell in CELLS.items() if name not in ("step loss",)}


@pytest.mark.parametrize("cell", SHOWN.values(), ids=SHOWN.keys())
def test_what_python_shows_of_a_cell_is_the_cell(cell):
    assert parse(repr(cell)) == cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("LTC(wiring=AutoNCP(8, 2))", lj.LTC(5, lj.AutoNCP(8, 2))),
        ("GRU(units=3)", lj.GRU(5, 3)),
        ("GRU(2, 3)", lj.GRU(2, 3)),
        ("Readout(CfC(units=4), 3)", lj.Readout(lj.CfC(5, 4), 3)),
        ("MixedMemory(CTRNN(units=4))", lj.MixedMemory(lj.CTRNN(5, 4))),
        ("GRUD(units=4, indicators=False)", lj.GRUD(5, 4, indicators=False)),
        ("WithTime(LTC(wiring=AutoNCP(8, 2)))", lj.WithTime(lj.LTC(6, lj.AutoNCP(8, 2)))),
        ("WithTime(Readout(GRU(units=4), 2), 'log')", lj.WithTime(lj.Readout(lj.GRU(6, 4), 2), "log")),
        ("Readout(WithTime(GRU(units=4), 'nothing'), 2)", lj.Readout(lj.WithTime(lj.GRU(5, 4), "nothing"), 2)),
        ("MixedMemory(WithTime(CfC(units=4)))", lj.MixedMemory(lj.WithTime(lj.CfC(6, 4)))),
        ("Stack(cell=Block(GatedLinear(4, 4)), layers=2)", lj.Stack(5, lj.Block(lj.GatedLinear(4, 4)), layers=2)),
        (
            "CTRNN(units=2, integrator=Diffrax(diffrax.Bosh3(), diffrax.PIDController(rtol=1e-3, atol=1e-4)))",
            lj.CTRNN(5, 2, lj.Diffrax(diffrax.Bosh3(), diffrax.PIDController(rtol=1e-3, atol=1e-4))),
        ),
    ],
)
def test_the_inputs_are_those_of_the_data_where_nothing_is_said(text, cell):
    assert parse(text, inputs=5) == cell


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a call such as LTC"),
        ("LTC", "expected a call such as LTC"),
        ("GRU(2, 3); import os", "expected a call such as LTC"),
        ("__import__('os').system('true')", "__import__"),
        ("GRU(2, open('x'))", "open"),
        ("GRU(2, 3, 4)", "GRU must be called with fewer arguments"),
        ("GRU(2, 3, units=3)", "GRU must be told every argument once"),
        ("GRU(*[2, 3])", r"GRU must be called without \*"),
        ("GRU(**{'inputs': 2})", "GRU must be told every argument once"),
        ("GRU(inputs=2, units=lambda: 3)", "an argument must be a number"),
        ("liquidjax.GRU(inputs=2, units=-1 + 4)", "an argument must be a number, .* got '-1 . 4'"),
        ("GRU(inputs=2, units={3})", "an argument must be a number"),
        ("GRU(inputs=2, unit=3)", "did you mean units"),
        ("GRV(inputs=2, units=3)", "did you mean GRU"),
        ("GRU(inputs=2, units=0)", "units must be an integer of at least 1, got 0"),
        ("(" * 3000 + ")" * 3000, "expected a call such as LTC"),
        ("GRU(" + "x" * 30000 + ")", "at most 20,000 characters, got 30,005"),
    ],
)
def test_what_is_no_such_call_is_refused_in_a_sentence(text, message):
    with pytest.raises(ValueError, match=message) as refusal:
        parse(text)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 400


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=30), st.integers(0, 60), st.integers(0, 60))
def test_any_text_is_a_cell_or_a_value_error(text, start, end):
    whole = "Readout(LTC(2, AutoNCP(8, 2), SemiImplicit(3)), outputs=3)"
    try:
        made = parse(whole[:start] + text + whole[end:])
    except ValueError:
        return
    assert hasattr(made, "__dataclass_fields__")
