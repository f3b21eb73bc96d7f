"""Products in bfloat16 and everything else in float32: what is rounded, by how much, and what is refused."""

import collections
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Literal

import liquidjax as lj
from drawn import drawn
from liquidjax.layers.linear import Linear, init_linear
from liquidjax.nnx import RNN, RNNCell
from programs import equations
from small_cells import CELLS
from untyped import untyped

EPS = 2.0**-8
"""From 1 to the next larger number of bfloat16."""
TIME, BATCH = 24, 3
ABLE = {name: cell for name, cell in CELLS.items() if "ltc" not in name or "hasani" in name}
STACK = "stack"
"""Its norms over two features make signs of their inputs, so that no bound of its error says anything."""


def data(cell, dtype: Any = np.float64):
    rng = np.random.default_rng(0)
    inputs, dt = rng.normal(size=(TIME, BATCH, cell.inputs)), rng.uniform(0.05, 0.5, (TIME, BATCH))
    return inputs.astype(dtype), dt.astype(dtype)


def parameters(cell, dtype: Any = np.float64):
    """Of both signs, and small enough that nothing grows for ever."""
    return jax.tree.map(lambda leaf: (leaf - 0.5).astype(dtype), drawn(cell, dtype=float))


def run(cell, params, *given, **options):
    return lj.unroll(cell, params, *given, validate=False, **options)


def loss(cell, params, *given, **options):
    outputs = run(cell, params, *given, **options)[1]
    return jnp.sum(jnp.sin(outputs)), outputs


def relative(found: Any, exact: Any) -> float:
    """The norm of the difference by the norm of what is exact."""
    pairs = list(zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True))
    square = sum(np.sum((np.asarray(a, float) - np.asarray(b, float)) ** 2) for a, b in pairs)
    return float(np.sqrt(square / sum(np.sum(np.asarray(b, float) ** 2) for _, b in pairs)))


@pytest.mark.parametrize("name", [name for name in ABLE if name != STACK])
def test_the_error_of_every_cell_is_a_few_roundings_and_not_none(name, x64):
    """In float64 else, so that nothing but the products is rounded."""
    cell = CELLS[name]
    params, given = parameters(cell), data(cell)
    _, exact = jax.jit(run, static_argnums=0)(cell, params, *given)
    _, found = jax.jit(run, static_argnums=0)(lj.MixedPrecision(cell), params, *given)
    assert found.dtype == np.float64
    assert EPS / 1000 < relative(found, exact) < 4 * EPS
    assert np.max(np.abs(found - exact)) < 16 * EPS * np.max(np.abs(exact))


@pytest.mark.parametrize("name", ABLE)
def test_products_are_in_bfloat16_forwards_and_backwards_and_nothing_else_is(name):
    cell = lj.MixedPrecision(CELLS[name])
    params, given = parameters(cell, np.float32), data(cell, np.float32)
    program = jax.make_jaxpr(jax.value_and_grad(lambda p: loss(cell, p, *given), has_aux=True))(params)
    products, others = collections.Counter(), set()
    for equation in equations(program.jaxpr):
        dtypes = {str(untyped(var.aval).dtype) for var in equation.invars if not isinstance(var, Literal)}
        if equation.primitive.name == "dot_general":
            products.update(dtypes)
        elif "bfloat16" in dtypes:
            others.add(equation.primitive.name)
    assert set(products) == {"bfloat16"}
    assert others <= {"convert_element_type", "transpose", "reshape", "scan"}  # which adds nothing up in it
    (_, outputs), gradient = jax.eval_shape(jax.value_and_grad(lambda p: loss(cell, p, *given), has_aux=True), params)
    state = jax.eval_shape(lambda: run(cell, params, *given)[0])
    assert {leaf.dtype for leaf in jax.tree.leaves((outputs, gradient, state))} == {np.dtype(np.float32)}


