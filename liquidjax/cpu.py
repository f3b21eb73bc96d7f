"""Settings of XLA that suit small recurrent networks on a CPU."""

import os

import jax
from jaxlib.version import __version__ as jaxlib_version

FLAGS = {"xla_backend_extra_options": "-unroll-threshold=40"}
"""LLVM unrolls an inner loop of up to some 40 samples before it looks for vector instructions, and finds none then."""
if jaxlib_version.startswith("0.10."):
    # Its library of reductions hands small sums to other threads. XLA ends the process at a flag it does not know, and
    # other versions may not know this one.
    FLAGS["xla_cpu_experimental_ynn_fusion_type"] = ""


def tune_cpu() -> None:
    """Makes XLA compile small networks into faster code on a CPU; call it before anything is computed.

    It changes settings of the whole process: it adds to the environment variable `XLA_FLAGS` what keeps LLVM from
    unrolling short loops, and turns off the asynchronous dispatch of computations, which costs a network of small steps
    more than it gains. Flags that are already in `XLA_FLAGS` stay as they are. Results change by rounding only.

    Measured on two cores, a training step of an LTC takes less than two thirds of the time at batch 32 and 85 % of it
    at batch 64, one step of a stream less than half (`benchmarks/`). It is for programs that compute on the CPU: the
    flags would reach the compiler of a GPU too.

    Raises:
        RuntimeError: JAX has computed something already, and no longer reads its settings.

    Example:
        >>> import jax.numpy as jnp, liquidjax as lj
        >>> total = jnp.ones(3).sum()  # here it is too late
        >>> lj.tune_cpu()
        Traceback (most recent call last):
        RuntimeError: tune_cpu must be called before JAX computes anything, right after the imports
    """
    devices = "jax_num_cpu_devices"
    number = jax.config.values[devices]
    try:
        # Another number is refused once JAX has started its backends; until then it can be put back.
        jax.config.update(devices, 2 if number == 1 else 1)
        jax.config.update(devices, number)
    except RuntimeError:
        raise RuntimeError("tune_cpu must be called before JAX computes anything, right after the imports") from None
    present = os.environ.get("XLA_FLAGS", "")
    added = [f"--{name}={value}" for name, value in FLAGS.items() if name not in present]
    os.environ["XLA_FLAGS"] = " ".join([present, *added]).strip()
    jax.config.update("jax_cpu_enable_async_dispatch", False)
