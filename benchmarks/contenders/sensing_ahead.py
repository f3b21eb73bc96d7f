"""liquidjax with the sensing of all time steps done at once before the scan, against the public `Cell` protocol."""

import jax
import jax.numpy as jnp
from setting import Setting
from weights import Arrays

import liquidjax as lj
from contenders import Contender, jax_steps, ours


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The network of the setting."""
    lj.tune_cpu()
    cell, params = ours.network(setting, arrays)
    return jax_steps.sequences(
        setting.what, lambda params, inputs: unrolled(cell, params, inputs), params, setting.data()
    )


def unrolled(cell: lj.Cell, params: object, inputs: jax.Array) -> jax.Array:
    """The outputs of `lj.unroll` for dt = 1: the inside of a step is computed again in the backward pass, as there."""
    sensed = jax.vmap(lambda now: cell.sense(params, now))(inputs)
    dt = jnp.ones((), inputs.dtype)

    def step(state, sensed):
        return cell.step(params, state, sensed, dt)

    start = cell.initial_state(inputs.shape[1:-1], inputs.dtype)
    return jax.lax.scan(jax.checkpoint(step, prevent_cse=False), start, sensed)[1]
