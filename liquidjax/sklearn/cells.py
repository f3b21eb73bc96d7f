"""The network of an estimator: a cell by its name, as a call, or ready."""

import difflib
from typing import Any

from liquidjax._belong import check_cell
from liquidjax._bounds import shown
from liquidjax._checks import check_size, described
from liquidjax._types import Cell
from liquidjax.cells.cfc import CfC
from liquidjax.cells.ctrnn import CTRNN
from liquidjax.cells.gru import GRU
from liquidjax.cells.hasani import HasaniLTC
from liquidjax.cells.lstm import LSTM
from liquidjax.cells.ltc import LTC
from liquidjax.cells.wired_cfc import WiredCfC
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.training.notation import parse
from liquidjax.wirings import AutoNCP

_OF_UNITS = {cls.__name__: cls for cls in (CfC, CTRNN, GRU, HasaniLTC, LSTM)}
_WIRED = {cls.__name__: cls for cls in (LTC, WiredCfC)}
NAMES = (*_WIRED, *_OF_UNITS)
"""Cells that a name alone says; the first two have the wiring AutoNCP(units, units // 4), or up to units // 2 outputs
where there is more to be said."""


def network(cell: Any, units: Any, inputs: int, outputs: int) -> Cell:
    """The cell that an estimator trains: what was asked for, with a linear readout of its outputs.

    Args:
        cell: a name, such as "LTC"; a call as in a configuration, such as "LTC(wiring=AutoNCP(32, 8))", which need not
            say its number of inputs; or a cell. One that is a `Readout` already is taken as it is.
        units: neurons, where the cell is a name.
        inputs: what is read at each step.
        outputs: what is to be said.

    Raises:
        ValueError: no cell, an unknown name, or a cell with other numbers of inputs or outputs.

    Example:
        >>> network("GRU", 8, inputs=2, outputs=3)
        Readout(cell=GRU(inputs=2, units=8), outputs=3)
        >>> network("GRUU", 8, inputs=2, outputs=3)
        Traceback (most recent call last):
            ...
        ValueError: cell must be one of LTC, WiredCfC, CfC, CTRNN, GRU, HasaniLTC, LSTM, a call such as \
"LTC(wiring=AutoNCP(32, 8))", or a cell, got 'GRUU'; did you mean GRU?
    """
    if isinstance(cell, str) and "(" in cell:
        made = parse(cell, inputs=inputs)
        check_cell(made)
    elif isinstance(cell, str):
        made = _named(cell, check_size("units", units), inputs, outputs)
    else:
        if isinstance(cell, type) or not isinstance(cell, Cell):
            raise ValueError(f"cell must be {_EXPECTED}, got {described(cell)}")
        made = cell
    if made.inputs != inputs:
        raise ValueError(
            f"cell must have {inputs} inputs, for the channels of X and what is read beside them, got {made.inputs}"
        )
    if not isinstance(made, Readout):
        return Readout(made, outputs)
    if made.outputs != outputs:
        raise ValueError(f"cell must have {outputs} outputs, as many as there are answers, got {made.outputs}")
    return made


_EXPECTED = f'one of {", ".join(NAMES)}, a call such as "LTC(wiring=AutoNCP(32, 8))", or a cell'


def _named(name: str, units: int, inputs: int, outputs: int) -> Cell:
    if name in _OF_UNITS:
        return _OF_UNITS[name](inputs, units)
    if name in _WIRED:
        return _WIRED[name](inputs, AutoNCP(units, max(1, units // 4, min(outputs, units // 2))))
    near = difflib.get_close_matches(name, NAMES, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    raise ValueError(f"cell must be {_EXPECTED}, got {shown(name)}{hint}")
