"""The step sizes of Edifice's adaptive solver, for the Dormand-Prince pair of diffrax."""

from typing import Any

import diffrax
import jax
import jax.numpy as jnp


class EdificeController(diffrax.PIDController):
    """Accepts a step with an error of at most 1; the next one is longer or shorter by the error's root.

    error = rms((x5 - x4) / (atol + rtol max(|x|, |x5|))), where x4 and x5 are the two results of the pair,
    accepted:  step <- step min(5, max(0.2, 0.9 error^(-1/5)))
    rejected:  step <- step max(0.2, 0.9 error^(-1/4))

    diffrax's own controller never shortens a step after one it accepted, and takes one root for both. An error of 0, at
    which the source fails, multiplies the step by 5; an error that is not finite divides it by 5.

    Args:
        rtol, atol: the tolerances.

    Example:
        >>> import liquidjax as lj
        >>> decay = lambda x: (jnp.zeros_like(x), jnp.full_like(x, 100.0))
        >>> integrator = lj.Diffrax(diffrax.Dopri5(), EdificeController(rtol=1e-2, atol=1e-4), first_step=0.25)
        >>> print(f"{integrator.advance(decay, jnp.array([10.0]), 1.0)[0]:.1e}")
        7.4e-05

    Reference:
        `Edifice.Utils.ODESolver` of Edifice 0.2.0, one controller for each sample where that has one for the batch.
    """

    def adapt_step_size(
        self,
        t0: Any,
        t1: Any,
        y0: Any,
        y1_candidate: Any,
        args: Any,
        y_error: Any,
        error_order: Any,
        controller_state: Any,
    ) -> tuple:
        """What diffrax asks after each step: accepted or not, where the next one starts and ends."""
        scale = self.atol + self.rtol * jnp.maximum(jnp.abs(y0), jnp.abs(y1_candidate))
        difference = 1.5 * y_error  # diffrax compares with Shampine's result of fourth order, which is 2/3 as far away
        error = jax.lax.stop_gradient(self.norm(difference / scale))  # how far a step goes is not differentiated
        accepted = error <= 1
        root = 0.9 * error ** jnp.where(accepted, -1 / 5, -1 / 4)
        factor = jnp.where(jnp.isfinite(error), jnp.clip(root, 0.2, 5.0), 0.2)
        start = jnp.where(accepted, t1, t0)
        end = start + (factor * (t1 - t0)).astype(start.dtype)
        return accepted, start, end, False, controller_state, diffrax.RESULTS.successful
