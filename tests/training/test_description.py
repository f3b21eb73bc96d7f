"""The description of a cell: the same for equal cells, another for others, and nothing in it that could not be."""

import enum
import functools
import json
import math
import subprocess
import sys
from dataclasses import dataclass, replace
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import liquidjax as lj
from liquidjax.rl import ContinuousActor, Critic, DiscreteActor
from liquidjax.training import description
from untyped import untyped

NCP = lj.LiquidNCPNetwork(inputs=3, neurons=10, outputs=2)


def squared(output, target):
    return jnp.sum((output - target) ** 2, axis=-1)


@jax.jit
def compiled(output, target):
    return squared(output, target)


class Kind(enum.Enum):
    SLOW = 1


class Nothing:
    """Without fields."""


class Full:
    """With a field that is none of a dataclass."""

    def __init__(self):
        self.size = 3


@dataclass(frozen=True)
class Holder:
    part: Any


# A function for each, so that each is built twice; no two of them are equal.
CELLS = [
    lambda: lj.LTC(2, lj.AutoNCP(8, 2)),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2, seed=1)),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), constraints="explicit"),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), epsilon=0.0),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.SemiImplicit(unfolds=3)),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.Euler(unfolds=6)),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax()),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax(diffrax.Kvaerno5())),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax(controller=diffrax.PIDController(rtol=1e-3, atol=1e-6))),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax(adjoint=diffrax.BacksolveAdjoint())),
    lambda: lj.LTC(2, lj.AutoNCP(8, 2), initial_ranges=lj.InitialRanges(weight=(0.1, 0.2))),
    lambda: lj.LTC(2, lj.FullyConnected(8, 2)),
    lambda: lj.LTC(2, lj.Random(8, 2)),
    lambda: lj.LTC(2, lj.NCP(3, 3, 2, 2, 2, 2, 2)),
    lambda: lj.LTC(2, lj.Layered(8, 2)),
    lambda: lj.LTC(2, lj.Custom(np.eye(3, dtype=int))),
    lambda: lj.LTC(2, lj.Custom(-np.eye(3, dtype=int))),
    lambda: lj.WiredCfC(2, lj.AutoNCP(8, 2)),
    lambda: lj.CfC(2, 8),
    lambda: lj.CfC(2, 8, mode="pure"),
    lambda: lj.LSTM(2, 8),
    lambda: lj.GRU(2, 8),
    lambda: lj.Readout(lj.GRU(2, 8), 2),
    lambda: lj.MixedMemory(lj.CTRNN(2, 8)),
    lambda: lj.Stack(2, lj.Block(lj.GatedLinear(8, 8)), 3),
    lambda: lj.StepLoss(lj.GRU(2, 8), squared),
    lambda: lj.StepLoss(lj.GRU(2, 8), compiled),
    lambda: lj.StepLoss(lj.GRU(2, 8), optax.l2_loss),
    lambda: lj.ODENet(2),
    lambda: lj.CNN(),
    lambda: lj.SparseLinear(np.eye(3, dtype=int)),
    lambda: NCP,
    lambda: replace(NCP, masks=NCP.layer_masks),
    lambda: lj.NCPNetwork(3, 10, 2),
    lambda: ContinuousActor(NCP, (-1.0,), (1.0,)),
    lambda: ContinuousActor(NCP, (-1.0,), (2.0,)),
    lambda: (DiscreteActor(NCP), Critic(NCP)),
    lambda: {"actor": DiscreteActor(NCP), "seed": 3},
    lambda: Holder(Kind.SLOW),
    lambda: Holder(Nothing()),
    lambda: Holder(Nothing),
    lambda: Holder(math.inf),
    lambda: Holder(-math.inf),
    lambda: Holder(0.1),
    lambda: Holder(np.float32(0.1)),
    lambda: Holder(np.arange(3)),
    lambda: Holder(jnp.arange(3.0)),
]


def test_equal_cells_have_one_description_and_others_another():
    texts = [description.to_text(make()) for make in CELLS]
    assert texts == [description.to_text(make()) for make in CELLS]
    assert len(set(texts)) == len(texts)
    described = [json.loads(text) for text in texts]
    for i, saved in enumerate(described):
        for j, given in enumerate(described):
            assert bool(description.differences(saved, given)) == (i != j)


def test_a_description_is_plain_json():
    described = description.describe(lj.StepLoss(lj.LTC(2, lj.FullyConnected(3), lj.Diffrax()), optax.l2_loss))

    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(json.dumps(described), parse_constant=refuse) == described
    assert described["loss"] == "optax.l2_loss"
    assert described["cell"]["integrator"]["solver"]["class"] == "diffrax.Tsit5"
    assert described["cell"]["wiring"] == {
        "class": "liquidjax.FullyConnected",
        "units": 3,
        "outputs": 3,
        "seed": 1111,
        "self_connections": True,
    }


def test_another_process_says_the_same():
    code = (
        "import liquidjax as lj, diffrax; from liquidjax.training import description\n"
        "print(description.to_text(lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax(diffrax.Kvaerno5()))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == description.to_text(lj.LTC(2, lj.AutoNCP(8, 2), lj.Diffrax(diffrax.Kvaerno5())))


def test_numbers_are_compared_as_cells_are():
    first, second = lj.LTC(2, lj.AutoNCP(8, 2), epsilon=0), lj.LTC(2, lj.AutoNCP(8, 2), epsilon=0.0)
    assert first == second
    assert not description.differences(description.describe(first), description.describe(second))


@pytest.mark.parametrize(
    "saved, given, expected",
    [
        (lj.GRU(2, 3), lj.GRU(2, 4), [("units", "3", "4")]),
        (lj.GRU(2, 3), lj.LSTM(2, 3), [("", "liquidjax.GRU", "liquidjax.LSTM")]),
        (Holder(lj.Euler(1)), Holder(lj.RK4(1)), [("part", "liquidjax.Euler", "liquidjax.RK4")]),
        (Holder((1, 2)), Holder((1, 3)), [("part.1", "2", "3")]),
        (Holder((1, 2)), Holder((1, 2, 3)), [("part", "[1, 2]", "[1, 2, 3]")]),
        (
            Holder(tuple(range(40))),
            Holder(tuple(range(41))),
            [("part", f"{str([*range(40)])[:57]}... (40 entries)", f"{str([*range(40)])[:57]}... (41 entries)")],
        ),
        (Holder(None), Holder("None"), [("part", "null", '"None"')]),
        ({"a": 1}, {"b": 1}, [("a", "1", "nothing"), ("b", "nothing", "1")]),
        (Holder(squared), Holder(compiled), [("part", f'"{__name__}.squared"', f'"{__name__}.compiled"')]),
    ],
)
def test_every_difference_is_named(saved, given, expected):
    assert description.differences(description.describe(saved), description.describe(given)) == expected


def local(output, target):
    def inner():
        return output

    return inner


@pytest.mark.parametrize(
    "part",
    [
        lambda output, target: output,
        local(1, 2),
        functools.partial(squared),
        lj.GRU(2, 3).init,
        Full(),
        {1, 2},
        {1: 2},
        jax.random.key(0),
        1j,
        b"bytes",
    ],
    ids=lambda part: type(part).__name__,
)
def test_refuses_what_another_process_could_not_compare(part):
    with pytest.raises(ValueError, match=r"^network\.part must be a plain value, .* top of a module$"):
        description.describe({"network": Holder(part)})
    with pytest.raises(ValueError, match=r"^loss must be"):
        description.describe(lj.StepLoss(lj.GRU(2, 3), untyped(part)))
