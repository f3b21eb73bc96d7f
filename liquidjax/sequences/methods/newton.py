"""All time steps at once for cells that read their state: Newton's method on the whole sequence."""

import dataclasses
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._checks import check_choice, check_number, check_size, settle
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.ltc import LTC
from liquidjax.cells.ode import check_forward_mode, with_integrators
from liquidjax.integrators.fixed_step import frozen_coefficients, one_unfold
from liquidjax.sequences.flow import ode_cell
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.steps import Steps, masked_step

Jacobian = Literal["full", "diagonal", "layered"]
Linear = Callable[[Array], Array]
"""A linear map of sequences (time, *batch, units)."""


class NewtonInfo(NamedTuple):
    """How Newton's method went, for each sequence, (*batch).

    iterations: until it converged, or all that were allowed.
    residual: the largest |x_t - step(x_{t-1})| that is left.
    converged: False where the scan had to step in.
    """

    iterations: Array
    residual: Array
    converged: Array


@dataclass(frozen=True)
class Newton:
    """All time steps at once: x_t = F_t(x_{t-1}) for every t is solved by Newton's method.

    From a guess x, each iteration solves the linear recurrence y_t = F_t(x_{t-1}) + A_t (y_{t-1} - x_{t-1}) for all t
    by an associative scan, where A_t is, of the Jacobian dF_t / dx,

    "full"      all of it (DEER): few iterations, memory time x units^2.
    "diagonal"  the gains of the step with its coefficients frozen, or the diagonal where there are none (quasi-DEER):
                more iterations, memory time x units.
    "layered"   for an LTC on a wiring of layers: one layer after another, unfold by unfold. Layers without synapses
                among themselves are affine in their own state and done in one iteration; for the others, the command
                neurons of an NCP, their own block is used.

    A sequence has converged when its step and its residual are below the tolerance; it is then left alone. Where some
    sequence has not converged after all iterations, the scan runs instead, inside the compiled code. The gradient is
    exact for all three, in forward and reverse mode and at every order: it is that of the steps, found from the linear
    recurrence with the whole Jacobian (for "diagonal" by iteration), not the gradient of the iterations.

    It pays on an accelerator, for long sequences and small batches. On a CPU the scan is 6 to 35 times faster.

    Args:
        jacobian: "full", "diagonal" or "layered".
        iterations: most iterations; 10, or 30 for "diagonal", when None.
        tolerance: of step and residual, relative to 1 + |x|.

    Raises:
        ValueError: an option is unknown or out of range; when run, a cell whose state is not one array, one without
            layers for "layered", or another gradient than the default.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((50, 3, 2)), method=lj.Newton("layered"))
        >>> outputs.shape
        (50, 3, 1)

    Reference:
        Lim et al., "Parallelizing non-linear sequential models over the sequence length" (DEER), ICLR 2024; Gonzalez et
        al., "Towards scalable and stable parallelization of nonlinear RNNs" (quasi-DEER), NeurIPS 2024, whose published
        code takes the diagonal for the gradient too, which is not exact. The layered form is ours.
    """

    jacobian: Jacobian = "full"
    iterations: int | None = None
    tolerance: float = 1e-6

    def __post_init__(self):
        check_choice("jacobian", self.jacobian, ("full", "diagonal", "layered"))
        if self.iterations is not None:
            settle(self, check_size, "iterations")
        settle(self, check_number, "tolerance")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance must be in (0, 1), got {self.tolerance}")

    def run(
        self, cell: Cell, params: Params, state: State, steps: Steps, reverse: bool, gradient: Gradient
    ) -> tuple[State, Array]:
        """See `methods.Method`."""
        if gradient != Remat():
            raise ValueError(f"gradient must be left at Remat() with Newton, which keeps every state, got {gradient}")

        def flipped(tree: Any) -> Any:
            return jax.tree.map(lambda leaf: leaf[::-1], tree) if reverse else tree

        steps = flipped(steps)
        states, _ = self.states(cell, params, state, steps)
        before = jnp.concatenate([state[None], states[:-1]])
        # Each step once more, from the state before it: so the outputs are those of the cell.
        _, outputs = jax.vmap(lambda x, now: masked_step(cell, params, x, now))(before, steps)
        return states[-1], flipped(outputs)

    def states(self, cell: Cell, params: Params, state: State, steps: Steps) -> tuple[Array, NewtonInfo]:
        """The states after each step, (time, *batch, units), and how it went."""
        if not isinstance(state, jax.Array):
            raise ValueError(
                f"Newton needs a cell whose state is one array, got {type(cell).__name__} with "
                f"{jax.tree.structure(state)}; Scan runs every cell"
            )
        check_forward_mode(cell, "Newton", (diffrax.DirectAdjoint,))
        found, info = _root(self, cell, params, state, steps)
        last = len(found) // max(1, len(steps.dt)) - 1

        def scanned() -> Array:
            step = jax.checkpoint(lambda x, now: (masked_step(cell, params, x, now)[0],) * 2, prevent_cse=False)
            return jax.lax.scan(step, state, steps)[1]

        return jax.lax.cond(jnp.all(info.converged), lambda: found[last :: last + 1], scanned), info

    def system(self, cell: Cell, params: Params, state: Array, steps: Steps) -> "_System":
        """The equations to solve."""
        if self.jacobian == "layered":
            return _layered(cell, params, state, steps)
        return _whole(cell, params, state, steps, diagonal=self.jacobian == "diagonal")


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _root(method: Newton, cell: Cell, params: Params, state: Array, steps: Steps) -> tuple[Array, NewtonInfo]:
    """The states after each unfold that Newton's method finds, and how it went."""
    most = method.iterations or (30 if method.jacobian == "diagonal" else 10)
    return method.system(cell, params, state, steps).solve(most, method.tolerance)


