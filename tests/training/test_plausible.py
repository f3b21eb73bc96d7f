"""Whether a cell can belong to so few numbers: every honest one can, and none that would take all memory."""

import math

import jax
import pytest

import liquidjax as lj
from liquidjax.training.plausible import check_plausible
from test_conformance import CELLS

GRU = lj.GRU(2, 2)


def sizes(cell):
    leaves = jax.tree.leaves(jax.eval_shape(cell.init, jax.random.key(0)))
    return len(leaves), sum(math.prod(leaf.shape) for leaf in leaves)


HONEST = [
    *CELLS.values(),
    lj.LTC(2, lj.AutoNCP(2000, 4, sparsity=1.0)),  # one synapse where the rule needs one
    lj.LTC(3, lj.NCP(900, 90, 9, 1, 1, 5000, 1)),
    lj.CfC(2, 1, backbone_units=1, backbone_layers=1100),
    lj.Bidirectional(lj.LTC(2, lj.FullyConnected(3))),
]


@pytest.mark.parametrize("cell", HONEST, ids=lambda cell: type(cell).__name__)
def test_a_cell_can_belong_to_its_own_parameters(cell):
    check_plausible(cell, *sizes(cell))


@pytest.mark.parametrize(
    "cell, message",
    [
        (
            lj.LTC(2, lj.FullyConnected(10**5)),
            "FullyConnected has 100000 units and 2 inputs, too many for a file of 999 numbers",
        ),
        (lj.LTC(10**7, lj.FullyConnected(2)), "FullyConnected has 2 units and 10000000 inputs, too many"),
        (lj.WiredCfC(2, lj.AutoNCP(10**5, 2)), "AutoNCP has 100000 units"),
        (lj.LiquidNCPNetwork(2, 10**5, 2), "Layered has 100002 units"),
        (lj.Readout(lj.MixedMemory(lj.LTC(2, lj.Random(10**5))), 2), "Random has 100000 units"),
        (lj.LTC(2, lj.NCP(3, 2, 1, 1, 1, 10**6, 1)), "NCP draws 1000000 recurrent synapses, too many"),
        (lj.Stack(2, lj.Block(GRU), 10**9), "Stack has 1000000000 layers, too many for a file of 99 arrays"),
        (lj.Stack(2, lj.Block(lj.Stack(2, lj.Block(GRU), 40)), 40), "has 1600 layers"),
        (lj.CfC(2, 2, backbone_layers=10**9), "CfC has 1000000000 layers"),
        (lj.LTC(10**4000, lj.FullyConnected(2)), "2 units and an integer of 13288 bits inputs"),
    ],
)
def test_a_cell_that_asks_for_more_is_refused(cell, message):
    with pytest.raises(ValueError, match=message):
        check_plausible(cell, arrays=99, numbers=999)
