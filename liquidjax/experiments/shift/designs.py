"""The table of factors: which cell, how it knows dt, and at which rates it is trained."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from liquidjax._types import Cell
from liquidjax.analysis.parameters import matched_in_size
from liquidjax.cells.cfc import CfC
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.euler_gru import EulerGRU
from liquidjax.cells.gated import GatedLinear
from liquidjax.cells.gru import GRU
from liquidjax.cells.grud import GRUD
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.leaky import LeakyIntegrator
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
from liquidjax.cells.neural_ode import NeuralODE
from liquidjax.cells.tlstm import TLSTM
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.block import Block
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.stack import Stack
from liquidjax.cells.wrappers.with_time import WithTime
from liquidjax.integrators import Exponential, SemiImplicit
from liquidjax.wirings import AutoNCP

Knows = Literal["nothing", "input", "dynamics"]
"""How a network knows dt: not at all, as an input log(1 + dt), or in its own equation."""
Kind = Literal["ode", "closed form", "gated", "linear"]
"""What moves the state: a solver of an equation, a formula that replaces one, gates, or a linear filter."""
FIRST_WIRING = 22222
"""Seed of the first wiring, the default of `AutoNCP`."""


class Design(NamedTuple):
    """A row of the table: a cell by its name in `SIZED` or `WIRED`, and how it knows dt.

    mixed: trained at random rates; headline: with more seeds; filtered: behind a low-pass filter of the inputs;
    readings: forms of `EulerGRU` that the trained parameters are read as too, without another training.
    """

    name: str
    cell: str
    knows: Knows = "dynamics"
    mixed: bool = False
    headline: bool = False
    filtered: bool = False
    readings: tuple[Literal["euler", "exact"], ...] = ()

    @property
    def kind(self) -> Kind:
        return (SIZED | WIRED)[self.cell][0]

    @property
    def wired(self) -> bool:
        return self.cell in WIRED


Sized = Callable[[int, int, int], Cell]
"""A cell of so many inputs and units, with so many unfolds."""

SIZED: dict[str, tuple[Kind, Sized]] = {
    "HasaniLTC": ("ode", lambda inputs, units, unfolds: HasaniLTC(inputs, units, SemiImplicit(unfolds))),
    "CT-RNN": ("ode", lambda inputs, units, unfolds: CTRNN(inputs, units, Exponential(unfolds))),
    "Neural ODE": ("ode", lambda inputs, units, unfolds: NeuralODE(inputs, units, hidden_units=units)),
    "GatedLinear": ("ode", lambda inputs, units, unfolds: GatedLinear(inputs, units)),
    "CfC": ("closed form", lambda inputs, units, unfolds: CfC(inputs, units, backbone_units=units, backbone_layers=1)),
    "LSTM": ("gated", lambda inputs, units, unfolds: LSTM(inputs, units)),
    "GRU": ("gated", lambda inputs, units, unfolds: GRU(inputs, units)),
    "GRU-D": ("gated", lambda inputs, units, unfolds: GRUD(inputs, units, indicators=False)),
    "T-LSTM": ("gated", lambda inputs, units, unfolds: TLSTM(inputs, units)),
    "exact GRU": ("ode", lambda inputs, units, unfolds: EulerGRU(inputs, units, form="exact")),
    "leaky integrator": ("linear", lambda inputs, units, unfolds: LeakyIntegrator(inputs, units)),
    "leaky + MLP": (
        "linear",
        lambda inputs, units, unfolds: Stack(inputs, Block(LeakyIntegrator(units, units), 0.0, True), layers=1),
    ),
}
"""Cells whose size is matched by their units. The last two have no recurrence: what they can do needs none."""
WIRED: dict[str, tuple[Kind, Callable[[int, AutoNCP, int], Cell]]] = {
    "LTC-NCP": ("ode", lambda inputs, wiring, unfolds: LTC(inputs, wiring, SemiImplicit(unfolds))),
    "WiredCfC": ("closed form", lambda inputs, wiring, unfolds: WiredCfC(inputs, wiring)),
}
"""Cells whose size is that of their wiring."""


MIXED = " (mixed rates)"
"""Ends the name of a design that is trained at random rates."""
TABLE = (
    Design("LTC-NCP", "LTC-NCP", headline=True),
    Design("LSTM with dt", "LSTM", "input", headline=True),
    Design("CfC", "CfC"),
    Design("GRU", "GRU", "nothing", readings=("euler", "exact")),
    Design("CT-RNN", "CT-RNN"),
    Design("GRU-D", "GRU-D"),
    Design("leaky integrator", "leaky integrator"),
    Design("leaky + MLP", "leaky + MLP"),
    Design("LSTM with dt" + MIXED, "LSTM", "input", mixed=True),
    Design("CT-RNN" + MIXED, "CT-RNN", mixed=True),
    Design("HasaniLTC", "HasaniLTC"),
    Design("low-pass + LSTM with dt", "LSTM", "input", filtered=True),
    Design("CfC" + MIXED, "CfC", mixed=True),
    Design("leaky + MLP" + MIXED, "leaky + MLP", mixed=True),
    Design("LTC-NCP" + MIXED, "LTC-NCP", mixed=True),
    Design("LSTM" + MIXED, "LSTM", "nothing", mixed=True),
    Design("T-LSTM", "T-LSTM"),
    Design("LSTM", "LSTM", "nothing"),
    Design("Neural ODE", "Neural ODE"),
    Design("GatedLinear", "GatedLinear"),
    Design("WiredCfC", "WiredCfC"),
    Design("CT-RNN with dt", "CT-RNN", "input"),
    Design("CfC with dt", "CfC", "input"),
    Design("exact GRU" + MIXED, "exact GRU", mixed=True),
    Design("GRU-D" + MIXED, "GRU-D", mixed=True),
    Design("CT-RNN with dt" + MIXED, "CT-RNN", "input", mixed=True),
    Design("CT-RNN without dt" + MIXED, "CT-RNN", "nothing", mixed=True),
)
"""In the order in which they are computed, so that an interrupted run has the headline.

