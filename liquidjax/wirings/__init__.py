"""Wirings: who connects to whom.

A wiring is a recipe of plain numbers: immutable, hashable, picklable. Given the number of inputs it draws a
`Graph`; the same recipe and the same number of inputs always give the same graph, so any number of cells may
share one wiring. The random numbers are drawn in the order in which ncps 1.0.1 draws them, so adjacency and
sensory adjacency are bit-identical to that package's for the same arguments and seed; `Layered` is Velora's wiring,
which has no seed to reproduce.

References:
    Lechner et al., "Neural circuit policies enabling auditable autonomy", Nature Machine Intelligence 2 (2020),
    Methods, "Designing neural circuit policies".
"""

from liquidjax.wirings.custom import Custom as Custom
from liquidjax.wirings.fully_connected import FullyConnected as FullyConnected
from liquidjax.wirings.graph import Graph as Graph
from liquidjax.wirings.graph import Synapses as Synapses
from liquidjax.wirings.graph import Wiring as Wiring
from liquidjax.wirings.graph import drawn_once as drawn_once
from liquidjax.wirings.graph import single_layer as single_layer
from liquidjax.wirings.layered import Layered as Layered
from liquidjax.wirings.layered import LayerMasks as LayerMasks
from liquidjax.wirings.ncp import NCP as NCP
from liquidjax.wirings.ncp import AutoNCP as AutoNCP
from liquidjax.wirings.random import Random as Random
