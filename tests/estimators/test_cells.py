"""The network that a name, a call or a cell stands for."""

import pytest

import liquidjax as lj
from liquidjax.sklearn.cells import NAMES, network
from untyped import untyped


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_cell_of_so_many_units(name):
    made = untyped(network(name, 12, inputs=2, outputs=3))
    assert isinstance(made, lj.Readout) and (made.inputs, made.outputs) == (2, 3)
    assert type(made.cell).__name__ == name and untyped(made).cell.units == 12


def test_a_wiring_has_a_quarter_of_the_neurons_as_outputs_and_more_where_more_is_said():
    for outputs, motor in [(2, 8), (8, 8), (11, 11), (40, 16)]:
        assert untyped(network("LTC", 32, inputs=1, outputs=outputs)).cell.wiring == lj.AutoNCP(32, motor)


def test_a_call_need_not_say_its_inputs():
    call = "LTC(wiring=AutoNCP(16, 4), integrator=SemiImplicit(3))"
    expected = lj.Readout(lj.LTC(5, lj.AutoNCP(16, 4), lj.SemiImplicit(3)), 2)
    assert network(call, 32, inputs=5, outputs=2) == expected
    assert network("Readout(GRU(units=3), outputs=2)", 32, 5, 2) == lj.Readout(lj.GRU(5, 3), 2)


def test_a_cell_is_taken_as_it_is():
    cell = lj.CfC(5, 4)
    assert network(cell, None, inputs=5, outputs=2) == lj.Readout(cell, 2)
    readout = lj.Readout(cell, 2)
    assert network(readout, None, inputs=5, outputs=2) is readout


@pytest.mark.parametrize(
    "cell, message",
    [
        ("Unknown", "cell must be one of LTC, WiredCfC, CfC, .* got 'Unknown'"),
        ("ltc", "got 'ltc'"),
        ("GRU(unitz=3)", "unknown field 'unitz' of GRU"),
        ("AutoNCP(8, 2)", "cell must be a Cell"),
        ("__import__('os').system('true')", "must be|unknown"),
        ("GRU(inputs=3, units=2)", "cell must have 5 inputs, .* got 3"),
        (lj.GRU(3, 2), "cell must have 5 inputs, .* got 3"),
        (lj.Readout(lj.GRU(5, 2), 3), "cell must have 2 outputs, .* got 3"),
        (lj.GRU, "cell must be one of .* got the class GRU"),
        (None, "cell must be one of .* got None"),
        (lj.AutoNCP(8, 2), "cell must be one of"),
    ],
)
def test_what_is_no_network_is_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        network(cell, 8, inputs=5, outputs=2)
