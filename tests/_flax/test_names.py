"""Parameters as Flax keeps them: every array under its own name, and whether a cell drops anything."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax._flax.names import from_names, has_dropout, in_dtype, to_names
from liquidjax.training.parameters import by_name
from small_cells import CELLS

each_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())


def flat(names, before=""):
    """The arrays of a dict of dicts, by full names."""
    found = {}
    for name, value in names.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
    return found


@each_cell
def test_every_array_is_under_the_name_of_its_place_and_comes_back(cell):
    params = drawn(cell)
    names = to_names(params)
    assert flat(names).keys() == by_name(params).keys()
    assert all(isinstance(name, str) for name in flat(names))
    back = from_names(cell, names)
    assert jax.tree.structure(back) == jax.tree.structure(params)  # tuples, None and empty tuples too
    assert all(a is b for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(params), strict=True))


def test_the_order_of_names_does_not_matter():
    cell = CELLS["ltc"]
    params = drawn(cell)
    turned = dict(reversed(to_names(params).items()))
    assert from_names(cell, turned).capacitance is params.capacitance


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ({"inputs": {"weight": 0, "bias": 0}}, "got them without recurrent.bias, recurrent.weight"),
        (to_names(drawn(lj.GRU(2, 3))) | {"more": 1.0}, "got also more"),
        (
            to_names(drawn(lj.LTC(2, lj.FullyConnected(2)))),
            "got them without inputs.bias, .* and also capacitance, .*, 10 more$",
        ),
        (to_names(drawn(lj.GRU(2, 4))), r"params.inputs.weight must have the shape \(2, 3, 3\)"),
        ([1, 2], "must be a dict of names"),
    ],
)
def test_other_parameters_are_refused_in_a_sentence(names, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        from_names(lj.GRU(2, 3), names)
    assert "\n" not in str(caught.value)


DROPPING = {
    "cfc": lj.CfC(2, 2, backbone_units=3, dropout=0.5),
    "block": lj.Block(lj.GRU(2, 2), dropout=0.5),
    "stack": lj.Stack(2, lj.Block(lj.GatedLinear(2, 2), dropout=0.5), layers=2),
    "step loss": lj.StepLoss(lj.CfC(2, 2, backbone_units=3, dropout=0.5), lambda y, target: y[..., 0] - target[..., 0]),
    "memory": lj.MixedMemory(lj.CfC(2, 2, backbone_units=3, dropout=0.5), inputs=3, writes="input"),
}


@pytest.mark.parametrize("cell", DROPPING.values(), ids=DROPPING.keys())
def test_a_cell_that_drops_something_is_known(cell):
    assert has_dropout(cell)


@pytest.mark.parametrize("cell", [c for name, c in CELLS.items() if name not in ("cfc", "stack", "with time")])
def test_a_cell_that_drops_nothing_is_known(cell):
    assert not has_dropout(cell)


def test_a_wrapper_that_splits_keys_for_nobody_drops_nothing():
    assert not has_dropout(lj.Stack(2, lj.Block(lj.GatedLinear(2, 2), dropout=0, feed_forward=True), layers=2))


class Weights(NamedTuple):
    scale: Any


def test_dtypes_other_than_of_floating_point_numbers_are_refused():
    assert in_dtype(Weights(np.ones(2)), None).scale.dtype == np.float64
    assert in_dtype(Weights(np.ones(2)), "bfloat16").scale.dtype == jnp.bfloat16
    for dtype in (jnp.int32, "float99", 3):
        with pytest.raises(ValueError, match="param_dtype must be a dtype such as"):
            in_dtype(Weights(np.ones(2)), dtype)
