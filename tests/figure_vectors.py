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
    cell, made = model.cell, model.preparation
    assert isinstance(cell, lj.Readout) and made is not None and made.target_mean and made.target_spread
    (mean,), (spread,) = made.target_mean, made.target_spread
    inputs = (rng.normal(size=(steps, 2)) * [0.3, 0.06]).astype(np.float32)
    dt = rng.exponential(0.05, steps).astype(np.float32)
    dt[:3], dt[10], dt[20] = made.first_step, 0, 1

    middle, width, time_unit = made.mean, made.spread, made.time_unit

    @jax.jit
    def step(state, inputs, dt):
        scaled = (inputs - jnp.array(middle)) / jnp.array(width)
        state, output = lj.step(cell, model.params, state, scaled, dt / time_unit)
        return state, output[0] * spread + mean

    state, forces = cell.initial_state(()), []
    for reading, passed in zip(inputs, dt, strict=True):
        state, force = step(state, reading, passed)
        forces.append(float(force))
    return Vectors(inputs, dt, np.array(forces))
