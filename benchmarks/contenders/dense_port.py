"""ncps line by line in JAX: every pair of neurons is a synapse, (batch, units, units), most of them masked away."""

import functools

import jax
import jax.numpy as jnp
from setting import Setting
from weights import Arrays

import liquidjax as lj
from contenders import Contender, jax_steps


def build(setting: Setting, arrays: Arrays) -> Contender:
    """The LTC of the setting."""
    if setting.model != "LTC" or setting.what == "stream":
        raise NotImplementedError(f"the dense port is one of LTC sequences, not of {setting.model} {setting.what}")
    named = {name.removeprefix("rnn_cell."): jnp.asarray(array) for name, array in arrays.items()}
    masks = {prefix: named.pop(f"{prefix}sparsity_mask") for prefix in ("", "sensory_")}
    outputs = functools.partial(unrolled, masks, setting.unfolds)
    return jax_steps.sequences(setting.what, outputs, named, setting.data())


def build_tuned(setting: Setting, arrays: Arrays) -> Contender:
    """The same with the settings of XLA that ours has on a CPU."""
    lj.tune_cpu()
    return build(setting, arrays)


def unrolled(masks: dict, unfolds: int, params: dict, inputs: jax.Array) -> jax.Array:
    """The outputs (time, batch, outputs)."""

    def positive(name):
        return jax.nn.softplus(params[name])

    def sums(prefix, x):
        gate = jax.nn.sigmoid(params[prefix + "sigma"] * (x[..., None] - params[prefix + "mu"]))
        activation = positive(prefix + "w") * gate * masks[prefix]
        return jnp.sum(activation * params[prefix + "erev"], axis=-2), jnp.sum(activation, axis=-2)

    def step(v, u):
        current, conductance = sums("sensory_", u * params["input_w"] + params["input_b"])
        cm, leak = positive("cm") * unfolds, positive("gleak")
        for _ in range(unfolds):
            recurrent_current, recurrent_conductance = sums("", v)
            numerator = cm * v + leak * params["vleak"] + recurrent_current + current
            v = numerator / (cm + leak + recurrent_conductance + conductance + 1e-8)
        return v, v[..., : len(params["output_w"])] * params["output_w"] + params["output_b"]

    return jax.lax.scan(step, jnp.zeros((inputs.shape[1], len(params["cm"]))), inputs)[1]
