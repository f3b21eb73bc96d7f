"""The networks that experiments compare: by name, as large as each other, and told dt in one way or another."""

from collections.abc import Callable
from typing import Literal

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
from liquidjax.cells.wrappers.mixed_memory import MixedMemory
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.cells.wrappers.stack import Stack
from liquidjax.cells.wrappers.with_time import WithTime
from liquidjax.integrators import Exponential, SemiImplicit
from liquidjax.models.ncp import LiquidNCPNetwork
from liquidjax.wirings import AutoNCP

Knows = Literal["nothing", "input", "dynamics"]
"""How a network knows dt: not at all, as an input log(1 + dt), or in its own equation."""
Kind = Literal["ode", "closed form", "gated", "linear"]
"""What moves the state: a solver of an equation, a formula that replaces one, gates, or a linear filter."""
FIRST_WIRING = 22222
"""Seed of the first wiring, the default of `AutoNCP`."""

MOTOR = 4
"""Motor neurons of Velora's network."""

Sized = Callable[[int, int, int], Cell]
"""A cell of so many inputs and units, with so many unfolds."""

SIZED: dict[str, tuple[Kind, Sized]] = {
    "HasaniLTC": ("ode", lambda inputs, units, unfolds: HasaniLTC(inputs, units, SemiImplicit(unfolds))),
    "CT-RNN": ("ode", lambda inputs, units, unfolds: CTRNN(inputs, units, Exponential(unfolds))),
    "Neural ODE": ("ode", lambda inputs, units, unfolds: NeuralODE(inputs, units, hidden_units=units)),
    "GatedLinear": ("ode", lambda inputs, units, unfolds: GatedLinear(inputs, units)),
    "CfC": ("closed form", lambda inputs, units, unfolds: CfC(inputs, units, backbone_units=units, backbone_layers=1)),
    "Velora's": ("closed form", lambda inputs, units, unfolds: LiquidNCPNetwork(inputs, max(units, 2), MOTOR)),
    "mixed memory": (
        "gated",
        lambda inputs, units, unfolds: MixedMemory(CfC(inputs, units, backbone_units=units, backbone_layers=1)),
    ),
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


def network(
    name: str, knows: Knows, inputs: int, outputs: int, parameters: int, wiring: AutoNCP, unfolds: int
) -> Readout:
    """A network with a linear readout.

    Args:
        name: of the cell, in `SIZED` or `WIRED`.
        knows: how it is told dt.
        inputs, outputs: of the task.
        parameters: about so many it has, unless it is wired.
        wiring: of those that are.
        unfolds: solver steps of those that have some.

    Example:
        >>> from liquidjax.analysis.parameters import count_parameters
        >>> count_parameters(network("LSTM", "input", 1, 4, 1000, AutoNCP(19, 4), 3))
        1012
    """
    heard = inputs + (knows == "input")

    def of(cell: Cell) -> Readout:
        if knows == "input":
            cell = WithTime(cell, "log")
        elif knows == "nothing" and not isinstance(cell, LSTM | GRU):  # which do not look at it
            cell = WithTime(cell, "nothing")
        return Readout(cell, outputs)

    if name in WIRED:
        return of(WIRED[name][1](heard, wiring, unfolds))
    sized = SIZED[name][1]
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
