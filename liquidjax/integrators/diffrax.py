"""Any solver of diffrax."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._checks import check_kind, check_number, check_size, settle
from liquidjax._types import Array, Coefficients

# diffrax is imported where it is used, here and elsewhere: it takes almost as long as JAX, and few cells need it.


def _solver() -> Any:
    import diffrax

    return diffrax.Tsit5()


def _controller() -> Any:
    import diffrax

    return diffrax.PIDController(rtol=1e-6, atol=1e-6)


def _adjoint() -> Any:
    import diffrax

    return diffrax.RecursiveCheckpointAdjoint()


@dataclass(frozen=True, eq=False)
class Diffrax:
    """Any solver of diffrax, adaptive and stiff ones included.

    Each sample of a batch is solved on its own, with its own step sizes. Time runs from 0 to 1 within a step, the
    slope is multiplied by dt: so dt = 0 is the identity and the gradient with respect to dt needs no special care.

    Args:
        solver: e.g. `diffrax.Tsit5()`, `diffrax.Dopri5()`, `diffrax.Kvaerno5()`.
        controller: how the step size is chosen; `diffrax.PIDController(rtol=1e-6, atol=1e-6)` by default.
        adjoint: how it is differentiated; `diffrax.RecursiveCheckpointAdjoint()` by default. `Newton` and what
            differentiates forwards needs `diffrax.DirectAdjoint()`.
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

    solver: Any = field(default_factory=_solver)
    controller: Any = field(default_factory=_controller)
    adjoint: Any = field(default_factory=_adjoint)
    first_step: float | None = None
    max_steps: int = 4096
    per_sample: ClassVar[bool] = True

    def __post_init__(self):
        import diffrax

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
        import diffrax

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
    if isinstance(leaf, Tracer):
        raise ValueError(
            "solver, controller and adjoint of Diffrax must hold numbers that are known, not traced ones: "
            "build the integrator outside of jax.jit"
        )
    if isinstance(leaf, jax.Array | np.ndarray | np.generic):
        array = np.asarray(leaf)
        return array.shape, str(array.dtype), array.tobytes()
    return leaf
