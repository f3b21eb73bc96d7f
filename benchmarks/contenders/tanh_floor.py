"""The tanh of an LTC's forward pass and nothing else, in one elementwise operation: what no LTC can be faster than.

The number is counted in the trace of the forward pass (`count_tanh`): one for each synapse, unfold, time step and
sample, and one for each sensory synapse, time step and sample.
"""

import jax
import jax.numpy as jnp
from setting import Setting
from weights import Arrays

import liquidjax as lj
from contenders import Contender, jax_steps, ours
from liquidjax.experiments.shared.jaxpr_counts import count_tanh


def build(setting: Setting, arrays: Arrays) -> Contender:
    """As many as in the forward pass of the setting."""
    size = count(setting, arrays)
    numbers = jax.random.normal(jax.random.key(0), (size,))
    # In place: the pages of a fresh result would cost as much as the tanh. It takes the same time for any number.
    compiled, seconds, temporary_bytes = jax_steps.compile_timed(jax.jit(jnp.tanh, donate_argnums=0), numbers)
    carried = [numbers]

    def run() -> jax.Array:
        carried[0] = compiled(carried[0])
        return carried[0].block_until_ready()

    return Contender(run, seconds, temporary_bytes, f"{size:,} tanh")


def count(setting: Setting, arrays: Arrays) -> int:
    """How many tanh the forward pass computes."""
    cell, params = ours.network(setting, arrays)
    inputs = jax.ShapeDtypeStruct((setting.time, setting.batch, setting.inputs), jnp.float32)
    return count_tanh(lambda p, x: lj.unroll(cell, p, x)[1], params, inputs)