@_root.defjvp
def _derivative_of_root(method: Newton, cell: Cell, given, tangents):
    """dx = (1 - J S)^-1 dF: the root does not depend on how it was found.

    The root in here is `_root` again, so that derivatives of this derivative come out right, whatever their order.
    """
    x, info = _root(method, cell, *given)
    _, change = jax.jvp(lambda *given: method.system(cell, *given).residual(x), given, tangents)
    of_info = jax.tree.map(lambda leaf: np.zeros(leaf.shape, jax.dtypes.float0), info)
    of_info = of_info._replace(residual=jnp.zeros_like(info.residual))
    return (x, info), (method.system(cell, *given).linear_solve(x, change), of_info)


@dataclass(frozen=True)
class _System:
    """x_t = step(x_{t-1}) for all t, time steps or unfolds of them, and the layers in which it is solved."""

    step: Callable[[Array], Array]
    """All steps at once: (time, *batch, units) before them -> after them."""
    start: Array
    guess: Array
    layers: tuple[tuple[np.ndarray | None, str], ...]
    """Neurons, None for all of them, and which Jacobian: "full", "diagonal" or "gain"."""
    gains: Callable[[Array], Array]
    """The derivative of each neuron by itself, as far as it is used: x before -> (time, *batch, units)."""

    def before(self, x: Array) -> Array:
        return jnp.concatenate([self.start[None], x[:-1]])

    def residual(self, x: Array) -> Array:
        """step(x_{t-1}) - x_t."""
        return self.step(self.before(x)) - x

    def solve(self, most: int, tolerance: float) -> tuple[Array, NewtonInfo]:
        batch = self.start.shape[:-1]
        x, iterations, converged = self.guess, jnp.zeros(batch, int), jnp.ones(batch, bool)
        for neurons, kind in self.layers:
            x, of_layer, fine = self._solve_layer(x, neurons, kind, most, tolerance)
            iterations, converged = iterations + of_layer, converged & fine
        residual = jnp.max(jnp.abs(self.residual(x)), axis=(0, -1))
        return x, NewtonInfo(iterations, residual, converged)

    def _solve_layer(self, x: Array, neurons: Any, kind: str, most: int, tolerance: float):
        def pick(y: Array) -> Array:
            return y if neurons is None else y[..., neurons]

        def put(y: Array, part: Array) -> Array:
            return part if neurons is None else y.at[..., neurons].set(part)

        def iterate(carry):
            x, number, count, _ = carry
            own, residual = pick(x), pick(self.residual(x))
            change = self._recurrence(x, neurons, kind)(residual)
            scale = tolerance * (1 + jnp.abs(own))
            small = (jnp.abs(change) <= scale) & (jnp.abs(residual) <= scale)
            fine = jnp.all(small, axis=(0, -1))
            # A sequence that has converged is left alone, and so is one that has left the numbers.
            moves = ~fine & jnp.all(jnp.isfinite(change), axis=(0, -1))
            x = put(x, jnp.where(moves[..., None], own + change, own))
            return x, number + 1, jnp.where(fine, count, count + 1), fine

        def unfinished(carry):
            _, number, _, fine = carry
            return (number < most) & ~jnp.all(fine)

        batch = self.start.shape[:-1]
        start = x, 0, jnp.zeros(batch, int), jnp.zeros(batch, bool)
        x, _, count, fine = jax.lax.while_loop(unfinished, iterate, start)
        return x, count, fine

    def _recurrence(self, x: Array, neurons: Any, kind: str) -> Linear:
        """b -> y with y_t = b_t + A_t y_{t-1}, A_1 = 0, for some of the neurons."""
        before = self.before(x)
        if kind == "full":
            return functools.partial(_scan_of_matrices, _jacobian(self.step, before, neurons))
        gains = self.gains(before)
        return functools.partial(_scan_of_gains, gains if neurons is None else gains[..., neurons])

    def linear_solve(self, x: Array, b: Array) -> Array:
        """y with y_t = b_t + J_t y_{t-1} and the whole Jacobian J at x; linear in b, differentiable in both modes."""
        before = self.before(x)
        _, push = jax.linearize(self.step, before)
        if self.layers[0][1] == "diagonal":
            return _solve_by_iteration(push, jax.lax.stop_gradient(self.gains(before)), b)
        y = jnp.zeros_like(b)
        for neurons, kind in self.layers:
            if neurons is None:
                return self._recurrence(x, None, "full")(b)
            if kind == "full":
                solve = self._recurrence(x, neurons, "full")
            else:
                # No neuron of the layer hears another one, so that all their own derivatives come in one direction.
                # Not `gains`, which are the same numbers, but do not vary with what the coefficients depend on.
                own = push(jnp.zeros_like(before).at[..., neurons].set(1, unique_indices=True))
                solve = functools.partial(_scan_of_gains, own[..., neurons])
            heard = push(jnp.concatenate([jnp.zeros_like(y[:1]), y[:-1]]))  # from the layers before
            y = y.at[..., neurons].set(solve((b + heard)[..., neurons]), unique_indices=True)
        return y


