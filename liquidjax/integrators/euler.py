"""Euler's method."""

from liquidjax.integrators.fixed_step import FixedStep, vector_field


class Euler(FixedStep):
    """Euler's method: x <- x + h (drive(x) - rate(x) x).

    First order. On dx/dt = -x / tau it is stable for h / tau <= 2.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> import jax.numpy as jnp
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(Euler(unfolds=2).advance(decay, jnp.array(1.0), 1.0))
        0.25

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def unfold(self, coefficients, state, h):
        f = vector_field(coefficients)
        return state + h * f(state)
