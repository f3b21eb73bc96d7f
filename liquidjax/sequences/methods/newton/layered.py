"""Newton's method layer by layer, an unfold at a time."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp

from liquidjax._types import Array, Cell, LayeredCell, NeuronLayer, Params
from liquidjax.cells.ode import with_integrators
from liquidjax.cells.wrappers.base import ode_inside
from liquidjax.integrators import FixedStep
from liquidjax.integrators.fixed_step import one_unfold
from liquidjax.sequences.linear_recurrence import linear_recurrence
from liquidjax.sequences.methods.newton.diagonal import own_gains
from liquidjax.sequences.methods.newton.system import (
    Cost,
    Linear,
    Neurons,
    System,
    all_steps,
    first_guess,
    jacobian,
)
from liquidjax.sequences.steps import StepInputs, expand


@dataclass(frozen=True)
class Layered:
    """For a `LayeredCell` with a `FixedStep` integrator: memory time x unfolds x (neurons of a coupled layer)^2.

    Layers that hear nothing of themselves are affine in their own state and done in one iteration.
    """

    most_iterations: int = 10

    def check(self, cell: Cell) -> None:
        """Raises ValueError for a cell without layers, or an integrator whose unfolds are not known."""
        inner = ode_inside(cell)
        if not isinstance(inner, LayeredCell):
            raise ValueError(
                f"the layered form needs a cell that says what its layers are (`neuron_layers`), such as LTC, got "
                f"{type(inner).__name__}"
            )
        if not isinstance(inner.integrator, FixedStep):
            raise ValueError(
                f"the layered form needs an integrator that is a FixedStep, because it goes from unfold to unfold, got "
                f"{type(inner.integrator).__name__}"
            )

    def cost(self, cell: Cell) -> Cost:
        """For each unfold a product of the Jacobians of coupled layers."""
        inner = ode_inside(cell)
        assert isinstance(inner, LayeredCell) and isinstance(inner.integrator, FixedStep)
        largest = max((len(layer.neurons) for layer in inner.neuron_layers() if layer.coupled), default=1)
        return Cost(inner.integrator.unfolds * largest**3, inner.integrator.unfolds * largest**2)

    def system(self, cell: Cell, params: Params, state: Array, steps: StepInputs) -> System:
        """The time steps divided into their unfolds."""
        inner = ode_inside(cell)
        assert isinstance(inner, LayeredCell) and isinstance(inner.integrator, FixedStep)
        unfolds, micro = inner.integrator.unfolds, with_integrators(cell, one_unfold)
        fine = jax.tree.map(lambda leaf: jnp.repeat(leaf, unfolds, axis=0), steps._replace(dt=steps.dt / unfolds))
        if fine.reset is not None:  # before the first unfold of a time step, and before no other
            first = jnp.arange(len(fine.dt)) % unfolds == 0
            fine = fine._replace(reset=fine.reset & expand(first, fine.reset.ndim))
        step = all_steps(micro, params, fine)
        guess = first_guess(step, state, len(fine.dt))
        return _Layered(step, state, guess, own_gains(micro, params, fine), inner.neuron_layers())


@dataclass(frozen=True)
class _Layered(System):
    gains: Callable[[Array], Array]
    layers: tuple[NeuronLayer, ...]

    @property
    def blocks(self) -> tuple[Neurons, ...]:
        return tuple(layer.neurons for layer in self.layers)

    def recurrence(self, x: Array, block: int) -> Linear:
        neurons, coupled = self.layers[block]
        before = self.before(x)
        if coupled:
            return functools.partial(linear_recurrence, jacobian(self.step, before, neurons))
        return functools.partial(linear_recurrence, self.gains(before)[..., neurons])

    def linear_solve(self, x: Array, b: Array) -> Array:
        before = self.before(x)
        _, push = jax.linearize(self.step, before)
        y = jnp.zeros_like(b)
        for block, (neurons, coupled) in enumerate(self.layers):
            if coupled:
                solve = self.recurrence(x, block)
            else:
                # No neuron of the layer hears another one, so that all their own derivatives come in one direction.
                # Not `gains`, which are the same numbers, but do not vary with what the coefficients depend on.
                own = push(jnp.zeros_like(before).at[..., neurons].set(1, unique_indices=True))
                solve = functools.partial(linear_recurrence, own[..., neurons])
            heard = push(jnp.concatenate([jnp.zeros_like(y[:1]), y[:-1]]))  # from the layers before
            y = y.at[..., neurons].set(solve((b + heard)[..., neurons]), unique_indices=True)
        return y
