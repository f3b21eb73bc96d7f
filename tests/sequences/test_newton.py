"""Newton's method on a whole sequence: what the scan gives, in value and in derivatives of every order."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import liquidjax as lj
from method_cases import BATCH, KEY, NONLINEAR, TIME, data, run
from untyped import untyped

ONE_UNFOLD: dict[str, Any] = {
    "ltc": lj.LTC(3, lj.FullyConnected(6), lj.SemiImplicit(1)),
    "ltc ncp": lj.LTC(3, lj.AutoNCP(12, 2), lj.SemiImplicit(1)),
}
"""For programs with several derivatives in them, which take long to compile."""
CASES = [
    ("ltc", "full"),
    ("ltc", "diagonal"),
    ("readout of ltc", "layered"),
    ("cfc", "full"),
    ("gru", "diagonal"),
]


@pytest.mark.parametrize(("name", "jacobian"), CASES)
def test_newton_is_the_scan_in_value_and_gradient(name, jacobian, x64):
    """Irregular dt, masks, backwards in time, an initial state; the published diagonal adjoints are 11 to 53 % off."""
    cell = NONLINEAR[name]
    params = cell.init(KEY)
    method = lj.Newton(jacobian, iterations=60, tolerance=1e-9)
    ours, theirs = (run(cell, params, method, reverse=True) for method in (method, lj.Scan()))
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-7 * max(1, np.max(np.abs(other))))


@pytest.mark.parametrize(("name", "jacobian"), [("ltc", "diagonal"), ("ltc ncp", "layered"), ("cfc", "full")])
def test_newton_has_forward_mode_too(name, jacobian, x64):
    cell = NONLINEAR[name]
    params = cell.init(KEY)
    inputs, dt, _ = data()

    def derivative(method):
        loss = jax.jit(lambda u: jnp.sum(lj.unroll(cell, params, u, dt, method=method)[1] ** 2))
        return jax.jvp(loss, (inputs,), (np.ones_like(inputs),))[1]

    expected = derivative(lj.Scan())
    assert abs(derivative(lj.Newton(jacobian, tolerance=1e-9, iterations=60)) - expected) < 1e-7 * abs(expected)


@pytest.mark.parametrize(
    ("name", "jacobian", "kind"),
    [
        ("ltc ncp", "layered", "product"),
        pytest.param("ltc ncp", "layered", "penalty", marks=pytest.mark.slow),  # the rule of the other two, and long
        ("gru", "diagonal", "product"),
        ("gru", "diagonal", "penalty"),
        ("cfc", "full", "product"),
        ("cfc", "full", "penalty"),
    ],
)
def test_newton_has_the_second_derivatives_of_the_scan(name, jacobian, kind, x64):
    """A Hessian-vector product, or the gradient of a penalty on a gradient, on a network far from linear."""
    cell = ONE_UNFOLD.get(name, NONLINEAR[name])
    params = jax.tree.map(lambda leaf: 1.5 * leaf, cell.init(KEY))
    inputs, dt, mask = data()

    def second(method):
        def loss(params, inputs):
            return jnp.sum(lj.unroll(cell, params, inputs, dt, mask=mask, method=method)[1] ** 2)

        def penalty(params):
            return jnp.sum(jax.grad(loss, argnums=1)(params, inputs) ** 2)

        if kind == "penalty":
            return jax.grad(penalty)(params)
        direction = jax.tree.map(jnp.cos, params)
        return jax.jvp(lambda p: jax.grad(loss)(p, inputs), (params,), (direction,))[1]

    methods = lj.Newton(jacobian, tolerance=1e-9, iterations=60), lj.Scan()
    ours, theirs = (jax.jit(functools.partial(second, method))() for method in methods)
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-7 * max(1, np.max(np.abs(other))))


def test_newton_has_third_derivatives_too(x64):
    """Of the last state of one neuron by a factor of its inputs, against the scan."""
    cell = lj.CTRNN(3, 2, lj.Exponential(1))
    params, inputs = cell.init(KEY), data()[0][:, 0]

    def third(method):
        f = lambda factor: lj.unroll(cell, params, factor * inputs, 0.5, method=method)[0][0]  # noqa: E731
        return jax.jit(jax.grad(jax.grad(jax.grad(f))))(0.7)

    expected = third(lj.Scan())
    assert abs(expected) > 1e-3
    assert abs(third(lj.Newton(tolerance=1e-9)) - expected) < 1e-7


@pytest.mark.parametrize(("name", "jacobian"), [("ltc ncp", "layered"), ("ltc", "diagonal"), ("cfc", "full")])
def test_newton_is_the_scan_on_trained_weights(name, jacobian, x64, promotes):
    """Training makes the weights harder; what is left between the two is the tolerance."""
    cell, optimizer = lj.Readout(ONE_UNFOLD.get(name, NONLINEAR[name]), 1), optax.adam(0.03)
    phase = np.linspace(0, 4 * np.pi, TIME, dtype=np.float32)[:, None] + np.arange(BATCH, dtype=np.float32)
    inputs, target = np.stack([np.sin(phase), np.cos(2 * phase), phase / 10], -1), np.sin(3 * phase)[..., None]

    def loss(params, method: lj.Scan | lj.Newton = lj.Scan()):
        outputs = lj.unroll(cell, params, inputs, 0.3, method=method)[1]
        return jnp.mean((outputs - target) ** 2), outputs

    @jax.jit
    def train(params):
        def update(carry, _):
            params, state = carry
            (error, _), gradient = jax.value_and_grad(loss, has_aux=True)(params)
            changes, state = optimizer.update(gradient, state)
            return (optax.apply_updates(params, changes), state), error

        (params, _), errors = jax.lax.scan(update, (params, optimizer.init(params)), None, length=300)
        return params, errors

    params, errors = train(cell.init(KEY))
    assert errors[-1] < errors[0] / 2
    (ours, theirs) = (
        jax.jit(jax.grad(functools.partial(loss, method=method), has_aux=True))(params)
        for method in (lj.Newton(jacobian, iterations=40), lj.Scan())
    )
    for mine, other in zip(*map(jax.tree.leaves, (ours, theirs)), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5 * max(1, np.max(np.abs(other))))
    info = lj.newton_convergence(cell, params, inputs, 0.3, method=lj.Newton(jacobian, iterations=40))
    assert np.all(info.converged)


def newton_info(cell, method, params=None):
    params = cell.init(KEY) if params is None else params
    return lj.newton_convergence(cell, params, data()[0], 0.1, method=method)


def test_newton_needs_as_few_iterations_as_published():
    """Full 3 to 6, diagonal up to 15 for an LTC; layered: one for inter and motor neurons each, few for command."""
    assert np.all(newton_info(NONLINEAR["ltc"], lj.Newton("full")).iterations <= 7)
    assert np.all(newton_info(NONLINEAR["ltc"], lj.Newton("diagonal")).iterations <= 20)
    info = newton_info(NONLINEAR["ltc ncp"], lj.Newton("layered"))
    assert np.all(info.iterations <= 10) and np.all(info.converged) and np.all(info.residual < 1e-5)


def test_newton_falls_back_to_the_scan_where_it_does_not_converge(x64):
    cell = NONLINEAR["ltc"]
    params = cell.init(KEY)
    method = lj.Newton("diagonal", iterations=1)
    info = newton_info(cell, method, params)
    assert not np.any(info.converged) and np.all(info.iterations == 1) and np.all(info.residual > 1e-6)
    inputs, dt, _ = data()
    ours, theirs = (lj.unroll(cell, params, inputs, dt, method=m) for m in (method, lj.Scan()))
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-12)


def test_newton_refuses_what_it_cannot_do():
    inputs = np.ones((4, 3), np.float32)
    for cell, method, message in (
        (lj.LSTM(3, 4), lj.Newton(), "Newton needs a cell whose state is one array, got LSTM"),
        (lj.CTRNN(3, 4), lj.Newton("layered"), "layered form needs a cell that says what its layers are .* got CTRNN"),
    ):
        with pytest.raises(ValueError, match=message):
            lj.unroll(cell, cell.init(KEY), inputs, method=method)
    with pytest.raises(ValueError, match="jacobian must be one of 'full', 'diagonal', 'layered', got 'block'"):
        lj.Newton(untyped("block"))
    with pytest.raises(ValueError, match=r"tolerance must be in \(0, 1\), got 0"):
        lj.Newton(tolerance=0)
    with pytest.raises(ValueError, match=r"gradient must be left at Remat\(\) with Newton"):
        lj.unroll(lj.GRU(3, 4), lj.GRU(3, 4).init(KEY), inputs, method=lj.Newton(), gradient=lj.Chunked())


def test_convergence_is_told_for_each_sequence():
    cell = lj.LTC(3, lj.AutoNCP(12, 2))
    params = cell.init(KEY)
    inputs, dt, _ = data()
    info = lj.newton_convergence(cell, params, inputs, dt, method=lj.Newton("full"))
    assert info.converged.tolist() == [True] * BATCH and np.all((info.iterations > 1) & (info.iterations < 10))
    assert np.all(info.residual < 1e-5)
    hurried = lj.newton_convergence(cell, params, inputs, dt, method=lj.Newton("full", iterations=1))
    assert not np.any(hurried.converged) and np.all(hurried.residual > info.residual)
    with pytest.raises(ValueError, match="Newton needs a cell whose state is one array"):
        lj.newton_convergence(lj.LSTM(3, 4), lj.LSTM(3, 4).init(KEY), inputs)
