"""Whether a cell fulfils what everything that runs cells relies on."""

import inspect
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._types import Cell, LayeredCell, ODECell, Params, State
from liquidjax.cells.ode import advance, is_adaptive
from liquidjax.sequences.unroll import unroll
from liquidjax.testing.claims import check_value, claim, claim_same

TIME = 4


def check_cell(cell: Any, *, gradient_tolerance: float = 1e-6) -> None:
    """Checks that `unroll`, `step`, every gradient and every method can run a cell, and that its numbers are right.

    That it is a frozen dataclass which compares by value; that `init` gives finite arrays, of the dtype that is asked
    for; that states and outputs have their shapes and change places with nothing; that samples do not mix, each with a
    dt of its own, also where there are as many samples as neurons; that a sequence in pieces is the whole one; that
    padding changes nothing and has a gradient of 0; that gradients are those of finite differences; that bfloat16 stays
    bfloat16. Of an `ODECell` also that its step is its integrator's, then its readout, and that what it says about its
    coefficients and its layers is so. A cell is compiled about four times, in float64.

    Args:
        cell: a cell of your own.
        gradient_tolerance: by how much gradients and finite differences may differ, relative to 1 + |gradient|; more
            than the default for adaptive solvers.

    Raises:
        AssertionError: one sentence about the first thing that is wrong.

    Example:
        >>> import liquidjax as lj
        >>> from liquidjax.testing import check_cell
        >>> check_cell(lj.CTRNN(inputs=2, units=3))
    """
    check_cell_form(cell)
    with jax.enable_x64(True):
        case = _case(cell)
        _check_shapes(cell, case)
        _check_numbers(cell, case, gradient_tolerance)
        if isinstance(cell, ODECell):
            _check_equation(cell, case)
    _check_half(cell)


class _Case(NamedTuple):
    params: Params
    state: State
    inputs: np.ndarray
    dt: np.ndarray


def check_cell_form(cell: Any) -> None:
    """The part of `check_cell` that computes nothing: members, sizes, and that it is a value."""
    name = type(cell).__name__
    claim(not isinstance(cell, type), f"the cell must be an instance, got the class {getattr(cell, '__name__', cell)}")
    for member in ("inputs", "outputs", "init", "initial_state", "sense", "step"):
        claim(hasattr(cell, member), f"{name} must have `{member}`; see liquidjax.Cell")
    check_value(cell, "cell")
    for member in ("inputs", "outputs"):
        size = getattr(cell, member)
        claim(isinstance(size, int) and size >= 1, f"{name}.{member} must be an integer of at least 1, got {size!r}")
    parameters = inspect.signature(cell.sense).parameters
    claim("key" in parameters, f"{name}.sense must take a `key`: sense(self, params, inputs, key=None)")
    claim(parameters["key"].default is None, f"the key of {name}.sense must be None unless it is given")


def _case(cell: Cell) -> _Case:
    """Parameters with noise on them, since some start at 0 or 1; as many samples as the state has neurons, if few."""
    rng = np.random.default_rng(0)
    params = jax.device_get(jax.jit(cell.init)(jax.random.key(1)))
    params = jax.tree.map(lambda leaf: leaf + rng.uniform(0.01, 0.1, np.shape(leaf)), params)
    sizes = {leaf.shape[-1] for leaf in jax.tree.leaves(jax.eval_shape(lambda: cell.initial_state((1,), float)))}
    batch = next((size for size in sorted(sizes) if 2 <= size <= 8), 3)
    state = jax.tree.map(
        lambda leaf: rng.uniform(-0.3, 0.3, leaf.shape), jax.eval_shape(lambda: cell.initial_state((batch,), float))
    )
    return _Case(params, state, rng.normal(size=(TIME, batch, cell.inputs)), rng.uniform(0.05, 0.5, (TIME, batch)))


