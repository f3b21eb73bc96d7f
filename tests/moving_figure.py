"""What the tests of the moving figure share: its networks, and readings for them."""

import functools
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj

DOCS = Path(__file__).parents[1] / "docs"
MODELS, FOLDER = DOCS / "moving_figure", DOCS / "_static" / "moving_figure"
NETWORKS = ("ltc", "lstm")


class Vectors(NamedTuple):
    """inputs (steps, 2), m and rad; dt (steps,), s; forces (steps,), N: what `step` answers, in float32."""

    inputs: np.ndarray
    dt: np.ndarray
    forces: np.ndarray


@functools.cache
def vectors(name: str, steps: int = 60) -> Vectors:
    """Irregular readings as far as a pole can lean, and what the network answers, one `step` after another."""
    model, rng = lj.load(MODELS / f"{name}.safetensors"), np.random.default_rng(0)
    made = model.preparation
    inputs = np.float32(rng.normal(size=(steps, 2)) * [0.3, 0.06])
    dt = np.float32(rng.exponential(0.05, steps))
    dt[:3], dt[10], dt[20] = made.first_step, 0, 1

    @jax.jit
    def step(state, inputs, dt):
        scaled = (inputs - jnp.array(made.mean)) / jnp.array(made.spread)
        state, output = lj.step(model.cell, model.params, state, scaled, dt / made.time_unit)
        return state, output[0] * made.target_spread[0] + made.target_mean[0]

    state, forces = model.cell.initial_state(()), []
    for reading, passed in zip(inputs, dt, strict=True):
        state, force = step(state, reading, passed)
        forces.append(float(force))
    return Vectors(inputs, dt, np.array(forces))