def _whole(cell: Cell, params: Params, state: Array, steps: Steps, diagonal: bool) -> _System:
    """All neurons at once, a time step at a time."""

    def all_steps(cell: Cell, x: Array) -> Array:
        return jax.vmap(lambda x, now: masked_step(cell, params, x, now)[0])(x, steps)

    fixed = _fixed(cell, params, steps)
    still = jnp.broadcast_to(state, (len(steps.dt), *state.shape))
    return _System(
        step=functools.partial(all_steps, cell),
        start=state,
        guess=all_steps(cell, still),
        layers=((None, "diagonal" if diagonal else "full"),),
        gains=fixed,
    )


def _fixed(cell: Cell, params: Params, steps: Steps) -> Callable[[Array], Array]:
    """The gains of frozen coefficients, in one forward derivative; the diagonal of the Jacobian for other cells."""
    try:
        integrator = ode_cell(cell).integrator
    except ValueError:
        integrator = None

    def run(cell: Cell, x: Array) -> Array:
        return jax.vmap(lambda x, now: masked_step(cell, params, x, now)[0])(x, steps)

    if integrator is None or integrator.per_sample:
        return lambda x: jnp.einsum("...ii->...i", _jacobian(functools.partial(run, cell), x, None))
    frozen = with_integrators(cell, frozen_coefficients)
    return lambda x: jax.jvp(functools.partial(run, frozen), (x,), (jnp.ones_like(x),))[1]


