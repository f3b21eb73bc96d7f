"""The table of factors: which cell, how it knows dt, and at which rates it is trained."""

from typing import Literal, NamedTuple

from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.shared.networks import SIZED, WIRED, Kind, Knows, network
from liquidjax.wirings import AutoNCP


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
    Design("mixed memory CfC", "mixed memory"),
    Design("Velora's with dt", "Velora's", "input"),
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
    """The network of a design, with a linear readout for each class; see `network` of `experiments/shared`.

    Example:
        >>> from liquidjax.analysis.parameters import count_parameters
        >>> count_parameters(build(DESIGNS["LSTM with dt"], 1, 4, 1000, AutoNCP(19, 4), 3))
        1012
    """
    return network(design.cell, design.knows, inputs, classes, parameters, wiring, unfolds)
