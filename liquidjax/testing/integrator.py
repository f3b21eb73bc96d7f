"""Whether an integrator fulfils what cells, gradients and methods rely on."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Array
from liquidjax.integrators import FixedStep
from liquidjax.testing.claims import check_value, claim, claim_same


def check_integrator(integrator: Any, *, gradient_tolerance: float = 1e-6) -> None:
    """Checks that cells can move their state by an integrator, and that it solves dx/dt = drive(x) - rate(x) x.

    That it is a frozen dataclass which compares by value and says in `per_sample` whether it is adaptive; that dt = 0
    is the identity; that every sample has its own dt; that the error falls at least as fast as the step; that gradients
    are those of finite differences. Of a `FixedStep` also that n unfolds are n times one unfold of dt / n, and that an
    unfold is affine in the state where the coefficients do not depend on it, on which `Associative` relies.

    Args:
        integrator: one of your own.
        gradient_tolerance: by how much gradients and finite differences may differ, relative to 1 + |gradient|.

    Raises:
        AssertionError: one sentence about the first thing that is wrong.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.testing import check_integrator
        >>> check_integrator(lj.Midpoint(unfolds=2))
    """
    name = type(integrator).__name__
    claim(
        not isinstance(integrator, type),
        f"the integrator must be an instance, got the class {getattr(integrator, '__name__', integrator)}",
    )
    claim(callable(getattr(integrator, "advance", None)), f"{name} must have `advance(coefficients, state, dt)`")
    per_sample = getattr(integrator, "per_sample", None)
    claim(
        per_sample in (True, False),
        f"{name} must say in `per_sample` whether `advance` must be given one sample at a time, because it chooses its "
        f"steps by what it sees: per_sample: ClassVar[bool] = False",
    )
    check_value(integrator, "integrator")
    with jax.enable_x64(True):
        _check_numbers(integrator, name, bool(per_sample), gradient_tolerance)
        if isinstance(integrator, FixedStep):
            _check_unfolds(integrator, name)


def _coefficients(x: Array) -> tuple[Array, Array]:
    """A neuron with a gate of its own state, as an LTC has it."""
    gate = jax.nn.sigmoid(2 * x)
    return 0.7 * gate + 0.1, 0.9 + gate


def _check_numbers(integrator: Any, name: str, per_sample: bool, gradient_tolerance: float) -> None:
    samples, units = 3, 3
    rng = np.random.default_rng(0)
    state, dt = rng.normal(size=(samples, units)), rng.uniform(0.1, 0.4, samples)

    def one(x: Array, h: Array) -> Array:
        return integrator.advance(_coefficients, x, h)

    def batch(x: Array, h: Array) -> Array:
        return jax.vmap(one)(x, h) if per_sample else one(x, h[..., None])

    advance, alone = jax.jit(batch), jax.jit(one)
    moved = advance(state, dt)
    claim(
        isinstance(moved, jax.Array) and moved.shape == state.shape and moved.dtype == jnp.float64,
        f"{name}.advance must return the state after dt, of its shape and dtype",
    )
    claim(np.array_equal(advance(state, 0 * dt), state), f"{name} must leave the state exactly as it is where dt is 0")
    for sample in range(samples):
        claim_same(
            np.asarray(moved)[sample],
            alone(state[sample], dt[sample]),
            f"{name} must give each sample its own dt",
            1e-9,
        )
    # Against steps so many that their error does not count: the step halved, the error must be halved at least.
    h, x = dt[:1], state[:1]
    fine = 4096
    step = jax.jit(lambda x: jax.lax.fori_loop(0, fine, lambda _, x: _runge_kutta(x, h[..., None] / fine), x))
    exact = step(x)

    def error(pieces: int) -> float:
        y = x
        for _ in range(pieces):
            y = np.asarray(advance(np.concatenate([y, state[1:]]), np.concatenate([h / pieces, dt[1:]])))[:1]
        return float(np.max(np.abs(y - exact)))

    coarse, half = error(4), error(8)
    claim(
        half <= max(0.6 * coarse, 1e-5 if per_sample else 1e-9),
        f"{name} must solve dx/dt = drive(x) - rate(x) x: with steps half as long its error must be half at most, got "
        f"{coarse:.2g} and {half:.2g}",
    )
    direction = rng.normal(size=state.shape), rng.normal(size=dt.shape)

    @jax.jit
    def loss(x: Array, h: Array) -> Array:
        return jnp.sum(jnp.sin(batch(x, h)))

    size = 1e-4 if per_sample else 1e-5
    gradient = jax.jit(jax.grad(loss, argnums=(0, 1)))(state, dt)
    claimed = sum(float(np.sum(g * d)) for g, d in zip(gradient, direction, strict=True))
    ends = [float(loss(state + by * direction[0], dt + by * direction[1])) for by in (-size, size)]
    slope = (ends[1] - ends[0]) / (2 * size)
    claim(
        abs(slope - claimed) <= gradient_tolerance * (1 + abs(claimed)),
        f"the gradient of {name} must be that of finite differences, got {claimed:.9g} for {slope:.9g}",
    )


def _runge_kutta(x: Array, h: Any) -> Array:
    def f(x: Array) -> Array:
        drive, rate = _coefficients(x)
        return drive - rate * x

    k1 = f(x)
    k2 = f(x + h / 2 * k1)
    k3 = f(x + h / 2 * k2)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + f(x + h * k3))


def _check_unfolds(integrator: FixedStep, name: str) -> None:
    state, h = jnp.linspace(-1, 1, 4), 0.2
    whole = integrator.advance(_coefficients, state, h * integrator.unfolds)
    parts = state
    for _ in range(integrator.unfolds):
        parts = integrator.unfold(_coefficients, parts, h)
    claim_same(whole, parts, f"{integrator.unfolds} unfolds of {name} must be one unfold after another of dt / unfolds")

    def frozen(x: Array) -> tuple[Array, Array]:
        return jnp.full_like(x, 0.4), jnp.full_like(x, 0.9)

    at = [integrator.unfold(frozen, x, h) for x in (0 * state, state, 2 * state)]
    claim_same(
        at[2] - at[1],
        at[1] - at[0],
        f"an unfold of {name} must be affine in the state where the coefficients do not depend on it",
    )
