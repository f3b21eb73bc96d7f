"""Cells, wrappers, integrators and wirings from outside of the package: checked in one line, run by everything."""

import dataclasses
import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import liquidjax as lj
from liquidjax.analysis import trajectory
from liquidjax.testing import check_cell, check_integrator, check_wiring, check_wrapper

pytestmark = pytest.mark.usefixtures("x64")
KEY = jax.random.key(0)


class LeakyParams(NamedTuple):
    recurrent: jax.Array
    inward: jax.Array
    leak: jax.Array


@dataclass(frozen=True)
class Leaky:
    """dx/dt = tanh(W x + U u) - exp(k) x, of which one neuron is read out; the second of two layers is coupled."""

    inputs: int = 2
    units: int = 4
    integrator: Any = dataclasses.field(default_factory=lambda: Heun(2))
    coefficients_read_state: ClassVar[bool] = True

    @property
    def outputs(self):
        return 1

    def init(self, key):
        first, second = jax.random.split(key)
        recurrent = 0.5 * jax.random.normal(first, (self.units, self.units))
        return LeakyParams(recurrent, jax.random.normal(second, (self.inputs, self.units)), jnp.zeros(self.units))

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return jnp.zeros((*batch_shape, self.units), dtype)

    def sense(self, params, inputs, key=None):
        return inputs @ params.inward

    def coefficients(self, params, state, sensed):
        # The first half hears nobody, the second half everybody.
        hears = jnp.asarray(np.arange(self.units) >= self.units // 2, state.dtype)
        drive = jnp.tanh(sensed + hears * (state @ params.recurrent))
        return drive, jnp.broadcast_to(jnp.exp(params.leak), drive.shape)

    def readout(self, params, state):
        return state[..., :1]

    def step(self, params, state, sensed, dt):
        state = lj.advance(self, params, state, sensed, dt)
        return state, self.readout(params, state)

    def neuron_layers(self):
        half = self.units // 2
        return lj.NeuronLayer(np.arange(half), False), lj.NeuronLayer(np.arange(half, self.units), True)


class Heun(lj.FixedStep):
    """x <- x + h/2 (f(x) + f(x + h f(x)))."""

    def unfold(self, coefficients, state, h):
        f = lj.vector_field(coefficients)
        return state + h / 2 * (f(state) + f(state + h * f(state)))


@dataclass(frozen=True)
class WholeHeun:
    """The same with two substeps of which nobody is told: it fulfils no more than the protocol."""

    per_sample: ClassVar[bool] = False

    def advance(self, coefficients, state, dt):
        return Heun(2).advance(coefficients, state, dt)


@dataclass(frozen=True)
class Scaled:
    """Twice the inputs go in, and what comes out is multiplied by a learnt number."""

    cell: Any

    @property
    def transparent(self):
        return not getattr(self, "hidden", False)

    @property
    def inputs(self):
        return self.cell.inputs

    @property
    def outputs(self):
        return self.cell.outputs

    def init(self, key):
        return {"inside": self.cell.init(key), "scale": jnp.ones(())}

    def initial_state(self, batch_shape=(), dtype: Any = float):
        return self.cell.initial_state(batch_shape, dtype)

    def sense(self, params, inputs, key=None):
        return self.cell.sense(params["inside"], 2 * inputs, key)

    def step(self, params, state, sensed, dt):
        return lj.step_inside(self, params, state, sensed, dt)

    def inner_params(self, params):
        return params["inside"]

    def inner_state(self, state):
        return state

    def inner_sensed(self, params, state, sensed):
        return sensed

    def readout(self, params, state, sensed, output):
        return params["scale"] * output


@dataclass(frozen=True)
class Ring:
    """Every neuron excites the next one; the first one hears all inputs."""

    units: int
    outputs: int = 1

    def graph(self, inputs):
        ring = lj.Custom(np.roll(np.eye(self.units, dtype=int), 1, axis=1), self.sensory(inputs), self.outputs)
        return ring.graph(inputs)

    def sensory(self, inputs):
        adjacency = np.zeros((inputs, self.units), int)
        adjacency[:, 0] = 1
        return adjacency


WRAPPED = Scaled(lj.Readout(Leaky(), 2))


@pytest.mark.parametrize(
    ("check", "own"),
    [
        (check_integrator, Heun(3)),
        (check_integrator, WholeHeun()),
        (check_wiring, Ring(5)),
        (check_cell, Leaky()),
        (check_wrapper, WRAPPED),
        (check_cell, lj.LTC(2, Ring(4))),
    ],
    ids=["integrator", "protocol of integrators", "wiring", "cell", "wrapper", "cell of a wiring"],
)
def test_all_of_them_pass(check, own):
    check(own)


def data():
    rng = np.random.default_rng(0)
    inputs, dt = rng.normal(size=(6, 3, 2)), rng.uniform(0.05, 0.3, (6, 3))
    return WRAPPED.init(KEY), inputs, dt, np.arange(6)[:, None] < np.array([6, 4, 1])


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def differentiated(cell, gradient, method, params, inputs, dt, mask):
    def loss(params, inputs, dt):
        state, outputs = lj.unroll(cell, params, inputs, dt, mask=mask, gradient=gradient, method=method)
        return jnp.sum(jnp.sin(outputs)) + jnp.sum(state), (state, outputs)

    return jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(params, inputs, dt)


def assert_same(actual, expected, tolerance=1e-8):
    for ours, theirs in zip(*map(jax.tree.leaves, (actual, expected)), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


NEWTON = [lj.Newton(kind, iterations=60, tolerance=1e-10) for kind in ("full", "diagonal", "layered")]


@pytest.mark.parametrize(
    ("gradient", "method"),
    [(way, lj.Scan()) for way in (lj.BPTT(), lj.Chunked(2), lj.Recursive())] + [(lj.Remat(), way) for way in NEWTON],
    ids=str,
)
def test_every_exact_gradient_and_every_method_runs_them(gradient, method):
    """A cell, an integrator and a wrapper of somebody else, and the package's own Readout between them."""
    given = data()
    expected = differentiated(WRAPPED, lj.Remat(), lj.Scan(), *given)
    assert_same(differentiated(WRAPPED, gradient, method, *given), expected)


@pytest.mark.parametrize("gradient", [lj.SegmentedAdjoint(2, unfolds=20), lj.Backsolve(anyway=True, unfolds=20)])
def test_the_adjoints_run_them(gradient):
    """The forward solver is made fine, so that its gradient is that of the equation."""
    cell = Scaled(lj.Readout(Leaky(integrator=Heun(40)), 2))
    given = data()
    expected = differentiated(cell, lj.Remat(), lj.Scan(), *given)
    assert_same(differentiated(cell, gradient, lj.Scan(), *given), expected, 2e-4)


def test_associative_runs_a_wrapper_around_anything_it_can_run():
    for inner in (lj.GatedLinear(2, 3, Heun(2)), lj.Stack(2, lj.Block(lj.GatedLinear(4, 4), feed_forward=True), 2)):
        cell = Scaled(lj.Readout(inner, 2))
        params, (_, inputs, dt, mask) = cell.init(KEY), data()
        reset = np.random.default_rng(1).random((6, 3)) < 0.3
        at_once, one_by_one = (
            lj.unroll(cell, params, inputs, dt, mask=mask, reset=reset, method=method)
            for method in (lj.Associative(), lj.Scan())
        )
        assert_same(at_once, one_by_one)


def test_readings_and_trajectories_reach_through():
    params, inputs, dt, mask = data()
    inside = params["inside"].cell
    states = trajectory.states(WRAPPED, params, inputs, dt, mask=mask)
    assert_same(states, trajectory.states(Leaky(), inside, 2 * inputs, dt, mask=mask))
    assert_same(
        lj.time_constant(WRAPPED, params, states, inputs), lj.time_constant(Leaky(), inside, states, 2 * inputs)
    )
    for options in ({"method": lj.Newton("layered")}, {"gradient": lj.SegmentedAdjoint(2)}, {"reverse": True}):
        assert_same(
            trajectory.states(WRAPPED, params, inputs, dt, **options),
            trajectory.states(Leaky(), inside, 2 * inputs, dt, **(options if "reverse" in options else {})),
            1e-5,
        )
    times = np.concatenate([np.zeros((1, 3)), np.cumsum(dt[1:], axis=0)])
    solved = lj.integrate(WRAPPED, params, times, inputs, interpolation="held")
    fine = Leaky(integrator=Heun(200))
    assert_same(solved.states[1:], trajectory.states(fine, inside, 2 * inputs[1:], dt[1:]), 1e-5)


@dataclass(frozen=True)
class Opaque(Scaled):
    """A wrapper that does not say what it does to the state."""

    hidden: bool = True


def test_bounds_reach_through_and_ask_what_rewrites_the_state():
    ltc = lj.LTC(2, lj.FullyConnected(3))
    params = {"inside": ltc.init(KEY), "scale": jnp.ones(())}
    assert_same(lj.time_constant_bounds(Scaled(ltc), params), lj.time_constant_bounds(ltc, params["inside"]))

    with pytest.raises(ValueError, match="does not say how far: it needs `rewritten_within`"):
        lj.state_bounds(Opaque(ltc), params)
    with pytest.raises(AssertionError, match="it must say in `rewritten_within`"):
        check_wrapper(Opaque(ltc))
    with pytest.raises(ValueError, match="in which Opaque moves it too"):
        lj.integrate(Opaque(ltc), params, np.arange(3.0), np.ones((3, 2)))


def test_what_only_fulfils_the_protocol_of_integrators_is_run_or_refused():
    """Unfolds that nobody knows of cannot be divided: a silent 2.9e-4 once."""
    cell, (_, inputs, dt, mask) = lj.LTC(2, lj.AutoNCP(8, 2), WholeHeun()), data()
    params = cell.init(KEY)
    expected = differentiated(cell, lj.Remat(), lj.Scan(), params, inputs, dt, mask)
    for gradient, method in [(way, lj.Scan()) for way in (lj.BPTT(), lj.Chunked(2))] + [(lj.Remat(), NEWTON[0])]:
        assert_same(differentiated(cell, gradient, method, params, inputs, dt, mask), expected)
    with pytest.raises(ValueError, match=r"needs an integrator that is a FixedStep, .* got WholeHeun"):
        lj.unroll(cell, params, inputs, dt, method=lj.Newton("layered"))
    linear = lj.GatedLinear(2, 3, WholeHeun())
    with pytest.raises(ValueError, match="a FixedStep integrator"):
        lj.unroll(linear, linear.init(KEY), inputs, dt, method=lj.Associative())
    solved = lj.solve(lambda rate, t, x: -rate * x, 2.0, jnp.ones(1), [0.0, 0.1], integrator=WholeHeun())
    assert int(solved.steps) == 1


def test_layered_newton_is_the_scan_for_any_fixed_step():
    for integrator in (Heun(3), lj.RK4(2), lj.Exponential(3)):
        cell, (_, inputs, dt, mask) = lj.LTC(2, lj.AutoNCP(8, 2), integrator), data()
        params = cell.init(KEY)
        expected = differentiated(cell, lj.Remat(), lj.Scan(), params, inputs, dt, mask)
        assert_same(differentiated(cell, lj.Remat(), NEWTON[2], params, inputs, dt, mask), expected)


# mistakes


def broken(base: Any = Leaky, **members: Any) -> Any:
    """A class that does what the base does, but for a mistake; known by name, so that it can be pickled."""
    kind = dataclass(frozen=True)(type("Broken", (base,), {"__module__": __name__, **members}))
    globals()["Broken"] = kind
    return kind


class Soft(lj.GRU):
    """A subclass that gave up being frozen."""

    __dataclass_params__ = type("Params", (), {"frozen": False})


MISTAKES = {
    "not frozen": (lambda: check_cell(Soft(2, 3)), "Soft must be a frozen dataclass"),
    "swapped": (
        lambda: check_cell(broken(step=lambda self, p, x, u, dt: Leaky.step(self, p, x, u, dt)[::-1])()),
        r"must return \(state, output\)",
    ),
    "swapped, of equal sizes": (
        lambda: check_cell(
            broken(
                outputs=property(lambda self: 4),
                readout=lambda self, p, x: 3 * x,
                step=lambda self, p, x, u, dt: (y := lj.advance(self, p, x, u, dt), 3 * y)[::-1],
            )()
        ),
        "then its readout",
    ),
    "no key": (lambda: check_cell(broken(sense=lambda self, p, u: u @ p.inward)()), "must take a `key`"),
    "dt over units": (
        lambda: check_cell(
            broken(step=lambda self, p, x, u, dt: (x + dt * (self.coefficients(p, x, u)[0] - x), x[..., :1]))()
        ),
        "which needs dt\\[..., None\\] beside it",
    ),
    "dt over units, as many as samples": (
        lambda: check_cell(
            broken(
                coefficients=lambda self, p, x, u: (jnp.tanh(u), jnp.ones_like(u)),
                step=lambda self, p, x, u, dt: (x + (dt if dt.shape == (4,) else dt[..., None]) * u, x[..., :1]),
            )()
        ),
        "must not depend on the inputs or the dt of another; dt is",
    ),
    "no per_sample": (lambda: check_integrator(broken(object, advance=lambda self, c, x, dt: x)()), "`per_sample`"),
    "a class": (lambda: check_cell(Leaky), "must be an instance, got the class Leaky"),
    "float32 written down": (
        lambda: check_cell(broken(sense=lambda self, p, u, key=None: (u @ p.inward).astype(np.float32))()),
        "finite differences|float64|carry",
    ),
    "a claim that is not so": (
        lambda: check_cell(broken(coefficients_read_state=False)()),
        "says coefficients_read_state = False, but its coefficients change",
    ),
    "layers the wrong way round": (
        lambda: check_cell(broken(neuron_layers=lambda self: Leaky.neuron_layers(self)[::-1])()),
        "layer 0 of Broken.neuron_layers hears a layer behind it|hears itself",
    ),
    "another step": (
        lambda: check_cell(
            broken(step=lambda self, p, x, u, dt: (y := lj.advance(self, p, x, u, dt), 2 * self.readout(p, y)))()
        ),
        "then its readout",
    ),
    "first order of nothing": (
        lambda: check_integrator(broken(Heun, unfold=lambda self, c, x, h: x + 1.1 * h * lj.vector_field(c)(x))()),
        "must solve dx/dt",
    ),
    "not affine": (
        lambda: check_integrator(
            broken(Heun, unfold=lambda self, c, x, h: Heun.unfold(self, c, x, h) + 1e-3 * h**3 * x**2)()
        ),
        "must be affine in the state",
    ),
    "unhashable wiring": (
        lambda: check_wiring(broken(Ring, units=4, extra=None, __hash__=None)(units=4)),
        "must be hashable",
    ),
    "another graph every time": (
        lambda: check_wiring(
            broken(Ring, sensory=lambda self, n: np.random.default_rng().integers(0, 2, (n, self.units)))(units=16)
        ),
        "must draw the same",
    ),
    "a wrapper with the wrong parameters": (
        lambda: check_wrapper(broken(Scaled, inner_params=lambda self, p: p)(Leaky())),
        "Broken.inner_params must give what belongs to Leaky",
    ),
    "a wrapper that hides a gain": (
        lambda: check_wrapper(
            broken(Scaled, step=lambda self, p, x, u, dt: (0.9 * lj.step_inside(self, p, x, u, dt)[0], x[..., :1]))(
                Leaky()
            )
        ),
        "says it is transparent",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_ends_in_a_sentence(mistake):
    check, sentence = MISTAKES[mistake]
    with pytest.raises((AssertionError, ValueError, TypeError), match=sentence):
        check()


def test_an_advance_of_ones_own_beside_unfold_is_refused():
    with pytest.raises(TypeError, match="must say what one step is in `unfold`"):
        type("Both", (lj.FixedStep,), {"advance": lambda self, c, x, dt: x, "unfold": Heun.unfold})