def _check_shapes(cell: Cell, case: _Case) -> None:
    name = type(cell).__name__
    with jax.enable_x64(False):
        shapes = jax.eval_shape(cell.init, jax.random.key(0))
        for path, leaf in jax.tree.leaves_with_path(shapes):
            claim(
                leaf.dtype == jnp.float32,
                f"{name}.init must give floating point arrays of the default dtype, which is float32, got "
                f"params{jax.tree_util.keystr(path)} of {leaf.dtype}",
            )
    claim(jax.tree.leaves(shapes), f"{name}.init must give at least one array")
    for path, leaf in jax.tree.leaves_with_path(case.params):
        claim(np.isfinite(leaf).all(), f"{name}.init must give finite numbers, got params{jax.tree_util.keystr(path)}")
    for batch in ((), (2,), (3, 2)):
        for dtype in (jnp.float32, jnp.bfloat16):
            state = jax.eval_shape(lambda batch=batch, dtype=dtype: cell.initial_state(batch, dtype))
            for leaf in jax.tree.leaves(state):
                claim(
                    leaf.shape[: len(batch)] == batch and len(leaf.shape) == len(batch) + 1 and leaf.dtype == dtype,
                    f"{name}.initial_state({batch}, {jnp.dtype(dtype)}) must give arrays (*{batch}, units) of that "
                    f"dtype, got {leaf.dtype} {leaf.shape}",
                )
        given = jax.ShapeDtypeStruct((*batch, cell.inputs), float)
        state = jax.eval_shape(lambda batch=batch: cell.initial_state(batch, float))
        dt = jax.ShapeDtypeStruct(batch, float)
        try:
            result = jax.eval_shape(
                lambda params, state, u, dt: cell.step(params, state, cell.sense(params, u), dt),
                case.params,
                state,
                given,
                dt,
            )
        except Exception as error:
            raise AssertionError(
                f"{name}.step must run on a state (*batch, units) with a dt (*batch), which needs dt[..., None] beside "
                f"it; with the batch {batch} it ends in {type(error).__name__}: {str(error).splitlines()[0]}"
            ) from error
        claim(
            isinstance(result, tuple) and len(result) == 2,
            f"{name}.step must return (state, output), got {type(result).__name__}",
        )
        after, output = result
        expected = (*batch, cell.outputs)
        swapped = jax.tree.structure(output) == jax.tree.structure(state) and _shapes(output) == _shapes(state)
        claim(
            jax.tree.structure(after) == jax.tree.structure(state) and _shapes(after) == _shapes(state),
            f"{name}.step must return (state, output) with a state like that of initial_state, {_shapes(state)} for a "
            f"batch {batch}, got {_shapes(after)}{'; the two have changed places' if swapped else ''}",
        )
        claim(
            _shapes(output) == [expected],
            f"{name}.step must return an output (*batch, outputs) = {expected}, got {_shapes(output)}",
        )


def _shapes(tree: Any) -> list[tuple[int, ...]]:
    return [leaf.shape for leaf in jax.tree.leaves(tree)]


def _check_numbers(cell: Cell, case: _Case, gradient_tolerance: float) -> None:
    name = type(cell).__name__
    params, state, inputs, dt = case
    batch = dt.shape[1]

    def run(params, state, inputs, dt, mask):
        return unroll(cell, params, inputs, dt, state=state, mask=mask, validate=False)

    def loss(params, state, inputs, dt, mask):
        result = run(params, state, inputs, dt, mask)
        return sum(jnp.sum(jnp.sin(leaf)) for leaf in jax.tree.leaves(result)), result

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3), has_aux=True))

    def differentiate(*arguments: Any) -> Any:
        return jax.device_get(compiled(*arguments))  # arrays of numpy: to compare them compiles nothing

    everything = np.ones((TIME, batch), bool)
    (_, (end, outputs)), gradient = differentiate(params, state, inputs, dt, everything)
    claim(
        all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves((end, outputs))),
        f"{name} must compute in float64 where parameters and inputs are float64, got "
        f"{[str(leaf.dtype) for leaf in jax.tree.leaves((end, outputs))]}; look for a dtype that is written down",
    )
    claim(
        all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((end, outputs, gradient))),
        f"{name} must give finite states, outputs and gradients for finite inputs",
    )

    # Every other sample is another one: what happens to one must not depend on them, nor on their dt.
    others = (np.arange(batch) % 2 == 1)[None, :]
    stirred = np.where(others[..., None], inputs[:, ::-1] + 1, inputs), np.where(others, 3 * dt, dt)
    (_, (mixed_end, mixed)), _ = differentiate(params, state, *stirred, everything)
    calm = ~others[0]
    claim_same(
        (jax.tree.map(lambda leaf: leaf[calm], mixed_end), mixed[:, calm]),
        (jax.tree.map(lambda leaf: leaf[calm], end), outputs[:, calm]),
        f"what {name} gives for one sample must not depend on the inputs or the dt of another; dt is (*batch), and "
        f"needs dt[..., None] beside a state (*batch, units)",
    )
    alone, by_itself = jax.jit(lambda p, x, u, h: run(p, x, u, h, None))(
        params, jax.tree.map(lambda leaf: leaf[0], state), inputs[:, 0], dt[:, 0]
    )
    claim_same(
        (alone, by_itself),
        (jax.tree.map(lambda leaf: leaf[0], end), outputs[:, 0]),
        f"{name} must give for a sample without a batch axis what it gives for it within a batch",
    )
    # In pieces, with the state carried over; what is masked is as if it were not there, whatever it holds.
    first = everything & (np.arange(TIME) < 2)[:, None]
    hidden = np.where(first[..., None], inputs, np.nan), np.where(first, dt, np.nan)
    (_, (half, start)), of_padded = differentiate(params, state, *hidden, first)
    claim_same(start[:2], outputs[:2], f"{name} must give the same outputs whatever comes after them")
    for what, leaf in (("inputs", of_padded[2]), ("dt", of_padded[3])):
        claim(not np.any(leaf[2:]), f"the gradient of {name} by the {what} of padding must be 0")
    (_, (whole, rest)), _ = differentiate(params, half, inputs, dt, ~first)
    claim_same(
        (whole, rest[2:]),
        (end, outputs[2:]),
        f"{name} must give for a sequence in two pieces what it gives for the whole",
    )
    rng = np.random.default_rng(1)
    direction = jax.tree.map(lambda leaf: rng.normal(size=np.shape(leaf)), (params, state, inputs, dt))
    size = 1e-5

    def moved(by: float) -> float:
        point = jax.tree.map(lambda leaf, change: leaf + by * change, (params, state, inputs, dt), direction)
        return float(differentiate(*point, everything)[0][0])

    slope = (moved(-2 * size) - 8 * moved(-size) + 8 * moved(size) - moved(2 * size)) / (12 * size)
    claimed = sum(float(np.sum(g * d)) for g, d in zip(*map(jax.tree.leaves, (gradient, direction)), strict=True))
    claim(
        abs(slope - claimed) <= gradient_tolerance * (1 + abs(claimed)),
        f"the gradient of {name} must be that of finite differences, got {claimed:.9g} for {slope:.9g} along one "
        f"direction of parameters, state, inputs and dt",
    )


