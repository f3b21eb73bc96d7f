"""A start out of data: what is counted, through whatever holds the cell, and what an LTC makes of it."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import liquidjax as lj
from drawn import drawn
from liquidjax._types import Moments
from liquidjax.training.calibration import calibrate, can_be_calibrated, some_series
from liquidjax.training.examples import examples
from liquidjax.training.fit import fit
from liquidjax.training.objectives import Regression
from liquidjax.training.optimizer import Optimizer
from pair_of_cells import Pair
from small_data import series as values_of
from small_training import start as start_of

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)


class ToldParams(NamedTuple):
    """What it was told last: moments of inputs and state."""

    inputs: Any
    state: Any


@dataclass(frozen=True)
class Told:
    """x <- x / 2 + the mean of the inputs, for two neurons: it keeps what it is told in the place of its parameters."""

    inputs: int = 2
    outputs: int = 2
    heard: list = field(default_factory=list, compare=False, hash=False)

    def init(self, key):
        return ToldParams(*(Moments(jnp.zeros(size), jnp.zeros(size)) for size in (self.inputs, 2)))

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return jnp.zeros((*batch_shape, 2), dtype)

    def sense(self, params, inputs, key=None):
        self.heard.append(("inputs", inputs))
        return jnp.stack([inputs.mean(-1), inputs[..., 0]], axis=-1)

    def step(self, params, state, sensed, dt):
        self.heard.append(("state", state))
        new = state / 2 + sensed
        return new, new

    def calibrated(self, params, inputs, state):
        return ToldParams(inputs, state)


def series(time=7, batch=4, inputs=2):
    return RNG.normal(1.0, 2.0, (time, batch, inputs)), RNG.uniform(0.5, 1.5, (time, batch))


def mask_of(time, batch):
    return np.arange(time)[:, None] < np.array([time, 1, time - 2, 3])[:batch]


def heard_by_hand(cell, spy, params, inputs, dt, mask):
    """Moments of what a cell hears that writes it down, step by step outside of any compilation."""
    state, found = cell.initial_state(inputs.shape[1:2]), {"inputs": [], "state": []}
    for t in range(len(inputs)):
        spy.heard.clear()
        new, _ = cell.step(params, state, cell.sense(params, jnp.asarray(inputs[t])), jnp.asarray(dt[t]))
        for name, values in spy.heard:
            found[name].append(np.asarray(values)[mask[t]])
        state = jax.tree.map(lambda n, o, t=t: jnp.where(mask[t][:, None], n, o), new, state)
    rows = {name: np.concatenate(values) for name, values in found.items()}
    return [Moments(rows[name].mean(0), rows[name].std(0)) for name in ("inputs", "state")]


HOLDERS = {
    "itself": (lambda cell: cell, lambda params: params, 2),
    "readout": (lambda cell: lj.Readout(cell, 3), lambda params: params.cell, 2),
    "time as an input": (lambda cell: lj.WithTime(cell), lambda params: params, 1),
    "mixed memory": (lambda cell: lj.MixedMemory(cell), lambda params: params.cell, 2),
    "memory before it": (lambda cell: lj.MixedMemory(cell, writes="input"), lambda params: params.cell, 2),
    "block": (lambda cell: lj.Readout(lj.Block(cell, 0.5), 1), lambda params: params.cell.cell, 2),
    "one of a pair": (lambda cell: Pair((lj.GRU(2, 2), lj.Readout(cell, 1)), 5.0), lambda p: p.second["its"].cell, 2),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_a_cell_is_told_the_moments_of_what_it_hears_in_whatever_holds_it(name):
    wrap, inside, inputs = HOLDERS[name]
    spy = Told()
    cell = wrap(spy)
    params = cell.init(KEY)
    u, dt = series(inputs=inputs)
    mask = mask_of(*dt.shape)
    told = inside(calibrate(cell, params, np.where(mask[..., None], u, np.nan), dt, mask=mask, rounds=2))
    for got, wanted in zip(told, heard_by_hand(cell, spy, params, u, dt, mask), strict=True):
        np.testing.assert_allclose(got.mean, wanted.mean, atol=1e-12)
        np.testing.assert_allclose(got.spread, wanted.spread, atol=1e-9)


def test_each_layer_of_a_stack_is_told_its_own_and_all_else_stays():
    cell = lj.Stack(3, lj.Block(Told()), layers=2)
    params, (u, dt) = cell.init(KEY), series(inputs=3)
    told = calibrate(cell, params, u, dt)
    first, second = (layer.cell for layer in told.layers)
    assert not np.allclose(first.state.mean, second.state.mean)
    blocks = (
        [layer._replace(cell=None) for layer in params.layers],
        [layer._replace(cell=None) for layer in told.layers],
    )
    jax.tree.map(np.testing.assert_array_equal, *blocks)
    jax.tree.map(np.testing.assert_array_equal, told.projection, params.projection)


def test_the_spread_is_right_far_from_zero_in_single_precision():
    u = (1000 + RNG.uniform(-0.1, 0.1, (50, 8, 2))).astype(np.float32)
    told = calibrate(Told(), drawn(Told()), u)
    np.testing.assert_allclose(told.inputs.spread, u.astype(float).std((0, 1)), rtol=1e-3)


LTC = lj.LTC(2, lj.FullyConnected(3), lj.SemiImplicit(2))
compiled = jax.jit(calibrate, static_argnums=0)


def test_the_gates_of_an_ltc_are_moved_by_mean_and_spread_of_the_potential_before_them():
    cell = lj.LTC(2, lj.Custom([[0, 1], [-1, 0]], [[1, 0], [0, -1]]))
    params = drawn(cell, dtype=float)
    state = np.array([-1.0, 2.0]), np.array([0.1, 10.0])
    moved = cell.calibrated(
        params, Moments(jnp.array([3.0, 4.0]), jnp.array([0.5, 0.0])), Moments(*map(jnp.array, state))
    )
    weight, bias = params.input_mapping
    mapped = weight * [3.0, 4.0] + bias, np.array([weight[0] * 0.5, 1.0])  # what does not vary keeps the spread 1
    for new, old, graph, (mean, spread) in (
        (moved.synapses, params.synapses, cell.graph.synapses, state),
        (moved.sensory_synapses, params.sensory_synapses, cell.graph.sensory_synapses, mapped),
    ):
        np.testing.assert_allclose(new.midpoint, mean[graph.source] + spread[graph.source] * old.midpoint)
        np.testing.assert_allclose(new.steepness, old.steepness / spread[graph.source])
        for same in ("weight", "reversal_potential"):
            np.testing.assert_array_equal(getattr(new, same), getattr(old, same))


@settings(deadline=None, max_examples=15)
@given(scale=st.floats(1e-3, 1e3), shift=st.floats(-100, 100))
def test_a_calibrated_ltc_does_not_care_in_which_units_its_inputs_are(scale, shift):
    u, dt = np.sin(np.arange(40.0)).reshape(10, 2, 2), np.ones((10, 2))
    params = LTC.init(KEY)
    here, there = (lj.unroll(LTC, compiled(LTC, params, each, dt), each, dt)[1] for each in (u, scale * u + shift))
    np.testing.assert_allclose(here, there, atol=1e-6)


def test_inputs_and_states_that_do_not_vary_leave_finite_gates():
    params = calibrate(LTC, LTC.init(KEY), np.full((6, 3, 2), 7.0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(params))
    still = calibrate(LTC, LTC.init(KEY), np.full((6, 3, 2), 7.0), 0.0)  # nothing moves
    np.testing.assert_allclose(still.synapses.steepness, LTC.init(KEY).synapses.steepness)


def test_members_are_calibrated_as_each_alone():
    u, dt = series()
    stacked = jax.vmap(LTC.init)(jax.random.split(KEY, 2))
    together = jax.vmap(lambda params: calibrate(LTC, params, u, dt))(stacked)
    for member in range(2):
        alone = compiled(LTC, jax.tree.map(lambda leaf, m=member: leaf[m], stacked), u, dt)
        jax.tree.map(lambda a, b, m=member: np.testing.assert_allclose(a[m], b, rtol=1e-9), together, alone)


@pytest.mark.parametrize(
    ("cell", "changed", "message"),
    [
        (lj.GRU(2, 3), {}, "cell must be, or hold, one that can be calibrated, such as an LTC, got GRU without one"),
        (LTC, {"rounds": 0}, "rounds must be an integer of at least 1, got 0"),
        (LTC, {"mask": np.zeros((7, 4), bool)}, "must have a step that is no padding"),
        (LTC, {"mask": np.ones((7, 3), bool)}, r"mask must be bool \(time, \*batch\)"),
        (LTC, {"params": 3}, "params must be what LTC.init"),
    ],
)
def test_what_cannot_be_calibrated_is_refused_in_a_sentence(cell, changed, message):
    u, dt = series()
    given = {"params": drawn(cell, dtype=float), "inputs": u, "dt": dt} | changed
    with pytest.raises(ValueError, match=message):
        calibrate(cell, given.pop("params"), given.pop("inputs"), given.pop("dt"), **given)


def test_an_input_that_is_not_finite_is_refused_and_one_in_padding_is_not_read():
    u, dt = series()
    u[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"inputs must be finite|got nan"):
        calibrate(LTC, LTC.init(KEY), u, dt)
    mask = mask_of(*dt.shape)
    cut = np.where(mask[..., None], u, 0)
    for params in (calibrate(LTC, LTC.init(KEY), u, dt, mask=mask),):
        jax.tree.map(np.testing.assert_array_equal, params, calibrate(LTC, LTC.init(KEY), cut, dt, mask=mask))


def test_some_series_are_spread_over_all_of_them_and_can_be_calibrated_sees_through_tuples():
    assert some_series(5).tolist() == [0, 1, 2, 3, 4]
    assert len(set(some_series(1000).tolist())) == 64 and some_series(1000)[-1] == 999
    assert can_be_calibrated(Pair((lj.GRU(2, 2), LTC))) and not can_be_calibrated(Pair((lj.GRU(2, 2), lj.GRU(2, 2))))


STILL = Optimizer("sgd", 0.0)
"""So that what comes out is the start."""


def fitted(cell=None, **given):
    data = values_of((5, 3, 4, 5, 2, 5), seed=3, outputs=1)
    cell = lj.Readout(LTC, 1) if cell is None else cell
    return data, fit(cell, Regression(), data, optimizer=STILL, epochs=1, batch_size=3, **given)


def test_fit_starts_where_calibrate_says_with_series_of_different_lengths():
    data, found = fitted(calibrate=True, seed=4)
    ready = examples(data, found.preparation, None)
    batch = ready.batch(np.arange(6), 5)
    cell = found.cell
    start = calibrate(cell, start_of(cell, 4), batch.inputs, batch.dt, mask=batch.mask)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), found.params, start)
    _, drawn_only = fitted(seed=4)
    jax.tree.map(np.testing.assert_array_equal, drawn_only.params, start_of(cell, 4))


def test_members_of_fit_are_calibrated_as_alone_and_with_their_own_series():
    rows = np.array([[0, 1, 2], [3, 4, 5]])
    data, together = fitted(calibrate=True, members={"seed": [1, 2]})
    _, apart = fitted(calibrate=True, members={"seed": [1, 2]}, rows=rows)
    for number, seed in enumerate((1, 2)):
        _, alone = fitted(calibrate=True, seed=seed)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), together.member(number), alone.params)
        own = examples(data, together.preparation, None).batch(rows[number], 5)
        wanted = calibrate(apart.cell, start_of(apart.cell, seed), own.inputs, own.dt, mask=own.mask)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), apart.member(number), wanted)


def test_fit_refuses_to_calibrate_what_is_given_or_has_no_such_start():
    with pytest.raises(ValueError, match="calibrate must be left out with params"):
        fitted(calibrate=True, params=start_of(lj.Readout(LTC, 1), 0))
    with pytest.raises(ValueError, match=r"cell must be, or hold, one that can be calibrated.*Readout without one"):
        fitted(lj.Readout(lj.GRU(2, 2), 1), calibrate=True)
    with pytest.raises(ValueError, match="calibrate must be True or False, got 1"):
        fitted(calibrate=1)
