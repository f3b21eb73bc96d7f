"""The classical Runge-Kutta method."""

from liquidjax.integrators.fixed_step import FixedStep, vector_field


class RK4(FixedStep):
    """The classical Runge-Kutta method of fourth order.

    k1 = f(x), k2 = f(x + h/2 k1), k3 = f(x + h/2 k2), k4 = f(x + h k3), x <- x + h/6 (k1 + 2 k2 + 2 k3 + k4).
    On dx/dt = -x / tau it is stable for h / tau <= 2.7853.

    Args:
        unfolds: number of equal steps within dt, at least 1.

    Raises:
        ValueError: unfolds is not an integer of at least 1.

    Example:
        >>> import jax.numpy as jnp
        >>> decay = lambda x: (0.0, 1.0)
        >>> float(RK4().advance(decay, jnp.array(1.0), 1.0))
        0.375

    Reference:
        Hairer, Norsett, Wanner, "Solving Ordinary Differential Equations I", section II.1.
    """

    def unfold(self, coefficients, state, h):
        f = vector_field(coefficients)
        k1 = f(state)
        k2 = f(state + h / 2 * k1)
        k3 = f(state + h / 2 * k2)
        k4 = f(state + h * k3)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
