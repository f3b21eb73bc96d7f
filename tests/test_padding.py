"""Padding: what stands in it changes no bit, of any cell, with any gradient and method; nor do other threads."""

import functools
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from drawn import drawn
from liquidjax.cells.wrappers.base import ode_inside
from liquidjax.sequences.methods.associative import reads_state
from small_cells import CELLS

TIME, BATCH = 4, 2
MASK = np.array([[True, False], [False, False], [True, True], [False, True]])
WAYS: dict[str, Any] = {
    "remat": {},
    "bptt": {"gradient": lj.BPTT()},
    "chunked": {"gradient": lj.Chunked(2)},
    "recursive": {"gradient": lj.Recursive()},
    "adjoint": {"gradient": lj.SegmentedAdjoint(2)},
    "backsolve": {"gradient": lj.Backsolve(anyway=True)},
    "associative": {"method": lj.Associative()},
    "newton": {"method": lj.Newton()},
    "newton diagonal": {"method": lj.Newton("diagonal")},
    "newton layered": {"method": lj.Newton("layered")},
}
PADDING = [(0.0, 0.0), (np.nan, np.nan), (np.inf, np.inf), (-np.inf, -1.0), (1e38, -np.inf)]
"""(inputs, dt) of steps that are none."""


def ways_of(cell):
    """The names of the ways that can run the cell."""
    try:
        flow = ode_inside(cell)
    except ValueError:
        flow = None
    one_array = isinstance(jax.eval_shape(lambda: cell.initial_state((BATCH,))), jax.ShapeDtypeStruct)
    possible = {
        "adjoint": flow is not None,
        "backsolve": flow is not None,
        "associative": not reads_state(cell),
        "newton": one_array,
        "newton diagonal": one_array,
        "newton layered": isinstance(flow, lj.LTC),
    }
    return [name for name in WAYS if possible.get(name, True)]


def same_bits(left, right):
    for a, b in zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()


@functools.cache
def compiled(cell, way):
    """(params, inputs, dt) -> (gradient by all of them, (state, outputs)): one program for whatever the padding is."""

    def loss(params, inputs, dt):
        state, outputs = lj.unroll(cell, params, inputs, dt, mask=MASK, **WAYS[way])
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves((state, outputs))), (state, outputs)

    return jax.jit(jax.grad(loss, argnums=(0, 1, 2), has_aux=True))


def arguments(cell):
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(TIME, BATCH, cell.inputs)).astype(np.float32)
    return drawn(cell), inputs, rng.uniform(0.05, 0.5, (TIME, BATCH)).astype(np.float32)


SLOW = [(name, way) for name, cell in CELLS.items() for way in ways_of(cell)]
# Every cell, and every way on a cell that compiles fast.
QUICK = [pair for pair in SLOW if pair[1] == "remat" or pair[0] == "ct-rnn" or pair == ("gated linear", "associative")]


@pytest.mark.parametrize(
    ("name", "way"), [pytest.param(*pair, marks=() if pair in QUICK else pytest.mark.slow) for pair in SLOW]
)
def test_what_is_in_padding_changes_no_bit(name, way):
    cell = CELLS[name]
    params, inputs, dt = arguments(cell)
    reference = None
    for u, h in PADDING:
        padded = np.where(MASK[..., None], inputs, np.float32(u)), np.where(MASK, dt, np.float32(h))
        got = jax.device_get(compiled(cell, way)(params, *padded))
        (_, of_inputs, of_dt), (_, outputs) = got
        assert not of_inputs[~MASK].any() and not of_dt[~MASK].any() and not outputs[~MASK].any()
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(got))
        same_bits(got, reference := got if reference is None else reference)


def test_values_of_padding_are_not_looked_at_either():
    """Not compiled by the caller, so that values are checked: they pass, and give what zeros give."""
    cell = CELLS["ltc"]
    params, inputs, dt = arguments(cell)
    results = [
        jax.device_get(lj.unroll(cell, params, np.where(MASK[..., None], inputs, u), np.where(MASK, dt, h), mask=MASK))
        for u, h in PADDING
    ]
    for result in results[1:]:
        same_bits(result, results[0])


@pytest.mark.parametrize("name", ["ltc", "gru"])
def test_threads_change_no_bit(name):
    """Four threads at once, each with data of its own, the first calls included: what each gives alone."""
    cell = CELLS[name]
    params, inputs, dt = arguments(cell)

    def work(number):
        """Compiles and runs what a thread may: a gradient, an unroll and a stream, from an equal cell of its own."""
        own = inputs + np.float32(number)
        state = cell.initial_state((BATCH,))
        for t in range(TIME):
            state, _ = lj.step(cell, params, state, own[t], dt[t])
        return jax.device_get((compiled(cell, "remat")(params, own, dt), lj.unroll(cell, params, own, dt), state))

    jax.clear_caches()
    compiled.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(work, range(8)))
    jax.clear_caches()
    compiled.cache_clear()
    for number in range(8):
        same_bits(work(number), together[number])