def _layered(cell: Cell, params: Params, state: Array, steps: Steps) -> _System:
    """Layer by layer, an unfold at a time."""
    inner: Any = ode_cell(cell)
    if not isinstance(inner, LTC) or inner.integrator.per_sample:
        raise ValueError(f"the layered form needs an LTC with an integrator of fixed step, got {type(inner).__name__}")
    unfolds = inner.integrator.unfolds  # type: ignore[attr-defined]
    micro = with_integrators(cell, one_unfold)

    def spread(leaf: Array) -> Array:
        return jnp.repeat(leaf, unfolds, axis=0)

    fine = jax.tree.map(spread, steps._replace(dt=steps.dt / unfolds))
    system = _whole(micro, params, state, fine, diagonal=True)
    adjacency, layers = inner.graph.adjacency, []
    for layer in map(np.array, inner.graph.layers):
        # Affine in their own state when no neuron of the layer hears one of the layer.
        layers.append((layer, "full" if adjacency[np.ix_(layer, layer)].any() else "gain"))
    return dataclasses.replace(system, layers=tuple(layers))


def _jacobian(step: Callable[[Array], Array], x: Array, neurons: Any) -> Array:
    """(time, *batch, n, n): the derivative of the chosen neurons, rows, by the chosen neurons, columns."""
    units = x.shape[-1]
    chosen = np.arange(units) if neurons is None else neurons
    _, push = jax.linearize(step, x)
    tangents = jnp.eye(units, dtype=x.dtype)[chosen]
    columns = jax.lax.map(lambda e: push(jnp.broadcast_to(e, x.shape))[..., chosen], tangents)
    return jnp.moveaxis(columns, 0, -1)


def _scan_of_matrices(matrices: Array, b: Array) -> Array:
    def after(first, second):
        (a1, b1), (a2, b2) = first, second
        return a2 @ a1, jnp.squeeze(a2 @ b1[..., None], -1) + b2

    return jax.lax.associative_scan(after, (matrices, b))[1]


def _scan_of_gains(gains: Array, b: Array, reverse: bool = False) -> Array:
    def after(first, second):
        (a1, b1), (a2, b2) = first, second
        return a2 * a1, a2 * b1 + b2

    return jax.lax.associative_scan(after, (gains, b), reverse=reverse)[1]


def _solve_by_iteration(push: Linear, gains: Array, b: Array) -> Array:
    """y = b + J S y, where S shifts by one step: by iterating with the gains in the place of J, to rounding."""
    nothing = jnp.zeros_like(b[:1])

    def later(y: Array) -> Array:
        return jnp.concatenate([nothing, y[:-1]])

    def earlier(y: Array) -> Array:
        return jnp.concatenate([y[1:], nothing])

    def iterate(matvec: Linear, precondition: Linear, b: Array) -> Array:
        enough = jnp.finfo(b.dtype).eps * jnp.max(jnp.abs(b))

        def more(carry):
            _, change, number = carry
            return (number < len(b)) & (jnp.max(jnp.abs(change)) > enough)

        def again(carry):
            y, _, number = carry
            change = precondition(b - matvec(y))
            return y + change, change, number + 1

        first = precondition(b)
        return jax.lax.while_loop(more, again, (first, first, 0))[0]

    transposed = earlier(gains)
    return jax.lax.custom_linear_solve(
        lambda y: y - push(later(y)),
        b,
        lambda matvec, b: iterate(matvec, functools.partial(_scan_of_gains, gains), b),
        lambda vecmat, b: iterate(vecmat, functools.partial(_scan_of_gains, transposed, reverse=True), b),
    )
