"""The fused solver of the LTC papers."""

import jax.numpy as jnp

from liquidjax.integrators.fixed_step import FixedStep


class SemiImplicit(FixedStep):
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

    def unfold(self, coefficients, state, h):
        drive, rate = coefficients(state)
        # Above 1, numerator and denominator are divided by h, so that neither overflows where h rate or h drive would.
        # Selected, not clipped: at h = 1 the derivatives of both forms are right, and a mean of the two is not.
        long = h > 1
        share, h = 1 / jnp.where(long, h, 1), jnp.where(long, 1, h)
        return (share * state + h * drive) / (share + h * rate)
