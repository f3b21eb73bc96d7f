"""The arguments of a run over a sequence, looked at once, the same way for whatever runs it."""

import contextlib
from collections.abc import Iterator
from typing import Any, NamedTuple

from liquidjax._belong import check_cell, check_params
from liquidjax._checks import check_array, check_flag, check_key
from liquidjax._types import Array, Cell, Params, State
from liquidjax.sequences.steps import dtype_of
from liquidjax.sequences.validation import check_shapes, check_values


class Arguments(NamedTuple):
    """Arrays out of the arguments of `unroll`: inputs (time, *batch, inputs), dt, state, mask, key, reset."""

    inputs: Array
    dt: Array
    state: State | None
    mask: Array | None
    key: Array | None
    reset: Array | None


def arguments(
    cell: Cell,
    params: Params,
    inputs: Any,
    dt: Any,
    *,
    state: State | None = None,
    mask: Any = None,
    key: Any = None,
    reset: Any = None,
    validate: bool = True,
) -> Arguments:
    """The arguments of `unroll` as arrays that fit together, or the ValueError for those that do not.

    Parameters are looked at where they are compiled, by `steps.step_inputs`; see `naming_params`.
    """
    check_cell(cell)
    given = inputs, dt, mask
    inputs, dt, key = check_array("inputs", inputs), check_array("dt", dt), None if key is None else check_key(key)
    mask, reset = (
        None if array is None else check_array(name, array, kinds="biufV")
        for name, array in (("mask", mask), ("reset", reset))
    )
    check_shapes(cell, inputs, dt, mask, state, reset)
    if check_flag("validate", validate):
        check_values(*given, state=state, dtype=dtype_of(params, inputs))
    return Arguments(inputs, dt, state, mask, key, reset)


@contextlib.contextmanager
def naming_params(cell: Cell, params: Params) -> Iterator[None]:
    """JAX refuses what is no array with a TypeError that cannot say what belongs there: this can."""
    try:
        yield
    except TypeError:
        check_params(cell, params)
        raise
