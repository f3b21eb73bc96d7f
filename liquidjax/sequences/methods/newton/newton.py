"""All time steps at once for cells that read their state: Newton's method on the whole sequence."""

import functools
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp

from liquidjax._checks import check_choice, check_number, check_size, settle
from liquidjax._types import Array, Cell, Params, State
from liquidjax.cells.ode import check_forward_mode
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.newton.diagonal import Diagonal
from liquidjax.sequences.methods.newton.full import Full
from liquidjax.sequences.methods.newton.layered import Layered
from liquidjax.sequences.methods.newton.system import NewtonInfo, Strategy
from liquidjax.sequences.steps import StepInputs, masked_step

Jacobian = Literal["full", "diagonal", "layered"]
STRATEGIES: dict[str, Strategy] = {"full": Full(), "diagonal": Diagonal(), "layered": Layered()}


@dataclass(frozen=True)
class Newton:
    """All time steps at once: x_t = F_t(x_{t-1}) for every t is solved by Newton's method.

    From a guess x, each iteration solves the linear recurrence y_t = F_t(x_{t-1}) + A_t (y_{t-1} - x_{t-1}) for all t
    by an associative scan, where A_t is, of the Jacobian dF_t / dx,

    "full"      all of it (DEER): few iterations, memory time x units^2.
    "diagonal"  the gains of the step with its coefficients frozen, or the diagonal where there are none (quasi-DEER):
                more iterations, memory time x units.
    "layered"   for an LTC on a wiring of layers, or any `LayeredCell`: one layer after another, unfold by unfold.
                Layers without synapses among themselves are affine in their own state and done in one iteration; for
                the others, the command neurons of an NCP, their own block is used.

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
            layers or another integrator than a `FixedStep` for "layered", or another gradient than the default.

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
        check_choice("jacobian", self.jacobian, tuple(STRATEGIES))
        if self.iterations is not None:
            settle(self, check_size, "iterations")
        settle(self, check_number, "tolerance")
        if not 0 < self.tolerance < 1:
            raise ValueError(f"tolerance must be in (0, 1), got {self.tolerance}")

    def run(
        self, cell: Cell, params: Params, state: State, steps: StepInputs, gradient: Gradient
    ) -> tuple[State, Array]:
        """See `methods.method.Method`."""
        if gradient != Remat():
            raise ValueError(f"gradient must be left at Remat() with Newton, which keeps every state, got {gradient}")
        states, _ = self.states(cell, params, state, steps)
        before = jnp.concatenate([state[None], states[:-1]])
        # Each step once more, from the state before it: so the outputs are those of the cell.
        _, outputs = jax.vmap(lambda x, now: masked_step(cell, params, x, now))(before, steps)
        return states[-1], outputs

    def states(self, cell: Cell, params: Params, state: State, steps: StepInputs) -> tuple[Array, NewtonInfo]:
        """The states after each step, (time, *batch, units), and how it went."""
        if not isinstance(state, jax.Array):
            raise ValueError(
                f"Newton needs a cell whose state is one array, got {type(cell).__name__} with "
                f"{jax.tree.structure(state)}; Scan runs every cell"
            )
        check_forward_mode(cell, "Newton", ("DirectAdjoint",))
        self.strategy.check(cell)
        found, (iterations, residual, converged) = _root(self, cell, params, state, steps)
        info = NewtonInfo(iterations.astype(int), residual, converged > 0)
        last = len(found) // max(1, len(steps.dt)) - 1

        def scanned() -> Array:
            step = jax.checkpoint(lambda x, now: (masked_step(cell, params, x, now)[0],) * 2, prevent_cse=False)
            return jax.lax.scan(step, state, steps)[1]

        return jax.lax.cond(jnp.all(info.converged), lambda: found[last :: last + 1], scanned), info

    @property
    def strategy(self) -> Strategy:
        """How the linear equations are made and solved."""
        return STRATEGIES[self.jacobian]


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _root(method: Newton, cell: Cell, params: Params, state: Array, steps: StepInputs) -> tuple[Array, NewtonInfo]:
    """The states after each unfold that Newton's method finds, and how it went."""
    most = method.iterations or method.strategy.most_iterations
    x, info = method.strategy.system(cell, params, state, steps).solve(most, method.tolerance)
    # As floating point numbers, which have a derivative, 0, wherever they are.
    return x, NewtonInfo(*(leaf.astype(x.dtype) for leaf in info))


@_root.defjvp
def _derivative_of_root(method: Newton, cell: Cell, given, tangents):
    """dx = (1 - J S)^-1 dF: the root does not depend on how it was found.

    The root in here is `_root` again, so that derivatives of this derivative come out right, whatever their order.
    """
    x, info = _root(method, cell, *given)
    _, change = jax.jvp(lambda *given: method.strategy.system(cell, *given).residual(x), given, tangents)
    of_info = jax.tree.map(jnp.zeros_like, info)
    return (x, info), (method.strategy.system(cell, *given).linear_solve(x, change), of_info)
