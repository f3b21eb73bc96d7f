"""The exponential integrator."""

import jax.numpy as jnp

from liquidjax.integrators.fixed_step import FixedStep


class Exponential(FixedStep):
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

    def unfold(self, coefficients, state, h):
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
