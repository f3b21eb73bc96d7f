"""The state of a training, and one step of it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from liquidjax._belong import check_cell
from liquidjax._checks import check_choice, check_kind
from liquidjax._types import Array, Cell, DeepCell, ODECell, Params, exportable
from liquidjax.cells.projection import project
from liquidjax.cells.wrappers.base import cell_inside
from liquidjax.sequences.gradients.bptt import BPTT
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan
from liquidjax.sequences.unroll import unroll
from liquidjax.training import guard, shared
from liquidjax.training.descent import descend
from liquidjax.training.objective import Batch, Loss, Losses, Objective, OfFunction, mean_loss


@exportable
class TrainState(NamedTuple):
    """params; opt_state: of the optimizer; step: batches so far, int32 (); key: of the randomness still to come."""

    params: Params
    opt_state: Any
    step: Array
    key: Array


class StepInfo(NamedTuple):
    """Of one step: loss () before it, the norm () of its gradient, and the number of what is not finite, see `guard`.

    Where `bad` is not `guard.FINE`, the step was taken back: parameters and optimizer are what they were before it.
    """

    loss: Array
    gradient_norm: Array
    bad: Array


class SharedInfo(NamedTuple):
    """`StepInfo` where several processes train together, with the largest wish of theirs in it, see `Epochs`."""

    loss: Array
    gradient_norm: Array
    bad: Array
    wish: Array


Step = Callable[[TrainState, Batch], tuple[TrainState, StepInfo]]


def usual_gradient(cell: Cell) -> Gradient:
    """How a cell is differentiated where nobody says: `BPTT` for closed-form and gated cells, `Remat` for the others.

    What such a cell computes in a step is cheap to keep and dear to compute again; the unfolds of a solver are the
    other way round (`benchmarks/cfc_training_step.py`).

    Example:
        >>> import liquidjax as lj
        >>> usual_gradient(lj.GRU(1, 2)), usual_gradient(lj.CTRNN(1, 2))
        (BPTT(), Remat())
    """
    inner = cell_inside(cell)
    while isinstance(inner, DeepCell):
        inner = cell_inside(inner.cell)
    return Remat() if isinstance(inner, ODECell) else BPTT()


def init_state(cell: Cell, optimizer: optax.GradientTransformation, key: Array, params: Params = None) -> TrainState:
    """The state before the first step, with parameters drawn from the key unless they are given, which are copied."""
    of_params, of_steps = jax.random.split(key)
    params = cell.init(of_params) if params is None else jax.tree.map(jnp.copy, params)
    return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32), of_steps)


def make_train_step(
    cell: Cell,
    objective: Objective | Loss,
    optimizer: optax.GradientTransformation,
    *,
    gradient: Gradient | None = None,
    method: Method = Scan(),
) -> Step:
    """A compiled step of a training: (state, batch) -> (state, info).

    The loss is the weighted mean of `objective.losses`. Parameters with explicit constraints are put back into their
    ranges. A step in which the loss, the gradient or a new parameter is not finite is taken back. The state that is
    given is donated: do not touch it afterwards.

    Args:
        cell: any `Cell`.
        objective: an `Objective`, or a function (outputs, batch) -> the loss of each series.
        optimizer: any transformation of optax.
        gradient: see `unroll`; what `usual_gradient` says when None.
        method: see `unroll`.

    Raises:
        ValueError: an argument of the wrong kind.

    Example:
        >>> import jax, optax, liquidjax as lj
        >>> from liquidjax.training.objectives import Classification
        >>> cell, optimizer = lj.Readout(lj.CfC(2, 4), 3), optax.adam(0.01)
        >>> state = init_state(cell, optimizer, jax.random.key(0))
        >>> step = make_train_step(cell, Classification(), optimizer)
        >>> ones = jnp.ones((7, 5))
        >>> batch = Batch(jnp.ones((7, 5, 2)), ones, ones > 0, jnp.array([0, 1, 2, 0, 1]), jnp.ones(5))
        >>> state, info = step(state, batch)
        >>> int(state.step), bool(info.loss > 0)
        (1, True)
    """
    check_cell(cell)
    check_kind("optimizer", optimizer, optax.GradientTransformation, "of optax, such as optax.adam(0.01)")
    step = functools.partial(
        train_step, cell, as_objective(objective), optimizer, gradient or usual_gradient(cell), method
    )
    return jax.jit(step, donate_argnums=0)


def train_step(
    cell: Cell,
    objective: Objective,
    optimizer: optax.GradientTransformation,
    gradient: Gradient,
    method: Method,
    state: TrainState,
    batch: Batch,
    *,
    sharing: int = 1,
    wish: Array | None = None,
) -> tuple[TrainState, StepInfo | SharedInfo]:
    """One step, to be compiled: see `make_train_step`.

    Args:
        sharing: devices that share the batch; with more than one it is called on each, see `shared`.
        wish: see `shared.mean_and_slope`.
    """
    key, of_step = jax.random.split(state.key)
    if sharing > 1:
        of_step = jax.random.fold_in(of_step, jax.lax.axis_index(shared.AXIS))  # else all would drop the same

    def found(params: Params) -> Losses:
        return losses(cell, objective, params, batch, of_step, gradient=gradient, method=method)

    if sharing > 1:
        value, slope, wish = shared.mean_and_slope(found, state.params, wish)
    else:
        value, slope = jax.value_and_grad(lambda params: mean_loss(found(params)))(state.params)
    params, opt_state = descend(optimizer, slope, state.opt_state, state.params)
    params = project(params, cell)
    bad = guard.first_bad(value, slope, params)
    # One batch whose numbers run away must not be the end of all that was learnt from the others.
    params, opt_state = jax.tree.map(
        lambda new, old: jnp.where(bad == guard.FINE, new, old), (params, opt_state), (state.params, state.opt_state)
    )
    info = StepInfo(value, optax.tree.norm(slope), bad)
    return TrainState(params, opt_state, state.step + 1, key), info if wish is None else SharedInfo(*info, wish)


def losses(
    cell: Cell, objective: Objective, params: Params, batch: Batch, key: Array | None = None, **how: Any
) -> Losses:
    """The losses of a batch; a key switches on dropout."""
    _, outputs = unroll(cell, params, batch.inputs, batch.dt, mask=batch.mask, key=key, validate=False, **how)
    return objective.losses(outputs, batch)


def as_objective(objective: Objective | Loss) -> Objective:
    """The objective, also of a function.

    Raises:
        ValueError: neither of the two.
    """
    if not isinstance(objective, type) and isinstance(objective, Objective):
        return objective
    if callable(objective) and not isinstance(objective, type):
        return OfFunction(objective)
    raise ValueError(
        f"objective must be an Objective such as Classification(), or a function (outputs, batch) -> losses, got "
        f"{objective!r}"
    )


def check_gradient(gradient: Gradient | str) -> Gradient | None:
    """The gradient, None for "auto"; or the ValueError for what is none."""
    if isinstance(gradient, str):
        check_choice("gradient", gradient, ("auto",))
        return None
    check_kind("gradient", gradient, Gradient, '"auto" or a gradient such as lj.Remat()')
    return gradient
