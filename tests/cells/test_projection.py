"""Explicit constraints: which parameters are projected, and that training does it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.cells.ltc import LTCParams
from liquidjax.training.optimizer import Optimizer
from pair_of_cells import Pair
from small_data import series
from small_training import trained

KEY = jax.random.key(0)


def ltc(constraints, inputs=2, units=2, integrator: lj.Integrator = lj.SemiImplicit(1)):
    return lj.LTC(inputs, lj.FullyConnected(units), integrator, constraints=constraints)


def zero_loss(output, target):
    return jnp.sum(output - target, axis=-1)


def minus_one(params):
    return jax.tree.map(lambda leaf: leaf - 100, params)


def expected(params):
    """What is allowed of the parameters of one LTC: written out, in numpy."""
    synapses, sensory = (
        part._replace(weight=np.maximum(part.weight, 0)) for part in (params.synapses, params.sensory_synapses)
    )
    return params._replace(
        leak_conductance=np.maximum(params.leak_conductance, 0),
        capacitance=np.maximum(params.capacitance, np.float32(1e-6)),
        synapses=synapses,
        sensory_synapses=sensory,
    )


def is_ltc(node):
    return isinstance(node, LTCParams)


IN = {
    "itself": lambda cell: cell,
    "readout": lambda cell: lj.Readout(cell, 3),
    "block in a stack": lambda cell: lj.Stack(3, lj.Block(cell, feed_forward=True), layers=2),
    "mixed memory": lambda cell: lj.MixedMemory(cell),
    "step loss": lambda cell: lj.StepLoss(lj.Readout(cell, 1), zero_loss),
}


@pytest.mark.parametrize("wrap", IN.values(), ids=IN)
def test_explicit_ltcs_are_projected_and_implicit_ones_left_alone(wrap):
    """In whatever holds them; copies stacked by vmap too."""
    for constraints in ("explicit", "implicit"):
        cell = wrap(ltc(constraints))
        for params in (cell.init(KEY), jax.vmap(cell.init)(jax.random.split(KEY, 3))):
            outside = minus_one(params)
            projected = jax.device_get(lj.project(outside, cell))
            if constraints == "implicit":
                wanted = jax.device_get(outside)
                assert lj.project(outside, cell) is outside  # at no cost
            else:
                wanted = jax.tree.map(
                    lambda node: expected(node) if is_ltc(node) else node, jax.device_get(outside), is_leaf=is_ltc
                )
            assert jax.tree.structure(projected) == jax.tree.structure(wanted)
            jax.tree.map(np.testing.assert_array_equal, projected, wanted)


def test_where_both_kinds_are_each_is_treated_as_its_own_and_a_trace_of_it_too():
    for kinds in (("explicit", "implicit"), ("implicit", "explicit"), ("explicit", "explicit")):
        cell = Pair((ltc(kinds[0]), lj.Readout(ltc(kinds[1]), 1)))
        outside = minus_one(cell.init(KEY))
        for project in (lj.project, jax.jit(lj.project, static_argnums=1)):
            projected = jax.device_get(project(outside, cell))
            for kind, got, given in (
                (kinds[0], projected.first, outside.first),
                (kinds[1], projected.second["its"].cell, outside.second["its"].cell),
            ):
                given = jax.device_get(given)
                jax.tree.map(np.testing.assert_array_equal, got, expected(given) if kind == "explicit" else given)
            np.testing.assert_array_equal(projected.second["its"].linear.weight, outside.second["its"].linear.weight)


def test_without_a_cell_all_are_projected_and_other_params_are_refused_with_one():
    cell = ltc("implicit")
    outside = minus_one(cell.init(KEY))
    jax.tree.map(np.testing.assert_array_equal, lj.project([outside, 3])[0], expected(jax.device_get(outside)))
    with pytest.raises(ValueError, match=r"ReadoutParams"):
        lj.project(outside, lj.Readout(ltc("explicit"), 1))


def in_range(params):
    weights = params.synapses.weight, params.sensory_synapses.weight, params.leak_conductance
    assert all(jnp.min(leaf) >= 0 for leaf in weights) and jnp.min(params.capacitance) >= np.float32(1e-6)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))
    return min(float(jnp.min(leaf)) for leaf in weights)


def of_rate(cell, learning_rate, **settings):
    data, rule = series((4,) * 24, outputs=1), Optimizer("adam", learning_rate)
    return trained(cell, data=data, optimizer=rule, epochs=4, batch_size=8, **settings)


@pytest.mark.parametrize("learning_rate", [0.3, 3.0])
def test_training_keeps_an_explicit_ltc_in_its_ranges(learning_rate):
    """At rates that take weights below 0, and without the projection to NaN; each step is that of the formula."""
    fitted = of_rate(lj.Readout(ltc("explicit", units=4), 1), learning_rate)
    assert in_range(fitted.params.cell) == 0  # something would have gone below


def test_training_leaves_an_implicit_ltc_alone():
    fitted = of_rate(lj.Readout(ltc("implicit", units=4), 1), 0.3)
    assert jnp.min(fitted.params.cell.capacitance) < 0  # softplus of it is above


def test_members_that_are_explicit_ltcs_stay_in_their_ranges():
    fitted = of_rate(lj.Readout(ltc("explicit", units=4), 1), 0.3, members={"learning_rate": [0.3, 3.0]})
    assert [in_range(fitted.member(m).cell) for m in range(2)] == [0, 0]