Trained at one rate, a network without dt and one that has it in its dynamics learn the same: the latter, not told the
new dt, is the former. So the first is trained at one rate only where nothing else is possible.
"""
DESIGNS = {design.name: design for design in TABLE}


def build(design: Design, inputs: int, classes: int, parameters: int, wiring: AutoNCP, unfolds: int) -> Readout:
    """The network of a design, with a linear readout for each class.

    Args:
        design: of the table.
        inputs, classes: of the task.
        parameters: about so many it has, unless it is wired.
        wiring: of those that are.
        unfolds: solver steps of those that have some.

    Example:
        >>> from liquidjax.analysis.parameters import count_parameters
        >>> count_parameters(build(DESIGNS["LSTM with dt"], 1, 4, 1000, AutoNCP(19, 4), 3))
        1012
    """
    heard = inputs + (design.knows == "input")

    def of(cell: Cell) -> Readout:
        if design.knows == "input":
            cell = WithTime(cell, "log")
        elif design.knows == "nothing" and not isinstance(cell, LSTM | GRU):  # which do not look at it
            cell = WithTime(cell, "nothing")
        return Readout(cell, classes)

    if design.wired:
        return of(WIRED[design.cell][1](heard, wiring, unfolds))
    sized = SIZED[design.cell][1]
    found = matched_in_size(parameters, lambda units: of(sized(heard, units, unfolds)))
    assert isinstance(found, Readout)
    return found


def reading(network: Readout, form: Literal["euler", "exact"]) -> Readout:
    """The network of a trained `GRU` as one of continuous time, with the same parameters.

    Example:
        >>> reading(Readout(GRU(1, 3), 2), "exact").cell.form
        'exact'
    """
    gru = network.cell
    assert isinstance(gru, GRU)
    return Readout(EulerGRU(gru.inputs, gru.units, form=form), network.outputs)
