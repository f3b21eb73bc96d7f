"""Where a training starts: from parameters that are given, drawn, or drawn and calibrated."""

import jax
import jax.numpy as jnp

from liquidjax._types import Params
from liquidjax.training.calibration import calibrate as calibrated
from liquidjax.training.calibration import some_series
from liquidjax.training.examples import Examples
from liquidjax.training.fit_arguments import check_members_params
from liquidjax.training.state import TrainState, init_state
from liquidjax.training.steps import members_axes


def first_state(cell, transform, seeds, count, params) -> TrainState:
    """The state before the first step, with parameters that are given, else drawn by the seeds; of members, of all."""
    keys = [jax.random.key(seed) for seed in seeds]
    if count is None:
        return init_state(cell, transform, keys[0], params)
    if params is None:
        return jax.vmap(lambda key: init_state(cell, transform, key))(jnp.stack(keys))
    check_members_params(params, count)
    return jax.vmap(lambda key, p: init_state(cell, transform, key, p))(jnp.stack(keys), params)


def calibrated_params(cell, seeds, count, data: Examples, own) -> Params:
    """The parameters that `init_state` draws, calibrated with some of the series; of members with their own."""
    chosen = some_series(len(data.mask) if own is None else own.shape[1])
    rows = chosen if own is None else own[:, chosen]
    batch = data.batch(rows, int(data.lengths[rows].max()))

    def start(key, inputs, dt, mask):
        return calibrated(cell, cell.init(jax.random.split(key)[0]), inputs, dt, mask=mask)

    if count is None:
        return start(jax.random.key(seeds[0]), batch.inputs, batch.dt, batch.mask)
    axes = (0, *members_axes(batch)[:3])
    keys = jnp.stack([jax.random.key(seed) for seed in seeds])
    return jax.vmap(start, in_axes=axes)(keys, batch.inputs, batch.dt, batch.mask)
