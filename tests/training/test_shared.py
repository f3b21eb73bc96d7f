"""The mean over the series of all devices, and its gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from liquidjax.training import shared
from liquidjax.training.objective import Losses

WEIGHTS = np.array([[3.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
"""Of the targets of three devices, the last of which has none that is known."""
VALUES = np.array([[1.0, np.nan], [2.0, 5.0], [np.nan, np.nan]])


def on_devices(losses, params, *each):
    """(mean, gradient) as every one of some devices gets them."""

    def of_one(*own):
        return shared.mean_and_slope(lambda params: losses(params, *own), params, None)[:2]

    means, slopes = jax.vmap(of_one, axis_name=shared.AXIS)(*each)
    assert all(np.all(leaf == leaf[0]) for leaf in jax.tree.leaves((means, slopes)))
    return means[0], jax.tree.map(lambda leaf: leaf[0], slopes)


def test_it_is_the_mean_over_all_that_counts_and_its_gradient(x64):
    def losses(params, values, weights):
        return Losses((jnp.nan_to_num(values) - params) ** 2, weights)

    mean, slope = on_devices(losses, jnp.array(0.5), jnp.asarray(VALUES), jnp.asarray(WEIGHTS))
    assert float(mean) == pytest.approx((3 * 0.25 + 2.25 + 20.25) / 5, abs=1e-12)
    assert float(slope) == pytest.approx(-2 * (3 * 0.5 + 1.5 + 4.5) / 5, abs=1e-12)


def test_the_gradient_goes_through_weights_too(x64):
    """sum(w l) / sum(w) for w = p v and l = v: no parameter changes it."""

    def losses(params, values):
        return Losses(values, params * values)

    values = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    mean, slope = on_devices(losses, jnp.array(2.0), values)
    assert float(mean) == pytest.approx(3.0, abs=1e-12) and float(slope) == pytest.approx(0.0, abs=1e-12)


def test_nothing_that_counts_is_a_mean_of_zero(x64):
    mean, slope = on_devices(
        lambda params, values: Losses(values * params, 0 * values), jnp.array(2.0), jnp.ones((2, 3))
    )
    assert (float(mean), float(slope)) == (0.0, 0.0)