def test_a_state_goes_on_by_steps_that_bfloat16_would_lose(x64):
    """A thousand steps of a thousandth: a state of 8 significant bits stands still long before the end."""
    cell = lj.CTRNN(3, 4)
    params, inputs = parameters(cell), np.ones((1000, 1, 3))
    exact, _ = jax.jit(run, static_argnums=0)(cell, params, inputs, 1e-3)
    mixed, _ = jax.jit(run, static_argnums=0)(lj.MixedPrecision(cell), params, inputs, 1e-3)
    short = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.bfloat16), (params, inputs, np.full(1000, 1e-3)))
    naive, _ = jax.jit(run, static_argnums=0)(cell, *short)
    assert relative(mixed, exact) < 2 * EPS and relative(naive, exact) > 0.5


def test_the_gradient_is_added_up_over_more_unfolds_than_bfloat16_can_count(x64):
    """A sum of equal numbers stands still in bfloat16 after 256 of them; here there are 1,000 in a step."""
    cell = lj.CTRNN(3, 4, lj.Euler(1000))
    params, inputs = parameters(cell), np.ones((2, 1, 3))
    of = jax.jit(jax.grad(lambda p, cell: loss(cell, p, inputs, 0.5)[0]), static_argnums=1)
    assert relative(of(params, lj.MixedPrecision(cell)), of(params, cell)) < 2 * EPS


GRU, CTRNN, GATED = lj.GRU(3, 4), lj.CTRNN(3, 4, lj.Exponential(2)), lj.GatedLinear(3, 4)
METHODS = [(GRU, lj.Newton()), (CTRNN, lj.Newton("diagonal")), (GATED, lj.Associative())]


@pytest.mark.parametrize(("cell", "method"), METHODS)
def test_methods_agree_with_the_scan(cell, method, x64):
    """Newton's to its tolerance, or to a rounding where a state comes to lie on the other side of one."""
    mixed = lj.MixedPrecision(cell)
    params, given = parameters(mixed), data(mixed)
    of = jax.jit(jax.value_and_grad(lambda p, how: loss(mixed, p, *given, method=how), has_aux=True), static_argnums=1)
    (_, outputs), gradient = of(params, method)
    (_, expected), wanted = of(params, lj.Scan())
    assert relative(outputs, expected) < EPS / 4 and relative(gradient, wanted) < 2 * EPS


@pytest.mark.parametrize("gradient", [lj.BPTT(), lj.Chunked(), lj.Recursive()])
def test_gradients_are_the_same_to_rounding(gradient, x64):
    mixed = lj.MixedPrecision(GRU)
    params, given = parameters(mixed), data(mixed)
    of = jax.jit(jax.grad(lambda p, how: loss(mixed, p, *given, gradient=how)[0]), static_argnums=1)
    assert relative(of(params, gradient), of(params, lj.Remat())) < 1e-12


def test_the_adjoint_looks_through_it(x64):
    """Its gradient is that of the equation, so it misses that of the steps by as much as without."""
    params, given = parameters(CTRNN), data(CTRNN)
    of = jax.jit(jax.grad(lambda p, cell: loss(cell, p, *given, gradient=lj.SegmentedAdjoint(4))[0]), static_argnums=1)
    assert relative(of(params, lj.MixedPrecision(CTRNN)), of(params, CTRNN)) < 4 * EPS


def test_readings_look_through_it():
    cell = lj.MixedPrecision(lj.HasaniLTC(3, 4))
    params = parameters(cell, np.float32)
    tau = lj.time_constant(cell, params, jnp.zeros((2, 4)), jnp.ones((2, 3)))
    np.testing.assert_allclose(tau, lj.time_constant(cell.cell, params, jnp.zeros((2, 4)), jnp.ones((2, 3))), rtol=EPS)
    assert lj.state_bounds(cell, params).low.shape == (4,)


