"""The compiled steps of a training: of one network, of members side by side, and of either on several devices."""

import functools
from typing import Any

import jax
from jax.sharding import PartitionSpec as P

from liquidjax.training import shared
from liquidjax.training.objective import Batch
from liquidjax.training.state import train_step


def _one(cell, objective, optimizer, steps, gradient, method, varied, state, batch, **shares: Any):
    transform = optimizer.transform(steps, **varied)
    return train_step(cell, objective, transform, gradient, method, state, batch, **shares)


def _members(cell, objective, optimizer, steps, gradient, method, varied, state, batch, **shares: Any):
    """The same for all members at once; series of their own are those of inputs with one more axis."""
    one = functools.partial(_one, cell, objective, optimizer, steps, gradient, method, **shares)
    return jax.vmap(one, in_axes=(0, 0, members_axes(batch)))(varied, state, batch)


def members_axes(batch: Batch) -> Batch:
    """Which parts of a batch have an axis of members: those of members with series of their own."""
    if batch.inputs.ndim < 4:
        return Batch(None, None, None, None, None)
    return Batch(0, 0 if batch.dt.ndim == 3 else None, None if batch.mask is None else 0, 0, 0)


one_step = jax.jit(_one, static_argnums=range(6), donate_argnames="state")
members_step = jax.jit(_members, static_argnums=range(6), donate_argnames="state")


@functools.partial(jax.jit, static_argnums=range(4), donate_argnames="state")
def shared_step(how, count, mesh, specs, varied, state, batch, wish):
    """The step of one (count None) or of members, whose batch the devices of a mesh share; see `shared`."""
    step = functools.partial(_one if count is None else _members, *how, sharing=mesh.shape[shared.AXIS])

    def on_a_device(varied, state, batch, wish):
        return step(varied, state, batch, wish=wish)

    return shared.over(mesh, on_a_device, (P(), P(), specs, P(shared.AXIS)))(varied, state, batch, wish)
