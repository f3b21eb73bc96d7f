"""A step or a sequence of a model as StableHLO, for sizes that stay open or are given; held by `jax.export`."""

import contextlib
from collections.abc import Iterator
from typing import Any, Literal

import jax
import jax.export

from liquidjax.export.deployed import Deployed
from liquidjax.training.precision import computing

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
MISSING = 'programs of JAX are written and read with flatbuffers: pip install "liquidjax[stablehlo]"'
_PLACES = "jax_traceback_in_locations_limit"


def lowered(
    deployed: Deployed,
    name: Literal["step", "sequence"],
    platforms: tuple[str, ...] = ("cpu",),
    batch: int | None = None,
    time: int | None = None,
) -> jax.export.Exported:
    """`Deployed.step` or `Deployed.sequence` for a batch of one axis, with the parameters in it.

    Its arguments are the state, features (batch, features) or (time, batch, features), and dt (batch,) or
    (time, batch). In the text of the module the arrays of the state come one by one, in the order of their names.
    Products are computed in full precision everywhere, so that a program does on an accelerator what it was compared
    for on a CPU.

    Args:
        deployed: the model.
        name: which of its functions.
        platforms: for which it is made.
        batch, time: a size, or None for one that stays open.

    Raises:
        ValueError: JAX cannot express the cell.

    Example:
        >>> import liquidjax as lj
        >>> cell = lj.GRU(inputs=2, units=3)
        >>> module = lowered(Deployed(lj.Model(cell, cell.init(jax.random.key(0)))), "step")
        >>> [str(array.shape) for array in module.in_avals]
        ['(b, 3)', '(b, 2)', '(b,)']
    """
    t, b = jax.export.symbolic_shape("t, b")
    series, steps = b if batch is None else batch, t if time is None else time
    sizes = (series,) if name == "step" else (steps, series)
    state = {
        key: jax.ShapeDtypeStruct((series, *like.shape), like.dtype) for key, like in deployed.state_shapes.items()
    }
    features = jax.ShapeDtypeStruct((*sizes, len(deployed.features)), deployed.dtype)
    function = deployed.step if name == "step" else deployed.sequence
    with _settings(deployed):
        export = jax.export.export(jax.jit(function, keep_unused=True), platforms=platforms)
        return export(state, features, jax.ShapeDtypeStruct(sizes, deployed.dtype))


def serialised(deployed: Deployed, module: jax.export.Exported) -> bytes:
    """What was lowered as bytes, with its derivative, for `jax.export.deserialize`.

    Raises:
        ImportError: flatbuffers is not installed.
        ValueError: JAX cannot express the derivative.
    """
    with _settings(deployed):
        try:
            return bytes(module.serialize(vjp_order=1))
        except ImportError as error:
            raise ImportError(MISSING) from error


@contextlib.contextmanager
def _settings(deployed: Deployed) -> Iterator[None]:
    """How everything is lowered, the derivative too; what cannot be is a ValueError."""
    try:
        with computing(deployed.dtype), jax.default_matmul_precision("highest"), _without_places():
            yield
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # there is no list of what JAX and a cell of anybody's raise
        raise ValueError(f"{described(deployed)} cannot be exported: {_reason(error)}") from error


def described(deployed: Deployed) -> str:
    """The cell as an error names it: its class, and in a line what it is made of."""
    text = repr(deployed.cell)
    return text if len(text) <= 200 and "\n" not in text else f"a cell {type(deployed.cell).__name__}"


def _reason(error: Any) -> str:
    text = " ".join(str(error).split())[:300]
    if "callback" not in text:
        return text or repr(error)
    return (
        "it calls back into Python while it computes, as the solvers of diffrax do, and no file can hold that; train "
        "it with an integrator of steps of fixed length, such as lj.SemiImplicit(6)"
    )


@contextlib.contextmanager
def _without_places() -> Iterator[None]:
    """Leaves out of the module which line of which file an operation comes from: the folders of whoever exports."""
    before = getattr(jax.config, _PLACES)
    jax.config.update(_PLACES, 0)
    try:
        yield
    finally:
        jax.config.update(_PLACES, before)
