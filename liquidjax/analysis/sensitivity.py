"""How long a network remembers where it started: the gradient that reaches back through time."""

from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._belong import check_cell, check_params
from liquidjax._checks import check_array
from liquidjax._types import Array, Cell, Params
from liquidjax.analysis.trajectory import states
from liquidjax.cells.ode import check_forward_mode
from liquidjax.sequences.steps import dtype_of
from liquidjax.sequences.validation import check_shapes, check_state_values


def state_sensitivity(
    cell: Cell, params: Params, inputs: Any, dt: Any = 1.0, *, state: Array | None = None, **options: Any
) -> Array:
    """How much the state after each step depends on the initial state: the norm of d x_t / d x_0.

    The spectral norm, which is the largest factor by which a small change of the initial state has grown. Where it goes
    to zero, so does what an error at time t can teach about the beginning: the vanishing gradient. All columns of the
    Jacobian go forward with the run, so memory grows with time steps x units x units x batch.

    Args:
        cell: a cell whose state is one array. With `Diffrax` as integrator, its adjoint must be
            `diffrax.ForwardMode()` or `diffrax.DirectAdjoint()`.
        params: its parameters.
        inputs: (time, *batch, inputs).
        dt: as for `unroll`.
        state: x_0, where it is differentiated; the cell's initial state when None.
        options: the other keyword arguments of `unroll`.

    Returns:
        (time, *batch).

    Raises:
        ValueError: the state is not one array; and as `unroll`.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> norms = state_sensitivity(cell, cell.init(jax.random.key(0)), jnp.ones((10, 3, 2)), dt=0.1)
        >>> norms.shape, bool((norms[-1] < norms[0]).all())
        ((10, 3), True)

    Reference:
        Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", ICML 2013, section 2;
        Hasani et al. (2021), scope and limitations, for LTCs.
    """
    check_cell(cell)
    check_forward_mode(cell, "state_sensitivity", ("DirectAdjoint", "ForwardMode"))
    inputs, dt = check_array("inputs", inputs), check_array("dt", dt)
    check_shapes(cell, inputs, dt, None, state)
    check_params(cell, params)
    dtype = dtype_of(params, inputs)
    start = cell.initial_state(inputs.shape[1:-1], dtype)
    if not isinstance(start, jax.Array):
        raise ValueError(
            f"cell must have one array as its state, got {type(cell).__name__} with {type(start).__name__}"
        )
    if state is not None:
        if options.get("validate", True):
            check_state_values(state, dtype)
        start = jnp.asarray(state, dtype)
    # One shift for all samples: they do not mix, so its Jacobian holds that of every sample.
    shift = jnp.zeros(start.shape[-1], start.dtype)
    jacobian = jax.jacfwd(lambda shift: states(cell, params, inputs, dt, state=start + shift, **options))(shift)
    return jnp.linalg.norm(jacobian, ord=2, axis=(-2, -1))
