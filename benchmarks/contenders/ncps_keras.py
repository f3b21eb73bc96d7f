"""ncps on keras 3 with the JAX backend, in a jitted training step of keras' own stateless functions."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import ncps.keras
import ncps.wirings
import numpy as np
from setting import LEARNING_RATE, Setting
from weights import Arrays

from contenders import Contender, jax_steps

POSITIVE = ("w", "sensory_w", "gleak", "cm")


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The LTC of the setting."""
    if setting.model != "LTC" or setting.what == "stream":
        # The CfC of ncps.keras 1.0.1 lacks the tanh of the heads ff1 and ff2: not the same network.
        raise NotImplementedError("only the LTC of ncps.keras computes what ncps.torch does, and only for sequences")
    wiring = getattr(ncps.wirings, str(setting.wiring))(**setting.wiring_arguments())
    layer = ncps.keras.LTC(wiring, ode_unfolds=setting.unfolds, return_sequences=True)
    inputs = np.swapaxes(setting.data(), 0, 1)
    layer.build(inputs.shape)
    load(layer, arrays)
    frozen = [variable.value for variable in layer.non_trainable_variables]

    def outputs(params, inputs):
        return layer.stateless_call(params, frozen, inputs)[0]

    params = [variable.value for variable in layer.trainable_variables]
    if setting.what == "forward":
        return jax_steps.forward(outputs, params, inputs)
    optimizer = keras.optimizers.Adam(LEARNING_RATE, epsilon=1e-8)
    optimizer.build(layer.trainable_variables)

    def update(params, state, inputs):
        loss, gradient = jax.value_and_grad(lambda p: jnp.mean(outputs(p, inputs) ** 2))(params)
        params, state = optimizer.stateless_apply(state, gradient, params)
        return params, state, loss

    carried = [params, [variable.value for variable in optimizer.variables]]
    data = jnp.asarray(inputs)
    compiled, seconds, temporary_bytes = jax_steps.compile_timed(jax.jit(update, donate_argnums=(0, 1)), *carried, data)

    def run() -> float:
        carried[0], carried[1], loss = compiled(*carried, data)
        return float(loss)

    return Contender(run, seconds, temporary_bytes)


def load(layer: ncps.keras.LTC, arrays: Arrays) -> None:
    """Puts the weights of ncps.torch where they belong.

    The reversal potentials come out of the layer as int32, because its initializers return the adjacency matrix as it
    is; they cannot be differentiated then. Positive parameters are stored as they are, not before a softplus.
    """
    for variable in layer.trainable_variables:
        array = arrays[f"rnn_cell.{variable.name}"]
        if variable.name in POSITIVE:
            array = np.logaddexp(array, 0)
        variable._value = jnp.asarray(array, jnp.float32)