def _check_equation(cell: ODECell, case: _Case) -> None:
    name = type(cell).__name__
    params, state, inputs, dt = case
    per_sample = getattr(cell.integrator, "per_sample", None)
    claim(per_sample in (True, False), f"the integrator of {name} must say in `per_sample` whether it is adaptive")

    @jax.jit
    def forms(params, state, inputs, dt):
        sensed = cell.sense(params, inputs)
        moved = advance(cell, params, state, sensed, dt)

        def coefficients(x):
            return cell.coefficients(params, x, sensed)

        columns = jax.vmap(lambda e: jax.jvp(coefficients, (state,), (jnp.broadcast_to(e, state.shape),))[1])
        by_state = columns(jnp.eye(state.shape[-1], dtype=state.dtype))
        return cell.step(params, state, sensed, dt), (moved, cell.readout(params, moved)), coefficients(state), by_state

    stepped, made, coefficients, by_state = jax.device_get(forms(params, state, inputs[0], dt[0]))
    for part, what in zip(coefficients, ("drive", "rate"), strict=True):
        claim(
            part.shape == state.shape, f"the {what} of {name} must be (*batch, units) = {state.shape}, got {part.shape}"
        )
    claim_same(
        stepped,
        made,
        f"{name}.step must be its integrator's advance along its coefficients (liquidjax.advance), then its readout",
        1e-6 if per_sample else 1e-9,
    )
    reads = any(np.any(part) for part in by_state)
    if not cell.coefficients_read_state:
        claim(not reads, f"{name} says coefficients_read_state = False, but its coefficients change with the state")
    if isinstance(cell, LayeredCell):
        _check_layers(cell, by_state)


def _check_layers(cell: LayeredCell, by_state: Any) -> None:
    name, layers = type(cell).__name__, cell.neuron_layers()
    units = by_state[0].shape[-1]
    places = np.concatenate([layer.neurons for layer in layers])
    claim(
        sorted(places.tolist()) == list(range(units)),
        f"{name}.neuron_layers must name each of its {units} neurons once, got {sorted(places.tolist())}",
    )
    # (heard, hearing): whether a coefficient of one changes with the state of the other.
    hears = np.any([np.any(np.asarray(part) != 0, axis=1) for part in by_state], axis=0)
    for number, layer in enumerate(layers):
        later = np.concatenate([np.array([], int), *(other.neurons for other in layers[number + 1 :])]).astype(int)
        claim(
            not hears[np.ix_(later, layer.neurons)].any(),
            f"layer {number} of {name}.neuron_layers hears a layer behind it",
        )
        claim(
            layer.coupled or not hears[np.ix_(layer.neurons, layer.neurons)].any(),
            f"layer {number} of {name}.neuron_layers hears itself, but is not said to be coupled",
        )


def _check_half(cell: Cell) -> None:
    """bfloat16 in, bfloat16 out; found by tracing, nothing is computed."""
    if is_adaptive(cell):
        return  # its error estimates would be noise, so it refuses
    params = jax.tree.map(
        lambda leaf: jax.ShapeDtypeStruct(leaf.shape, jnp.bfloat16), jax.eval_shape(cell.init, jax.random.key(0))
    )
    inputs = jax.ShapeDtypeStruct((TIME, 2, cell.inputs), jnp.bfloat16)
    result = jax.eval_shape(lambda p, u: unroll(cell, p, u, 0.1, validate=False), params, inputs)
    for leaf in jax.tree.leaves(result):
        claim(
            leaf.dtype == jnp.bfloat16,
            f"{type(cell).__name__} must compute in bfloat16 where parameters and inputs are bfloat16, got "
            f"{leaf.dtype}; look for an array constant with a dtype of its own",
        )
