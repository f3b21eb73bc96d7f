"""The networks that a configuration writes as calls, and what they are compared with."""

from dataclasses import dataclass

from liquidjax._checks import check_kind
from liquidjax._types import Cell
from liquidjax.analysis.parameters import count_parameters, matched_in_size
from liquidjax.cells.wrappers.readout import Readout
from liquidjax.experiments.shared.kinds import check_fields
from liquidjax.training.notation import parse
from liquidjax.training.plausible import check_trainable
from liquidjax.training.precision import in_precision

MATCHED = ("LSTM", "GRU", "CfC", "CTRNN", "HasaniLTC")
"""What can be compared by name: cells with `units`, of which the size follows."""


@dataclass(frozen=True)
class Model:
    """The network, written as a call, and what it is compared with."""

    cell: str = "LTC(wiring=AutoNCP(32, 8))"
    """Any cell with its wiring and integrator, such as CfC(units=32) or LTC(wiring=NCP(...), integrator=Euler(6))."""
    readout: bool = True
    """Whether a linear map of its outputs makes the answers; without one, its outputs are the answers."""
    compare: tuple[str, ...] = ()
    """Other cells, as calls; or LSTM, GRU, CfC, CTRNN by name for one of about as many parameters."""

    def __post_init__(self):
        check_fields(self)
        for name, text in (("cell", self.cell), *(("compare", text) for text in self.compare)):
            if name == "compare" and text in MATCHED:
                if not self.readout:
                    raise ValueError(
                        f"compare must be calls such as {text}(units=3) without a readout, for the units of a cell are "
                        f"its outputs then, got {text}"
                    )
                continue
            try:
                # What is no cell is refused here, not after reading the data; 2, for GRUD needs an even number.
                cell = parse(text, inputs=2)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
            check_kind(name, cell, Cell, "a call of a cell such as CfC(units=32)")

    def networks(self, inputs: int, outputs: int, precision: str = "float32") -> dict[str, Cell]:
        """The cells by the name of their kind, that of `cell` first, as they are trained in a precision."""

        def whole(text: str) -> Cell:
            cell = parse(text, inputs=inputs)
            check_trainable(cell)
            if cell.inputs != inputs:
                raise ValueError(
                    f"the cell must have {inputs} inputs, as many as are read, got {cell.inputs}; leave them out"
                )
            if not self.readout and cell.outputs != outputs:
                raise ValueError(f"the cell must have {outputs} outputs without a readout, got {cell.outputs}")
            cell = in_precision(cell, precision)
            return Readout(cell, outputs) if self.readout else cell

        first = whole(self.cell)
        size = count_parameters(first)
        cells = [(text.partition("(")[0], whole(text)) for text in (self.cell,)]
        for text in self.compare:
            matched = text in MATCHED
            build = lambda units, text=text: whole(f"{text}(units={units})")  # noqa: E731
            cells.append((text.partition("(")[0], matched_in_size(size, build) if matched else whole(text)))
        names = [name for name, _ in cells]
        return {
            name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}": cell
            for i, (name, cell) in enumerate(cells)
        }
