"""The explicit midpoint method."""

from liquidjax.integrators.fixed_step import FixedStep, vector_field


class Midpoint(FixedStep):
    """The explicit midpoint method: x <- x + h f(x + h/2 f(x)), with f = drive - rate x.

    Second order. On dx/dt = -x / tau it is stable for h / tau <= 2 (not 2.8, as one of our sources has it).

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> import jax.numpy as jnp
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(Midpoint().advance(decay, jnp.array(1.0), 1.0))
        0.5

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def unfold(self, coefficients, state, h):
        f = vector_field(coefficients)
        return state + h * f(state + h / 2 * f(state))
