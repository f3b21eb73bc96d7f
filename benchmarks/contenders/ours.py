"""liquidjax as a user writes it: `lj.unroll` in a jitted training step, `lj.step` in a stream.

"liquidjax" calls `lj.tune_cpu()` first, as its documentation says for the CPU.
"""

import dataclasses
import functools
from typing import Any

import jax
import numpy as np
from setting import Setting
from weights import Arrays

import liquidjax as lj
from contenders import Contender, jax_steps
from liquidjax.interop import from_ncps
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.methods.method import Method


def build(
    setting: Setting,
    arrays: Arrays,
    method: Method = lj.Scan(),
    gradient: Gradient = lj.Remat(),
    obey_wiring: bool = False,
) -> Contender:
    """The network of the setting with the weights of ncps."""
    cell, params = network(setting, arrays)
    if obey_wiring:
        cell = dataclasses.replace(cell, obey_wiring=True)
    if setting.what == "stream":
        step = functools.partial(lj.step, cell, validate=False)
        return jax_steps.streaming(step, params, cell.initial_state((setting.batch,)), setting.data()[0])

    def outputs(params, inputs):
        return lj.unroll(cell, params, inputs, method=method, gradient=gradient)[1]

    return jax_steps.sequences(setting.what, outputs, params, setting.data())


def network(setting: Setting, arrays: Arrays) -> tuple[Any, Any]:
    """The cell and its parameters."""
    if setting.model == "GatedLinear":
        cell = lj.GatedLinear(setting.inputs, setting.units)
        return cell, cell.init(jax.random.key(0))
    return from_ncps(setting.model, setting.ncps_arguments(), arrays)


def build_tuned(setting: Setting, arrays: Arrays) -> Contender:
    """With the settings of XLA that suit a CPU."""
    lj.tune_cpu()
    return build(setting, arrays)


def build_stream(setting: Setting, arrays: Arrays) -> Contender:
    """`lj.Stream`, which reads arrays of numpy and looks at their values; the state is its own."""
    lj.tune_cpu()
    cell, params = network(setting, arrays)
    stream, inputs = lj.Stream(cell, params, (setting.batch,)), np.asarray(setting.data()[0])
    return Contender(lambda: stream(inputs, 1.0).block_until_ready(), notes="from numpy, values looked at")


def build_bptt(setting: Setting, arrays: Arrays) -> Contender:
    """The same, with everything kept for the backward pass."""
    lj.tune_cpu()
    return build(setting, arrays, gradient=lj.BPTT())


def build_divided(setting: Setting, arrays: Arrays) -> Contender:
    """The batch divided between two devices that JAX makes of the CPU: XLA computes steps as small on one core."""
    lj.tune_cpu()
    jax.config.update("jax_num_cpu_devices", 2)
    jax.config.update("jax_cpu_enable_async_dispatch", True)  # or one device would wait for the other
    cell, params = network(setting, arrays)
    divided = jax.sharding.PartitionSpec(None, "batch")
    outputs = jax.shard_map(
        lambda params, inputs: lj.unroll(cell, params, inputs)[1],
        mesh=jax.make_mesh((2,), ("batch",), axis_types=(jax.sharding.AxisType.Auto,)),
        in_specs=(jax.sharding.PartitionSpec(), divided),
        out_specs=divided,
    )
    return jax_steps.sequences(setting.what, outputs, params, setting.data())


def build_obeying(setting: Setting, arrays: Arrays) -> Contender:
    """A wired CfC as liquidjax ships it, masked by its wiring throughout; another network than that of ncps."""
    lj.tune_cpu()
    return build(setting, arrays, obey_wiring=True)._replace(notes="another network: masked by its wiring throughout")


def build_associative(setting: Setting, arrays: Arrays) -> Contender:
    """All time steps at once, for `GatedLinear`."""
    return build(setting, arrays, lj.Associative())


def build_newton_full(setting: Setting, arrays: Arrays) -> Contender:
    """All time steps at once by Newton's method with the whole Jacobian."""
    return build(setting, arrays, lj.Newton("full"))


def build_newton_diagonal(setting: Setting, arrays: Arrays) -> Contender:
    """The same with its diagonal."""
    return build(setting, arrays, lj.Newton("diagonal"))


def build_newton_layered(setting: Setting, arrays: Arrays) -> Contender:
    """The same layer by layer."""
    return build(setting, arrays, lj.Newton("layered"))
