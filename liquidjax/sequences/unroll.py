"""Running a cell: over whole sequences, or one step of a stream."""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from liquidjax._belong import check_cell, check_inputs, check_params, check_state
from liquidjax._checks import check_array, check_choice, check_flag, check_key, check_kind
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.arguments import arguments, naming_params
from liquidjax.sequences.gradients.adjoint import Backsolve
from liquidjax.sequences.gradients.gradient import Gradient
from liquidjax.sequences.gradients.remat import Remat
from liquidjax.sequences.methods.auto import choose
from liquidjax.sequences.methods.method import Method
from liquidjax.sequences.methods.scan import Scan
from liquidjax.sequences.steps import StepInputs, cast, dtype_of, in_order, masked_step, step_inputs
from liquidjax.sequences.validation import check_values


def unroll(
    cell: Cell,
    params: Params,
    inputs: Any,
    dt: Any = 1.0,
    *,
    state: State | None = None,
    mask: Any = None,
    reset: Any = None,
    reverse: bool = False,
    gradient: Gradient = Remat(),
    method: Method | Literal["auto"] = Scan(),
    key: Array | None = None,
    validate: bool = True,
) -> tuple[State, Array]:
    """Runs a cell over a sequence: (state_t, output_t) = step(state_{t-1}, inputs_t, dt_t).

    Compiled once for equal cells and equal shapes; inside `jax.jit` it becomes part of the caller.

    Args:
        cell: any `Cell`.
        params: its parameters.
        inputs: (time, *batch, inputs), floating point.
        dt: time from the previous step to this one, in the unit of the time constants: a scalar, (time,) for the same
            times in every sample, or (time, *batch) for times of each sample, with 1 in the place of batch axes that
            share them: (time, 1) says what (time,) does, and cannot be meant as one value a sample. Not below 0.
        state: the state before the first step; the cell's initial state when None.
        mask: bool (time, *batch). Where it is False the step is padding: the state is held, the output is zero, and no
            gradient flows, whatever the padding contains.
        reset: bool (time, *batch). Where it is True the cell's initial state takes the place of the state before the
            step, as where an episode begins; no gradient flows across. Nothing happens in padding.
        reverse: runs from the last time step to the first; outputs stay in the order of the inputs. dt is then the
            time to the next sample.
        gradient: how the backward pass is done; it does not change the result. `Remat()` keeps the state of each step,
            `BPTT()` everything, `Chunked()` and `Recursive()` less and less at the price of time: all four give the
            same gradient. `SegmentedAdjoint(length)` and `Backsolve()` solve the adjoint equation instead.
        method: how the steps are evaluated: `Scan()` one after another, `Associative()` all at once for cells whose
            coefficients do not read the state, `Newton()` all at once for the others; "auto" chooses by JAX's default
            platform, the length, the batch and the size. It changes the result by rounding only.
        key: source of randomness for dropout; None evaluates without dropout.
        validate: whether to look at the values of inputs, dt, mask and state first. They are copied to the host for
            that; under `jax.jit` it cannot be done and is not.

    Returns:
        The state after the last step, and the outputs (time, *batch, outputs).

    Raises:
        ValueError: arguments of the wrong kind, shapes that do not fit, parameters of another cell, values that
            `check_values` refuses, or a method that cannot run the cell.
        UserWarning: dt is (time,), differs from step to step, and there are as many samples as time steps; once a line.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> dt = jnp.full((10, 3), 0.1).at[4, 2].set(1.5)  # sample 2 was measured late at step 4
        >>> state, outputs = lj.unroll(cell, params, jnp.ones((10, 3, 2)), dt)
        >>> outputs.shape
        (10, 3, 1)
    """
    check_kind("gradient", gradient, Gradient, "a gradient such as lj.Remat(), lj.BPTT() or lj.Chunked()")
    if isinstance(method, str):
        check_choice("method", method, ("auto",))
    else:
        check_kind("method", method, Method, '"auto" or a method such as lj.Scan() or lj.Newton()')
    reverse = check_flag("reverse", reverse)
    with naming_params(cell, params):
        given = arguments(cell, params, inputs, dt, state=state, mask=mask, key=key, reset=reset, validate=validate)
        if isinstance(method, str):
            time, *batch = given.inputs.shape[:-1]
            method = choose(cell, time, tuple(batch), gradient, jax.default_backend())
        # Not compiled where it is going to refuse, so that its error can give numbers.
        refuses = isinstance(gradient, Backsolve) and not gradient.anyway
        return (_unroll if refuses else _compiled_unroll)(cell, gradient, method, reverse, params, given)


