"""y_t = a_t y_{t-1} + b_t for all t at once, by an associative scan."""

import jax
import jax.numpy as jnp

from liquidjax._types import Array


def linear_recurrence(gains: Array, offsets: Array, reverse: bool = False) -> Array:
    """y with y_t = gains_t * y_{t-1} + offsets_t from y_0 = 0, in about 2 log2(time) operations.

    Steps compose: (g2, b2) after (g1, b1) is (g2 g1, g2 b1 + b2).

    Args:
        gains: (time, *batch, units), of each neuron by itself, or (time, *batch, units, units), matrices.
        offsets: (time, *batch, units).
        reverse: from the last step to the first: y_t = gains_t * y_{t+1} + offsets_t.

    Returns:
        (time, *batch, units).

    Example:
        >>> linear_recurrence(jnp.full((4, 1), 0.5), jnp.ones((4, 1)))[:, 0].tolist()
        [1.0, 1.5, 1.75, 1.875]

    Reference:
        Blelloch, "Prefix sums and their applications" (1990).
    """
    return composed(gains, offsets, reverse)[1]


def composed(gains: Array, offsets: Array, reverse: bool = False) -> tuple[Array, Array]:
    """(gain, offset) of all steps up to each one together; arguments as for `linear_recurrence`."""

    def after(first: tuple[Array, Array], second: tuple[Array, Array]) -> tuple[Array, Array]:
        (g1, b1), (g2, b2) = first, second
        if gains.ndim > offsets.ndim:
            return g2 @ g1, jnp.squeeze(g2 @ b1[..., None], -1) + b2
        return g2 * g1, g2 * b1 + b2

    return jax.lax.associative_scan(after, (gains, offsets), reverse=reverse)