def test_around_a_readout_or_another_of_its_kind_it_is_one_and_the_same():
    twice = lj.MixedPrecision(lj.MixedPrecision(GRU))
    params, given = parameters(GRU, np.float32), data(GRU, np.float32)
    np.testing.assert_array_equal(
        run(twice, params, *given)[1], run(lj.MixedPrecision(GRU), params, *given)[1], strict=True
    )
    assert lj.MixedPrecision(lj.Readout(GRU, 2)).init(jax.random.key(0)).linear.weight.shape == (4, 2)


def test_flax_modules_take_it():
    """Where Flax has dtype=bfloat16 beside param_dtype=float32, here the cell says so."""
    cell = lj.MixedPrecision(GRU)
    params, given = parameters(cell, np.float32), data(cell, np.float32)
    rnn = RNN(RNNCell(cell, params=params))
    outputs = rnn(np.swapaxes(given[0], 0, 1), dt=given[1].T)
    assert relative(np.swapaxes(outputs, 0, 1), run(cell, params, *given)[1]) < EPS / 100


class OwnParams(NamedTuple):
    weight: Any
    rate: Any


@dataclass(frozen=True)
class Own:
    """A cell of somebody's: x <- x + dt (tanh([u, x] W) - rate x), its weight used by an operation of its choice."""

    inputs: int = 2
    units: int = 3
    how: str = "matmul"

    @property
    def outputs(self):
        return self.units

    def init(self, key):
        weight = jax.random.normal(key, (self.inputs + self.units, self.units))
        linear = init_linear(key, self.inputs + self.units, self.units)
        return OwnParams(linear if self.how == "Linear" else weight, jnp.ones(self.units))

    def initial_state(self, batch_shape=(), dtype=float):
        return jnp.zeros((*batch_shape, self.units), dtype)

    def sense(self, params, inputs, key=None):
        return inputs

    def step(self, params, state, sensed, dt):
        z, weight = jnp.concatenate([sensed, state], axis=-1), params.weight
        product = {
            "matmul": lambda: z @ weight,
            "Linear": lambda: weight(z),
            "dot": lambda: jnp.dot(z, weight),
            "transposed": lambda: z @ weight.T.T,
        }[self.how]()
        state = state + dt[..., None] * (jnp.tanh(product) - params.rate * state)
        return state, state


@pytest.mark.parametrize("how", ["matmul", "Linear"])
def test_anybodys_cell_is_multiplied_in_bfloat16(how, x64):
    cell = Own(how=how)
    params, given = parameters(cell), data(cell)
    error = relative(run(lj.MixedPrecision(cell), params, *given)[1], run(cell, params, *given)[1])
    assert EPS / 1000 < error < 2 * EPS


KEY = jax.random.key(0)
REFUSED = {
    "an LTC": (
        lambda: lj.MixedPrecision(CELLS["ltc"]).init(KEY),
        "nothing to do in LTC, which multiplies by no matrix",
    ),
    "an LTC below a readout": (
        lambda: lj.MixedPrecision(lj.Readout(CELLS["ltc"], 2)).init(KEY),
        "nothing to do in LTC",
    ),
    "another function": (lambda: lj.MixedPrecision(Own(how="dot")).init(KEY), "cannot run Own.*as x @ weight.*Linear"),
    "another attribute": (lambda: lj.MixedPrecision(Own(how="transposed")).init(KEY), "cannot run Own"),
    "an adaptive solver": (lambda: lj.MixedPrecision(lj.CTRNN(2, 3, lj.Diffrax())), "CTRNN with an adaptive solver"),
    "short parameters": (
        lambda: run(lj.MixedPrecision(GRU), parameters(GRU, jnp.bfloat16), *data(GRU, jnp.bfloat16)),
        r"params.inputs.weight must be float32 or float64 in MixedPrecision.*got bfloat16",
    ),
    "no cell": (lambda: lj.MixedPrecision(untyped(Linear)), "cell must be a Cell"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_cannot_do_right_is_refused_by_name(what):
    ask, sentence = REFUSED[what]
    with pytest.raises(ValueError, match=sentence):
        ask()