def _unroll(cell, gradient, method, reverse, params, given):
    state, steps = step_inputs(cell, params, *given)
    # Without steps there is nothing that could be done at once.
    method = method if len(given.inputs) else Scan()
    state, outputs = method.run(cell, params, state, in_order(steps, reverse), gradient)
    return state, in_order(outputs, reverse)


_compiled_unroll = jax.jit(_unroll, static_argnames=("cell", "gradient", "method", "reverse"))


def step(
    cell: Cell,
    params: Params,
    state: State,
    inputs: Any,
    dt: Any = 1.0,
    *,
    reset: Any = None,
    key: Array | None = None,
    validate: bool = True,
) -> tuple[State, Array]:
    """Runs a cell for one time step: for streams, control loops and environments.

    A loop over `step` gives what `unroll` gives, and its cost does not depend on how long the stream is.

    Args:
        cell: any `Cell`.
        params: its parameters.
        state: the state before the step, from `cell.initial_state(batch_shape)` or an earlier step.
        inputs: (*batch, inputs), floating point.
        dt: time since the previous step, a scalar or (*batch), not below 0.
        reset: bool (*batch), True where the cell's initial state takes the place of `state`, as where an episode
            begins.
        key: source of randomness for dropout in this step; None evaluates without dropout.
        validate: whether to look at the values of state, inputs and dt first; a fast control loop switches it off.

    Returns:
        The new state, and the output (*batch, outputs).

    Raises:
        ValueError: arguments of the wrong kind, shapes that do not fit, parameters of another cell, or values that
            `check_values` refuses.

    Example:
        >>> import jax, jax.numpy as jnp, liquidjax as lj
        >>> cell = lj.LTC(inputs=2, wiring=lj.AutoNCP(units=16, outputs=1))
        >>> params = cell.init(jax.random.key(0))
        >>> state, output = lj.step(cell, params, cell.initial_state(), jnp.ones(2), dt=0.1)
        >>> output.shape
        (1,)
    """
    check_cell(cell)
    given = inputs, dt
    inputs, dt = check_array("inputs", inputs), check_array("dt", dt)
    check_inputs(cell, inputs)
    batch = inputs.shape[:-1]
    if dt.shape not in ((), batch):
        raise ValueError(f"dt must be a scalar or (*batch) = {batch}, got shape {dt.shape}")
    check_state(cell, state, batch)
    reset = None if reset is None else check_array("reset", reset, kinds="biufV")
    if reset is not None and (reset.shape != batch or reset.dtype != jnp.bool_):
        raise ValueError(f"reset must be bool (*batch) = {batch}, got {reset.dtype} {reset.shape}")
    key = None if key is None else check_key(key)
    try:
        if check_flag("validate", validate) and not any(isinstance(x, Tracer) for x in given):
            one_step = (np.asarray(x)[None] if np.ndim(x) else x for x in given)
            check_values(*one_step, state=state, dtype=dtype_of(params, inputs))
        return _step(cell, params, state, inputs, dt, reset, key)
    except TypeError:
        check_params(cell, params)  # as `naming_params` does, which costs a stream too much
        raise


@functools.partial(jax.jit, static_argnames="cell")
def _step(cell, params, state, inputs, dt, reset, key):
    check_params(cell, params)
    dtype = dtype_of(params, inputs)
    return masked_step(cell, params, cast(state, dtype), StepInputs(inputs, dt.astype(dtype), key=key, reset=reset))
