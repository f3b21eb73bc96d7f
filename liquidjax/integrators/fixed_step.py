"""The contract of integrators that divide dt into equal steps, and what follows from it."""

import abc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import jax

from liquidjax._checks import check_size, settle
from liquidjax._types import Array, Coefficients, Integrator

MOST_UNROLLED = 12
"""More unfolds than this run in a loop: unrolled, the time to compile them grows faster than their number."""


@dataclass(frozen=True)
class FixedStep(abc.ABC):
    """An integrator of `unfolds` equal steps, each of them `unfold`: x <- unfold(x, h) with h = dt / unfolds.

    To write one, inherit from it and say what one step is. All else is made of that: `advance`, here; and the forms
    that gradients and methods need, one unfold by itself, the one that keeps little when it is differentiated, and the
    one with its coefficients frozen. So `advance` must not be written again, and is refused if it is.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.
        TypeError: when inherited from, `advance` is defined anew.

    Example:
        >>> import jax.numpy as jnp
        >>> import liquidjax as lj
        >>> class Heun(lj.FixedStep):  # x <- x + h/2 (f(x) + f(x + h f(x)))
        ...     def unfold(self, coefficients, state, h):
        ...         f = lj.vector_field(coefficients)
        ...         return state + h / 2 * (f(state) + f(state + h * f(state)))
        >>> decay = lambda x: (0.0, 1.0)  # dx/dt = -x
        >>> float(Heun(unfolds=2).advance(decay, jnp.array(1.0), 1.0))
        0.390625
    """

    unfolds: int = 1
    per_sample: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any):
        super().__init_subclass__(**options)
        if "advance" in cls.__dict__:
            raise TypeError(
                f"{cls.__name__} must say what one step is in `unfold`; `advance` is made of that by "
                "FixedStep, and must not be defined anew"
            )

    def __post_init__(self):
        settle(self, check_size, "unfolds")

    @abc.abstractmethod
    def unfold(self, coefficients: Coefficients, state: Array, h: Array | float) -> Array:
        """One step of h, which broadcasts against the state; h = 0 is the identity."""

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        h = dt / self.unfolds
        if self.unfolds > MOST_UNROLLED:
            return jax.lax.fori_loop(0, self.unfolds, lambda _, x: self.unfold(coefficients, x, h), state)
        for _ in range(self.unfolds):
            state = self.unfold(coefficients, state, h)
        return state


def vector_field(coefficients: Coefficients) -> Callable[[Array], Array]:
    """The slope f(x) = drive(x) - rate(x) x, for integrators that need no more than that.

    Example:
        >>> vector_field(lambda x: (3.0, 2.0))(1.0)
        1.0
    """

    def f(x: Array) -> Array:
        drive, rate = coefficients(x)
        return drive - rate * x

    return f


@dataclass(frozen=True)
class _Remat:
    """The integrator it holds, one unfold at a time, with the inside of each unfold computed again when
    differentiated."""

    integrator: FixedStep
    per_sample: ClassVar[bool] = False

    def advance(self, coefficients: Coefficients, state: Array, dt: Array | float) -> Array:
        """The state after dt; see `Integrator`."""
        h = dt / self.integrator.unfolds
        # In a loop, because XLA computes unrolled unfolds again all at once, and then keeps them all.
        unfold = jax.checkpoint(lambda _, x: self.integrator.unfold(coefficients, x, h), prevent_cse=False)
        return jax.lax.fori_loop(0, self.integrator.unfolds, unfold, state)


def remat_unfolds(integrator: Integrator) -> Integrator:
    """The same integrator, which keeps the state of each unfold only when differentiated; others as they are.

    Example:
        >>> import jax.numpy as jnp
        >>> from liquidjax.integrators import Euler
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(remat_unfolds(Euler(unfolds=2)).advance(decay, jnp.array(1.0), 1.0))
        0.25
    """
    return _Remat(integrator) if isinstance(integrator, FixedStep) else integrator


def one_unfold(integrator: Integrator) -> Integrator:
    """The same integrator with one unfold.

    Raises:
        ValueError: it is no `FixedStep`, so that nobody knows what its unfolds are.
    """
    if not isinstance(integrator, FixedStep):
        raise ValueError(
            f"integrator must be a FixedStep, which says what one of its unfolds is, such as "
            f"lj.SemiImplicit() or a class of your own that inherits from lj.FixedStep; got {integrator}"
        )
    return replace(integrator, unfolds=1)


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
        >>> import jax.numpy as jnp
        >>> from liquidjax.integrators import SemiImplicit
        >>> shrink = lambda x: (jnp.zeros_like(x), x**2)
        >>> gain = jax.grad(lambda x: frozen_coefficients(SemiImplicit()).advance(shrink, x, 1.0))(2.0)
        >>> round(float(gain), 4)
        0.2
    """
    return _Frozen(integrator)
