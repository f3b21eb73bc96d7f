"""The gradient of one loss on a whole sequence, with whatever method and gradient: what ways to compute it share."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import liquidjax as lj


class Differentiated(NamedTuple):
    """What one run gives."""

    value: Any
    gradient: Any
    """With respect to parameters, inputs, dt and the initial state."""
    state: Any
    outputs: Any


def differentiate(cell, params, inputs, dt, **options) -> Differentiated:
    """Of the sum of all outputs squared and of the last state, from an initial state that is not zero."""

    @jax.jit
    def value_and_gradient(*arguments):
        def loss(params, inputs, dt, state):
            state, outputs = lj.unroll(cell, params, inputs, dt, state=state, **options)
            return jnp.sum(outputs**2) + sum(jnp.sum(leaf) for leaf in jax.tree.leaves(state)), (state, outputs)

        return jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True)(*arguments)

    state = jax.tree.map(lambda leaf: leaf + 0.3, cell.initial_state(inputs.shape[1:-1], inputs.dtype))
    (value, (state, outputs)), gradient = jax.device_get(value_and_gradient(params, inputs, dt, state))
    return Differentiated(value, gradient, state, outputs)


def relative_error(gradient, reference) -> float:
    """How far two trees of arrays are apart, as one vector, relative to the second."""
    ours, theirs = [
        np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)]) for tree in (gradient, reference)
    ]
    with np.errstate(over="ignore"):  # what is far apart may be infinitely so
        return float(np.linalg.norm(ours - theirs) / np.linalg.norm(theirs))
