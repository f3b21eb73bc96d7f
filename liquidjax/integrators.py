"""Integrators: how a state moves through dt.

Every model here is dx/dt = drive(x) - rate(x) * x. An integrator receives the two coefficients as one function of the
state and nothing else, so each integrator serves every model. All of them leave the state exactly as it is for dt = 0.

`SemiImplicit` and `Exponential` go to the equilibrium drive / rate as dt grows, value and derivatives: where the
product of dt and rate leaves the floating point numbers too, and for dt = inf. The explicit ones, which are unstable at
large steps anyway, and `Diffrax` need a finite dt; `unroll` and `step` refuse another.

The fixed-step integrators divide dt into `unfolds` equal steps of h = dt / unfolds; `Diffrax` chooses its own.
"""

import abc
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_kind, check_number, check_size, settle
from liquidjax._types import Array, Coefficients, Integrator

MOST_UNROLLED = 12
"""More unfolds than this run in a loop: unrolled, the time to compile them grows faster than their number."""


@dataclass(frozen=True)
class _FixedStep(abc.ABC):
    """`unfolds` equal steps, unrolled in the trace while they are few: the usual 6 run faster so than in a loop."""

    unfolds: int = 1
    per_sample: ClassVar[bool] = False

    def __post_init__(self):
        settle(self, check_size, "unfolds")

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        h = dt / self.unfolds
        if self.unfolds > MOST_UNROLLED:
            return jax.lax.fori_loop(0, self.unfolds, lambda _, x: self._step(coefficients, x, h), state)
        for _ in range(self.unfolds):
            state = self._step(coefficients, state, h)
        return state

    @abc.abstractmethod
    def _step(self, coefficients: Coefficients, state: Array, h: Array | float) -> Array:
        """One step of h."""


class SemiImplicit(_FixedStep):
    """The fused solver of the LTC papers: x <- (x + h drive(x)) / (1 + h rate(x)).

    First order. For rate >= 0 the gain 1 / (1 + h rate) lies in (0, 1] for every h, so it is stable at any dt, and
    the new state is a convex combination of the old one and the equilibrium drive / rate. Where h is infinite it is the
    equilibrium.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> decay = lambda x: (0.0, 1.0)  # dx/dt = -x
        >>> float(SemiImplicit(unfolds=1).advance(decay, jnp.array(1.0), 1.0))
        0.5

    Reference:
        Hasani et al., "Liquid time-constant networks", AAAI 2021, equation 3 and algorithm 1 (whose loop forgets to
        feed its result back; this one does not).
    """

    def _step(self, coefficients, state, h):
        drive, rate = coefficients(state)
        # Above 1, numerator and denominator are divided by h, so that neither overflows where h rate or h drive would.
        # Selected, not clipped: at h = 1 the derivatives of both forms are right, and a mean of the two is not.
        long = h > 1
        share, h = 1 / jnp.where(long, h, 1), jnp.where(long, 1, h)
        return (share * state + h * drive) / (share + h * rate)


class Exponential(_FixedStep):
    """Exact for frozen coefficients: x <- e^(-z) x + h phi(z) drive, with z = h rate and phi(z) = (1 - e^(-z)) / z.

    First order when the coefficients depend on the state, exact when they do not. Stable at any dt for rate >= 0.
    Where the rate is 0 it is Euler's step; where h rate is infinite it is the equilibrium drive / rate.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> decay = lambda x: (jnp.array(0.0), jnp.array(1.0))
        >>> round(float(Exponential().advance(decay, jnp.array(1.0), 1.0)), 4)
        0.3679

    Reference:
        Certaine (1960), "The solution of ordinary differential equations with large time constants".
    """

    def _step(self, coefficients, state, h):
        drive, rate = coefficients(state)
        h = jnp.minimum(h, jnp.finfo(jnp.result_type(state)).max)  # 0 times inf is NaN in the gradient
        z = h * rate
        # Near 0 the quotient is 0 / 0 and its derivative loses its digits: the series takes over. The double wheres
        # keep the NaN of either form, where the other is taken, out of the gradient. h cancels in the quotient, so that
        # it is right where z overflows.
        small = jnp.abs(z) < 1e-2
        near, far = jnp.where(small, z, jnp.zeros_like(z)), jnp.where(small, jnp.ones_like(z), rate)
        series = 1 + near * (-1 / 2 + near * (1 / 6 + near * (-1 / 24 + near / 120)))
        h_phi = jnp.where(small, h * series, -jnp.expm1(-z) / far)
        return jnp.exp(-z) * state + h_phi * drive


