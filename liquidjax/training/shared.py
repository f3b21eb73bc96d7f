"""What a batch is that several devices share: each computes the losses of its own series, and the sums are of all.

`jax.shard_map`, and not a compiler that is told where the arrays are: then a loop that ends when its samples are done,
as those of an adaptive solver or of Newton's method, is a loop of each device, and the devices wait for each other
twice a step: for the sums of the loss, and for those of the gradient.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.sharding import AbstractMesh, Mesh
from jax.sharding import PartitionSpec as P

from liquidjax._types import Array, Params
from liquidjax.training.examples import Examples
from liquidjax.training.objective import Batch, Losses, mean_of, sums

AXIS = "batch"
"""The axis of a mesh along which a batch is shared."""


def over(mesh: Mesh, function: Callable[..., Any], specs: tuple[Any, ...]) -> Callable[..., Any]:
    """The function on each device of a mesh; what it returns must be the same on all of them."""
    # Without JAX's check of what differs between devices: loops of other packages do not pass it, and what a device
    # computes by itself is differentiated before anything is summed.
    return jax.shard_map(function, mesh=mesh, in_specs=specs, out_specs=P(), check_vma=False)


def specs(data: Examples, members: bool) -> Batch:
    """Which axis of each array of a batch is that of the series.

    Args:
        data: that the batches are cut from.
        members: whether they have a first axis of members, each with series of its own.
    """
    first, second = (P(*[None] * (members + before), AXIS) for before in (0, 1))
    return Batch(
        inputs=second,
        dt=second if data.shared_dt is None else P(),
        mask=second if data.padded else None,
        targets=None if data.targets is None else second if data.each_step else first,
        weight=first,
    )


def mean_and_slope(
    losses: Callable[[Params], Losses], params: Params, wish: Array | None
) -> tuple[Array, Params, Array | None]:
    """(mean loss, its gradient, the largest wish), of the series of all devices; to be called on each of them.

    It is the mean over all that counts, not the mean of the means of devices: sum_d l_d / sum_d w_d, for the sums l_d
    and w_d of a device, and its gradient by the chain rule.

    Args:
        losses: of the series of this device.
        params: the same on each.
        wish: (1,), what the process of this device would like, or None, see `Epochs`.
    """

    def own_sums(params: Params) -> tuple[Array, Array]:
        total, weight = sums(losses(params))
        return total, weight.astype(total.dtype)

    with _by_itself():
        own, pull_back = jax.vjp(own_sums, params)
    if wish is None:
        total, weight = jax.lax.psum(own, AXIS)
    else:  # in one exchange, of which each costs the way through the network
        total, weight, *asked = jax.lax.psum(jnp.stack([*own, *_one_hot(wish[0], own[0].dtype)]), AXIS)
        wish = jnp.where(asked[1] > 0, 2, jnp.where(asked[0] > 0, 1, 0))
    value, back = jax.vjp(mean_of, total, weight)
    towards = back(jnp.ones_like(value))
    with _by_itself():
        (slope,) = pull_back(towards)
    with jax.numpy_dtype_promotion("standard"):
        flat, as_params = ravel_pytree(slope)  # one exchange for all parameters
        return value, as_params(jax.lax.psum(flat, AXIS)), wish


def gathered(answers: Array, axis: int) -> Array:
    """The answers to all series, on each device."""
    return jax.lax.all_gather(answers, AXIS, axis=axis, tiled=True)


def _by_itself() -> contextlib.AbstractContextManager[None]:
    """What a device computes inside knows of no mesh.

    With one, a constant and a number that is computed are of different types, and equinox, whose loop diffrax runs and
    differentiates, takes the one for another argument than the other (its pull request 1261).
    """
    return jax.sharding.use_abstract_mesh(AbstractMesh((), ()))


def _one_hot(wish: Array, dtype: Any) -> list[Array]:
    return [(wish == number).astype(dtype) for number in (1, 2)]
