"""Who takes part: networks, each with a filter in front or without one, trained on clean frames or on faulty ones."""

import itertools
from typing import Literal, NamedTuple

from liquidjax.experiments.shared.networks import SIZED, WIRED, Kind, Knows

Front = Literal["", "low-pass", "Kalman"]
"""What is between the sensors and a network."""
FAULTY = " (faults)"
"""Ends the name of a design that is trained on frames with faults."""
ENGINEERS = ("nobody", "expert", "Kalman + expert")
"""Who is there without a training: no action at all; who sees the velocities; and who estimates them."""


class Network(NamedTuple):
    """name; cell: its name in `shared/networks.py`; knows: how it knows dt; headline: with more seeds; euler: whether
    the trained parameters are read as a step of an equation too.
    """

    name: str
    cell: str
    knows: Knows = "dynamics"
    headline: bool = False
    euler: bool = False

    @property
    def kind(self) -> Kind:
        return (SIZED | WIRED)[self.cell][0]


NETWORKS = (
    Network("LTC-NCP", "LTC-NCP", headline=True),
    Network("LSTM with dt", "LSTM", "input", headline=True),
    Network("HasaniLTC", "HasaniLTC"),
    Network("CT-RNN", "CT-RNN"),
    Network("CfC", "CfC"),
    Network("GRU", "GRU", "nothing", euler=True),
    Network("GRU-D", "GRU-D"),
    Network("T-LSTM", "T-LSTM"),
    Network("leaky + MLP", "leaky + MLP"),
    Network("leaky integrator", "leaky integrator"),
)


class Design(NamedTuple):
    """A row of the tables."""

    name: str
    network: Network
    front: Front = ""
    faulty: bool = False


TABLE = tuple(
    Design(f"{front} + {network.name}".removeprefix(" + ") + FAULTY * faulty, network, front, faulty)
    for front, faulty, network in itertools.product(("", "low-pass", "Kalman"), (False, True), NETWORKS)
)
"""In the order in which they are computed, so that an interrupted run has the headline."""
DESIGNS: dict[str, Design] = {design.name: design for design in TABLE}


def named(network: str, front: Front = "", faulty: bool = False) -> str:
    """The name of a design.

    Example:
        >>> named("CfC"), named("CfC", "Kalman", faulty=True)
        ('CfC', 'Kalman + CfC (faults)')
    """
    return next(d.name for d in TABLE if (d.network.name, d.front, d.faulty) == (network, front, faulty))
