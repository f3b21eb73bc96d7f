"""A trained model in one file: what it is, its parameters, and what is done to data before it reads them.

The file is an ordinary .safetensors file, see `liquidjax.training.tensors`. Its text, in JSON, says what the cell and
all else is, see `liquidjax.training.plain`; an array is called after its place in the parameters,
`cell.synapses.weight`. Nothing is pickled or imported, so a file from elsewhere cannot run code.
"""

import json
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from liquidjax._belong import check_params
from liquidjax._checks import check_kind, described, put
from liquidjax._types import Cell, Params
from liquidjax.models.bidirectional import Bidirectional
from liquidjax.tasks.preparation import Preparation
from liquidjax.training import parameters, tensors
from liquidjax.training.npz import Structure
from liquidjax.training.plain import Handed, from_dict, to_dict
from liquidjax.training.plausible import check_plausible
from liquidjax.training.stored_zip import shown
from liquidjax.training.strict_json import parse

FORMAT = 1
"""Of the text in a file. A file of a later one is refused, with the version that wrote it."""
_OBJECTS = ("cell", "preparation", "objective")
_NAMES = ("features", "classes", "outputs")
_FIELDS = ("format", "liquidjax", *_OBJECTS, *_NAMES, "notes")
_MOST_LISTED = 30  # problems in one message
_KINDS = (
    (jnp.bool_, "booleans"),
    (jnp.integer, "integers"),
    (jnp.floating, "floating point numbers"),
    (jnp.complexfloating, "complex numbers"),
)


