"""Whether a cell out of a file can be built at all, and belong to the parameters beside it; asked before its `init` is.

Of a cell one needs the structure of its parameters. To say it, a wiring draws its matrices and a stack goes through its
layers, and a file of a hundred bytes can ask for a billion of them.
"""

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from liquidjax._bounds import shown
from liquidjax.wirings.graph import Wiring

SMALL_MATRIX, SPARSEST = 1 << 24, 2048
"""Entries of the matrices of a wiring that are drawn for whatever file, and for each number in it: of the sparsest
wirings that anybody draws as matrices, a thousandth of the entries are synapses."""
FEW_LAYERS, FEW_DRAWS = 1000, 10_000
"""Layers, and recurrent synapses that are drawn one after another, for whatever file."""
MOST_UNITS, MOST_DRAWS = 1 << 15, 10_000_000
"""Of a cell that is to be trained: a matrix of so many rows and columns is 4 GB."""
_NO_SIZES = ("seed", "layers", "backbone_layers", "unfolds", "max_steps")


class _Part(NamedTuple):
    """A dataclass within a cell, and how many layers it is repeated in."""

    value: Any
    copies: int


def check_plausible(cell: Any, arrays: int, numbers: int) -> None:
    """Raises the ValueError for a cell that needs more than a file with so few arrays and numbers can hold.

    Example:
        >>> import liquidjax as lj
        >>> check_plausible(lj.LTC(2, lj.FullyConnected(3)), arrays=15, numbers=81)
        >>> check_plausible(lj.LTC(2, lj.FullyConnected(10**6)), arrays=15, numbers=81)
        Traceback (most recent call last):
        ...
        ValueError: FullyConnected has 1000000 units and 2 inputs, too many for a file of 81 numbers
    """
    for part, copies in _parts(cell, 1):
        if copies > max(arrays, FEW_LAYERS):
            raise ValueError(
                f"{type(part).__name__} has {shown(copies)} layers, too many for a file of {arrays} arrays"
            )
        wiring = getattr(part, "wiring", None)
        if isinstance(wiring, Wiring):
            units, inputs = wiring.units, getattr(part, "inputs", 0)
            if (inputs + units) * units > max(SMALL_MATRIX, SPARSEST * numbers):
                raise ValueError(
                    f"{type(wiring).__name__} has {shown(units)} units and {shown(inputs)} inputs, too many for a file "
                    f"of {numbers} numbers"
                )
            draws = getattr(wiring, "recurrent_command_synapses", 0)
            if draws > max(FEW_DRAWS, 100 * numbers):
                raise ValueError(
                    f"{type(wiring).__name__} draws {shown(draws)} recurrent synapses, too many for a file of "
                    f"{numbers} numbers"
                )


def check_trainable(cell: Any) -> None:
    """Raises the ValueError for a cell that is too large to be built here.

    Example:
        >>> import liquidjax as lj
        >>> check_trainable(lj.GRU(2, 10_000))
        >>> check_trainable(lj.GRU(2, 10**9))
        Traceback (most recent call last):
        ...
        ValueError: units of GRU must be at most 32768, for its matrices must fit into memory, got 1000000000
    """
    for part, copies in _parts(cell, 1):
        name = type(part).__name__
        for field in dataclasses.fields(part):
            value, most = getattr(part, field.name), MOST_UNITS
            if field.name == "recurrent_command_synapses":
                most = MOST_DRAWS
            if isinstance(value, int) and field.name not in _NO_SIZES and value > most:
                raise ValueError(
                    f"{field.name} of {name} must be at most {most}, for its matrices must fit into memory, got "
                    f"{shown(value)}"
                )
        if copies > FEW_LAYERS:
            raise ValueError(f"{name} must have at most {FEW_LAYERS} layers, got {shown(copies)}")


def _parts(value: Any, copies: int) -> Iterator[_Part]:
    if not dataclasses.is_dataclass(value) or isinstance(value, type):
        return
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    repeated = [fields[name] for name in ("layers", "backbone_layers") if isinstance(fields.get(name), int)]
    copies *= max([1, *repeated])
    yield _Part(value, copies)
    for each in fields.values():
        yield from _parts(each, copies)
