"""How Newton's method goes on a sequence, without the outputs."""

import functools
from typing import Any

import jax
import jax.numpy as jnp

from liquidjax._belong import check_params
from liquidjax._checks import check_kind
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.arguments import arguments, naming_params
from liquidjax.sequences.methods.newton.newton import Newton
from liquidjax.sequences.methods.newton.system import NewtonInfo
from liquidjax.sequences.steps import step_inputs


def newton_convergence(
    cell: Cell,
    params: Params,
    inputs: Any,
    dt: Any = 1.0,
    *,
    state: State | None = None,
    mask: Any = None,
    reset: Any = None,
    method: Newton = Newton(),
    key: Array | None = None,
) -> NewtonInfo:
    """How `unroll(..., method=Newton(...))` goes: iterations, what is left of the residual, and whether it converged.

    Where `converged` is False for some sequence, `unroll` runs the scan for all of them. Look at `lyapunov_exponent`
    then: above 0 no method that evaluates all steps at once can be expected to converge.

    Args:
        cell: a cell whose state is one array.
        params: its parameters.
        inputs: (time, *batch, inputs).
        dt: as for `unroll`.
        state: the initial state; the cell's own when None.
        mask: as for `unroll`.
        reset: as for `unroll`.
        method: the method asked about.
        key: source of randomness for dropout; None evaluates without dropout.

    Returns:
        `NewtonInfo`, each of its entries (*batch,). For "layered" the iterations are those of all layers together.

    Raises:
        ValueError: shapes or values that `unroll` refuses, or a cell that the method refuses.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> info = lj.newton_convergence(cell, params, jnp.ones((50, 3, 2)), method=lj.Newton("layered"))
        >>> info.converged.tolist(), info.iterations.shape
        ([True, True, True], (3,))

    Reference:
        Lim et al., "Parallelizing non-linear sequential models over the sequence length" (DEER), ICLR 2024.
    """
    check_kind("method", method, Newton, "the method asked about, such as lj.Newton()")
    with naming_params(cell, params):
        given = arguments(cell, params, inputs, dt, state=state, mask=mask, key=key, reset=reset)
        if not len(given.inputs):  # no steps, no iterations
            check_params(cell, params)
            batch = given.inputs.shape[1:-1]
            return NewtonInfo(jnp.zeros(batch, int), jnp.zeros(batch, given.inputs.dtype), jnp.ones(batch, bool))
        return _convergence(cell, method, params, given)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _convergence(cell, method, params, given):
    return method.states(cell, params, *step_inputs(cell, params, *given))[1]