class _Explicit(_FixedStep):
    def _step(self, coefficients, state, h):
        def slope(x):
            drive, rate = coefficients(x)
            return drive - rate * x

        return self._explicit_step(slope, state, h)

    @abc.abstractmethod
    def _explicit_step(self, slope: Callable[[Array], Array], state: Array, h: Array | float) -> Array:
        """One step of h along slope(x) = drive(x) - rate(x) x."""


class Euler(_Explicit):
    """Euler's method: x <- x + h (drive(x) - rate(x) x).

    First order. On dx/dt = -x / tau it is stable for h / tau <= 2.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(Euler(unfolds=2).advance(decay, jnp.array(1.0), 1.0))
        0.25

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def _explicit_step(self, slope, state, h):
        return state + h * slope(state)


class Midpoint(_Explicit):
    """The explicit midpoint method: x <- x + h f(x + h/2 f(x)), with f = drive - rate x.

    Second order. On dx/dt = -x / tau it is stable for h / tau <= 2 (not 2.8, as one of our sources has it).

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(Midpoint().advance(decay, jnp.array(1.0), 1.0))
        0.5

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def _explicit_step(self, slope, state, h):
        return state + h * slope(state + h / 2 * slope(state))


class RK4(_Explicit):
    """The classical Runge-Kutta method of fourth order.

    k1 = f(x), k2 = f(x + h/2 k1), k3 = f(x + h/2 k2), k4 = f(x + h k3), x <- x + h/6 (k1 + 2 k2 + 2 k3 + k4).
    On dx/dt = -x / tau it is stable for h / tau <= 2.7853.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(RK4().advance(decay, jnp.array(1.0), 1.0))
        0.375

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def _explicit_step(self, slope, state, h):
        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@dataclass(frozen=True, eq=False)
class Diffrax:
    """Any solver of diffrax, adaptive and stiff ones included.

    Each sample of a batch is solved on its own, with its own step sizes. Time runs from 0 to 1 within a step, the
    slope is multiplied by dt: so dt = 0 is the identity and the gradient with respect to dt needs no special care.

    Args:
        solver: e.g. `diffrax.Tsit5()`, `diffrax.Dopri5()`, `diffrax.Kvaerno5()`.
        controller: how the step size is chosen; `diffrax.PIDController(rtol=1e-6, atol=1e-6)` by default.
        adjoint: how it is differentiated; `diffrax.RecursiveCheckpointAdjoint()` by default.
        first_step: the first step as a share of dt; chosen by the controller when None. A constant controller needs
            it.
        max_steps: solver steps allowed within one dt.

    Raises:
        ValueError: an argument of the wrong kind; when run, a state of lower precision than float32.
        RuntimeError: when run, a solve that did not finish in max_steps (from within the compiled code).

    Example:
        >>> decay = lambda x: (jnp.zeros_like(x), jnp.ones_like(x))
        >>> round(float(Diffrax().advance(decay, jnp.array([1.0]), jnp.array(1.0))[0]), 4)
        0.3679

    Reference:
        Kidger, "On neural differential equations" (2021), chapter 5.
    """

    solver: Any = field(default_factory=diffrax.Tsit5)
    controller: Any = field(default_factory=lambda: diffrax.PIDController(rtol=1e-6, atol=1e-6))
    adjoint: Any = field(default_factory=diffrax.RecursiveCheckpointAdjoint)
    first_step: float | None = None
    max_steps: int = 4096
    per_sample: ClassVar[bool] = True

    def __post_init__(self):
        kinds = (
            ("solver", diffrax.AbstractSolver, "a solver of diffrax such as diffrax.Tsit5()"),
            (
                "controller",
                diffrax.AbstractStepSizeController,
                "such as diffrax.PIDController(rtol, atol)",
            ),
            ("adjoint", diffrax.AbstractAdjoint, "an adjoint such as diffrax.RecursiveCheckpointAdjoint()"),
        )
        for name, kind, expected in kinds:
            check_kind(name, getattr(self, name), kind, expected)
        if self.max_steps is not None:  # which some adjoints of diffrax allow
            settle(self, check_size, "max_steps")
        if self.first_step is not None:
            settle(self, check_number, "first_step")

    def _identity(self) -> tuple:
        """What it is compared by: the values of the arrays in solver, controller and adjoint, which have no hash."""
        leaves, structure = jax.tree.flatten((self.solver, self.controller, self.adjoint))
        return structure, tuple(map(_value, leaves)), self.first_step, self.max_steps

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Diffrax) and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        if state.dtype not in (jnp.float32, jnp.float64):
            raise ValueError(f"Diffrax needs float32 or float64, got {state.dtype}: its error estimates would be noise")

        # What the coefficients depend on is handed over, not closed over: `diffrax.BacksolveAdjoint` needs it so.
        coefficients, closed_over = jax.closure_convert(coefficients, state)

        def slope(t, x, given):
            dt, closed_over = given
            drive, rate = coefficients(x, *closed_over)
            return dt * (drive - rate * x)

        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(slope),
            self.solver,
            t0=0.0,
            t1=1.0,
            dt0=self.first_step,
            y0=state,
            args=(jnp.asarray(dt, state.dtype), closed_over),
            stepsize_controller=self.controller,
            adjoint=self.adjoint,
            max_steps=self.max_steps,
        )
        assert solution.ys is not None
        return solution.ys[0]


def _value(leaf: Any) -> Any:
    if isinstance(leaf, jax.core.Tracer):
        raise ValueError("solver, controller and adjoint of Diffrax must hold numbers that are known, not traced ones: "
                         "build the integrator outside of jax.jit")  # fmt: skip
    if isinstance(leaf, jax.Array | np.ndarray | np.generic):
        array = np.asarray(leaf)
        return array.shape, str(array.dtype), array.tobytes()
    return leaf


@dataclass(frozen=True)
class _Remat:
    """The integrator it holds, one unfold at a time, with the inside of each unfold computed again when
    differentiated."""

    integrator: _FixedStep
    per_sample: ClassVar[bool] = False

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        h, one = dt / self.integrator.unfolds, replace(self.integrator, unfolds=1)
        # In a loop, because XLA computes unrolled unfolds again all at once, and then keeps them all.
        unfold = jax.checkpoint(lambda _, x: one.advance(coefficients, x, h), prevent_cse=False)
        return jax.lax.fori_loop(0, self.integrator.unfolds, unfold, state)


def remat_unfolds(integrator: Integrator) -> Integrator:
    """The same integrator, which keeps the state of each unfold only when differentiated; adaptive ones as they are.

    Example:
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(remat_unfolds(Euler(unfolds=2)).advance(decay, jnp.array(1.0), 1.0))
        0.25
    """
    return _Remat(integrator) if isinstance(integrator, _FixedStep) else integrator


def one_unfold(integrator: Integrator) -> Integrator:
    """The same integrator with one unfold; adaptive ones as they are."""
    return replace(integrator, unfolds=1) if isinstance(integrator, _FixedStep) else integrator


@dataclass(frozen=True)
class _Frozen:
    """The integrator it holds, for which the coefficients do not depend on the state when differentiated."""

    integrator: Integrator
    per_sample: ClassVar[bool] = False

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        return self.integrator.advance(lambda x: jax.lax.stop_gradient(coefficients(x)), state, dt)


def frozen_coefficients(integrator: Integrator) -> Integrator:
    """The same integrator, differentiated as if drive and rate did not depend on the state.

    What is left is the gain of each neuron by itself, for `SemiImplicit` the product of 1 / (1 + h rate).

    Example:
        >>> shrink = lambda x: (jnp.zeros_like(x), x**2)
        >>> gain = jax.grad(lambda x: frozen_coefficients(SemiImplicit()).advance(shrink, x, 1.0))(2.0)
        >>> round(float(gain), 4)
        0.2
    """
    return _Frozen(integrator)
