"""What every JAX contender does with its network: one compiled program for each `What`."""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from setting import LEARNING_RATE, What

from contenders import Contender

Outputs = Callable[[Any, Any], Any]
"""(params, inputs (time, batch, inputs)) -> outputs."""


def sequences(what: What, outputs: Outputs, params: Any, inputs: Any, notes: str = "") -> Contender:
    """Training or forward pass of sequences."""
    return training(outputs, params, inputs, notes) if what == "train" else forward(outputs, params, inputs, notes)


def training(outputs: Outputs, params: Any, inputs: Any, notes: str = "") -> Contender:
    """Gradient of the mean squared output, and Adam, in one program that reuses the memory of parameters and state."""
    optimizer = optax.adam(LEARNING_RATE)

    def update(params, state, inputs):
        loss, gradient = jax.value_and_grad(lambda p: jnp.mean(outputs(p, inputs) ** 2))(params)
        changes, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, changes), state, loss

    carried = [params, optimizer.init(params)]
    data = jnp.asarray(inputs)
    compiled, seconds, temporary_bytes = compile_timed(jax.jit(update, donate_argnums=(0, 1)), *carried, data)

    def run() -> float:
        carried[0], carried[1], loss = compiled(*carried, data)
        return float(loss)

    return Contender(run, seconds, temporary_bytes, notes=notes)


def forward(outputs: Outputs, params: Any, inputs: Any, notes: str = "") -> Contender:
    """The outputs of all time steps."""
    data = jnp.asarray(inputs)
    compiled, seconds, temporary_bytes = compile_timed(jax.jit(outputs), params, data)
    return Contender(lambda: jax.block_until_ready(compiled(params, data)), seconds, temporary_bytes, notes=notes)


def streaming(step: Callable[[Any, Any, Any], tuple[Any, Any]], params: Any, state: Any, inputs: Any) -> Contender:
    """(params, state, inputs (batch, inputs)) -> (state, output), with the memory of the old state reused."""
    data, jitted = jnp.asarray(inputs), jax.jit(step, donate_argnums=1)
    carried = [jax.tree.map(jnp.copy, state)]
    _, seconds, temporary_bytes = compile_timed(jitted, params, state, data)
    # Users call the jitted function, which at these few microseconds is faster than the program compiled ahead of time.
    jax.block_until_ready(jitted(params, state, data))

    def run() -> Any:
        carried[0], output = jitted(params, carried[0], data)
        return output.block_until_ready()

    return Contender(run, seconds, temporary_bytes)


def compile_timed(jitted: Any, *arguments: Any) -> tuple[Callable[..., Any], float, int | None]:
    """The compiled program, the seconds for tracing and compiling it, and its temporary bytes."""
    start = time.perf_counter()
    compiled = jitted.lower(*arguments).compile()
    seconds = time.perf_counter() - start
    analysis = compiled.memory_analysis()
    return compiled, seconds, None if analysis is None else analysis.temp_size_in_bytes
