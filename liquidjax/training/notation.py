"""Cells, wirings and integrators written as calls, the way Python shows them; nothing that is written is executed."""

import ast
import inspect
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from liquidjax._bounds import shown
from liquidjax.cells.wrappers.with_time import WithTime
from liquidjax.training.plain import Handed, from_dict
from liquidjax.training.registry import known_classes

Parameters = Callable[[str], Iterable[str]]
LONGEST = 20_000
"""Characters. A call with masks written out may be long."""


def parse(text: str, inputs: int | None = None, classes: Handed = ()) -> Any:
    """Builds what a text such as `LTC(wiring=AutoNCP(32, 8))` calls.

    Args:
        text: a call of a class of this package, or of a solver, controller or adjoint of diffrax; its arguments are
            numbers, texts, True, False, None, tuples, lists, and such calls.
        inputs: what stands for the number of inputs where the outermost cell is not told one, or the cell within it,
            which has one more within a `WithTime` that reads dt.
        classes: your own, as for `from_dict`.

    Returns:
        The object.

    Raises:
        ValueError: the text is no such call, or `from_dict` refuses what it says.

    Example:
        >>> parse("Readout(LTC(wiring=AutoNCP(16, 4)), outputs=3)", inputs=2).cell.wiring
        AutoNCP(units=16, outputs=4, sparsity=0.5, seed=22222)
        >>> parse("GRU(unitz=3)", inputs=2)
        Traceback (most recent call last):
        ...
        ValueError: unknown field 'unitz' of GRU; did you mean units?
    """
    described = read(text, _parameters)
    if inputs is not None:
        _fill(described, inputs)
    return from_dict(described, classes)


def read(text: str, parameters: Parameters, example: str = "LTC(wiring=AutoNCP(32, 8))") -> dict[str, Any]:
    """What a call says: the name of the class as `class`, and its arguments by name; calls in it likewise.

    Args:
        text: the call.
        parameters: gives for the name of a class the names of its arguments in their order, () where it is unknown.
        example: of such a call, for who wrote something else.

    Example:
        >>> read("LTC(4, AutoNCP(16, 2))", lambda name: ("input_size", "units") if name == "LTC" else ("units", "out"))
        {'class': 'LTC', 'input_size': 4, 'units': {'class': 'AutoNCP', 'units': 16, 'out': 2}}
    """
    if len(text) > LONGEST:
        raise ValueError(f"a cell must be written in at most {LONGEST:,} characters, got {len(text):,}")
    try:
        with warnings.catch_warnings():  # of what would be odd in a program
            warnings.simplefilter("ignore")
            tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"expected a call such as {example}, got {shown(text)}") from error
    if not isinstance(tree, ast.Call):
        raise ValueError(f"expected a call such as {example}, got {shown(text)}")
    return _call(tree, parameters)


def _call(tree: ast.Call, parameters: Parameters) -> dict[str, Any]:
    name = ast.unparse(tree.func)
    described: dict[str, Any] = {"class": name}
    names = iter(parameters(name))
    for value in tree.args:
        if isinstance(value, ast.Starred):
            raise ValueError(f"{name} must be called without *, got {shown(ast.unparse(value))}")
        try:
            described[next(names)] = _value(value, parameters)
        except StopIteration:
            raise ValueError(f"{name} must be called with fewer arguments, or with their names") from None
    for keyword in tree.keywords:
        if keyword.arg is None or keyword.arg in described:
            raise ValueError(f"{name} must be told every argument once, by its name, got {shown(ast.unparse(keyword))}")
        described[keyword.arg] = _value(keyword.value, parameters)
    return described


def _value(tree: ast.expr, parameters: Parameters) -> Any:
    if isinstance(tree, ast.Call):
        return _call(tree, parameters)
    if isinstance(tree, ast.Tuple | ast.List):
        return [_value(each, parameters) for each in tree.elts]
    try:
        value = ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        value = ...
    if not isinstance(value, bool | int | float | str | None):
        raise ValueError(
            f"an argument must be a number, a text in quotes, True, False, None, a tuple or a call, got "
            f"{shown(ast.unparse(tree))}"
        )
    return value


def _parameters(name: str) -> Iterable[str]:
    """The names of the arguments of a class, in their order; none of a class that `from_dict` will not know."""
    return inspect.signature(known_classes()[name]).parameters if name in known_classes() else ()


def _fill(described: dict[str, Any], inputs: int) -> None:
    """Says the number of inputs to the outermost cell that needs to be told, from the outside in."""
    cls = known_classes().get(described["class"])
    parameters = {} if cls is None else inspect.signature(cls).parameters
    wanted = parameters.get("inputs")
    if wanted is not None and wanted.default is wanted.empty:
        described.setdefault("inputs", inputs)
    elif isinstance(described.get("cell"), dict):
        _fill(described["cell"], inputs + (cls is WithTime and described.get("reads") != "nothing"))