@dataclass(frozen=True, eq=False)
class Model:
    """All that is needed to use a trained cell: to keep, and to give to those who did not train it.

    Args:
        cell: a cell, or `Bidirectional`.
        params: its parameters, in any precision.
        preparation: what is done to data before the cell reads it; None where it reads them as they are.
        objective: what it was trained for, a frozen dataclass, or None.
        features: names of the features of the data, as they are before the preparation; () where they have none.
        classes: names of the classes, None for values.
        outputs: names of the values, None for classes.
        notes: texts by name, such as how it was trained.

    Raises:
        ValueError: parameters that are not those of the cell, a preparation or names that do not fit it, or an argument
            of another kind.

    Example:
        >>> import jax, liquidjax as lj, tempfile, pathlib
        >>> cell = lj.LTC(inputs=2, wiring=lj.FullyConnected(units=3))
        >>> model = Model(cell, cell.init(jax.random.key(0)), features=("x", "y"), notes={"data": "made up"})
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "model.safetensors"
        >>> model.save(file)
        >>> loaded = load(file)
        >>> loaded.cell == cell, loaded.params.capacitance.shape, loaded.features
        (True, (3,), ('x', 'y'))
    """

    cell: Cell | Bidirectional
    params: Params = field(repr=False)
    preparation: Preparation | None = None
    objective: Any = None
    features: tuple[str, ...] = ()
    classes: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    notes: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self):
        _check_cell(self.cell)
        check_params(self.cell, self.params)
        leaves = parameters.by_name(self.params)
        for (name, leaf), like in zip(leaves.items(), jax.tree.leaves(_outline(self.cell)), strict=True):
            if _kind(_dtype(leaf)) != _kind(like.dtype):
                raise ValueError(f"params.{name} must be {_kind(like.dtype)}, got {_dtype(leaf)}")
        if self.preparation is not None:
            check_kind("preparation", self.preparation, Preparation, "a Preparation, as Preparation.learnt makes it")
            if self.preparation.inputs != self.cell.inputs:
                raise ValueError(
                    f"preparation must make the {self.cell.inputs} inputs of the cell, got {self.preparation.inputs}"
                )
        if self.objective is not None and (isinstance(self.objective, type) or not _is_frozen(self.objective)):
            raise ValueError(f"objective must be a frozen dataclass or None, got {described(self.objective)}")
        for name in _NAMES:
            if name == "features" or getattr(self, name) is not None:
                put(self, **{name: _names(name, getattr(self, name))})
        count = self.cell.inputs if self.preparation is None else len(self.preparation.mean)
        if len(self.features) not in (0, count):
            raise ValueError(f"features must be the names of {count} features, got {len(self.features)}")
        if not isinstance(self.notes, Mapping):
            raise ValueError(f"notes must be a dict of texts by name, got {described(self.notes)}")
        put(self, notes={_text("notes", key): _text(f"notes[{key!r}]", note) for key, note in self.notes.items()})

    def save(self, path: str | os.PathLike) -> None:
        """Writes the model to one file, which is there completely or not at all, whoever else writes it.

        Args:
            path: the file; an existing one is replaced. `.safetensors` is the usual ending.

        Raises:
            ValueError: the cell or the objective has a part that could not be built again, such as a lambda, or a
                parameter is no array of ordinary numbers.
        """
        arrays = {name: _as_numpy(name, leaf) for name, leaf in parameters.by_name(self.params).items()}
        said: dict[str, Any] = {"format": FORMAT, "liquidjax": version("liquidjax")}
        for name in _OBJECTS:
            said[name] = None if getattr(self, name) is None else to_dict(getattr(self, name))
        said |= {name: getattr(self, name) for name in _NAMES} | {"notes": self.notes}
        text = json.dumps(said, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        tensors.write(_path(path), arrays, text)


def load(path: str | os.PathLike, classes: Handed = (), functions: Handed = ()) -> Model:
    """Reads what `Model.save` wrote, parameters bit for bit.

    The file is not trusted: what it names is looked up among the classes of liquidjax and what is handed over, and its
    arrays must be those of the cell that it describes.

    Args:
        path: the file.
        classes: your own classes of which the model is made: a tuple of them, or a dict from the names in the file.
        functions: your own functions, such as the loss of a `StepLoss`, likewise.

    Returns:
        The model. An array is one of JAX, or of numpy where JAX would shorten its numbers (64 bits while
        `jax_enable_x64` is off).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is damaged, of a later format, names what is unknown, or its arrays are not those of its
            cell.
        UserWarning: the model is float64, and JAX does not compute in it.

    Example:
        >>> import liquidjax as lj
        >>> lj.load("nothing.safetensors")
        Traceback (most recent call last):
        ...
        FileNotFoundError: [Errno 2] No such file or directory: 'nothing.safetensors'
    """
    with tensors.opened(_path(path)) as file:
        try:
            fields = _fields(file.text, classes, functions)
            outline = _checked_outline(fields["cell"], file.structures)
            leaves = [parameters.as_leaf(file.array(name), leaf) for name, leaf in parameters.by_name(outline).items()]
            model = Model(params=jax.tree.unflatten(jax.tree.structure(outline), leaves), **fields)
        except ValueError as error:
            raise ValueError(f"{path} cannot be loaded: {error}") from error
    if any(_dtype(leaf) == np.float64 for leaf in leaves) and not jax.config.read("jax_enable_x64"):
        warnings.warn(
            f"{path} is float64, and unroll and your own functions compute in float32 unless they run within `with "
            "jax.enable_x64(True):`; predict and exports compute in float64 by themselves",
            stacklevel=2,
        )
    return model


def _fields(text: str, classes: Handed, functions: Handed) -> dict[str, Any]:
    """What a file says of its model, all but the parameters."""
    try:
        said = parse(text)
    except ValueError as error:
        raise ValueError(f"its text is no JSON, {error}") from error
    if not isinstance(said, dict):
        raise ValueError("its text must be an object of JSON")
    later, writer = said.get("format"), said.get("liquidjax")
    if type(later) is int and later > FORMAT:
        raise ValueError(
            f"it is of format {shown(str(later))}, and liquidjax {version('liquidjax')} reads format {FORMAT}; install "
            f"the liquidjax that wrote it, {shown(str(writer))}, or a later one"
        )
    if type(later) is not int or later != FORMAT or said.keys() != set(_FIELDS) or not isinstance(writer, str):
        raise ValueError(f"its text must be of format {FORMAT}, with {', '.join(_FIELDS)}")
    fields = {name: said[name] for name in (*_NAMES, "notes")}
    for name in _OBJECTS:
        try:
            fields[name] = None if said[name] is None else from_dict(said[name], classes, functions)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return fields


def _checked_outline(cell: Any, found: Mapping[str, Structure]) -> Any:
    """The structure of the parameters of the cell, which are those that were found."""
    _check_cell(cell)
    check_plausible(cell, len(found), sum(math.prod(structure.shape) for structure in found.values()))
    try:
        outline = _outline(cell)
    except MemoryError:
        raise
    except Exception as error:  # what an `init` raises is its own affair
        raise ValueError(f"its cell has no parameters: {' '.join(str(error).split())[:300]}") from error
    expected = {}
    for name, like in parameters.by_name(outline).items():
        dtype = found[name].dtype if name in found else like.dtype
        expected[name] = Structure(dtype if _kind(dtype) == _kind(like.dtype) else like.dtype, like.shape)
    problems = parameters.other_arrays(expected, dict(found))
    if problems:
        more = [f"and {len(problems) - _MOST_LISTED} more"] if len(problems) > _MOST_LISTED else []
        raise ValueError(f"its arrays must be those of its cell: {'; '.join(problems[:_MOST_LISTED] + more)}")
    return outline


def _outline(cell: Cell | Bidirectional) -> Any:
    return jax.eval_shape(lambda: cell.init(jax.random.key(0)))


def _check_cell(cell: Any) -> None:
    check_kind(
        "cell", cell, Cell | Bidirectional, "a Cell such as lj.GRU(inputs=2, units=8), or lj.Bidirectional(cell)"
    )


def _kind(dtype: Any) -> str:
    """Numbers of one kind may have any precision."""
    return next((name for kind, name in _KINDS if jnp.issubdtype(dtype, kind)), str(dtype))


def _dtype(leaf: Any) -> Any:
    return leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype


def _is_frozen(value: Any) -> bool:
    declared: Any = getattr(value, "__dataclass_params__", None)
    return declared is not None and declared.frozen


def _as_numpy(name: str, leaf: Any) -> np.ndarray:
    if isinstance(leaf, np.ma.MaskedArray) or jnp.issubdtype(_dtype(leaf), jax.dtypes.extended):
        raise ValueError(f"params.{name} must be an array of ordinary numbers, got {described(leaf)}")
    return np.asarray(leaf)


def _names(name: str, given: Any) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ValueError(f"{name} must be a tuple of names, got {described(given)}")
    names = tuple(_text(name, each) for each in given)
    if len(set(names)) < len(names):
        raise ValueError(f"{name} must be a tuple of names, each of them once, got {described(names)}")
    return names


def _text(name: str, given: Any) -> str:
    try:
        if isinstance(given, str) and given.encode():
            return str(given)
    except UnicodeEncodeError:  # half of a character, which no file can hold
        pass
    raise ValueError(f"{name} must be text of at least one character, got {described(given)}")


def _path(path: Any) -> str | os.PathLike:
    if not isinstance(path, str | os.PathLike):
        raise ValueError(f"path must be the name of a file such as 'model.safetensors', got {described(path)}")
    return path
