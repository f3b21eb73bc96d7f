"""flax's LSTM with as many units, for scale."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from setting import Setting
from weights import Arrays

from contenders import Contender, jax_steps


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The LSTM over the sequences of the setting; all units are outputs."""
    cell = nn.OptimizedLSTMCell(setting.units)
    if setting.what == "stream":
        raise NotImplementedError("the LSTM of flax takes part with sequences only")
    network = nn.RNN(cell, time_major=True)
    inputs = setting.data()
    params = jax.jit(network.init)(jax.random.key(0), jnp.asarray(inputs))
    return jax_steps.sequences(setting.what, network.apply, params, inputs, notes="another network, for scale")
